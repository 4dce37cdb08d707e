"""So many messages an hour about one target to one destination; what is more is held, and told in one when the hour is over (clause 4.2).

Hours are those of the events, by the clock of whoever announced them. What is held stands in the outbox under a destination of its own,
so it survives a restart; `ops.alerts` has every alert, whatever became of its message. Another target's messages are not touched.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from platformkit_pipeline.connectors.delivery.outbox import Outbox
from platformkit_pipeline.connectors.delivery.statements import statement as delivery_statement
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.control_plane.statements import statement
from platformkit_pipeline.model.event import Event
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.operations.announce import TOLD_AT

SUMMARY = "alerts.held"
"""Type of the event that sums up."""
Limits = Mapping[str, int | None]
"""Messages an hour by destination; None: however many."""
_HELD, _HOUR = "/held", "hour"
_RANK = {severity.value: rank for rank, severity in enumerate(Severity)}


def hand_over(connection: Connection, event: Event, limits: Limits) -> None:
    """Write one event for each destination, or hold it, in the caller's transaction. The same event again changes nothing."""
    hour = _hour_of(event)
    for name, most in limits.items():
        if most is None:
            Outbox().publish(connection, [event], destination=name)
            continue
        _sum_up_key(connection, name, event.key, hour)
        counted = {"id": event.id, "destination": name, "held": name + _HELD, "hour": hour, **_key(*event.key)}
        before, count = connection.execute(statement("messages_of_hour"), counted).fetchone() or (False, 0)
        if not before:
            marked = replace(event, headers={**event.headers, _HOUR: hour})
            Outbox().publish(connection, [marked], destination=name if count < most else name + _HELD)


def sum_up_floods(connection: Connection, limits: Limits, now: datetime) -> int:
    """One message for all that is held of each target and hour that is over at `now`; returns how many. Raises ControlPlaneError."""
    made = 0
    for name in (name for name, most in limits.items() if most is not None):
        with control_plane_errors(), connection.transaction():
            ended = connection.execute(statement("messages_held"), {"held": name + _HELD, "before": _hour(now)}).fetchall()
        for aggregatetype, aggregateid, hour in ended:
            with control_plane_errors(), connection.transaction():
                made += _sum_up(connection, name, (aggregatetype, aggregateid), hour)
    return made


def _sum_up_key(connection: Connection, name: str, key: tuple[str, str], before: str) -> None:
    """What is held of earlier hours of the key goes first: its messages come in order."""
    held = connection.execute(statement("messages_held"), {"held": name + _HELD, "before": before}).fetchall()
    for aggregatetype, aggregateid, hour in held:
        if (aggregatetype, aggregateid) == key:
            _sum_up(connection, name, key, hour)


def _sum_up(connection: Connection, name: str, key: tuple[str, str], hour: str) -> int:
    parameters = {"held": name + _HELD, "hour": hour, **_key(*key)}
    rows = connection.execute(statement("messages_held_of_hour"), parameters).fetchall()
    if not rows:
        return 0
    ids: list[str] = [row[0] for row in rows]
    Outbox().publish(connection, [_summary(name, key, hour, ids, rows)], destination=name)
    connection.execute(delivery_statement("mark_delivered", "ops"), {"ids": ids, "destination": name + _HELD})
    return 1


def _summary(name: str, key: tuple[str, str], hour: str, ids: list[str], rows: list[tuple[str, str, dict[str, Any]]]) -> Event:
    """The same rows give the same id. What came late, after its hour was summed up, makes another one."""
    counts = Counter((_severity(payload), kind) for _, kind, payload in rows)
    kinds = [
        {"type": kind, "severity": severity, "count": count}
        for (severity, kind), count in sorted(counts.items(), key=lambda item: (_RANK[item[0][0]], item[0][1]))
    ]
    last = rows[-1][2]
    about: dict[str, Any] = {field: last[field] for field in ("target", "owners") if field in last}
    payload: dict[str, Any] = {
        **about,
        "headline": f"{len(rows)} more messages about {key[1]} in the hour from {hour}",
        "severity": kinds[0]["severity"],
        "kinds": kinds,
        "count": len(rows),
        "run_id": last.get("run_id"),
    }
    named = f"platformkit:{SUMMARY}/{name}/{key[0]}/{key[1]}/{hour}/{','.join(sorted(ids))}"
    return Event(str(uuid.uuid5(uuid.NAMESPACE_URL, named)), *key, SUMMARY, payload)


def _severity(payload: Mapping[str, Any]) -> str:
    severity = payload.get("severity")
    return severity if isinstance(severity, str) and severity in _RANK else Severity.INFO.value


def _hour_of(event: Event) -> str:
    told = event.headers.get(TOLD_AT)
    try:
        moment = datetime.fromisoformat(told) if told else None
    except ValueError:
        moment = None
    return _hour(moment or event.created_at or datetime.min.replace(tzinfo=UTC) + timedelta(days=1))


def _hour(moment: datetime) -> str:
    """In UTC, so that hours sort as text."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:00Z")


def _key(aggregatetype: str, aggregateid: str) -> dict[str, str]:
    return {"aggregatetype": aggregatetype, "aggregateid": aggregateid}
