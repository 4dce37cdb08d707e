"""Tell people of critical findings (clause 4.2): one message per target and scan for all that are new, one for all that are over.

Lives are kept per finding (`ops.alerts`, subject: the fingerprint), messages per group. It compares what is open with what was told, so
that it may be repeated, killed, or left out for a night: the next call makes up for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from platformkit_pipeline.connectors.delivery.outbox import Outbox
from platformkit_pipeline.control_plane.alerts import AlertLife, open_alerts, open_alerts_of, settle_alert
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.control_plane.findings import OpenFinding, open_findings
from platformkit_pipeline.control_plane.scans import storable_text
from platformkit_pipeline.control_plane.targets import StoredTarget, list_retired
from platformkit_pipeline.model.alert import Alert, AlertKind
from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.event import Event
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.target import Target
from platformkit_pipeline.operations.announce import SETTLED, Announced, begun, ended, event_about
from platformkit_pipeline.operations.cover_findings import Covers, covers_for
from platformkit_pipeline.operations.stored_snapshot import target_id_of

ALERTING = frozenset({Severity.CRITICAL})
"""Severities that people are told of at once; reports and gates tell of the others."""
TOLD_OTHERWISE = frozenset({"OPS002"})
"""Rules whose findings have an alert of a kind of their own: a broken audit log is `audit.broken`."""
MOST_NAMED = 20
_LONGEST_TEXT = 300
_RETIRED = "not mended: the settings list the target no more"
_Life = tuple[Alert, AlertLife]


def alert_findings(connection: Connection, target: Target, scan_id: str, now: datetime, *, run_id: str | None = None) -> Announced:
    """Tell of the critical findings of `target` that are open now and were not told of, and of those that were and are over.

    Both FAIL and UNKNOWN are told. A FAIL that a waiver or an exception covers on the UTC day of `now` is not: one that was told
    before is settled as covered, and is told again when the cover ends. Call it after a judgement, and every night, since covers end
    without one. `scan_id` is the last scan. The same again tells nothing. Raises ControlPlaneError.
    """
    with control_plane_errors(), connection.transaction():
        target_id = target_id_of(connection, target)
        covers = covers_for(connection, target, now)
        still = {finding.fingerprint: finding for finding in open_findings(connection, target_id)}
        alerting = {name: f for name, f in still.items() if _alerts(f) and name not in covers}
        known = open_alerts_of(connection, AlertKind.FINDING_CRITICAL, target_id, target)
        gone = [_told_why(alert, still, covers) for alert in known if alert.subject not in alerting]
        fresh = [_alert(target, finding, scan_id, run_id) for finding in alerting.values()]
        raised, settled = list(begun(connection, fresh, now)), list(ended(connection, gone, now))
        sent = {"scan_id": scan_id, "run_id": run_id, "open": len(alerting)}
        Outbox("ops").publish(connection, [*_group(target, raised, "", sent, now), *_group(target, settled, SETTLED, sent, now)])
    return Announced(len(raised), len(settled))


def end_alerts_of_retired(connection: Connection, now: datetime) -> Announced:
    """End every open alert about a target that the settings list no more; only of critical findings people are told that it is over.

    They are not mended, and the message says so; it closes their issue. Should the target come back, they are told again. One
    transaction; the same again tells nothing. Raises ControlPlaneError.
    """
    with control_plane_errors(), connection.transaction():
        lives = open_alerts(connection)
        over = [(stored, list(_end_all(connection, stored, lives, now))) for stored in list_retired(connection)]
        sent = {"scan_id": None, "run_id": None, "open": 0}
        Outbox("ops").publish(connection, [event for stored, lost in over for event in _group(stored.target, lost, SETTLED, sent, now)])
    return Announced(0, sum(len(lost) for _, lost in over))


def _end_all(connection: Connection, stored: StoredTarget, lives: Sequence[AlertLife], now: datetime) -> Iterator[_Life]:
    """Settle what is open about one target; those that people are told of."""
    known = {a.subject: a for a in open_alerts_of(connection, AlertKind.FINDING_CRITICAL, stored.target_id, stored.target)}
    for life in lives:
        over = settle_alert(connection, life.kind, stored.target_id, life.subject, now) if life.target_id == stored.target_id else None
        if over is not None and life.kind is AlertKind.FINDING_CRITICAL:
            alert = known[life.subject]
            yield replace(alert, payload={**alert.payload, "over": _RETIRED}), over


def _alerts(finding: OpenFinding) -> bool:
    return finding.result.severity in ALERTING and finding.result.rule not in TOLD_OTHERWISE


def _alert(target: Target, finding: OpenFinding, scan_id: str, run_id: str | None) -> Alert:
    result = finding.result
    shown, message = (_told(text) for text in (str(result.object), result.message))
    payload = {
        "rule": result.rule,
        "object": shown,
        "message": message,
        "outcome": result.outcome.value,
        "clause": result.clause,
        "first_seen": finding.first_seen_at.isoformat(),
        "finding_occurrence": finding.occurrence,
    }
    headline = f"{result.rule} on {target.name}: {shown}"
    return Alert(
        AlertKind.FINDING_CRITICAL, finding.fingerprint, result.severity, headline, target, payload, scan_id=scan_id, run_id=run_id
    )


def _told_why(alert: Alert, still: dict[str, OpenFinding], covers: Covers) -> Alert:
    """Whoever reads that it is over must not take a waiver for a repair."""
    if cover := covers.get(alert.subject):
        why = f"covered by {cover.kind.value} {_told(cover.cover_id)} until {cover.last_day.isoformat()}"
    elif alert.subject in still:
        why = f"its severity is {still[alert.subject].result.severity.value} now"
    else:
        why = "resolved"
    return replace(alert, payload={**alert.payload, "over": why})


def _group(target: Target, lives: Sequence[_Life], over: str, sent: dict[str, Any], now: datetime) -> Iterator[Event]:
    """One event for all of them, or none. Its id comes from the scan and the lives: families judged one by one make several groups."""
    if not lives:
        return
    named = "\n".join(sorted(f"{alert.subject}/{life.occurrence}" for alert, life in lives))
    count = f"{len(lives)} critical finding{'s' if len(lives) > 1 else ''}"
    payload = {
        "headline": f"{count} on {target.name} {'over' if over else 'new'}",
        "severity": Severity.CRITICAL.value,
        **sent,
        "count": len(lives),
        "findings": [{"fingerprint": alert.subject, "raised_at": life.raised_at.isoformat(), **alert.payload} for alert, life in lives][
            :MOST_NAMED
        ],
        "more": max(0, len(lives) - MOST_NAMED),
    }
    digest = hashlib.sha256(named.encode()).hexdigest()[:32]
    yield event_about(target, f"{sent['scan_id']}/{digest}", f"{AlertKind.FINDING_CRITICAL.value}{over}", payload, now)


def _told(text: str) -> str:
    """A message is bounded; the whole stands in `ops.findings`."""
    return storable_text(redact(text))[:_LONGEST_TEXT]
