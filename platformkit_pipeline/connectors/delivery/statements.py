"""Statements of delivery, `sql/delivery/<name>.sql`, for the schema that holds its tables."""

from __future__ import annotations

from functools import cache

from psycopg import sql

from platformkit_pipeline.locations import read_sql


@cache
def statement(name: str, schema: str) -> sql.Composed:
    """One statement with `%(name)s` parameters; `{schema}` in the file becomes the quoted name."""
    return sql.SQL(read_sql(f"delivery/{name}.sql")).format(schema=sql.Identifier(schema))
