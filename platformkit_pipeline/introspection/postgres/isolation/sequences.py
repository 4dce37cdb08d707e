"""Where sequences stand: the one thing in a database that no rollback takes back."""

from __future__ import annotations

import psycopg

_POSITIONS = "select schemaname, sequencename, last_value from pg_catalog.pg_sequences order by 1, 2"


def positions(connection: psycopg.Connection) -> dict[str, object]:
    """By qualified name, for those that the role may read. Outside of a transaction, so that no lock stays."""
    return {f"{schema}.{name}": value for schema, name, value in connection.execute(_POSITIONS).fetchall()}


def moved(before: dict[str, object], after: dict[str, object]) -> tuple[str, ...]:
    return tuple(name for name, value in before.items() if name in after and after[name] != value)
