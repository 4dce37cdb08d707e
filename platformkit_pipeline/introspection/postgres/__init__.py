"""PostgreSQL and Supabase databases: the connection, one observation, and its fingerprint.

The queries are the files of `sql/catalog/`; rules over what they return live in `rules/`.
"""
