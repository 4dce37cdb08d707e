"""Score the parity of one target: run its contracts, score what they said, keep it, and tell the owners when it got worse."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from platformkit_pipeline.control_plane import metrics, parity
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.logs import bind_ids, get_logger
from platformkit_pipeline.model.contract import CheckResult, Dimension
from platformkit_pipeline.model.parity import CheckKey, ParityReport, full_commit, one_per_check, parity_score
from platformkit_pipeline.operations.alert_regression import Regressed, regressed_since, tell_of_default_branch
from platformkit_pipeline.operations.clock import SYSTEM_CLOCK, Clock
from platformkit_pipeline.operations.cover_findings import waived_checks
from platformkit_pipeline.operations.parity_subject import ParitySubject
from platformkit_pipeline.operations.stored_snapshot import target_id_of
from platformkit_pipeline.parity.run_contracts import run_contracts

DEFAULT_BRANCH = "main"
_EVERY = tuple(Dimension)

_log = get_logger("operations.score_parity")


@dataclass(frozen=True, slots=True)
class Revision:
    """Which state of the code a run speaks about. Nothing given: what is live, which counts as the default branch."""

    commit: str | None = None
    branch: str | None = None
    default_branch: str = DEFAULT_BRANCH

    def __post_init__(self) -> None:
        full_commit(self.commit)

    @property
    def of_default_branch(self) -> bool:
        """A commit without its branch may be anything, so it does not count."""
        return self.branch == self.default_branch if self.branch is not None else self.commit is None


LIVE = Revision()


@dataclass(frozen=True, slots=True)
class KeptParity:
    """`new` is False for a run that was stored already. `regressed` says in what the default branch got worse, if it did."""

    parity_id: str
    new: bool
    regressed: Regressed | None


def measure_parity(
    subject: ParitySubject,
    *,
    dimensions: Collection[Dimension] = _EVERY,
    revision: Revision = LIVE,
    parity_id: str | None = None,
    scan_id: str | None = None,
    run_id: str | None = None,
    waived: frozenset[CheckKey] = frozenset(),
    clock: Clock = SYSTEM_CLOCK,
) -> ParityReport:
    """Run the contracts of `dimensions` and score them; others count as not declared. Never raises for what a contract comes to."""
    started_at, started = clock.now(), clock.seconds()
    chosen = parity_id or str(uuid.uuid4())
    with bind_ids(target=subject.target.name, parity_id=chosen):
        results = run_dimensions(subject, dimensions)
        report = report_of(
            subject,
            results,
            dimensions=dimensions,
            started_at=started_at,
            duration_seconds=round(clock.seconds() - started, 3),
            parity_id=chosen,
            revision=revision,
            scan_id=scan_id,
            run_id=run_id,
            waived=waived,
        )
        _log.info("measured", checks=len(report.results), score=float(report.parity.score.raw) if report.parity.score else None)
    return report


def run_dimensions(subject: ParitySubject, dimensions: Collection[Dimension] = _EVERY) -> tuple[CheckResult, ...]:
    """What the contracts of `dimensions` say, one result per check, sorted."""
    return one_per_check(run_contracts(subject.contracts, subject.surroundings, dimensions))


def report_of(
    subject: ParitySubject,
    results: Iterable[CheckResult],
    *,
    started_at: datetime,
    duration_seconds: float,
    parity_id: str,
    dimensions: Collection[Dimension] = _EVERY,
    revision: Revision = LIVE,
    scan_id: str | None = None,
    run_id: str | None = None,
    waived: frozenset[CheckKey] = frozenset(),
) -> ParityReport:
    """Score results that are there already; a declared dimension without any counts as not measured."""
    declared = tuple(d for d in Dimension if d in dimensions and d in subject.contracts.declared)
    listed = one_per_check(r for r in results if r.dimension in declared)
    return ParityReport(
        parity_id=parity_id,
        target=subject.target,
        started_at=started_at,
        duration_seconds=duration_seconds,
        contracts_digest=subject.contracts.digest,
        declared=declared,
        weights=subject.weights,
        results=listed,
        parity=parity_score(listed, declared, subject.weights, waived),
        waived=waived & {r.key for r in listed},
        commit=revision.commit,
        branch=revision.branch,
        of_default_branch=revision.of_default_branch,
        scan_id=scan_id,
        run_id=run_id,
    )


def with_waivers(connection: Connection, report: ParityReport, now: datetime) -> ParityReport:
    """The run scored with what waivers and exceptions excuse on the UTC day of `now`. Raises ControlPlaneError."""
    waived = waived_checks(connection, report.target, report.results, now)
    return replace(report, waived=waived, parity=parity_score(report.results, report.declared, report.weights, waived))


def keep_parity(connection: Connection, report: ParityReport) -> KeptParity:
    """Store a run, its measures, and, when the default branch got worse with it, the event that tells the owners: all or nothing.

    The same run again changes nothing. Raises ControlPlaneError.
    """
    with control_plane_errors(), connection.transaction():
        target_id = target_id_of(connection, report.target)
        new = parity.store(connection, target_id, report)
        before = parity.predecessor(connection, target_id, report) if report.of_default_branch else None
        regressed = regressed_since(before.report, report) if before else None
        if new:
            _measure(connection, target_id, report)
            if report.of_default_branch:
                tell_of_default_branch(connection, target_id, report, regressed)
    _log.info("kept", parity_id=report.parity_id, new=new, regressed=regressed is not None)
    return KeptParity(report.parity_id, new, regressed)


def _measure(connection: Connection, target_id: int, report: ParityReport) -> None:
    """Clause 7.2. Only what tells how the target stands; changes under review would blur it."""
    values = [("parity.duration", report.duration_seconds, "seconds")]
    if report.of_default_branch and report.parity.score:
        values.append(("parity.score", float(report.parity.score.raw), "percent"))
    for name, value, unit in values:
        metrics.record(
            connection, name, value, unit, target_id=target_id, scan_id=report.scan_id, run_id=report.run_id, at=report.started_at
        )
