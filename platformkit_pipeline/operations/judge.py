"""Judge a snapshot: name what was seen, apply rules, score the results. No connection, no clock of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from platformkit_pipeline.cycle_collector import collector_paused
from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.scan import ScanReport
from platformkit_pipeline.model.score import compliance_score
from platformkit_pipeline.model.snapshot import CatalogKind, Snapshot
from platformkit_pipeline.model.target import Declarations, Target
from platformkit_pipeline.operations.head_start import WORTH_A_PROCESS, AskedTooEarlyError, EarlyResults
from platformkit_pipeline.operations.second_process import done_beside
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import Rule, ruleset_digest


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
    early: EarlyResults | None = None,
) -> ScanReport:
    """What `rules` say about a snapshot, `early` what some of them said already.

    `elapsed` tells the seconds since the scan began, asked when judging is done.
    """
    fingerprint, results = _fingerprint_and_results(snapshot, declarations, rules, early)
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


def _fingerprint_and_results(
    snapshot: Snapshot, declarations: Declarations, rules: Sequence[Rule], early: EarlyResults | None
) -> tuple[str, tuple[Result, ...]]:
    """A large database is judged on two processors. Rules that read policies stay together: they share what was parsed."""
    if early is not None:
        fingerprint = catalog_fingerprint(snapshot)
        results = evaluate(snapshot, declarations, [r for r in rules if r.code not in early.codes])
        try:
            more = early.results()
        except AskedTooEarlyError:
            more = evaluate(snapshot, declarations, [r for r in rules if r.code in early.codes])
        return fingerprint, _in_order(results, more)
    if len(snapshot.columns) < WORTH_A_PROCESS:
        return catalog_fingerprint(snapshot), evaluate(snapshot, declarations, rules)
    of_policies = [r for r in rules if CatalogKind.POLICIES in r.requires]
    others = [r for r in rules if CatalogKind.POLICIES not in r.requires]
    with done_beside(lambda: (catalog_fingerprint(snapshot), evaluate(snapshot, declarations, others))) as beside:
        results = evaluate(snapshot, declarations, of_policies)
        fingerprint, more = beside()
    return fingerprint, _in_order(results, more)


def _in_order(*parts: tuple[Result, ...]) -> tuple[Result, ...]:
    return tuple(sorted((result for part in parts for result in part), key=lambda r: r.sort_key))
