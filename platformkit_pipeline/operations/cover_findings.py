"""What waivers and exceptions excuse today (clauses 10.1, 10.2), for whoever scores, decides or shows: always asked anew, with the time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime

from platformkit_pipeline.control_plane import exceptions, findings, scans
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.governance.coverage import Violation, covers_on
from platformkit_pipeline.governance.exceptions import covers_of
from platformkit_pipeline.model.contract import CheckResult
from platformkit_pipeline.model.parity import CheckKey
from platformkit_pipeline.model.result import Outcome, Result, finding_fingerprint
from platformkit_pipeline.model.score import Score, score_of_counts
from platformkit_pipeline.model.target import Target
from platformkit_pipeline.model.waiver import Cover
from platformkit_pipeline.operations.stored_snapshot import target_id_of

Covers = Mapping[str, Cover]
"""By fingerprint of the finding."""


def utc_day(now: datetime) -> date:
    """The day that covers are asked for."""
    return now.astimezone(UTC).date()


def covers_of_target(connection: Connection, target: Target, target_id: int) -> tuple[Cover, ...]:
    """Everything that ever covers something of the target, on whichever days; inside the caller's transaction."""
    return tuple(cover for row in exceptions.covering(connection, target_id) for cover in covers_of(row.entry))


def covers_for(connection: Connection, target: Target, now: datetime) -> Covers:
    """The cover of every open FAIL that has one on the UTC day of `now`. An UNKNOWN has none. Raises ControlPlaneError."""
    with control_plane_errors(), connection.transaction():
        target_id = target_id_of(connection, target)
        covers = covers_of_target(connection, target, target_id)
        if not covers:
            return {}
        open_results = [finding.result for finding in findings.open_findings(connection, target_id)]
        return covers_of_results(target, open_results, covers, utc_day(now))


def covers_of_results(target: Target, results: Iterable[Result], covers: Iterable[Cover], today: date) -> Covers:
    """Those of `covers` that excuse one of `results` on `today`."""
    violations = (
        Violation(r.rule, finding_fingerprint(target, r.rule, r.object), str(r.object)) for r in results if r.outcome is Outcome.FAIL
    )
    return covers_on(covers, violations, today)


def covered_checks(results: Iterable[CheckResult], covers: Iterable[Cover], today: date) -> frozenset[CheckKey]:
    """Checks of contracts whose FAIL is excused on `today`: by the rule `parity/<dimension>`, shown as `<contract>/<check>`."""
    failing = {_parity_fingerprint(r): r for r in results if r.outcome is Outcome.FAIL}
    violations = (Violation(f"parity/{r.dimension.value}", name, f"{r.contract}/{r.check}") for name, r in failing.items())
    return frozenset(failing[name].key for name in covers_on(covers, violations, today))


def waived_checks(connection: Connection, target: Target, results: Iterable[CheckResult], now: datetime) -> frozenset[CheckKey]:
    """`covered_checks` by what is on record for the target. Raises ControlPlaneError."""
    with control_plane_errors(), connection.transaction():
        covers = covers_of_target(connection, target, target_id_of(connection, target))
    return covered_checks(results, covers, utc_day(now))


def score_on(connection: Connection, target: Target, now: datetime) -> Score | None:
    """The score of the last complete scan with what covers its findings now; None without one.

    What is stored with a scan is of the scan's day: a cover that has ended since helps no longer, one that was granted since does.
    Raises ControlPlaneError.
    """
    with control_plane_errors(), connection.transaction():
        target_id = target_id_of(connection, target)
        scan = scans.latest(connection, target_id)
        if scan is None or scan.score is None or scan.counts is None:
            return None
        covers = covers_for(connection, target, now)
        if not covers:
            return Score(scan.score.raw, scan.score.raw)
        covered = Counter(f.result.severity for f in findings.open_findings(connection, target_id) if f.fingerprint in covers)
        return score_of_counts(scan.counts, covered)


def _parity_fingerprint(result: CheckResult) -> str:
    """Checks have no fingerprint of their own, and no waiver names one; it tells them apart."""
    return "\x1f".join((result.dimension.value, result.contract, result.check))
