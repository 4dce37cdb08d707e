"""Rows of `ops` as they are, for those who verify what was stored. Bounded, and the answer says when it was cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, LiteralString

from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors

STORED_ROW_LIMIT = 200_000

_INVENTORY = """
select t.kind || '/' || t.name as target, i.kind, i.identity, encode(i.content_hash, 'hex') as content_hash
  from ops.inventory_objects i join ops.targets t on t.target_id = i.target_id
 where i.removed_scan is null and t.retired_at is null
 order by i.updated_at desc limit %(limit)s
"""
_FINDINGS = """
select f.target_kind || '/' || f.target_name as target, f.rule, f.severity, f.outcome, f.fingerprint, f.message
  from ops.open_findings f order by f.finding_id desc limit %(limit)s
"""


@dataclass(frozen=True, slots=True)
class StoredRows:
    """At most `limit` rows, newest first; `truncated` tells that there are more."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool


def stored_inventory(connection: Connection, limit: int = STORED_ROW_LIMIT) -> StoredRows:
    """Present objects of all active targets. Raises ControlPlaneError."""
    return _read(connection, _INVENTORY, limit)


def stored_findings(connection: Connection, limit: int = STORED_ROW_LIMIT) -> StoredRows:
    """Open findings of all active targets. Raises ControlPlaneError."""
    return _read(connection, _FINDINGS, limit)


def _read(connection: Connection, query: LiteralString, limit: int) -> StoredRows:
    with control_plane_errors(), connection.transaction():
        cursor = connection.execute(query, {"limit": limit + 1})
        columns = tuple(column.name for column in cursor.description or ())
        rows = cursor.fetchall()
    return StoredRows(columns, tuple(rows[:limit]), len(rows) > limit)
