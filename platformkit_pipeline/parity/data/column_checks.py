"""Checks of columns: there, of the declared type, not null, with the declared default, unique."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from platformkit_pipeline.model import snapshot as model
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.snapshot import CatalogKind, Relation
from platformkit_pipeline.parity.data.checks import HELD, Check, Verdict, broken, undecided
from platformkit_pipeline.parity.data.document import Column, Table
from platformkit_pipeline.parity.data.document_parts import severity_named
from platformkit_pipeline.parity.data.types import is_logical_type, is_type
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.sqltext.normalise import normalise_query

_TYPES = (CatalogKind.RELATIONS, CatalogKind.COLUMNS, CatalogKind.TYPES)
_KEYS = (CatalogKind.RELATIONS, CatalogKind.COLUMNS, CatalogKind.INDEXES)
_OUTER_CAST = re.compile(r"::[\w. \"]+(?:\(\d+(?:,\d+)?\))?$")

_Judge = Callable[[Catalog, Relation, model.Column], Verdict]


def column_checks(table: Table) -> Iterator[Check]:
    """The checks that the properties of `table` declare, in their order."""
    of_table = severity_named(table.invariants.severity, Severity.HIGH)
    for column in table.properties:
        severity = severity_named(column.invariants.severity, of_table)
        name = f"{table.physical}.{column.physical}"
        yield Check(f"{name}/exists", severity, _exists(column), absence_is_failure=True)
        if column.physicalType is not None:
            yield Check(f"{name}/type", severity, _of(column, _typed(column.physicalType)))
        if column.logicalType is not None:
            yield Check(f"{name}/logical-type", severity, _of(column, _logically_typed(column.logicalType)), _TYPES)
        if column.required:
            yield Check(f"{name}/required", severity, _of(column, _not_null))
        if column.invariants.default is not None:
            yield Check(f"{name}/default", severity, _of(column, _with_default(column.invariants.default)))
        if column.unique:
            yield Check(f"{name}/unique", severity, _of(column, _unique), _KEYS)


def _exists(column: Column) -> Callable[[Catalog, Relation], Verdict]:
    def judge(catalog: Catalog, relation: Relation) -> Verdict:
        return HELD if catalog.column(relation, column.physical) else _missing(column.physical, relation)

    return judge


def _of(column: Column, judge: _Judge) -> Callable[[Catalog, Relation], Verdict]:
    """The same for a column that exists; undecided for one that does not."""

    def judge_column(catalog: Catalog, relation: Relation) -> Verdict:
        found = catalog.column(relation, column.physical)
        return judge(catalog, relation, found) if found else undecided(_missing(column.physical, relation).message)

    return judge_column


def _missing(name: str, relation: Relation) -> Verdict:
    return broken(f"{relation.schema}.{relation.name} has no column {name}")


def _typed(wanted: str) -> _Judge:
    def judge(catalog: Catalog, relation: Relation, column: model.Column) -> Verdict:
        same = is_type(wanted, column.type)
        if same is None:
            return undecided(f"{wanted} is no type of PostgreSQL")
        return HELD if same else broken(f"is {column.type}, not {wanted}", type=column.type)

    return judge


def _logically_typed(wanted: str) -> _Judge:
    def judge(catalog: Catalog, relation: Relation, column: model.Column) -> Verdict:
        same = is_logical_type(wanted, column.type, catalog)
        if same is None:
            return undecided(f"is {column.type}, for which the standard has no logical type: declare physicalType", type=column.type)
        return HELD if same else broken(f"is {column.type}, which is no {wanted}", type=column.type)

    return judge


def _not_null(catalog: Catalog, relation: Relation, column: model.Column) -> Verdict:
    return HELD if column.not_null else broken("may be NULL")


def _with_default(wanted: str) -> _Judge:
    def judge(catalog: Catalog, relation: Relation, column: model.Column) -> Verdict:
        if column.default is None:
            return broken(f"has no default; {wanted} is declared")
        actual = normalise_query(f"select {column.default}")
        # the server prints 'draft' as 'draft'::order_status; a person leaves the type out
        same = normalise_query(f"select {wanted}") in (actual, normalise_query(f"select {_OUTER_CAST.sub('', column.default)}"))
        return HELD if same else broken(f"has the default {column.default}, not {wanted}", default=column.default)

    return judge


def _unique(catalog: Catalog, relation: Relation, column: model.Column) -> Verdict:
    return HELD if is_unique(catalog, relation, (column.name,)) else broken("nothing keeps its values unique")


def is_unique(catalog: Catalog, relation: Relation, columns: tuple[str, ...]) -> bool:
    """A valid unique index without a predicate has exactly these key columns, in any order."""
    wanted = frozenset(columns)
    whole = [i for i in catalog.indexes_of(relation) if i.unique and i.valid and i.predicate is None]
    return any(len(index.key_columns) == len(columns) and wanted == set(index.key_columns) for index in whole)
