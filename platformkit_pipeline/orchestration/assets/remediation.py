"""Third stage: propose what would mend the open findings."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from platformkit_pipeline.operations.plan_remediation import plan_remediation
from platformkit_pipeline.orchestration.assets.stage import Stage, TargetRun
from platformkit_pipeline.orchestration.keys import COMPLIANCE_REPORT, PLANS
from platformkit_pipeline.orchestration.metadata import MARKDOWN_LIMIT, table
from platformkit_pipeline.orchestration.ownership import OWNERS, code_of
from platformkit_pipeline.orchestration.partitions import supabase_projects
from platformkit_pipeline.orchestration.recording import Event
from platformkit_pipeline.reporting.plan import plan_markdown


def _plan(run: TargetRun) -> Iterator[Event]:
    plan = plan_remediation(run.connection, run.target, run.declarations, run_id=run.run_id)
    items = [
        *((p.rule, p.object.canonical, "sql", p.title) for p in plan.patches),
        *((m.rule, m.object.canonical, "manual", m.reason) for m in plan.manual_items),
    ]
    columns = {"rule": "string", "object": "string", "kind": "string", "what": "string"}
    yield run.record.materialized(
        PLANS,
        {
            "plan_id": dg.MetadataValue.text(plan.plan_id),
            "scan_id": dg.MetadataValue.text(plan.scan_id),
            "base_fingerprint": dg.MetadataValue.text(plan.base_fingerprint),
            "patches": dg.MetadataValue.int(len(plan.patches)),
            "manual_items": dg.MetadataValue.int(len(plan.manual_items)),
            "items": table(columns, items),
            "plan": dg.MetadataValue.md(plan_markdown(plan, limit=MARKDOWN_LIMIT, remainder="ops.remediation_patches")),
        },
        data_version=plan.plan_id,
    )


REMEDIATION = Stage(
    specs=(
        dg.AssetSpec(
            PLANS,
            deps=[COMPLIANCE_REPORT],
            group_name="remediation",
            description=(
                "What would mend the open findings, in the order of application: `up` and `down` SQL, or a manual item with the reason "
                "why no safe SQL exists (clauses 1.4, 11.1). Proposals only: `remediation/proofs` tries them, and nothing is "
                "applied from here."
            ),
            owners=OWNERS,
            kinds={"sql", "postgres"},
            code_version="1",
            metadata=code_of(plan_remediation),
            partitions_def=supabase_projects,
            skippable=True,
        ),
    ),
    carry_out=_plan,
    operation="plan",
)
