"""One step of rebuilding a schema, and how names stand in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from platformkit_pipeline.model.snapshot import PUBLIC
from platformkit_pipeline.model.snapshot_inventory import identity_of


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL that is run as a whole or not at all, and the object that is not as observed where it fails."""

    sql: str
    identity: str
    """`ObjectIdentity.canonical`."""
    fallback: str | None = None
    """What is tried when the server refuses `sql` to the end: less than was observed, so that other objects have where to go."""


def statement_for(record: Any, sql: str, fallback: str | None = None) -> Statement:
    """A statement that a record of the snapshot asks for."""
    return Statement(sql, identity_of(record).canonical, fallback)


def quoted(name: str) -> str:
    """Always in quotes: nobody reads these statements, and no keyword can come in the way."""
    return '"' + name.replace('"', '""') + '"'


def quoted_in(schema: str, name: str) -> str:
    return f"{quoted(schema)}.{quoted(name)}"


def quoted_list(names: tuple[str, ...]) -> str:
    return ", ".join(map(quoted, names))


def grantee(role: str) -> str:
    """A role, or everybody."""
    return "public" if role == PUBLIC else quoted(role)
