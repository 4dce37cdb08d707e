"""Rules about migrations (clause 8.2): about files, which get a `MigrationSubject`, and about a history as a whole."""
