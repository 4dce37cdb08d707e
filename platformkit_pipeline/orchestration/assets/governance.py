"""Fourth stage: may this target be deployed?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Protocol

import dagster as dg

from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.target import Target
from platformkit_pipeline.operations.decide_gate import GateDecision, decide_deploy_gate, decision_to_json
from platformkit_pipeline.operations.report_fleet import audit_head_hash
from platformkit_pipeline.orchestration.assets.stage import ConnectorRun, RepositoryRun, Stage, TargetRun
from platformkit_pipeline.orchestration.keys import COMPLIANCE_REPORT, GATE
from platformkit_pipeline.orchestration.metadata import table
from platformkit_pipeline.orchestration.ownership import OWNERS, code_of
from platformkit_pipeline.orchestration.partitions import supabase_projects
from platformkit_pipeline.orchestration.recording import Event
from platformkit_pipeline.reporting.markdown import escape

_BLOCKING_COLUMNS = ("rule", "outcome", "category", "consequence", "object", "message", "fingerprint")
_COVER_COLUMNS = ("severity", "kind", "id", "last_day", "fingerprint")


def _decide(run: TargetRun) -> Iterator[Event]:
    yield gate_event(run, GATE, decide_deploy_gate)


class Decide(Protocol):
    """A gate about the last complete scan of a target."""

    def __call__(self, connection: Connection, target: Target, *, now: datetime, run_id: str | None = None) -> GateDecision: ...


def gate_event(run: TargetRun | RepositoryRun | ConnectorRun, key: dg.AssetKey, decide: Decide) -> Event:
    """Decide, store the decision, and record it as asset `key`."""
    decision = decide(run.connection, run.target, now=datetime.now(UTC), run_id=run.run_id)
    blocking = [(b.rule, b.outcome, b.category, b.consequence, b.object, b.message, b.fingerprint) for b in decision.blocking]
    covers = [(c.severity, c.kind, c.cover_id, c.last_day, c.fingerprint) for c in decision.covers]
    return run.record.materialized(
        key,
        {
            "verdict": dg.MetadataValue.text(decision.verdict),
            "summary": dg.MetadataValue.md(_summary(decision)),
            "blocking": dg.MetadataValue.int(len(decision.blocking)),
            "blocking_findings": table(dict.fromkeys(_BLOCKING_COLUMNS, "string"), blocking),
            "covers": table(dict.fromkeys(_COVER_COLUMNS, "string"), covers),
            "overridden": dg.MetadataValue.bool(decision.overridden),
            # Row of ops.gate_decisions: `platformkit db verify-decisions` decides it again.
            "decision_id": dg.MetadataValue.text(decision.decision_id or ""),
            # Noted here, the end of the audit chain can no longer be rewritten unseen.
            "audit_head": dg.MetadataValue.text(audit_head_hash(run.connection)),
            # What `platformkit gate` reads.
            "decision": dg.MetadataValue.json(decision_to_json(decision)),
        },
    )


def _summary(decision: GateDecision) -> str:
    reasons = "\n".join(f"- {escape(reason)}" for reason in decision.reasons)
    at = f" at commit {decision.commit[:12]}" if decision.commit else ""
    return f"**{decision.verdict}** for {escape(decision.target)}{at}\n\n{reasons}"


GOVERNANCE = Stage(
    specs=(
        dg.AssetSpec(
            GATE,
            deps=[COMPLIANCE_REPORT],
            group_name="governance",
            description=(
                "The deploy gate: no on any unwaived critical finding, on a failed or stale scan, and on a critical that could not "
                "be judged (clauses 1.3, 4.2). `platformkit gate` reads the decision from here."
            ),
            owners=OWNERS,
            kinds={"python", "postgres"},
            code_version="1",
            metadata=code_of(decide_deploy_gate),
            partitions_def=supabase_projects,
            skippable=True,
        ),
    ),
    carry_out=_decide,
    operation="gate",
)
