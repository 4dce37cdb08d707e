"""The rules about rows of a contract, as work for the database: which expectation or query, and what its answer must be.

Nothing is asked here, and Great Expectations is not imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.yaml_document import Path
from platformkit_pipeline.parity.data.checks import listed
from platformkit_pipeline.parity.data.document import Column, DataContract, Table
from platformkit_pipeline.parity.data.document_parts import severity_named
from platformkit_pipeline.parity.data.document_quality import Quality
from platformkit_pipeline.sqltext.identifiers import identifier, qualified

_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")
_COLUMN_KEYWORDS = ("column", "column_A", "column_B")


@dataclass(frozen=True, slots=True)
class Expectation:
    """One expectation of Great Expectations. `type` is written with underscores."""

    type: str
    kwargs: Mapping[str, Any]
    kwargs_path: Path = ()
    """Where its arguments stand in the file; empty where they were made from a metric."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that its arguments name."""
        single = [self.kwargs[key] for key in _COLUMN_KEYWORDS if isinstance(self.kwargs.get(key), str)]
        many = self.kwargs.get("column_list")
        return (*single, *map(str, many if isinstance(many, list) else ()))


@dataclass(frozen=True, slots=True)
class RowCheck:
    """One declared rule about the rows of one table."""

    name: str
    severity: Severity
    table: Table
    rule: Quality
    path: Path
    """Of the rule in the file."""
    column: str | None = None
    expectation: Expectation | None = None
    """None for a rule of type sql, and for one of an engine that does not run here."""
    nulls_count: bool = False
    """Rows that are null count as found, whatever the expectation says of them."""

    @property
    def runs_here(self) -> bool:
        return self.rule.runs_here

    @property
    def measures(self) -> bool:
        """The expectation only counts; the comparison of the rule decides."""
        return self.rule.kind == "library"

    def query(self, schema: str, relation: str) -> str:
        """The text of a rule of type sql, with its names filled in, quoted where they must be."""
        name = qualified(schema, relation)
        text = (self.rule.query or "").strip().rstrip(";")
        filled = {"table": name, "object": name, "schema": identifier(schema)}
        if self.column is not None:
            filled |= {"column": identifier(self.column), "property": identifier(self.column)}
        for placeholder, value in filled.items():
            text = text.replace("${" + placeholder + "}", value)
        return text


@dataclass(slots=True)
class _Place:
    """A `quality` list of the file."""

    table: Table
    column: Column | None
    rules: tuple[Quality, ...]
    path: Path
    severity: Severity = field(default=Severity.HIGH)


def row_checks(document: DataContract) -> Iterator[RowCheck]:
    """Every rule that is a check, in the order of the file."""
    for place in _places(document):
        for number, rule in enumerate(place.rules):
            if rule.kind != "text":
                yield _row_check(place, rule, (*place.path, number))


def _places(document: DataContract) -> Iterator[_Place]:
    for number, table in enumerate(document.tables):
        severity = severity_named(table.invariants.severity, Severity.HIGH)
        yield _Place(table, None, table.quality, ("schema", number, "quality"), severity)
        for position, column in enumerate(table.properties):
            of_column = severity_named(column.invariants.severity, severity)
            yield _Place(table, column, column.quality, ("schema", number, "properties", position, "quality"), of_column)


def _row_check(place: _Place, rule: Quality, path: Path) -> RowCheck:
    column = place.column.physical if place.column else None
    subject = place.table.physical if column is None else f"{place.table.physical}.{column}"
    expectation = _expectation(place, rule, column, path)
    label = rule.name or _label(rule, expectation, column)
    missing = rule.arguments.missingValues if rule.arguments else None
    return RowCheck(
        name=f"{subject}/rows: {label}",
        severity=severity_named(rule.severity, place.severity),
        table=place.table,
        rule=rule,
        path=path,
        column=column,
        expectation=expectation,
        nulls_count=missing is not None and None in missing,
    )


def _label(rule: Quality, expectation: Expectation | None, column: str | None) -> str:
    if rule.kind == "sql":
        return "sql"
    if expectation is None:
        return str(rule.engine)
    columns = expectation.columns if column is None else tuple(c for c in expectation.columns if c != column)
    return f"{rule.metric or expectation.type}{listed(columns) if columns else ''}"


def _expectation(place: _Place, rule: Quality, column: str | None, path: Path) -> Expectation | None:
    match rule.kind:
        case "library":
            return _of_metric(place.table, rule, column)
        case "custom" if rule.runs_here:
            wanted = rule.expectation
            kwargs = dict(wanted.kwargs)
            if column is not None and not any(key in kwargs for key in (*_COLUMN_KEYWORDS, "column_list")):
                kwargs["column"] = column
            return Expectation(snake_case(wanted.type), kwargs, (*path, "implementation", "kwargs"))
    return None


def _of_metric(table: Table, rule: Quality, column: str | None) -> Expectation:
    arguments = rule.arguments
    match rule.metric:
        case "rowCount":
            return Expectation("expect_table_row_count_to_be_between", {"min_value": 0})
        case "nullValues":
            return Expectation("expect_column_values_to_not_be_null", {"column": column})
        case "missingValues" if arguments and arguments.missingValues:
            values = [v for v in arguments.missingValues if v is not None]
            if not values:
                return Expectation("expect_column_values_to_not_be_null", {"column": column})
            return Expectation("expect_column_values_to_not_be_in_set", {"column": column, "value_set": values})
        case "invalidValues" if arguments and arguments.validValues is not None:
            return Expectation("expect_column_values_to_be_in_set", {"column": column, "value_set": list(arguments.validValues)})
        case "invalidValues" if arguments:
            return Expectation("expect_column_values_to_match_regex", {"column": column, "regex": arguments.pattern})
    if arguments and arguments.properties:
        physical = {c.name: c.physical for c in table.properties}
        return Expectation("expect_compound_columns_to_be_unique", {"column_list": [physical.get(n, n) for n in arguments.properties]})
    return Expectation("expect_column_values_to_be_unique", {"column": column})


def snake_case(name: str) -> str:
    """`ExpectColumnValuesToNotBeNull`, as Great Expectations calls the class, is expect_column_values_to_not_be_null."""
    return name if "_" in name else _WORD_START.sub("_", name).lower()
