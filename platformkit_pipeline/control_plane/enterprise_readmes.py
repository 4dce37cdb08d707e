"""The organisation's README as it was rendered, night by night where it changed (clause 3.4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from platformkit_pipeline.control_plane.connection import Connection, require_transaction
from platformkit_pipeline.control_plane.scans import storable_text
from platformkit_pipeline.model.repository.generated_readme import RenderedReadme

_LATEST = "select target_id, path, content, text_digest from ops.enterprise_readmes order by readme_id desc limit 1"
_ADD = (
    "insert into ops.enterprise_readmes (target_id, path, content, text_digest, rendered_at) "
    "values (%(target_id)s, %(path)s, %(content)s, %(text_digest)s, %(now)s)"
)


@dataclass(frozen=True, slots=True)
class StoredReadme:
    """The last rendering. `target_id` is the repository that holds the file; `text_digest` is the one in its mark."""

    target_id: int
    path: str
    content: str
    text_digest: str


def latest(connection: Connection) -> StoredReadme | None:
    """None where none was rendered, or where nobody wants it any more."""
    row = connection.execute(_LATEST).fetchone()
    return StoredReadme(*row) if row and row[2] is not None else None


def rendered_for(connection: Connection, target_id: int) -> RenderedReadme | None:
    """What a file of this repository should hold; None where it holds no rendered README."""
    known = latest(connection)
    return RenderedReadme(known.path, known.text_digest) if known and known.target_id == target_id else None


def keep(connection: Connection, readme: StoredReadme, now: datetime) -> StoredReadme | None:
    """Store a rendering; returns the one before.

    That stays the last one where its text is the same, whatever the mark says of the inventory: what nobody sees is no change.
    """
    _lock(connection)
    before = latest(connection)
    if before is None or replace(readme, content=before.content) != before:
        row = {"target_id": readme.target_id, "path": readme.path, "content": storable_text(readme.content)}
        connection.execute(_ADD, {**row, "text_digest": readme.text_digest, "now": now})
    return before


def withdraw(connection: Connection, now: datetime) -> StoredReadme | None:
    """From now on none is rendered; returns the last one, if there was one."""
    _lock(connection)
    before = latest(connection)
    if before is not None:
        row = {"target_id": before.target_id, "path": before.path, "content": None, "text_digest": None, "now": now}
        connection.execute(_ADD, row)
    return before


def _lock(connection: Connection) -> None:
    require_transaction(connection)
    connection.execute("select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('platformkit.enterprise_readmes', 0))")
