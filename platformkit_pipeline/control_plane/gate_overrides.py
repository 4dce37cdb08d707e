"""Overrides of gates. Whoever grants or ends one is written to the audit log by the database (clause 11.1)."""

from __future__ import annotations

from datetime import datetime

from platformkit_pipeline.control_plane.connection import Connection, require_transaction
from platformkit_pipeline.control_plane.scans import storable_text
from platformkit_pipeline.control_plane.statements import statement
from platformkit_pipeline.model.gate_override import GateOverride


def store(connection: Connection, target_id: int, override: GateOverride) -> bool:
    """Store a new one; False when it is there already."""
    require_transaction(connection)
    return bool(
        connection.execute(
            statement("gate_overrides_insert"),
            {
                "override_id": override.override_id,
                "target_id": target_id,
                "gate": override.gate,
                "reason": storable_text(override.reason),
                "requested_by": override.requested_by,
                "approved_by": override.approved_by,
                "starts_at": override.starts_at,
                "ends_at": override.ends_at,
            },
        ).rowcount
    )


def listed(connection: Connection, target_id: int) -> tuple[GateOverride, ...]:
    """All of a target, latest first."""
    return tuple(GateOverride(*row) for row in connection.execute(statement("gate_overrides_list"), {"target_id": target_id}).fetchall())


def in_force(connection: Connection, target_id: int, gate: str, now: datetime) -> GateOverride | None:
    """The one that lets the target through `gate` at `now`; the one that ends last where there are several."""
    valid = [o for o in listed(connection, target_id) if o.gate == gate and o.in_force(now)]
    return max(valid, key=lambda o: (o.ends_at, o.override_id), default=None)


def end(connection: Connection, override_id: str, *, now: datetime, by: str, reason: str) -> bool:
    """End it before its time; False when it was ended before."""
    require_transaction(connection)
    ended = connection.execute(
        "update ops.gate_overrides set ended_at = %s, ended_by = %s, end_reason = %s where override_id = %s and ended_at is null",
        (now, by, storable_text(reason), override_id),
    )
    return bool(ended.rowcount)
