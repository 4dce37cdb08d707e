"""Tell people that a target cannot be scanned, once, and once that it can be again (clause 4.2). Another reason is no other message."""

from __future__ import annotations

from datetime import datetime

from platformkit_pipeline.control_plane import scans, targets
from platformkit_pipeline.control_plane.alerts import open_alerts
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.control_plane.scans import storable_text
from platformkit_pipeline.model.alert import Alert, AlertKind
from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.target import Target, TargetKind
from platformkit_pipeline.operations.announce import Announced, announce
from platformkit_pipeline.operations.stored_snapshot import target_id_of

_SUBJECT = "scan"
_LONGEST_SENTENCE = 500
_NOTHING = Announced(0, 0)


def scan_failed(connection: Connection, target: Target, sentence: str, run_id: str | None, now: datetime) -> Announced:
    """Tell that the scan of `target` failed, unless that was told and it has not been scanned since. Raises ControlPlaneError."""
    with control_plane_errors(), connection.transaction():
        why = {"why": storable_text(redact(sentence))[:_LONGEST_SENTENCE]}
        return announce(connection, [_alert(target, f"{target.name} cannot be scanned", why, run_id=run_id)], [], now)


def scan_succeeded(connection: Connection, target: Target, run_id: str | None, now: datetime) -> Announced:
    """Tell that `target` is scanned again, where it was told that it is not and a scan was completed since.

    A run of later stages alone, on the scan before the failure, is no recovery. Raises ControlPlaneError.
    """
    with control_plane_errors(), connection.transaction():
        target_id = target_id_of(connection, target)
        life = next(
            (x for x in open_alerts(connection, [AlertKind.SCAN_FAILED]) if (x.target_id, x.subject) == (target_id, _SUBJECT)), None
        )
        scan = scans.latest(connection, target_id) if life else None
        if life is None or scan is None or scan.started_at < life.raised_at:
            return _NOTHING
        again = _alert(target, f"{target.name} is scanned again", {}, run_id=run_id, scan_id=scan.scan_id)
        return announce(connection, [], [again], now)


def tell_of_scan(connection: Connection, kind: TargetKind, name: str, sentence: str | None, run_id: str | None, now: datetime) -> Announced:
    """`scan_failed` with that sentence, or without one `scan_succeeded`; nothing for a target that is not kept.

    Raises ControlPlaneError.
    """
    with control_plane_errors(), connection.transaction():
        stored = targets.find(connection, kind, name)
    if stored is None or stored.retired_at is not None:
        return _NOTHING
    if sentence is None:
        return scan_succeeded(connection, stored.target, run_id, now)
    return scan_failed(connection, stored.target, sentence, run_id, now)


def _alert(target: Target, headline: str, payload: dict[str, str], *, run_id: str | None, scan_id: str | None = None) -> Alert:
    return Alert(AlertKind.SCAN_FAILED, _SUBJECT, Severity.HIGH, headline, target, payload, scan_id=scan_id, run_id=run_id)
