"""Tell people: what begins and what is over, once each, into the outbox in the transaction that makes it true (clauses 4.2, 9.2)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from platformkit_pipeline.connectors.delivery.outbox import Outbox
from platformkit_pipeline.control_plane import targets
from platformkit_pipeline.control_plane.alerts import AlertLife, open_alerts, raise_alert, settle_alert
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.scans import storable_text, storable_value
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.alert import Alert, AlertKind
from platformkit_pipeline.model.event import Event
from platformkit_pipeline.model.target import CONTROL_PLANE, Target
from platformkit_pipeline.operations.stored_snapshot import target_id_of

_log = get_logger("operations.announce")

SETTLED = ".settled"
"""Behind the kind of an alert in the type of the event that it is over."""
TOLD_AT = "told_at"
"""Header: when it was announced, by the clock of whoever announced it."""
_PLATFORM = ("platform", CONTROL_PLANE.name)


@dataclass(frozen=True, slots=True)
class Announced:
    """How many messages went into the outbox. What was told before is in neither."""

    raised: int
    settled: int


def announce(connection: Connection, alerts: Sequence[Alert], over: Sequence[Alert], now: datetime) -> Announced:
    """Raise `alerts` and settle those of `over`, which are named by kind, target and subject; the same again tells nothing.

    Call it once in a transaction, as its last act (see `Outbox.publish`). Raises ControlPlaneError for a target that is not registered.
    """
    raised = [_event(alert, life, alert.kind.value, now) for alert, life in begun(connection, alerts, now)]
    settled = [_event(alert, life, f"{alert.kind.value}{SETTLED}", now) for alert, life in ended(connection, over, now)]
    Outbox("ops").publish(connection, [*raised, *settled])
    if raised or settled:
        _log.info("announced", raised=[event.type for event in raised], settled=[event.type for event in settled])
    return Announced(len(raised), len(settled))


def begun(connection: Connection, alerts: Sequence[Alert], now: datetime) -> Iterator[tuple[Alert, AlertLife]]:
    """Raise `alerts`, in the caller's transaction; those that begin a life now, for whoever tells of several in one message."""
    for alert in alerts:
        life = raise_alert(connection, _target_id(connection, alert.target), alert, now)
        if life is not None:
            yield alert, life


def ended(connection: Connection, alerts: Sequence[Alert], now: datetime) -> Iterator[tuple[Alert, AlertLife]]:
    """Settle `alerts`; those whose life ends now."""
    for alert in alerts:
        life = settle_alert(connection, alert.kind, _target_id(connection, alert.target), alert.subject, now)
        if life is not None:
            yield alert, life


def open_lives(connection: Connection, kinds: Sequence[AlertKind], now: datetime) -> list[tuple[AlertLife, Target | None]]:
    """What is open of `kinds`, with whom it is about, for whoever tells that it is over; None is the platform itself.

    Of a target that the settings list no more nobody is told: its alerts merely end here, in the caller's transaction.
    """
    active = {stored.target_id: stored.target for stored in targets.list_active(connection)}
    lives: list[tuple[AlertLife, Target | None]] = []
    for life in open_alerts(connection, kinds):
        if life.target_id is None or life.target_id in active:
            lives.append((life, active.get(life.target_id) if life.target_id is not None else None))
        else:
            settle_alert(connection, life.kind, life.target_id, life.subject, now)
    return lives


def event_about(target: Target | None, name: str, event_type: str, payload: Mapping[str, Any], now: datetime) -> Event:
    """An event of the key of `target`; the same `name` gives the same id. Whom it is about stands in the payload.

    What PostgreSQL cannot hold is replaced: words of others, such as why a run failed, must not keep an alert from being told.
    """
    aggregate, key = ("target", f"{target.kind.value}/{target.name}") if target else _PLATFORM
    about: dict[str, Any] = {
        "target": {"kind": target.kind.value, "name": target.name, "environment": target.environment.value} if target else None,
        "owners": list(target.owners) if target else [],
    }
    identity = str(uuid.uuid5(uuid.NAMESPACE_URL, f"platformkit:{event_type}/{key}/{storable_text(name)}"))
    return Event(identity, aggregate, key, event_type, storable_value({**about, **payload}), {TOLD_AT: now.isoformat()})


def _event(alert: Alert, life: AlertLife, event_type: str, now: datetime) -> Event:
    """The same change of the same life gives the same id."""
    payload: dict[str, Any] = {
        "headline": alert.headline,
        "severity": alert.severity.value,
        "subject": alert.subject,
        "occurrence": life.occurrence,
        "raised_at": life.raised_at.isoformat(),
        "settled_at": life.settled_at.isoformat() if life.settled_at else None,
        "scan_id": alert.scan_id,
        "run_id": alert.run_id,
        **alert.payload,
    }
    return event_about(alert.target, f"{alert.subject}/{life.occurrence}/{life.raised_at.isoformat()}", event_type, payload, now)


def _target_id(connection: Connection, target: Target | None) -> int | None:
    return None if target is None else target_id_of(connection, target)
