"""Every night: the platform observes and judges itself, anchors its audit log, and tells what is wrong with both (clauses 4.2, 11.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from platformkit_pipeline.control_plane import targets
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.control_plane.targets import StoredTarget
from platformkit_pipeline.logs import bind_ids, get_logger
from platformkit_pipeline.model.alert import Alert, AlertKind
from platformkit_pipeline.model.audit_anchor import AuditAnchor
from platformkit_pipeline.model.result import Outcome, Result, Severity
from platformkit_pipeline.model.settings import Settings
from platformkit_pipeline.model.target import CONTROL_PLANE, Target
from platformkit_pipeline.operations.alert_findings import alert_findings
from platformkit_pipeline.operations.anchor_audit import anchor_path, note_anchor
from platformkit_pipeline.operations.announce import Announced, announce, open_lives
from platformkit_pipeline.operations.clock import SYSTEM_CLOCK, Clock
from platformkit_pipeline.operations.judge_control_plane import judge_control_plane
from platformkit_pipeline.operations.keep_judgement import Judgement
from platformkit_pipeline.operations.observe_control_plane import ControlPlaneObservation, observe_control_plane

_CHAIN, _SCAN = "audit_log", "scan"
"""What the alerts are about within their kind and target."""

_log = get_logger("operations.govern_control_plane")


@dataclass(frozen=True, slots=True)
class ControlPlaneNight:
    """What came of one night. `anchor` is None where the chain is broken, or its end was noted before on this day."""

    observation: ControlPlaneObservation
    judgement: Judgement
    announced: Announced
    anchor: AuditAnchor | None


def govern_control_plane(
    connection: Connection,
    settings: Settings,
    now: datetime,
    *,
    run_id: str | None = None,
    anchors: Path | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> ControlPlaneNight:
    """One night: observe, judge, tell once what began and what is over, and note the end of a chain that is whole. Commits.

    `anchors` is the file that they are noted in, by default that of PLATFORMKIT_HOME. May be killed anywhere and run again.
    Raises ControlPlaneError, and ConfigurationError for the file of anchors.
    """
    path = anchors or anchor_path()
    observation = observe_control_plane(connection, now, anchors=path, run_id=run_id, clock=clock)
    ids = {"run_id": run_id} if run_id else {}
    with bind_ids(target=CONTROL_PLANE.name, scan_id=observation.scan_id, **ids):
        with control_plane_errors(), connection.transaction():
            judgement = judge_control_plane(connection, now=now, run_id=run_id)
            active = {(row.target.kind.value, row.target.name): row for row in targets.list_active(connection)}
            failing = [r for r in judgement.report.results if r.outcome is Outcome.FAIL]
            begun = [*_broken(failing, observation, settings, run_id), *_stale(failing, active, observation.scan_id, run_id)]
            announced = announce(connection, begun, _over(connection, begun, now), now)
        alert_findings(connection, CONTROL_PLANE, observation.scan_id, now, run_id=run_id)
        anchor = note_anchor(path, observation.snapshot.audit, observation.noted.anchors, now)
        _log.info("governed", findings=len(failing), told=announced.raised, settled=announced.settled, anchored=anchor is not None)
    return ControlPlaneNight(observation, judgement, announced, anchor)


def _broken(failing: Sequence[Result], observation: ControlPlaneObservation, settings: Settings, run_id: str | None) -> Iterator[Alert]:
    for result in failing:
        if result.rule == "OPS002":
            audit = observation.snapshot.audit
            payload = {
                "problems": list(audit.problems),
                "missing_anchors": list(audit.missing_anchors),
                "length": audit.length,
                "mentions": list(settings.governance.review.participants),
            }
            headline = f"The audit log is broken: {(*audit.problems, *audit.missing_anchors)[0]}"
            yield Alert(
                AlertKind.AUDIT_BROKEN,
                _CHAIN,
                Severity.CRITICAL,
                headline,
                payload=payload,
                scan_id=observation.scan_id,
                run_id=run_id,
            )


def _stale(failing: Sequence[Result], active: Mapping[tuple[str, str], StoredTarget], scan_id: str, run_id: str | None) -> Iterator[Alert]:
    for result in failing:
        if result.rule == "OPS001":
            target = active[(result.object.schema or "", result.object.name)].target
            yield _alert_of(target, result.message, {"last_scan": result.evidence.get("last_scan")}, scan_id, run_id)


def _alert_of(target: Target, headline: str, payload: Mapping[str, object], scan_id: str | None, run_id: str | None) -> Alert:
    return Alert(AlertKind.TARGET_STALE, _SCAN, Severity.HIGH, headline, target, payload, scan_id=scan_id, run_id=run_id)


def _over(connection: Connection, begun: Sequence[Alert], now: datetime) -> list[Alert]:
    """What was told of before and is no more."""
    still = {(alert.kind, alert.target and (alert.target.kind, alert.target.name)) for alert in begun}
    over = []
    for life, target in open_lives(connection, [AlertKind.AUDIT_BROKEN, AlertKind.TARGET_STALE], now):
        if (life.kind, target and (target.kind, target.name)) in still:
            continue
        if target is None:
            over.append(Alert(life.kind, life.subject, Severity.CRITICAL, "The audit log is whole again, and holds every anchor"))
        else:
            over.append(_alert_of(target, f"{target.name} is scanned again", {}, None, None))
    return over
