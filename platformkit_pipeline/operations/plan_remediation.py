"""Plan the remediation of a target's open findings, as they are stored, and store the plan."""

from __future__ import annotations

from platformkit_pipeline.control_plane import audit, findings, plans
from platformkit_pipeline.control_plane.audit import AuditEntry
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.patch import Plan
from platformkit_pipeline.model.target import Declarations, Target
from platformkit_pipeline.operations.stored_snapshot import latest_observation
from platformkit_pipeline.remediation.plan import build_plan

_log = get_logger("operations.plan_remediation")


def plan_remediation(connection: Connection, target: Target, declarations: Declarations, *, run_id: str | None) -> Plan:
    """Build the plan for the open findings of the latest observation, store it and commit.

    The same findings on the same catalogue give the plan that is already stored; a new one goes to the audit log
    (clause 11.1). Raises ControlPlaneError.
    """
    with control_plane_errors(), connection.transaction():
        observation = latest_observation(connection, target)
        results = tuple(f.result for f in findings.open_findings(connection, observation.target_id))
        scan = observation.scan
        plan = build_plan(target, scan.scan_id, scan.catalog_fingerprint, results, observation.snapshot, declarations)
        if plans.store(connection, observation.target_id, plan):
            detail = {
                "target": target.name,
                "patches": len(plan.patches),
                "manual_items": len(plan.manual_items),
                "base_fingerprint": plan.base_fingerprint,
            }
            audit.append(connection, [AuditEntry("remediation.planned", plan.plan_id, detail, scan_id=scan.scan_id, run_id=run_id)])
    _log.info(
        "planned", plan_id=plan.plan_id, scan_id=plan.scan_id, run_id=run_id, patches=len(plan.patches), manual=len(plan.manual_items)
    )
    return plan
