"""Rules about a repository: pure functions from what was observed of its commit and its settings."""
