"""Scan one database: observe it and judge it. Nothing is written anywhere.

What judges is loaded while the server works on the catalogue (see `head_start`): it takes longer than the server's first answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from platformkit_pipeline.logs import bind_ids, get_logger
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.isolation import ProbeLevel
from platformkit_pipeline.model.target import NO_OPTIONS, Declarations, Environment, ObservationOptions, Target
from platformkit_pipeline.operations.clock import SYSTEM_CLOCK, Clock
from platformkit_pipeline.operations.head_start import HeadStart
from platformkit_pipeline.operations.observe_all import observe_all

if TYPE_CHECKING:
    from platformkit_pipeline.model.scan import ScanReport
    from platformkit_pipeline.rules.registry import Rule

_log = get_logger("operations.scan")


def scan_database(
    dsn: Dsn,
    *,
    target: Target,
    declarations: Declarations,
    rules: Sequence[Rule] | None = None,
    options: ObservationOptions = NO_OPTIONS,
    clock: Clock = SYSTEM_CLOCK,
    probe: ProbeLevel = ProbeLevel.NONE,
) -> ScanReport:
    """Observe the database behind `dsn` in one read-only transaction and judge it by `rules`, without which by all of a project.

    `probe` tries tenant isolation in a second transaction, always rolled back. Raises ConfigurationError for a probe that
    writes to production, TargetUnreachable, TargetBusy or another ObservationError; there is no half a report.
    """
    if probe is ProbeLevel.WRITE and target.environment is Environment.PRODUCTION:
        raise ConfigurationError(f"a probe that writes is refused on {target.name}: its environment is production; probe read, or a copy")
    scan_id, started_at, started = clock.new_scan_id(), clock.now(), clock.seconds()
    with bind_ids(scan_id=scan_id, target=target.name), HeadStart(declarations, rules) as head_start:
        snapshot = observe_all(dsn, options, meanwhile=head_start)
        if probe is not ProbeLevel.NONE:
            from platformkit_pipeline.introspection.postgres.isolation_probe import probe_isolation

            snapshot = replace(snapshot, isolation=probe_isolation(dsn, snapshot, declarations, level=probe))
        from platformkit_pipeline.operations.judge import judge
        from platformkit_pipeline.rules.registry import Scope, rules_for

        report = judge(
            snapshot,
            target=target,
            declarations=declarations,
            rules=rules_for(Scope.PROJECT) if rules is None else rules,
            scan_id=scan_id,
            started_at=started_at,
            elapsed=lambda: clock.seconds() - started,
            early=head_start.early,
        )
        _log.info("scanned", results=len(report.results), findings=len(report.findings), duration_seconds=report.duration_seconds)
    return report
