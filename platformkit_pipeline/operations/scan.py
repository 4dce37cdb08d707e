"""Scan one database: observe it, name what was seen, judge it, score it. Nothing is written anywhere."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from platformkit_pipeline.cycle_collector import collector_paused
from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint
from platformkit_pipeline.introspection.postgres.isolation_probe import probe_isolation
from platformkit_pipeline.logs import bind_ids, get_logger
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.isolation import ProbeLevel
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.scan import ScanReport
from platformkit_pipeline.model.score import compliance_score
from platformkit_pipeline.model.snapshot import CatalogKind, Snapshot
from platformkit_pipeline.model.target import NO_OPTIONS, Declarations, Environment, ObservationOptions, Target
from platformkit_pipeline.operations.observe_all import observe_all
from platformkit_pipeline.operations.second_process import done_beside
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import Rule, ruleset_digest

_log = get_logger("operations.scan")


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _new_scan_id() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Clock:
    """Where time and identity of a scan come from; tests put their own in."""

    now: Callable[[], datetime] = field(default=_utc_now)
    seconds: Callable[[], float] = field(default=time.monotonic)
    new_scan_id: Callable[[], str] = field(default=_new_scan_id)


def scan_database(
    dsn: Dsn,
    *,
    target: Target,
    declarations: Declarations,
    rules: Sequence[Rule],
    options: ObservationOptions = NO_OPTIONS,
    clock: Clock = Clock(),
    probe: ProbeLevel = ProbeLevel.NONE,
) -> ScanReport:
    """Observe the database behind `dsn` in one read-only transaction and judge it by `rules`.

    `probe` tries tenant isolation in a second transaction, always rolled back. Raises ConfigurationError for a probe that
    writes to production, TargetUnreachable, TargetBusy or another ObservationError; there is no half a report.
    """
    if probe is ProbeLevel.WRITE and target.environment is Environment.PRODUCTION:
        raise ConfigurationError(f"a probe that writes is refused on {target.name}: its environment is production; probe read, or a copy")
    scan_id, started_at, started = clock.new_scan_id(), clock.now(), clock.seconds()
    with bind_ids(scan_id=scan_id, target=target.name):
        snapshot = observe_all(dsn, options)
        if probe is not ProbeLevel.NONE:
            snapshot = replace(snapshot, isolation=probe_isolation(dsn, snapshot, declarations, level=probe))
        report = judge(
            snapshot,
            target=target,
            declarations=declarations,
            rules=rules,
            scan_id=scan_id,
            started_at=started_at,
            elapsed=lambda: clock.seconds() - started,
        )
        _log.info("scanned", results=len(report.results), findings=len(report.findings), duration_seconds=report.duration_seconds)
    return report


@collector_paused()
def judge(
    snapshot: Snapshot,
    *,
    target: Target,
    declarations: Declarations,
    rules: Sequence[Rule],
    scan_id: str,
    started_at: datetime,
    elapsed: Callable[[], float] = lambda: 0.0,
) -> ScanReport:
    """What `rules` say about a snapshot. `elapsed` tells the seconds since the scan began, asked when judging is done."""
    fingerprint, results = _fingerprint_and_results(snapshot, declarations, rules)
    return ScanReport(
        scan_id=scan_id,
        target=target,
        server_version=snapshot.server.version,
        started_at=started_at,
        duration_seconds=elapsed(),
        catalog_fingerprint=fingerprint,
        ruleset_digest=ruleset_digest(rules),
        results=results,
        score=compliance_score(results),
        unobserved=snapshot.unobserved,
    )


_WORTH_A_PROCESS = 10_000
"""Columns from which on judging takes longer than copying the process twice over."""


def _fingerprint_and_results(snapshot: Snapshot, declarations: Declarations, rules: Sequence[Rule]) -> tuple[str, tuple[Result, ...]]:
    """A large database is judged on two processors. Rules that read policies stay together: they share what was parsed."""
    if len(snapshot.columns) < _WORTH_A_PROCESS:
        return catalog_fingerprint(snapshot), evaluate(snapshot, declarations, rules)
    of_policies = [r for r in rules if CatalogKind.POLICIES in r.requires]
    others = [r for r in rules if CatalogKind.POLICIES not in r.requires]
    with done_beside(lambda: (catalog_fingerprint(snapshot), evaluate(snapshot, declarations, others))) as beside:
        results = evaluate(snapshot, declarations, of_policies)
        fingerprint, more = beside()
    return fingerprint, tuple(sorted((*results, *more), key=lambda r: r.sort_key))
