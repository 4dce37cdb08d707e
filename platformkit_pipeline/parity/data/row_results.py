"""From what the database answered to a verdict, and what of it may be shown.

Values of a column stand in a result only where the contract declares the column public or internal: samples, and figures made of values
(a maximum, a mean, the value of a query) alike. Counts of rows are always shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.snapshot import Relation
from platformkit_pipeline.parity.data.checks import Verdict, undecided
from platformkit_pipeline.parity.data.document_quality import one_select
from platformkit_pipeline.parity.data.expectations import Measured, Rows
from platformkit_pipeline.parity.data.row_checks import Expectation, RowCheck
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.sqltext.statements import statement_facts

LARGEST_SAMPLE = 5
LONGEST_VALUE = 80
"""Characters of a shown value, and of the arguments of an expectation."""
REDACTED = "redacted"
_TABLE_COUNTS = frozenset({"expect_table_row_count_to_be_between", "expect_table_row_count_to_equal"})
_COUNTS_OF_VALUES = frozenset({"expect_column_unique_value_count_to_be_between"})
_SHOWN_FUNCTIONS = frozenset({"count", "sum", "min", "max", "avg", "round", "abs", "length", "lower", "upper"})
"""Functions whose value is made of their arguments alone."""
_COUNTERS = ("element_count", "unexpected_count", "missing_count")


def verdict_of_rows(check: RowCheck, catalog: Catalog, rows: Rows) -> Verdict:
    """What the rows say about one rule; undecided where they could not be asked."""
    relation = catalog.relations.get(catalog.declared(check.table.physical))
    if relation is None:
        return undecided(f"there is no {check.table.physical} in this database")
    if not check.runs_here:
        return undecided(f"rules of the engine {check.rule.engine} are not run here")
    known = catalog.columns_by_name(relation)
    needed = (*(check.expectation.columns if check.expectation else ()), *((check.column,) if check.column else ()))
    if absent := sorted({name for name in needed if name not in known}):
        return undecided(f"{relation.schema}.{relation.name} has no column {', '.join(absent)}")
    if hidden := rows.hidden(relation.schema, relation.name):
        return undecided(hidden)
    if check.expectation is None:
        query = check.query(relation.schema, relation.name)
        try:
            one_select(query)  # once more, with the names of this database in it
        except ValueError as refusal:
            return undecided(str(refusal))
        return _of_query(check, rows.value(query), shown=_is_of_shown_values(check, query, relation, known))
    sample = LARGEST_SAMPLE if _may_be_shown(check, check.expectation) else 0
    measured = rows.expect(relation.schema, relation.name, check.expectation, sample)
    return _of_metric(check, check.expectation, measured) if check.measures else _of_expectation(check, check.expectation, measured)


def _may_be_shown(check: RowCheck, expectation: Expectation) -> bool:
    columns = expectation.columns
    return bool(columns) and check.table.shown_columns.issuperset(columns)


def _is_of_shown_values(check: RowCheck, query: str, relation: Relation, columns: Iterable[str]) -> bool:
    """Whether a query can give nothing but values that may be shown: it asks this table only, and all its columns are declared so."""
    facts = statement_facts(query)
    own = {(relation.schema, relation.name), (None, relation.name)}
    return (
        facts is not None
        and check.table.shown_columns.issuperset(columns)
        and facts.relations <= own
        and all(schema in (None, "pg_catalog") and name in _SHOWN_FUNCTIONS for schema, name in facts.functions)
    )


def _of_expectation(check: RowCheck, expectation: Expectation, measured: Measured) -> Verdict:
    if measured.problem:
        return undecided(measured.problem, expectation=expectation.type)
    evidence = _evidence(check, expectation, measured)
    if measured.success:
        return Verdict(Outcome.PASS, _vacuous(measured), evidence)
    return Verdict(Outcome.FAIL, f"{expectation.type} does not hold{_counted(measured)}", evidence)


def _of_metric(check: RowCheck, expectation: Expectation, measured: Measured) -> Verdict:
    if measured.problem:
        return undecided(measured.problem, metric=check.rule.metric)
    figures = measured.figures
    counts_rows = check.rule.metric == "rowCount"
    of = int(figures.get("element_count") or 0)
    nulls = int(figures.get("missing_count") or 0) if check.nulls_count else 0
    figure = int(figures["observed_value"]) if counts_rows else int(figures.get("unexpected_count") or 0) + nulls
    compared = Fraction(100 * figure, of) if check.rule.unit == "percent" and of else figure
    evidence = {**_evidence(check, expectation, measured), "metric": check.rule.metric, "figure": figure}
    if check.rule.satisfied_by(compared):
        return Verdict(Outcome.PASS, _vacuous(measured), evidence)
    told = f"{check.rule.metric} is {figure}" + ("" if counts_rows else f" of {of} rows")
    return Verdict(Outcome.FAIL, f"{told}; it must {check.rule.wanted}", evidence)


def _of_query(check: RowCheck, measured: Measured, *, shown: bool) -> Verdict:
    if measured.problem:
        return undecided(measured.problem)
    value = measured.figures["value"]
    told = _short(value) if shown else REDACTED
    evidence = {"value": told}
    if check.rule.satisfied_by(value):
        return Verdict(Outcome.PASS, "", evidence)
    return Verdict(Outcome.FAIL, f"the query gives {told if shown else 'another value'}; it must {check.rule.wanted}", evidence)


def _evidence(check: RowCheck, expectation: Expectation, measured: Measured) -> dict[str, Any]:
    figures = measured.figures
    counts = {name: figures[name] for name in _COUNTERS if isinstance(figures.get(name), int)}
    evidence: dict[str, Any] = {"expectation": expectation.type, "arguments": _arguments(expectation), **counts}
    shown = _may_be_shown(check, expectation)
    if "observed_value" in figures:
        counted = expectation.type in _TABLE_COUNTS | _COUNTS_OF_VALUES
        evidence["observed_value"] = _short(figures["observed_value"]) if counted or shown else REDACTED
    if (counts.get("unexpected_count") or 0) and not measured.success:
        evidence["sample"] = [_short(value) for value in measured.sample[:LARGEST_SAMPLE]] if shown else REDACTED
    return evidence


def _arguments(expectation: Expectation) -> str:
    text = redact(json.dumps(dict(expectation.kwargs), default=str, ensure_ascii=False))
    return text if len(text) <= LONGEST_VALUE * 2 else text[: LONGEST_VALUE * 2 - 1] + "…"


def _short(value: Any) -> Any:
    """A JSON value: numbers and truth values as they are, everything else as text of bounded length."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _short(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_short(item) for item in value]
    text = redact(str(value))
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def _vacuous(measured: Measured) -> str:
    """A rule that no row was held against holds; that must be seen."""
    figures = measured.figures
    if figures.get("element_count") == 0:
        return "the table has no rows: nothing was held against the rule"
    return ""


def _counted(measured: Measured) -> str:
    figures = measured.figures
    if figures.get("element_count"):
        return f" for {figures.get('unexpected_count')} of {figures['element_count']} rows"
    return ""
