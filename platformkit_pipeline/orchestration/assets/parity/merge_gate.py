"""Third stage: may this change be merged?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from platformkit_pipeline.model.consequence import Category, consequences_text
from platformkit_pipeline.model.merge_decision import MergeDecision, merge_decision_to_json
from platformkit_pipeline.operations.decide_merge_gate import decide_merge_gate
from platformkit_pipeline.orchestration.assets.parity.parity_run import ParityRun
from platformkit_pipeline.orchestration.assets.parity.shown import listed_checks
from platformkit_pipeline.orchestration.assets.stage import Stage
from platformkit_pipeline.orchestration.keys import MERGE_GATE, PARITY_SCORES
from platformkit_pipeline.orchestration.metadata import MARKDOWN_LIMIT, Metadata
from platformkit_pipeline.orchestration.ownership import OWNERS, code_of
from platformkit_pipeline.orchestration.partitions import supabase_projects
from platformkit_pipeline.orchestration.recording import Event
from platformkit_pipeline.reporting.parity_markdown import merge_markdown


def _decide(run: ParityRun) -> Iterator[Event]:
    run.keep()
    decision = decide_merge_gate(
        run.connection,
        run.target,
        run.report,
        None,
        datetime.now(UTC),
        max_drop_percent=run.subject.max_drop_percent,
        base=run.base,
    )
    yield run.record.materialized(
        MERGE_GATE,
        {
            "verdict": dg.MetadataValue.text(decision.verdict),
            "decision_id": dg.MetadataValue.text(decision.decision_id or ""),
            "consequence": dg.MetadataValue.text(consequences_text(Category.QUALITY) if decision.verdict == "no" else ""),
            "summary": dg.MetadataValue.md(merge_markdown(decision)[:MARKDOWN_LIMIT]),
            **_numbers(decision),
            "failing": dg.MetadataValue.int(len(decision.comparison.failing)),
            "worse_than_base": dg.MetadataValue.int(len(decision.comparison.worse)),
            **listed_checks(decision.comparison.failing),
            "blocking": dg.MetadataValue.int(len(decision.comparison.blocking)),
            # What `platformkit gate --gate merge` reads.
            "decision": dg.MetadataValue.json(merge_decision_to_json(decision)),
        },
    )


def _numbers(decision: MergeDecision) -> Metadata:
    compared = decision.comparison
    scores = {"score": compared.head.score, "base_score": compared.base.score if compared.base else None}
    return {name: dg.MetadataValue.float(score.effective_display) for name, score in scores.items() if score is not None}


MERGING = Stage(
    specs=(
        dg.AssetSpec(
            MERGE_GATE,
            deps=[PARITY_SCORES],
            group_name="governance",
            description=(
                "The merge gate: no when the score is below 95 % of the base's, base scored by the checks that are there now, when many "
                "small drops come to as much, and for a critical check that fails (clause 4.3). `platformkit gate --gate merge` reads the "
                "decision from here."
            ),
            owners=OWNERS,
            kinds={"python", "postgres"},
            code_version="1",
            metadata=code_of(decide_merge_gate),
            partitions_def=supabase_projects,
            skippable=True,
        ),
    ),
    carry_out=_decide,
    operation="gate",
)
