"""Statements of the stores that are long enough for a file of their own: `sql/control_plane/statements/<name>.sql`."""

from __future__ import annotations

from functools import cache
from typing import LiteralString

from platformkit_pipeline.locations import read_sql


@cache
def statement(name: str) -> LiteralString:
    """Text of one statement, with `%(name)s` parameters. The files are part of the product, hence literal."""
    return read_sql(f"control_plane/statements/{name}.sql")
