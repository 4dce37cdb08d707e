"""What is observed of a repository: facts and measures, never a file's text and never a secret."""
