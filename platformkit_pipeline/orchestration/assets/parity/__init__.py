"""Parity of the projects with their contracts: the contracts of each kind, their score, and the gate before a merge."""
