"""From rows of `sql/catalog/` to records of the model: names checked once per result, values converted by field type.

No SQL and no connection here. A query's columns are named after the fields of its record; what may differ is only the
shape of a value (a list becomes a tuple, a JSON list of pairs becomes a tuple of pairs, an ACL becomes privileges).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar, get_type_hints

from platformkit_pipeline.model.snapshot import (
    CatalogKind,
    Column,
    Constraint,
    ConstraintType,
    DefaultPrivilege,
    EventTrigger,
    Extension,
    Function,
    Index,
    Policy,
    Privilege,
    Publication,
    Relation,
    RelationKind,
    RelationStatistics,
    Role,
    RoleMembership,
    Schema,
    StorageBucket,
    Trigger,
    Type,
    ViewDependency,
)

R = TypeVar("R")
Row = tuple[Any, ...]

RECORDS: dict[CatalogKind, type[Any]] = {
    CatalogKind.SCHEMAS: Schema,
    CatalogKind.ROLES: Role,
    CatalogKind.ROLE_MEMBERSHIPS: RoleMembership,
    CatalogKind.RELATIONS: Relation,
    CatalogKind.COLUMNS: Column,
    CatalogKind.CONSTRAINTS: Constraint,
    CatalogKind.INDEXES: Index,
    CatalogKind.POLICIES: Policy,
    CatalogKind.FUNCTIONS: Function,
    CatalogKind.TRIGGERS: Trigger,
    CatalogKind.EXTENSIONS: Extension,
    CatalogKind.TYPES: Type,
    CatalogKind.DEFAULT_PRIVILEGES: DefaultPrivilege,
    CatalogKind.VIEW_DEPENDENCIES: ViewDependency,
    CatalogKind.EVENT_TRIGGERS: EventTrigger,
    CatalogKind.PUBLICATIONS: Publication,
    CatalogKind.STORAGE_BUCKETS: StorageBucket,
}
"""Record of each catalogue kind but `server`, which is no list."""

STATISTICS_COLUMNS = ("estimated_rows", "total_bytes")
"""Columns that `relations.sql` has after those of `Relation`."""


class VanishedObject(Exception):
    """A deparse function returned nothing: the object was dropped after this transaction's snapshot was taken."""


def records(record: type[R], columns: Sequence[str], rows: Iterable[Row]) -> tuple[R, ...]:
    """Rows as `record`s. The columns must be named as the fields, in their order.

    Raises TypeError when query and record do not fit, VanishedObject when a field that is never null came null.
    """
    plan = _PLANS[record]
    if tuple(columns) != plan.names:
        raise TypeError(f"the query for {record.__name__} returns {list(columns)}, the record has {list(plan.names)}")
    if plan.converters:
        rows = (_converted(row, plan.converters) for row in rows)
    made = tuple(record(*row) for row in rows)
    for field in plan.required:
        if any(getattr(r, field) is None for r in made):
            raise VanishedObject(f"{record.__name__}.{field}")
    if record is Relation and any(r.definition is None and r.kind in _VIEWS for r in made):  # type: ignore[attr-defined]
        raise VanishedObject("Relation.definition")
    return made


def relation_statistics(rows: Iterable[Row]) -> tuple[RelationStatistics, ...]:
    """The estimates that stand at the end of each row of `relations.sql`; relations that hold no rows have none."""
    return tuple(RelationStatistics(row[0], row[1], row[-2], row[-1]) for row in rows if row[2] in _STORED)


_VIEWS = frozenset({RelationKind.VIEW, RelationKind.MATERIALIZED_VIEW})
_STORED = frozenset({k.value for k in RelationKind} - {RelationKind.VIEW.value, RelationKind.SEQUENCE.value})


def _converted(row: Row, converters: tuple[tuple[int, Callable[[Any], Any]], ...]) -> Row:
    values = list(row)
    for position, convert in converters:
        values[position] = convert(values[position])
    return tuple(values)


@lru_cache(maxsize=4096)
def _privileges(acl: str | None) -> tuple[Privilege, ...]:
    """Sorted privileges of one ACL. Cached, since a database has few different ACLs on many objects."""
    if acl is None:
        return ()
    options: dict[tuple[str, str], bool] = {}
    for grantee, privilege, grantable in json.loads(acl):  # two grantors may have given the same privilege
        options[grantee, privilege] = options.get((grantee, privilege), False) or grantable
    return tuple(sorted(Privilege(grantee, privilege, grantable) for (grantee, privilege), grantable in options.items()))


@lru_cache(maxsize=4096)
def _pairs(value: str | None) -> tuple[tuple[str, str], ...]:
    return () if value is None else tuple((first, second) for first, second in json.loads(value))


_CONVERTERS: dict[Any, Callable[[Any], Any]] = {
    tuple[Privilege, ...]: _privileges,
    tuple[tuple[str, str], ...]: _pairs,
    tuple[str, ...]: tuple,
    tuple[str | None, ...]: tuple,
    RelationKind: RelationKind,
    ConstraintType: ConstraintType,
}


@dataclass(frozen=True, slots=True)
class _Plan:
    """How rows become one type of record."""

    names: tuple[str, ...]
    converters: tuple[tuple[int, Callable[[Any], Any]], ...]
    """Position and conversion of the fields whose values come in another shape."""
    required: tuple[str, ...]
    """Fields that are never null."""


def _plan(record: type[Any]) -> _Plan:
    hints = get_type_hints(record)
    names = tuple(field.name for field in dataclasses.fields(record))
    return _Plan(
        names=names,
        converters=tuple((i, _CONVERTERS[hints[name]]) for i, name in enumerate(names) if hints[name] in _CONVERTERS),
        required=tuple(name for name in names if hints[name] is str),
    )


_PLANS = {record: _plan(record) for record in RECORDS.values()}
