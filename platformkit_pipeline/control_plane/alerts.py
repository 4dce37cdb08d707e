"""Alerts and their lives: raised, and settled when it is over. What comes back begins a new life (`occurrence`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Json

from platformkit_pipeline.control_plane.connection import Connection, require_transaction
from platformkit_pipeline.control_plane.scans import storable_text, storable_value
from platformkit_pipeline.control_plane.statements import statement
from platformkit_pipeline.model.alert import Alert, AlertKind
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.target import Target


@dataclass(frozen=True, slots=True)
class AlertLife:
    """One row of `ops.alerts`. `target_id` is None for what concerns the platform as a whole."""

    alert_id: int
    kind: AlertKind
    target_id: int | None
    subject: str
    occurrence: int
    raised_at: datetime
    settled_at: datetime | None


def raise_alert(connection: Connection, target_id: int | None, alert: Alert, now: datetime) -> AlertLife | None:
    """Begin a life of it; None where one is open, and where something that merely happened was told before.

    Call it in a transaction: whoever raises the same at the same time waits for its end.
    """
    require_transaction(connection)
    row = connection.execute(
        statement("alerts_raise"),
        {
            "kind": alert.kind.value,
            "target_id": target_id,
            "subject": storable_text(alert.subject),
            "severity": alert.severity.value,
            "headline": storable_text(alert.headline),
            "payload": Json(storable_value(alert.payload)),
            "lasting": alert.lasting,
            "now": now,
            "scan_id": alert.scan_id,
            "run_id": alert.run_id,
        },
    ).fetchone()
    return _life(row) if row else None


def settle_alert(connection: Connection, kind: AlertKind, target_id: int | None, subject: str, now: datetime) -> AlertLife | None:
    """End its open life; None where none is open."""
    require_transaction(connection)
    row = connection.execute(
        statement("alerts_settle"), {"kind": kind.value, "target_id": target_id, "subject": storable_text(subject), "now": now}
    ).fetchone()
    return _life(row) if row else None


def open_alerts(connection: Connection, kinds: Sequence[AlertKind] = tuple(AlertKind)) -> tuple[AlertLife, ...]:
    """What was raised and is not settled, in the order in which it was raised."""
    rows = connection.execute(statement("alerts_open"), {"kinds": [kind.value for kind in kinds]})
    return tuple(map(_life, rows.fetchall()))


def told_subjects(connection: Connection, kind: AlertKind) -> frozenset[str]:
    """Every subject that was ever told of under this kind."""
    return frozenset(subject for (subject,) in connection.execute("select subject from ops.alerts where kind = %s", (kind.value,)))


def open_alerts_of(connection: Connection, kind: AlertKind, target_id: int | None, target: Target | None) -> tuple[Alert, ...]:
    """What is open of one kind about one target, as it was told, in the order in which it was raised."""
    rows: list[tuple[str, str, str, dict[str, Any]]] = connection.execute(
        statement("alerts_open_of_target"), {"kind": kind.value, "target_id": target_id}
    ).fetchall()
    return tuple(Alert(kind, subject, Severity(severity), headline, target, payload) for subject, severity, headline, payload in rows)


def _life(row: tuple[int, str, int | None, str, int, datetime, datetime | None]) -> AlertLife:
    alert_id, kind, target_id, subject, occurrence, raised_at, settled_at = row
    return AlertLife(alert_id, AlertKind(kind), target_id, subject, occurrence, raised_at, settled_at)
