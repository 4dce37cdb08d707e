"""Keep what rules said about a stored observation: findings, score, and the scan's completion, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from platformkit_pipeline.control_plane import findings, metrics, scans
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.findings import FindingChanges
from platformkit_pipeline.control_plane.scans import ScanRecord, ScanStatus
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.result import Result, finding_fingerprint
from platformkit_pipeline.model.scan import ScanReport
from platformkit_pipeline.model.score import Score, compliance_score
from platformkit_pipeline.model.target import Target
from platformkit_pipeline.operations.cover_findings import Covers, covers_of_results, covers_of_target, utc_day
from platformkit_pipeline.rules.registry import Family, Rule, ruleset_digest

_log = get_logger("operations.keep_judgement")


@dataclass(frozen=True, slots=True)
class Judgement:
    """`report` holds the results of the judged families; `complete` tells that the whole rule book has spoken about this scan."""

    report: ScanReport
    changes: FindingChanges
    families: tuple[Family, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class RuleBook:
    """All `rules` about targets of one kind, those `chosen` now, and how they judge the observation at hand."""

    rules: tuple[Rule, ...]
    chosen: tuple[Rule, ...]
    evaluate: Callable[[Sequence[Rule]], tuple[Result, ...]]

    @classmethod
    def of_families(
        cls, rules: tuple[Rule, ...], families: Sequence[Family], evaluate: Callable[[Sequence[Rule]], tuple[Result, ...]]
    ) -> RuleBook:
        return cls(rules, tuple(rule for rule in rules if rule.family in families), evaluate)


def keep_judgement(
    connection: Connection,
    target: Target,
    scan: ScanRecord,
    book: RuleBook,
    *,
    families: Sequence[Family],
    run_id: str | None,
    today: date | None = None,
) -> Judgement:
    """Judge by the chosen rules and write their findings; complete the scan once every rule of the book has judged it.

    The effective score is that of `today` (UTC), by default the day of the scan: what covers a FAIL then
    makes a PASS of it. The same call again changes nothing. Raises ControlPlaneError, and psycopg's errors.
    """
    results = book.evaluate(book.chosen)
    codes = frozenset(rule.code for rule in book.chosen)
    changes = findings.write(connection, target, scan.target_id, scan.scan_id, results, rules=codes)
    complete = scan.judged_rules | codes >= {rule.code for rule in book.rules}
    everything = results if len(book.chosen) == len(book.rules) or not complete else book.evaluate(book.rules)
    covers = covers_of_results(target, everything, covers_of_target(connection, target, scan.target_id), today or utc_day(scan.started_at))
    score = compliance_score(everything, _positions(target, everything, covers))
    if complete:
        counts = scans.count_results(everything)
        scans.complete(connection, scan.scan_id, ruleset_digest=ruleset_digest(book.rules), score=score, counts=counts)
        if scan.status is not ScanStatus.COMPLETE:
            _measure(connection, scan, score, everything, run_id)
    _log.info("judged", scan_id=scan.scan_id, rules=len(book.chosen), opened=changes.opened, resolved=changes.resolved, complete=complete)
    report = ScanReport(
        scan_id=scan.scan_id,
        target=target,
        server_version=scan.server_version,
        commit=scan.commit,
        started_at=scan.started_at,
        duration_seconds=scan.duration_seconds,
        catalog_fingerprint=scan.catalog_fingerprint,
        ruleset_digest=ruleset_digest(book.chosen),
        results=results,
        score=score,
        unobserved=scan.unobserved,
        covers=covers,
    )
    return Judgement(report=report, changes=changes, families=tuple(families), complete=complete)


def _positions(target: Target, results: Sequence[Result], covers: Covers) -> frozenset[int]:
    """Where the covered ones stand among `results`."""
    if not covers:
        return frozenset()
    return frozenset(n for n, r in enumerate(results) if r.is_finding and finding_fingerprint(target, r.rule, r.object) in covers)


def _measure(connection: Connection, scan: ScanRecord, score: Score, results: Sequence[Result], run_id: str | None) -> None:
    """Clause 7.2: the score and the number of findings of every complete scan."""
    findings_count = sum(r.is_finding for r in results)
    for name, value, unit in (("compliance.score", float(score.raw), "percent"), ("compliance.findings", findings_count, "findings")):
        metrics.record(connection, name, value, unit, target_id=scan.target_id, scan_id=scan.scan_id, run_id=run_id, at=scan.started_at)
