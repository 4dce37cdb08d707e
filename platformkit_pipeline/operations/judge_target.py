"""Judge the latest stored observation of a target, family by family, and keep its findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from platformkit_pipeline.control_plane import findings, metrics, scans
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.control_plane.findings import FindingChanges
from platformkit_pipeline.control_plane.scans import ScanStatus
from platformkit_pipeline.cycle_collector import collector_paused
from platformkit_pipeline.logs import bind_ids, get_logger
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.scan import ScanReport
from platformkit_pipeline.model.score import Score, compliance_score
from platformkit_pipeline.model.target import Declarations, Target
from platformkit_pipeline.operations.stored_snapshot import StoredObservation, latest_observation
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import Family, Scope, rules_for, ruleset_digest

_log = get_logger("operations.judge_target")


@dataclass(frozen=True, slots=True)
class Judgement:
    """`report` holds the results of the judged families; `complete` tells that the whole rule book has spoken about this scan."""

    report: ScanReport
    changes: FindingChanges
    families: tuple[Family, ...]
    complete: bool


@collector_paused()
def judge_target(
    connection: Connection, target: Target, declarations: Declarations, *, families: Sequence[Family] = tuple(Family), run_id: str | None
) -> Judgement:
    """Apply the rules of `families` and write their findings; complete the scan once every family was judged.

    One transaction: findings and verdict appear together. The same call again changes nothing. Raises ControlPlaneError.
    """
    book = rules_for(Scope.PROJECT)
    chosen = tuple(r for r in book if r.family in families)
    with control_plane_errors(), connection.transaction():
        observation = latest_observation(connection, target)
        scan = observation.scan
        with bind_ids(project_id=target.name, scan_id=scan.scan_id, **({"run_id": run_id} if run_id else {})):
            results = evaluate(observation.snapshot, declarations, chosen)
            codes = frozenset(r.code for r in chosen)
            changes = findings.write(connection, target, observation.target_id, scan.scan_id, results, rules=codes)
            complete = scan.judged_rules | codes >= {r.code for r in book}
            everything = results if len(chosen) == len(book) or not complete else evaluate(observation.snapshot, declarations, book)
            score = compliance_score(everything)
            if complete:
                scans.complete(
                    connection, scan.scan_id, ruleset_digest=ruleset_digest(book), score=score, counts=scans.count_results(everything)
                )
                if scan.status is not ScanStatus.COMPLETE:
                    _measure(connection, observation, score, everything, run_id)
            _log.info("judged", rules=len(chosen), opened=changes.opened, resolved=changes.resolved, complete=complete)
    report = ScanReport(
        scan_id=scan.scan_id,
        target=target,
        server_version=observation.snapshot.server.version,
        started_at=scan.started_at,
        duration_seconds=scan.duration_seconds,
        catalog_fingerprint=scan.catalog_fingerprint,
        ruleset_digest=ruleset_digest(chosen),
        results=results,
        score=score,
        unobserved=scan.unobserved,
    )
    return Judgement(report=report, changes=changes, families=tuple(families), complete=complete)


def _measure(connection: Connection, observation: StoredObservation, score: Score, results: Sequence[Result], run_id: str | None) -> None:
    """Clause 7.2: the score and the number of findings of every complete scan."""
    findings_count = sum(r.is_finding for r in results)
    for name, value, unit in (("compliance.score", float(score.raw), "percent"), ("compliance.findings", findings_count, "findings")):
        metrics.record(connection, name, value, unit, target_id=observation.target_id, scan_id=observation.scan.scan_id, run_id=run_id)
