"""Checks of tables: there, of the declared kind, with the declared keys, indexes and constraints."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.snapshot import CatalogKind, Constraint, ConstraintType, Relation, RelationKind
from platformkit_pipeline.parity.data.checks import HELD, Check, Verdict, broken, listed
from platformkit_pipeline.parity.data.column_checks import is_unique
from platformkit_pipeline.parity.data.document import Table
from platformkit_pipeline.parity.data.document_invariants import CheckConstraint, ForeignKey, Index, UniqueKey
from platformkit_pipeline.parity.data.document_parts import severity_named
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.sqltext.normalise import normalise_query

_CONSTRAINTS = (CatalogKind.RELATIONS, CatalogKind.COLUMNS, CatalogKind.CONSTRAINTS)
_INDEXES = (CatalogKind.RELATIONS, CatalogKind.COLUMNS, CatalogKind.INDEXES)
_SHOWN = 10
_Judge = Callable[[Catalog, Relation], Verdict]


def table_checks(table: Table) -> Iterator[Check]:
    """The checks that `table` declares about itself, security and rows aside."""
    ours = table.invariants
    severity = severity_named(ours.severity, Severity.HIGH)
    yield Check(f"{table.physical}/exists", severity, _of_kind(table.physicalType), absence_is_failure=True)
    if key := _primary_key(table):
        yield Check(f"{table.physical}/primary-key", severity, _with_primary_key(key, ordered=_is_ordered(table)), _CONSTRAINTS)
    for unique in ours.uniqueKeys:
        name = f"{table.physical}/unique{listed(unique.columns)}"
        yield Check(name, severity_named(unique.severity, severity), _with_unique_key(unique), _INDEXES)
    for foreign in ours.foreignKeys:
        name = f"{table.physical}/foreign-key{listed(foreign.columns)}->{foreign.references}"
        yield Check(name, severity_named(foreign.severity, severity), _with_foreign_key(foreign), _CONSTRAINTS)
    for index in ours.indexes:
        name = f"{table.physical}/index{listed(index.columns)}" + (f" using {index.method}" if index.method else "")
        yield Check(name, severity_named(index.severity, severity), _with_index(index), _INDEXES)
    for check in ours.checks:
        name = f"{table.physical}/check({check.name or check.expression})"
        yield Check(name, severity_named(check.severity, severity), _with_check(check), _CONSTRAINTS)


def _of_kind(wanted: str | None) -> _Judge:
    def judge(catalog: Catalog, relation: Relation) -> Verdict:
        if wanted is None:
            return HELD
        kind = RelationKind.TABLE if relation.kind is RelationKind.PARTITIONED_TABLE else relation.kind
        same = wanted.lower().replace(" ", "_") in (kind.value, relation.kind.value)
        return HELD if same else broken(f"is a {relation.kind.value.replace('_', ' ')}, not a {wanted}")

    return judge


def _primary_key(table: Table) -> tuple[str, ...]:
    members = [c for c in table.properties if c.primaryKey]
    return tuple(c.physical for c in sorted(members, key=lambda c: c.primaryKeyPosition))


def _is_ordered(table: Table) -> bool:
    return all(c.primaryKeyPosition > 0 for c in table.properties if c.primaryKey)


def _with_primary_key(wanted: tuple[str, ...], *, ordered: bool) -> _Judge:
    def judge(catalog: Catalog, relation: Relation) -> Verdict:
        key = catalog.primary_key_of(relation.schema, relation.name)
        if key is None:
            return broken("has no primary key")
        same = key.columns == wanted if ordered else set(key.columns) == set(wanted)
        return HELD if same else broken(f"has the primary key {listed(key.columns)}, not {listed(wanted)}", columns=list(key.columns))

    return judge


def _with_unique_key(wanted: UniqueKey) -> _Judge:
    def judge(catalog: Catalog, relation: Relation) -> Verdict:
        same = is_unique(catalog, relation, wanted.columns)
        return HELD if same else broken(f"no unique constraint or index has exactly the columns {listed(wanted.columns)}")

    return judge


def _with_foreign_key(wanted: ForeignKey) -> _Judge:
    def judge(catalog: Catalog, relation: Relation) -> Verdict:
        found = [c for c in catalog.constraints_of(relation) if c.type is ConstraintType.FOREIGN_KEY and c.columns == wanted.columns]
        referenced = catalog.declared(wanted.references)
        same = [c for c in found if (c.referenced_schema, c.referenced_relation) == referenced]
        if not same:
            leads = [f"{c.referenced_schema}.{c.referenced_relation}" for c in found]
            if not leads:
                return broken(f"no foreign key has the columns {listed(wanted.columns)}")
            return broken(f"leads to {', '.join(leads)}, not to {wanted.references}", references=leads)
        faults = [_fault_of(c, wanted) for c in same]
        return HELD if None in faults else broken(str(faults[0]))

    return judge


def _fault_of(found: Constraint, wanted: ForeignKey) -> str | None:
    if wanted.referencedColumns is not None and found.referenced_columns != wanted.referencedColumns:
        return f"{found.name} leads to the columns {listed(found.referenced_columns)}, not {listed(wanted.referencedColumns)}"
    if wanted.onDelete is not None and found.on_delete != wanted.onDelete:
        return f"{found.name} says ON DELETE {found.on_delete}, not {wanted.onDelete}"
    return None if found.validated and found.enforced else f"{found.name} is not enforced, or its rows were never looked at (NOT VALID)"


def _with_index(wanted: Index) -> _Judge:
    def judge(catalog: Catalog, relation: Relation) -> Verdict:
        for index in catalog.indexes_of(relation):
            leads = index.key_columns[: len(wanted.columns)] == wanted.columns
            if wanted.unique and (not index.unique or len(index.key_columns) != len(wanted.columns)):
                continue
            if leads and index.valid and index.predicate is None and wanted.method in (None, index.method):
                return HELD
        return broken(
            f"no valid {'unique ' if wanted.unique else ''}index begins with {listed(wanted.columns)}",
            indexes=[i.definition for i in catalog.indexes_of(relation)][:_SHOWN],
        )

    return judge


def _with_check(wanted: CheckConstraint) -> _Judge:
    def judge(catalog: Catalog, relation: Relation) -> Verdict:
        checks = [c for c in catalog.constraints_of(relation) if c.type is ConstraintType.CHECK]
        found = [c for c in checks if _is_meant(c, wanted)]
        if not found:
            told = f"no CHECK constraint is called {wanted.name}" if wanted.name else "no CHECK constraint reads like this"
            if wanted.name and any(c.name == wanted.name for c in checks):
                told = f"{wanted.name} does not read like this"
            return broken(told, constraints={c.name: c.definition for c in checks[:_SHOWN]})
        enforced = any(c.validated and c.enforced for c in found)
        return HELD if enforced else broken(f"{found[0].name} is not enforced, or its rows were never looked at (NOT VALID)")

    return judge


def _is_meant(found: Constraint, wanted: CheckConstraint) -> bool:
    if wanted.name not in (None, found.name):
        return False
    if wanted.expression is None:
        return True
    actual = found.definition.removeprefix("CHECK ").removesuffix(" NOT VALID").removesuffix(" NO INHERIT")
    return normalise_query(f"select {actual}") == normalise_query(f"select {wanted.expression}")
