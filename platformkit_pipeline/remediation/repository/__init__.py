"""Changes to a repository's files that mend findings: pure functions from texts to texts."""
