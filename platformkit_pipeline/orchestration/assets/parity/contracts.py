"""First stage: the contracts of each kind, held against the project."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import MappingProxyType

import dagster as dg

from platformkit_pipeline.model.contract import CheckResult, Dimension
from platformkit_pipeline.model.parity import parity_score
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.operations.gate_roads import VERDICT
from platformkit_pipeline.operations.score_parity import run_dimensions
from platformkit_pipeline.orchestration.assets.parity.parity_run import ParityRun
from platformkit_pipeline.orchestration.assets.parity.shown import checks_metadata, checks_version
from platformkit_pipeline.orchestration.assets.parity.single_checks import single_check_events
from platformkit_pipeline.orchestration.assets.stage import Stage
from platformkit_pipeline.orchestration.keys import CATALOG, parity_key
from platformkit_pipeline.orchestration.ownership import OWNERS, code_of
from platformkit_pipeline.orchestration.partitions import supabase_projects
from platformkit_pipeline.orchestration.recording import Event

_WHAT = MappingProxyType(
    {
        Dimension.API: "API contracts: the described interface against the live service: it is there, and answers as it says",
        Dimension.DATA: "Data contracts: invariants of schema and policies, and what the rows of tables are expected to be, asked in SQL",
        Dimension.EVENT: "Event contracts: outbox and inbox deliver once in effect and hide nothing that waits; connectors on the bench",
        Dimension.BEHAVIOR: "Behaviour contracts: journeys of callers, as SQL under their role or over HTTP, and the walls between tenants",
        Dimension.DRIFT: "Environment drift: another environment of the project beside this one, object by object",
    }
)


def _measure(run: ParityRun) -> Iterator[Event]:
    for dimension in Dimension:
        if run.selection.wants(parity_key(dimension)):
            yield from _events(run, dimension)


def _events(run: ParityRun, dimension: Dimension) -> Iterator[Event]:
    key = parity_key(dimension)
    if not run.declares(dimension):
        nothing = f"No contract of this kind is declared: there is no file in contracts/{dimension.value}/."
        yield run.record.materialized(key, {"declared": dg.MetadataValue.bool(False), "summary": dg.MetadataValue.md(nothing)})
        return
    results = run.results(dimension)
    score = parity_score(results, (dimension,), {dimension: 1})
    contracts = len({r.contract for r in results})
    yield run.record.materialized(
        key,
        {
            "declared": dg.MetadataValue.bool(True),
            "contracts": dg.MetadataValue.int(contracts),
            **({"score": dg.MetadataValue.float(score.score.raw_display)} if score.score else {}),
            **checks_metadata(results),
        },
        data_version=checks_version(results),
    )
    unmet = [r for r in results if r.outcome in (Outcome.FAIL, Outcome.UNKNOWN) and r.severity is not Severity.INFO]
    severe = any(r.severity.at_least(Severity.HIGH) for r in unmet)
    yield run.record.checked(
        key,
        VERDICT,
        passed=not unmet,
        severity=dg.AssetCheckSeverity.ERROR if severe else dg.AssetCheckSeverity.WARN,
        description=_sentence(contracts, results, unmet),
        metadata=checks_metadata(unmet),
    )
    if dimension is Dimension.DATA:
        yield from single_check_events(run.record, results)


def _sentence(contracts: int, results: Sequence[CheckResult], unmet: Sequence[CheckResult]) -> str:
    if not unmet:
        return f"{contracts} contracts are honoured: {len(results)} checks."
    unknown = sum(r.outcome is Outcome.UNKNOWN for r in unmet)
    broken = len({r.contract for r in unmet})
    return f"{broken} of {contracts} contracts are not honoured: {len(unmet) - unknown} checks fail, {unknown} cannot be told."


def _spec(dimension: Dimension) -> dg.AssetSpec:
    return dg.AssetSpec(
        parity_key(dimension),
        deps=[CATALOG],
        group_name="parity",
        description=f"{_WHAT[dimension]} (clause 4.3). From `contracts/{dimension.value}/*.yaml` of the project.",
        owners=OWNERS,
        kinds={"python", "postgres"},
        code_version="1",
        metadata=code_of(run_dimensions),
        partitions_def=supabase_projects,
        skippable=True,
    )


def _check(dimension: Dimension) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        VERDICT,
        asset=parity_key(dimension),
        description=(
            "Every check of these contracts passes. ERROR when a critical or high one fails or cannot be told, else WARN. Does not block: "
            "the merge gate decides on the score of all kinds together. Without contracts of this kind there is no evaluation."
        ),
        blocking=False,
        partitions_def=supabase_projects,
    )


CONTRACTS = Stage(
    specs=tuple(_spec(dimension) for dimension in Dimension),
    carry_out=_measure,
    checks=tuple(_check(dimension) for dimension in Dimension),
    operation="parity",
)
