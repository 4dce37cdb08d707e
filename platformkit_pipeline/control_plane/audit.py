"""The audit log: append to it, and verify its chain.

`verify` computes every hash from the columns and calls no function that is stored in the database it verifies. Whoever
can rewrite table and head together is found only by an anchor: a head hash that was noted outside earlier.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from psycopg import sql

from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors, one_row
from platformkit_pipeline.control_plane.statements import statement
from platformkit_pipeline.model.audit_anchor import AuditAnchor
from platformkit_pipeline.model.dsn import redact

AUDITED_ROWS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "waivers": ("waiver_id",),
        "exceptions": ("exception_id",),
        "reviews": ("year",),
        "amendments": ("amendment_id",),
        "amendment_targets": ("amendment_id", "target_id"),
        "gate_decisions": ("decision_id",),
        "gate_overrides": ("override_id",),
        "settings_versions": ("version_id",),
        "alerts": ("alert_id",),
    }
)
"""Tables of decisions and of what people were told, with their keys.

Triggers write each new and changed row to the log, whole or with the digest of what is large.
"""
_DIGESTED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"gate_decisions": ("inputs", "reasons"), "settings_versions": ("content", "changes"), "alerts": ("payload",)}
)
_SHOWN_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """`action` is a dotted verb (`target.added`), `object` what it was done to; `detail` holds JSON values only."""

    action: str
    object: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    scan_id: str | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class AuditVerification:
    """`head_hash` (64 hex digits) is what to note outside the database; `problems` lists at most 20 breaks and says so."""

    ok: bool
    length: int
    head_hash: str
    problems: tuple[str, ...]


def append(connection: Connection, entries: Sequence[AuditEntry]) -> int:
    """Append `entries` in order; returns the number of the last row of the chain. Passwords in texts are masked.

    The head of the chain stays locked until the transaction ends: append last.
    """
    rows = [
        {"action": e.action, "object": _masked(e.object), "detail": _masked(e.detail), "scan_id": e.scan_id, "run_id": e.run_id}
        for e in entries
    ]
    (last,) = one_row(connection.execute("select ops.audit_append(%s::jsonb)", (json.dumps(rows),)))
    return int(last)


def available(connection: Connection) -> bool:
    """Whether the migrations have made the audit log yet."""
    return bool(one_row(connection.execute("select pg_catalog.to_regprocedure('ops.audit_append(jsonb)') is not null"))[0])


def verify(connection: Connection, *, anchor: str | None = None) -> AuditVerification:
    """Recompute the whole chain in one statement. `anchor` is a head hash noted earlier, which must still be in it."""
    with control_plane_errors():
        head = connection.execute(statement("audit_head"), {"anchor": anchor}).fetchone()
        broken = connection.execute(statement("audit_breaks"), {"limit": _SHOWN_PROBLEMS + 1}).fetchall()
    if head is None:
        return AuditVerification(False, 0, "", ("ops.audit_head is empty: the end of the chain is unknown",))
    length, last_seq, head_seq, head_hash, head_matches, anchor_found = head
    problems = [f"row {seq}: {why}" for seq, why in broken[:_SHOWN_PROBLEMS]]
    if len(broken) > _SHOWN_PROBLEMS:
        problems.append(f"more than {_SHOWN_PROBLEMS} rows are broken; the list is cut")
    if head_seq != last_seq:
        problems.append(f"the log ends at row {last_seq}, the head says {head_seq}: rows were cut off or put in")
    elif not head_matches:
        problems.append("the hash of the last row is not that of the head")
    if anchor_found is False:
        problems.append(f"the anchored hash {anchor} is no longer in the chain: it was rewritten")
    return AuditVerification(not problems, length, head_hash, tuple(problems))


def anchors_missing(connection: Connection, anchors: Sequence[AuditAnchor]) -> tuple[AuditAnchor, ...]:
    """Those of `anchors` that the chain does not hold where they were noted, in one statement. Whether it is whole, `verify` says."""
    given = {"lengths": [a.length for a in anchors], "hashes": [a.head_hash for a in anchors]}
    with control_plane_errors():
        return tuple(anchors[position - 1] for (position,) in connection.execute(statement("audit_anchors_missing"), given))


def rows_that_differ(connection: Connection) -> tuple[str, ...]:
    """Rows of decisions that are not what the chain last said of them, one sentence each, at most 20; whether it is whole, `verify` says.

    It knows of every way in that has triggers: whoever switched them off is found here.
    """
    sentences = []
    with control_plane_errors():
        there = {name for (name,) in connection.execute("select tablename from pg_catalog.pg_tables where schemaname = 'ops'")}
        for table, key in AUDITED_ROWS.items():
            if table in there:
                sentences += [f"{table} {row}: {why}" for row, why in connection.execute(_comparison(table, key)).fetchall()]
        sentences += [f"targets {row}: {why}" for row, why in connection.execute(statement("audit_targets_differ")).fetchall()]
    cut = [f"more than {_SHOWN_PROBLEMS} rows differ; the list is cut"] if len(sentences) > _SHOWN_PROBLEMS else []
    return (*sentences[:_SHOWN_PROBLEMS], *cut)


def _comparison(table: str, key: Sequence[str]) -> sql.Composed:
    return sql.SQL(statement("audit_rows_differ")).format(
        table=sql.Identifier("ops", table),
        object=sql.Literal(f"ops.{table}"),
        stored_key=sql.SQL("concat_ws('/', {})").format(sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(k)) for k in key)),
        told_key=sql.SQL("concat_ws('/', {})").format(
            sql.SQL(", ").join(sql.SQL("l.detail -> 'new' ->> {}").format(sql.Literal(k)) for k in key)
        ),
        digested=sql.Literal(list(_DIGESTED.get(table, ()))),
    )


def _masked(value: Any) -> Any:
    match value:
        case str():
            return redact(value).replace("\x00", "\ufffd")  # jsonb holds no NUL
        case Mapping():
            return {str(key): _masked(item) for key, item in value.items()}
        case list() | tuple():
            return [_masked(item) for item in value]
        case _:
            return value
