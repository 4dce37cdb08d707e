"""Proof of patches: ten obligations, each tried on a shadow of the target. Nothing here ever connects to the target."""
