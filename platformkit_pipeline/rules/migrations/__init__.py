"""Rules about files of migrations (clause 8.2). A rule gets a `MigrationSubject` and speaks about judged files only."""
