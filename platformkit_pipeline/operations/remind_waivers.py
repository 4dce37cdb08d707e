"""Every night: who has a waiver that ends within a week is reminded, and what has lapsed is told, once each (clause 10.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

from platformkit_pipeline.control_plane import alerts, targets, waivers
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.governance.waivers import days_left, extended_ids, last_day_of, reminder_is_due, state_of
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.alert import Alert, AlertKind
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.target import Environment, Target
from platformkit_pipeline.model.waiver import Waiver
from platformkit_pipeline.operations.announce import announce

_log = get_logger("operations.remind_waivers")


@dataclass(frozen=True, slots=True)
class WaiverNight:
    """Waivers of active targets by state, and how many messages were sent; what was told before is not told again."""

    states: dict[str, int]
    reminded: int
    lapsed: int
    settled: int


def remind_waivers(connection: Connection, now: datetime, *, run_id: str | None = None) -> WaiverNight:
    """One night, in one transaction; the same night again tells nothing. Nights that were missed are made up for.

    A reminder ends when its waiver lapses, is extended or revoked. Raises ControlPlaneError.
    """
    today = now.astimezone(UTC).date()
    with control_plane_errors(), connection.transaction():
        active = {row.target_id: row.target for row in targets.list_active(connection)}
        listed = [w for w in waivers.all_waivers(connection) if w.target_id in active]
        goes_on = extended_ids(listed)
        told = alerts.told_subjects(connection, AlertKind.WAIVER_LAPSED)
        due = [w for w in listed if w.waiver_id not in goes_on and _covers(w, active) and reminder_is_due(w, today)]
        over = [w for w in listed if w.waiver_id not in goes_on and w.waiver_id not in told and _has_lapsed(w, today)]
        reminders = [_reminder(w, active[w.target_id], today, run_id) for w in due]
        lapses = [_lapse(w, active[w.target_id], run_id) for w in over]
        ended = list(_ended(connection, {w.waiver_id for w in due}, {w.waiver_id: active[w.target_id] for w in listed}))
        announced = announce(connection, [*reminders, *lapses], ended, now)
    states: dict[str, int] = {}
    for waiver in listed:
        state = state_of(waiver, active[waiver.target_id].environment, today).value
        states[state] = states.get(state, 0) + 1
    _log.info("waivers looked through", **states, told=announced.raised, settled=announced.settled)
    return WaiverNight(states, announced.raised - len(lapses), len(lapses), announced.settled)


def _covers(waiver: Waiver, active: dict[int, Target]) -> bool:
    """What has become production is not covered any more: there is no end to be reminded of."""
    return active[waiver.target_id].environment is not Environment.PRODUCTION


def _has_lapsed(waiver: Waiver, today: date) -> bool:
    """Revoked ones end because somebody said so, which is no lapse."""
    return waiver.revoked_at is None and today > last_day_of(waiver)


def _reminder(waiver: Waiver, target: Target, today: date, run_id: str | None) -> Alert:
    left = days_left(waiver, today)
    when = "ends today" if left == 0 else f"ends in {left} day{'s' if left > 1 else ''}, on {waiver.expires_on}"
    headline = f"A waiver of {waiver.rule} on {target.name} {when}"
    return _alert(AlertKind.WAIVER_EXPIRES, waiver, target, Severity.INFO, headline, run_id)


def _lapse(waiver: Waiver, target: Target, run_id: str | None) -> Alert:
    headline = f"A waiver of {waiver.rule} on {target.name} has lapsed with {waiver.expires_on}"
    return _alert(AlertKind.WAIVER_LAPSED, waiver, target, Severity.HIGH, headline, run_id)


def _alert(kind: AlertKind, waiver: Waiver, target: Target, severity: Severity, headline: str, run_id: str | None) -> Alert:
    payload = {
        "waiver_id": waiver.waiver_id,
        "rule": waiver.rule,
        "fingerprint": waiver.fingerprint,
        "objects": waiver.object_pattern,
        "reason": waiver.reason,
        "granted_by": waiver.granted_by,
        "expires_on": waiver.expires_on.isoformat(),
    }
    lasting = kind is AlertKind.WAIVER_EXPIRES
    return Alert(kind, waiver.waiver_id, severity, headline, target, payload, lasting=lasting, run_id=run_id)


def _ended(connection: Connection, due: set[str], known: dict[str, Target]) -> Iterator[Alert]:
    for life in alerts.open_alerts(connection, [AlertKind.WAIVER_EXPIRES]):
        if life.subject not in due and life.subject in known:
            target = known[life.subject]
            yield Alert(AlertKind.WAIVER_EXPIRES, life.subject, Severity.INFO, f"The reminder of a waiver on {target.name} is over", target)
