"""Last stage: try every patch of the plan on a shadow of the target. Nobody waits for it, and a gate decides without it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import dagster as dg

from platformkit_pipeline.model.patch import Patch, Plan
from platformkit_pipeline.operations.prove_remediation import prove_remediation
from platformkit_pipeline.orchestration.assets.stage import Stage, TargetRun
from platformkit_pipeline.orchestration.keys import INVENTORY, PLANS, PROOFS
from platformkit_pipeline.orchestration.metadata import MARKDOWN_LIMIT, Metadata, table
from platformkit_pipeline.orchestration.ownership import OWNERS, code_of
from platformkit_pipeline.orchestration.partitions import supabase_projects
from platformkit_pipeline.orchestration.recording import Event
from platformkit_pipeline.reporting.plan import plan_markdown, proof_words


def _prove(run: TargetRun) -> Iterator[Event]:
    proven = prove_remediation(run.connection, run.target, run.declarations, run_id=run.run_id)
    plan = proven.plan
    columns = dict.fromkeys(("rule", "object", "proof", "undo", "what"), "string")
    yield run.record.materialized(
        PROOFS,
        {
            "plan_id": dg.MetadataValue.text(plan.plan_id),
            "tried": dg.MetadataValue.bool(proven.tried),
            "offered": dg.MetadataValue.int(len(plan.offered)),
            "withheld": dg.MetadataValue.int(len(plan.withheld)),
            "proofs": table(columns, [_row(p) for p in plan.patches]),
            **_together(plan),
            "plan": dg.MetadataValue.md(plan_markdown(plan, limit=MARKDOWN_LIMIT, remainder="ops.remediation_patches")),
        },
        data_version=_version(plan),
    )


def _row(patch: Patch) -> tuple[str, ...]:
    undo = "exact" if patch.proof is not None and patch.proof.reversible else "none"
    return (patch.rule, patch.object.canonical, patch.status.value, undo, proof_words(patch.proof))


def _version(plan: Plan) -> str:
    """The same plan with the same verdicts."""
    verdicts = (f"{p.digest} {f.obligation} {f.verdict}" for p in plan.patches if p.proof for f in p.proof.findings)
    return hashlib.sha256("\n".join((plan.plan_id, *verdicts)).encode()).hexdigest()[:32]


def _together(plan: Plan) -> Metadata:
    """Of all proven patches in their order; a score that cannot be told is no number."""
    if plan.proof is None:
        return {}
    shown: dict[str, dg.MetadataValue] = {
        "together": dg.MetadataValue.text(proof_words(plan.proof.proof)),
        "score_before": dg.MetadataValue.float(plan.proof.score_before),
        "unfaithful": table({"object": "string", "why": "string"}, plan.proof.unfaithful),
    }
    if plan.proof.score_after is not None:
        shown["score_after"] = dg.MetadataValue.float(plan.proof.score_after)
    return shown


PROVING = Stage(
    specs=(
        dg.AssetSpec(
            PROOFS,
            deps=[PLANS, INVENTORY],
            group_name="remediation",
            description=(
                "Every patch of the plan tried on a shadow: the observed schema, rebuilt on a private PostgreSQL. Ten obligations: the "
                "finding goes, nothing new comes, nothing else changes, roles can do what they could, twice is as once, the undo is exact "
                "(clauses 1.4, 11.1). What fails is withheld. The target itself is never touched."
            ),
            owners=OWNERS,
            kinds={"sql", "postgres"},
            code_version="1",
            metadata=code_of(prove_remediation),
            partitions_def=supabase_projects,
            skippable=True,
        ),
    ),
    carry_out=_prove,
    operation="prove",
)
