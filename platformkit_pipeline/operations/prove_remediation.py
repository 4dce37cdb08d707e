"""Prove the stored plan of a target on a shadow made from its stored observation, and store the proofs (clause 11.1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from platformkit_pipeline.control_plane import audit, plans
from platformkit_pipeline.control_plane.audit import AuditEntry
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.model.patch import Plan
from platformkit_pipeline.model.proof import ProofStatus
from platformkit_pipeline.model.target import Declarations, Target
from platformkit_pipeline.operations.prove_plan import prove
from platformkit_pipeline.operations.stored_snapshot import latest_observation
from platformkit_pipeline.rules.registry import Scope, rules_for, ruleset_digest

_log = get_logger("operations.prove_remediation")


@dataclass(frozen=True, slots=True)
class ProvenPlan:
    """`tried` is False when the very plan was proven by the same rules before, so that nothing had to be done."""

    plan: Plan
    tried: bool


def prove_remediation(connection: Connection, target: Target, declarations: Declarations, *, run_id: str | None) -> ProvenPlan:
    """Prove the latest plan, unless that was done, and store what came of it. Commits.

    Raises ControlPlaneError without a plan, or when the plan was made for another observation; SandboxError, ObservationError when
    the shadow is not to be had or lost.
    """
    with control_plane_errors(), connection.transaction():
        observation = latest_observation(connection, target)
        plan = plans.latest(connection, observation.target_id)
    if plan is None or plan.base_fingerprint != observation.scan.catalog_fingerprint:
        raise ControlPlaneError(f"target {target.name} has no plan for its latest observation: materialize remediation/plans first")
    if _is_proven(plan):
        return ProvenPlan(plan, tried=False)
    proven = prove(plan, observation.snapshot, declarations)
    with control_plane_errors(), connection.transaction():
        plans.store_proofs(connection, proven, proven_at=datetime.now(UTC), run_id=run_id)
        counts = {status.value: sum(p.status is status for p in proven.patches) for status in ProofStatus}
        entry = AuditEntry("remediation.tried", plan.plan_id, {"target": target.name, **counts}, scan_id=plan.scan_id, run_id=run_id)
        audit.append(connection, [entry])
    _log.info("proven", plan_id=plan.plan_id, scan_id=plan.scan_id, run_id=run_id, **counts)
    return ProvenPlan(proven, tried=True)


def _is_proven(plan: Plan) -> bool:
    """By the rules of today; other rules may see what these did not."""
    digest = ruleset_digest(rules_for(Scope.PROJECT))
    return all(p.proof is not None and p.proof.ruleset_digest == digest for p in plan.patches)
