"""Migrations applied to an empty, Supabase-shaped database on a private server that is thrown away afterwards.

`server` brings the database and takes it away, `applying` runs the files, `causes` says whose fault a failure is. Nothing
here reads a folder or a live project.
"""
