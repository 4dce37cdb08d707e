"""What the messy repository holds that nobody may tell, and a search for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.sandbox.sample_repository.secrets import letters, made_up_secret

CLASSES = ("supabase_access_token", "supabase_secret_key", "service_role_key", "postgres_url", "mattermost_webhook", "private_key")
"""Of clause 2.4, each planted in the tree and, with another value, in the history."""
_MOST_OF_IT = 16
"""So many characters of a value give it away as well as all of them: a message may have been cut short."""


def planted_values() -> tuple[str, ...]:
    """The values, and of those with a part that everybody may know, only the part that opens something.

    The last one is what GitHub tells of in an alert.
    """
    planted = [part for kind in CLASSES for another in ("", "old") for part in _telling(kind, another)]
    return (*planted, made_up_secret("supabase_secret_key", "told"))


def _telling(kind: str, another: str) -> Iterator[str]:
    value = made_up_secret(kind, another)
    match kind:
        case "private_key":
            yield from value.splitlines()[1:-1]
        case "service_role_key":
            yield value.rpartition(".")[2]
        case "mattermost_webhook":
            yield value.rpartition("/")[2]
        case "postgres_url":
            yield letters(f"password {another}" if another else "password", _MOST_OF_IT)
        case _:
            yield value.rpartition("_")[0] if kind == "supabase_secret_key" else value


def told_in(content: str | bytes) -> list[str]:
    """Beginnings of the values that stand in a text or file, as they are or in hexadecimal digits."""
    data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    found = []
    for value in planted_values():
        start = value.encode()[: max(_MOST_OF_IT, len(value) * 2 // 3)]
        if start in data or start.hex().encode() in data:
            found.append(start.decode())
    return found


def told_below(folder: Path) -> dict[str, list[str]]:
    """Files below a folder that hold a value, with what they tell. Raises AssertionError when there is no file."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert files, f"there is nothing below {folder}"
    return {str(file.relative_to(folder)): told for file in files if (told := told_in(file.read_bytes()))}


def dumped(connection: Connection) -> str:
    """Every row of every table of a database, but for those of PostgreSQL itself, as text."""
    tables = connection.execute(
        "select format('%I.%I', schemaname, tablename) from pg_catalog.pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema') order by 1"
    ).fetchall()
    rows = [f"{table} {row}" for (table,) in tables for (row,) in connection.execute(f"select t::text from {table} t".encode()).fetchall()]
    return "\n".join(rows)
