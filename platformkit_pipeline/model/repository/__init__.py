"""Records of what is observed of a git repository: facts and measures, never the text of a file and never a secret."""
