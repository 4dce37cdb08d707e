"""Findings about repositories → git patches, and their proofs."""
