"""Rules about a Supabase/Postgres database, one module per family, over the indexed view in `catalog.py`."""
