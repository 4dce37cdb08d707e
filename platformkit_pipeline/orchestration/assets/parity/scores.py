"""Second stage: one score over all kinds of contracts, kept, and its history."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from platformkit_pipeline.model.contract import Dimension
from platformkit_pipeline.operations.parity_history import parity_history
from platformkit_pipeline.operations.score_parity import keep_parity
from platformkit_pipeline.orchestration.assets.parity.parity_run import ParityRun
from platformkit_pipeline.orchestration.assets.parity.shown import checks_metadata, checks_version, history_metadata, score_metadata
from platformkit_pipeline.orchestration.assets.stage import Stage
from platformkit_pipeline.orchestration.keys import PARITY_SCORES, parity_key
from platformkit_pipeline.orchestration.metadata import MARKDOWN_LIMIT
from platformkit_pipeline.orchestration.ownership import OWNERS, code_of
from platformkit_pipeline.orchestration.partitions import supabase_projects
from platformkit_pipeline.orchestration.recording import Event
from platformkit_pipeline.reporting.parity_markdown import parity_markdown


def _score(run: ParityRun) -> Iterator[Event]:
    kept, report = run.keep(), run.report
    regressed = kept.regressed.reasons if kept.regressed else ()
    yield run.record.materialized(
        PARITY_SCORES,
        {
            "parity_id": dg.MetadataValue.text(report.parity_id),
            **score_metadata(report.parity),
            "declared": dg.MetadataValue.text(", ".join(d.value for d in report.declared) or "nothing: the project has no contracts"),
            "summary": dg.MetadataValue.md(parity_markdown(report)[:MARKDOWN_LIMIT]),
            **history_metadata(parity_history(run.connection, run.target)),
            **checks_metadata(report.results),
            "regressed": dg.MetadataValue.text("; ".join(regressed) or "no"),
            "contracts_digest": dg.MetadataValue.text(report.contracts_digest),
            "commit": dg.MetadataValue.text(report.commit or "what is live"),
        },
        data_version=checks_version(report.results),
    )


SCORES = Stage(
    specs=(
        dg.AssetSpec(
            PARITY_SCORES,
            deps=[parity_key(dimension) for dimension in Dimension],
            group_name="parity",
            description=(
                "One number over the contracts of a project: the mean of its declared kinds by the weights of the settings, capped at 49 "
                "below a critical check that does not pass and at 89 below a high one (clause 4.3). Kept in `ops.parity_scores`; when the "
                "default branch gets worse, its owners are told."
            ),
            owners=OWNERS,
            kinds={"python", "postgres"},
            code_version="1",
            metadata=code_of(keep_parity),
            partitions_def=supabase_projects,
            skippable=True,
        ),
    ),
    carry_out=_score,
)
