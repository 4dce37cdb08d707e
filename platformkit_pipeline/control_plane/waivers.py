"""Waivers in `ops.waivers` (clause 10.2): granted and revoked, never changed or deleted. The database writes each to the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg

from platformkit_pipeline.control_plane.connection import Connection, require_transaction
from platformkit_pipeline.control_plane.scans import storable_text
from platformkit_pipeline.control_plane.statements import statement
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.waiver import LONGEST_WAIVER_DAYS, Waiver

_REFUSALS = {
    "waivers_environment_check": "production has no waivers (clause 10.2): mend the finding, or document an exception (clause 10.1)",
    "waivers_thirty_days_in_all": (
        f"more than {LONGEST_WAIVER_DAYS} days in all for one rule and object (clause 10.2): mend the finding, or document an exception"
    ),
}


def of_target(connection: Connection, target_id: int) -> tuple[Waiver, ...]:
    """All waivers that were ever granted for a target, by their last day."""
    return _listed(connection, target_id=target_id)


def all_waivers(connection: Connection) -> tuple[Waiver, ...]:
    """All waivers of all targets, by their last day."""
    return _listed(connection)


def find(connection: Connection, beginning: str) -> tuple[Waiver, ...]:
    """The waivers whose ids, UUIDs in lower case, begin so: at most one where it is the whole id."""
    return _listed(connection, beginning=beginning)


def lock(connection: Connection, target_id: int) -> None:
    """Until the transaction ends nobody else grants a waiver for the target: what was read before stays true."""
    require_transaction(connection)
    connection.execute("select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('platformkit.waivers', %s))", (target_id,))


def grant(connection: Connection, waiver: Waiver, *, scan_id: str | None = None) -> None:
    """Store a new waiver. Raises ConfigurationError where the database refuses it: production, or more than 30 days in all."""
    require_transaction(connection)
    try:
        connection.execute(
            statement("waivers_grant"),
            {
                "waiver_id": waiver.waiver_id,
                "target_id": waiver.target_id,
                "rule": waiver.rule,
                "fingerprint": waiver.fingerprint,
                "object_pattern": None if waiver.object_pattern is None else storable_text(waiver.object_pattern),
                "reason": storable_text(waiver.reason),
                "granted_by": storable_text(waiver.granted_by),
                "starts_on": waiver.starts_on,
                "expires_on": waiver.expires_on,
                "extends": waiver.extends,
                "scan_id": scan_id,
            },
        )
    except psycopg.errors.CheckViolation as refused:
        why = _REFUSALS.get(refused.diag.constraint_name or "")
        if why is None:
            raise
        raise ConfigurationError(f"the waiver was not granted: {why}") from None


def revoke(connection: Connection, waiver_id: str, *, by: str, reason: str, now: datetime) -> bool:
    """End a waiver with `now`; False where it was revoked before, or there is none."""
    require_transaction(connection)
    done = connection.execute(
        "update ops.waivers set revoked_at = %s, revoked_by = %s, revoke_reason = %s where waiver_id = %s and revoked_at is null",
        (now, storable_text(by), storable_text(reason), waiver_id),
    )
    return bool(done.rowcount)


def _listed(connection: Connection, *, target_id: int | None = None, beginning: str | None = None) -> tuple[Waiver, ...]:
    rows = connection.execute(statement("waivers_list"), {"target_id": target_id, "beginning": beginning}).fetchall()
    return tuple(map(_waiver, rows))


def _waiver(row: tuple[Any, ...]) -> Waiver:
    return Waiver(*row)
