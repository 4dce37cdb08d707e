"""GitHub's REST API: what it tells about a repository (`observe`), and settings written with an undo (`writing`)."""
