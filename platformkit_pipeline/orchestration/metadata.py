"""Results of use cases as Dagster metadata. Tables are bounded and say so: every event is kept for a long time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import dagster as dg

from platformkit_pipeline.model.result import Outcome, Result, Severity
from platformkit_pipeline.model.snapshot import Unobserved
from platformkit_pipeline.model.waiver import Cover
from platformkit_pipeline.reporting.wording import waived_until

ROW_LIMIT = 100
_TEXT_LIMIT = 400
MARKDOWN_LIMIT = 20_000

Metadata = Mapping[str, dg.MetadataValue]


def table(columns: Mapping[str, str], rows: Sequence[Sequence[str | int | float]]) -> dg.TableMetadataValue:
    """A table whose columns have the given types; at most ROW_LIMIT rows, texts cut at a few hundred characters."""
    return dg.MetadataValue.table(
        records=[dg.TableRecord(dict(zip(columns, map(_cell, row), strict=True))) for row in rows[:ROW_LIMIT]],
        schema=dg.TableSchema(columns=[dg.TableColumn(name, kind) for name, kind in columns.items()]),
    )


def findings_metadata(results: Iterable[Result], cover_of: Callable[[Result], Cover | None] = lambda _: None) -> Metadata:
    """Findings as a table, with what excuses them, their number and whether the table is cut."""
    found = [r for r in results if r.is_finding]
    columns = {
        "rule": "string",
        "severity": "string",
        "outcome": "string",
        "object": "string",
        "message": "string",
        "clause": "string",
        "waiver": "string",
    }
    rows = [(f.rule, f.severity.value, f.outcome.value, f.object.canonical, f.message, f.clause, _cover_cell(cover_of(f))) for f in found]
    return {
        "findings": table(columns, rows),
        "findings_total": dg.MetadataValue.int(len(found)),
        "truncated": dg.MetadataValue.bool(len(found) > ROW_LIMIT),
    }


def _cover_cell(cover: Cover | None) -> str:
    return f"{waived_until(cover)} by {cover.kind.value} {cover.cover_id}" if cover else ""


def outcome_metadata(results: Sequence[Result]) -> Metadata:
    """How many results of each outcome, and the same per rule."""
    outcomes: Counter[Outcome] = Counter()
    by_rule: Counter[tuple[str, Outcome]] = Counter()
    for r in results:
        outcomes[r.outcome] += r.count
        by_rule[r.rule, r.outcome] += r.count
    rules = {r.rule: r for r in results}
    columns = dict.fromkeys(("rule", "name", "clause", "severity"), "string") | {outcome.value.lower(): "int" for outcome in Outcome}
    rows = [(code_, r.name, r.clause, r.severity.value, *(by_rule[code_, o] for o in Outcome)) for code_, r in sorted(rules.items())]
    return {
        **{o.name.lower(): dg.MetadataValue.int(outcomes[o]) for o in Outcome},
        "rules": table(columns, rows),
    }


def severity_metadata(results: Iterable[Result]) -> Metadata:
    """Number of findings of each severity, one plot each."""
    counts = Counter(r.severity for r in results if r.is_finding)
    return {f"open_{severity.value}": dg.MetadataValue.int(counts[severity]) for severity in Severity}


def kinds_metadata(object_counts: Mapping[str, int]) -> Metadata:
    """Objects per catalogue kind."""
    rows = sorted(object_counts.items())
    return {"objects_by_kind": table({"kind": "string", "objects": "int"}, rows)}


def unobserved_metadata(unobserved: Sequence[Unobserved]) -> Metadata:
    """What the observing role could not see."""
    return {
        "unobserved_count": dg.MetadataValue.int(len(unobserved)),
        "unobserved": table({"what": "string", "why": "string"}, [(u.what, u.why) for u in unobserved]),
    }


def _cell(value: str | int | float) -> str | int | float:
    if not isinstance(value, str):
        return value
    text = str(value)  # Dagster refuses to store members of an enumeration
    return text if len(text) <= _TEXT_LIMIT else text[: _TEXT_LIMIT - 1] + "…"
