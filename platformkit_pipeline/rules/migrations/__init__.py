"""Rules about migrations: about files, and about a history as a whole. Pure."""
