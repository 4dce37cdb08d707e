"""Use cases, one module each: they join the rooms below them and know neither Dagster nor a terminal."""
