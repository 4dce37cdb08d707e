"""What the settings were, in `ops.settings_versions`: a row for each change, which the database writes to the audit log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from platformkit_pipeline.control_plane.connection import Connection, require_transaction
from platformkit_pipeline.control_plane.scans import jsonb
from platformkit_pipeline.model.settings_changes import SettingsChange

_LAST = "select digest, content from ops.settings_versions order by version_id desc limit 1"
_ADD = """
insert into ops.settings_versions (digest, content, changes, changes_left_out, recorded_at)
values (%(digest)s, %(content)s, %(changes)s, %(left_out)s, %(now)s)
"""


def lock(connection: Connection) -> None:
    """Until the transaction ends nobody else records settings: what is the last version stays so."""
    require_transaction(connection)
    connection.execute("select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('platformkit.settings', 0))")


def last(connection: Connection) -> tuple[str, Mapping[str, Any]] | None:
    """Digest and content of the last version; None where none was recorded yet."""
    row = connection.execute(_LAST).fetchone()
    return (row[0], row[1]) if row else None


def add(
    connection: Connection, digest: str, content: Mapping[str, Any], changes: Sequence[SettingsChange], *, left_out: int, now: datetime
) -> None:
    """Store a new version. Append last in the transaction: the end of the audit chain stays locked until it ends."""
    require_transaction(connection)
    row = {"digest": digest, "content": jsonb(content), "changes": jsonb([asdict(c) for c in changes]), "left_out": left_out, "now": now}
    connection.execute(_ADD, row)
