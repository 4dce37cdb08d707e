"""Observation of a repository's working tree: files as they lie there. Nothing of the repository is run."""
