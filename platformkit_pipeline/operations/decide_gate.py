"""May this target be deployed to, registered, or merged? Decided on its last complete scan, and stored with everything that it rests on.

The deploy gate (clause 4.2), for a connector its registration (clause 9.1), and for a repository also the merge of its commit
(clause 12). The decision itself is pure: `governance.deploy_gate`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from platformkit_pipeline.control_plane import findings, gate_overrides, parity, scans
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.control_plane.findings import OpenFinding
from platformkit_pipeline.control_plane.parity import StoredDecision
from platformkit_pipeline.control_plane.scans import ScanRecord
from platformkit_pipeline.control_plane.statements import statement
from platformkit_pipeline.governance.deploy_gate import GateVerdict, decide
from platformkit_pipeline.governance.gate_inputs import (
    DEPLOY,
    MERGE,
    REGISTRATION,
    CoveredFinding,
    GateInputs,
    ScanInputs,
    SevereFinding,
    inputs_to_json,
)
from platformkit_pipeline.model.consequence import CONSEQUENCES, Category
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.gate_decision import BlockingFinding, CoveredBy, GateDecision, decision_from_json, decision_to_json
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.model.scan import STALE_AFTER
from platformkit_pipeline.model.score import exact
from platformkit_pipeline.model.target import Target, TargetKind
from platformkit_pipeline.model.waiver import Cover
from platformkit_pipeline.operations.cover_findings import covers_for
from platformkit_pipeline.operations.stored_snapshot import target_id_of
from platformkit_pipeline.rules.consequences import category_of

__all__ = ["BlockingFinding", "GateDecision", "decide_deploy_gate", "decide_repository_merge", "decision_from_json", "decision_to_json"]

_SEVERE = (Severity.CRITICAL, Severity.HIGH)
_BLOCKING = {DEPLOY: (Severity.CRITICAL,), REGISTRATION: _SEVERE, MERGE: _SEVERE}
"""A connector is registered when it is complete and passes, and a change is merged so; everything else may be deployed with less."""


def deploy_gate_of(kind: TargetKind) -> str:
    """`deploy`, or `registration` for a connector."""
    return REGISTRATION if kind is TargetKind.CONNECTOR else DEPLOY


def decide_deploy_gate(
    connection: Connection, target: Target, *, now: datetime, run_id: str | None = None, covers: Mapping[str, Cover] | None = None
) -> GateDecision:
    """Decide and store. No on any open critical finding that nothing excuses, on one that could not be judged, and on a stale or failed
    scan; for a connector, whose registration is decided on, on high ones as well.

    `covers`, by fingerprint, is what is excused at `now`; read from `ops` when None. The same again stores nothing new.
    Raises ControlPlaneError.
    """
    return _decide(connection, target, deploy_gate_of(target.kind), now, run_id, covers)


def decide_repository_merge(
    connection: Connection, target: Target, *, now: datetime, run_id: str | None = None, covers: Mapping[str, Cover] | None = None
) -> GateDecision:
    """Whether the commit that was scanned of a repository may be merged: no on critical and high findings of the categories whose
    consequence stops a pull request or a merge (clause 12). Otherwise as `decide_deploy_gate`. Raises ConfigurationError for another kind.
    """
    if target.kind is not TargetKind.REPOSITORY:
        raise ConfigurationError(f"{target.name} is no repository: its merge gate holds contracts against it")
    return _decide(connection, target, MERGE, now, run_id, covers)


def _decide(
    connection: Connection, target: Target, gate: str, now: datetime, run_id: str | None, covers: Mapping[str, Cover] | None
) -> GateDecision:
    with control_plane_errors(), connection.transaction():
        target_id = target_id_of(connection, target)
        listed = findings.open_findings(connection, target_id)
        excused = covers_for(connection, target, now) if covers is None else covers
        inputs = _gathered(connection, target_id, target, gate, listed, excused, now)
        verdict = decide(inputs)
        decision_id = parity.store_decision(connection, target_id, _stored(inputs, verdict, run_id))
    return _shown(inputs, verdict, listed, decision_id)


def _gathered(
    connection: Connection,
    target_id: int,
    target: Target,
    gate: str,
    listed: Sequence[OpenFinding],
    covers: Mapping[str, Cover],
    now: datetime,
) -> GateInputs:
    scan = scans.latest(connection, target_id)
    failed = connection.execute(statement("scan_failed_at"), {"target_id": target_id, "now": now}).fetchone()
    return GateInputs(
        gate=gate,
        target_kind=target.kind.value,
        target=target.name,
        environment=target.environment.value,
        decided_at=now,
        blocking=_BLOCKING[gate],
        stale_after=STALE_AFTER,
        scan=_scan_inputs(scan) if scan else None,
        findings=tuple(_weighty(listed, _BLOCKING[gate])),
        covers=tuple(_covered(listed, covers)),
        failed_at=failed[0] if failed else None,
        override=gate_overrides.in_force(connection, target_id, gate, now),
    )


def _scan_inputs(scan: ScanRecord) -> ScanInputs:
    return ScanInputs(
        scan.scan_id,
        scan.started_at,
        scan.catalog_fingerprint,
        scan.ruleset_digest,
        scan.commit,
        scan.counts or {},
        exact(scan.score.raw) if scan.score else None,
        exact(scan.score.effective) if scan.score else None,
    )


def _weighty(listed: Sequence[OpenFinding], blocking: Sequence[Severity]) -> Iterator[SevereFinding]:
    """What may block, and what has a plan for its consequence."""
    for finding in listed:
        result, category = finding.result, category_of(finding.result.rule)
        slow = category is Category.PERFORMANCE and result.outcome is Outcome.FAIL
        if result.severity in blocking or slow:
            yield SevereFinding(finding.fingerprint, result.rule, result.severity, result.outcome, category)


def _covered(listed: Sequence[OpenFinding], covers: Mapping[str, Cover]) -> Iterator[CoveredFinding]:
    for finding in listed:
        cover, result = covers.get(finding.fingerprint), finding.result
        if cover is not None:
            yield CoveredFinding(finding.fingerprint, result.severity, result.outcome, cover.kind, cover.cover_id, cover.last_day)


def _stored(inputs: GateInputs, verdict: GateVerdict, run_id: str | None) -> StoredDecision:
    return StoredDecision(
        gate=inputs.gate,
        parity_id=None,
        base_parity_id=None,
        verdict=verdict.verdict,
        reasons=verdict.reasons,
        inputs=inputs_to_json(inputs),
        decided_at=inputs.decided_at,
        scan_id=inputs.scan.scan_id if inputs.scan else None,
        run_id=run_id,
        judged=verdict.judged,
        override_id=inputs.override.override_id if inputs.override and verdict.overridden else None,
    )


def _shown(inputs: GateInputs, verdict: GateVerdict, listed: Sequence[OpenFinding], decision_id: str) -> GateDecision:
    scan, score = inputs.scan, verdict.score
    categories = {f.fingerprint: f.category for f in verdict.blocking}
    # Contract order within FAIL and UNKNOWN, as findings are listed everywhere.
    blocking = sorted((f for f in listed if f.fingerprint in categories), key=lambda f: f.result.outcome is not Outcome.FAIL)
    return GateDecision(
        gate=inputs.gate,
        target=inputs.target,
        verdict=verdict.verdict,
        reasons=verdict.reasons,
        blocking=tuple(_blocking(f, categories[f.fingerprint]) for f in blocking),
        scan_id=scan.scan_id if scan else None,
        catalog_fingerprint=scan.catalog_fingerprint if scan else None,
        ruleset_digest=scan.ruleset_digest if scan else None,
        raw_score=score.raw_display if score else None,
        effective_score=score.effective_display if score else None,
        decided_at=inputs.decided_at.isoformat(timespec="seconds"),
        commit=scan.commit if scan else None,
        kind=inputs.target_kind,
        decision_id=decision_id,
        judged=verdict.judged,
        override_id=inputs.override.override_id if inputs.override and verdict.overridden else None,
        covers=tuple(CoveredBy(c.fingerprint, c.severity.value, c.kind.value, c.cover_id, c.last_day.isoformat()) for c in verdict.covered),
    )


def _blocking(finding: OpenFinding, category: Category | None) -> BlockingFinding:
    result = finding.result
    return BlockingFinding(
        result.rule,
        result.name,
        result.outcome.value,
        str(result.object),
        result.message,
        finding.fingerprint,
        result.severity.value,
        category.value if category else "",
        ", ".join(CONSEQUENCES[category]) if category else "",
    )
