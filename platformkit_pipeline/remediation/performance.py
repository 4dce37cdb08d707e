"""What a person does about slow statements, missing and unused indexes, and bloat: the steps, with plans as evidence (clause 6.1).

No patches: whether an index is worth its upkeep, and what else would help, is for somebody who knows the application.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from platformkit_pipeline.model.result import Result
from platformkit_pipeline.remediation.proposal import ByHand, Proposal
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.database.index_usage import advice_for
from platformkit_pipeline.sqltext.identifiers import qualified

_LOCKS = "Outside a transaction block; a failed attempt leaves an invalid index behind: drop it before trying again."
_ANALYZE = (
    "Run it with real values under `explain (analyze, buffers)`, on a copy or with a statement timeout, and compare rows with estimates."
)


def tune_statement(catalog: Catalog, finding: Result) -> Proposal:
    """PRF001 and PRF003: the statement, its plan, and the indexes that its look-ups lack."""
    evidence = finding.evidence
    indexes = _indexes_for(catalog, finding.object.name)
    steps = [f"Statement: {evidence.get('statement', '')}", *_plan_steps(evidence.get("plan"))]
    steps += [f"`{sql}`. {_LOCKS}" for sql in indexes]
    return ByHand("what the statement should do is known to the application only", (*steps, _ANALYZE))


def create_missing_index(_catalog: Catalog, finding: Result) -> Proposal:
    """IDX002: the index, and what each statement costs without and with it where that could be tried."""
    steps = [f"`{finding.evidence.get('index', '')}`. {_LOCKS}"]
    for shown in finding.evidence.get("statements", ()):
        steps.append(f"Needed by: {shown.get('statement', '')}")
        steps += _plan_steps(shown.get("plan"))
        if tried := shown.get("hypothetical"):
            steps.append(f"Tried as a hypothetical index: cost {tried['cost_before']:g} without, {tried['cost_after']:g} with it.")
    return ByHand("an index costs every write, and whether that is worth it is a decision", tuple(steps))


def drop_unused_index(_catalog: Catalog, finding: Result) -> Proposal:
    """IDX004: the drop, and the way back."""
    evidence = finding.evidence
    return ByHand(
        "replicas and rare jobs are not seen from here",
        (
            "Make sure that no replica and no yearly job uses it: replicas count their reads for themselves.",
            f"`{evidence.get('drop', '')}`",
            f"The way back: `{evidence.get('definition', '')}`",
        ),
    )


def repack_table(_catalog: Catalog, finding: Result) -> Proposal:
    """PRF004: find the cause first, then rewrite."""
    table = qualified(finding.object.schema or "", finding.object.name)
    return ByHand(
        "a rewrite locks the table or needs an extension, and comes back if its cause stays",
        (
            "Look for what keeps VACUUM from working: old transactions (pg_stat_activity), replication slots, prepared transactions, "
            "autovacuum settings of the table.",
            f"Rewrite it: pg_repack where there is one, else `vacuum (full, analyze) {table}` in a maintenance window: it locks the table.",
        ),
    )


def _indexes_for(catalog: Catalog, digest: str) -> list[str]:
    activity = catalog.snapshot.activity
    if activity is None or activity.statements is None:
        return []
    advice, _ = advice_for(catalog, activity.statements)
    return [a.sql for a in advice if any(s.digest == digest for s in a.statements)]


def _plan_steps(plan: Mapping[str, Any] | None) -> list[str]:
    return ["Plan: " + " / ".join(_lines(plan, 0))] if plan else []


def _lines(node: Mapping[str, Any], depth: int) -> Iterator[str]:
    """One line a node, as EXPLAIN prints them."""
    on = node.get("Relation Name")
    where = f" on {node['Schema']}.{on}" if on and "Schema" in node else f" on {on}" if on else ""
    by = next((f", {key.lower()}: {node[key]}" for key in ("Index Cond", "Filter", "Hash Cond", "Join Filter") if key in node), "")
    yield f"{'> ' * depth}{node['Node Type']}{where} (cost {node.get('Total Cost', 0):g}, rows {node.get('Plan Rows', 0)}){by}"
    for child in node.get("Plans", ()):
        yield from _lines(child, depth + 1)
