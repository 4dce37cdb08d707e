"""What a sub-select demands of every row it finds: which values are equal, read from its joins and its WHERE clause.

Only what holds for *every* result counts: conditions of outer joins and of disjunctions do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.parser import Node, aggregates, kind, string_parts, unwrap

Value = tuple[str, ...]
"""A column as (alias, name), or one of the marks that the judge gives to what it knows."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """One SELECT without set operations, taken apart."""

    tables: dict[str, str]
    """Alias → `schema.name`, or `name` where it is not qualified."""
    calls: dict[str, Node]
    """Alias → the set-returning function in FROM."""
    others: frozenset[str]
    """Aliases of whatever else is in FROM: sub-selects, CTEs."""
    conditions: tuple[Node, ...]
    """Conjuncts that hold for every row found."""
    merged: tuple[tuple[Value, Value], ...] = ()
    """Columns that JOIN ... USING makes equal."""

    @property
    def aliases(self) -> frozenset[str]:
        return frozenset(self.tables) | frozenset(self.calls) | self.others


def alias_of(item: Any) -> str:
    """The name that an item of FROM was given; empty without one."""
    return str(item.alias.aliasname) if "alias" in item.DESCRIPTOR.fields_by_name else ""


def made_by(select: Any) -> frozenset[str]:
    """Names that the WITH clause of this SELECT defines."""
    return frozenset(str(unwrap(cte).ctename) for cte in select.with_clause.ctes)


def taken_apart(select: Any, made: frozenset[str]) -> Lookup:
    """`made` are the names that WITH clauses define here and around: they are no tables."""
    tables: dict[str, str] = {}
    calls: dict[str, Node] = {}
    others: set[str] = set()
    conditions: list[Node] = []
    merged: list[tuple[Value, Value]] = []

    def read(item: Any, holds: bool = True) -> None:
        """`holds`: no outer join above may fill the item's columns with NULLs, whatever its conditions say."""
        match kind(item):
            case "RangeVar" if not item.schemaname and item.relname in made:
                others.add(str(item.alias.aliasname or item.relname))
            case "RangeVar":
                name = f"{item.schemaname}.{item.relname}" if item.schemaname else str(item.relname)
                tables[str(item.alias.aliasname or item.relname)] = name
            case "JoinExpr":
                read(unwrap(item.larg), holds and item.jointype in (pg.JOIN_INNER, pg.JOIN_LEFT))
                read(unwrap(item.rarg), holds and item.jointype in (pg.JOIN_INNER, pg.JOIN_RIGHT))
                inner = holds and item.jointype == pg.JOIN_INNER
                if inner and item.HasField("quals"):
                    conditions.extend(conjuncts(unwrap(item.quals)))
                sides = [unwrap(side) for side in (item.larg, item.rarg)]
                if inner and all(kind(side) == "RangeVar" for side in sides):
                    left, right = (str(side.alias.aliasname or side.relname) for side in sides)
                    merged.extend(((left, name), (right, name)) for name in string_parts(item.using_clause))
                if item.HasField("alias"):
                    others.add(alias_of(item))
            case "RangeFunction" if len(item.functions) == 1 and not item.is_rowsfrom:
                call = unwrap(unwrap(item.functions[0]).items[0])
                if kind(call) == "FuncCall":
                    calls[alias_of(item) or string_parts(call.funcname)[-1]] = call
                else:
                    others.add(alias_of(item))
            case "RangeTableSample":
                read(unwrap(item.relation), holds)
            case _:
                others.add(alias_of(item))

    for item in select.from_clause:
        read(unwrap(item))
    if select.HasField("where_clause"):
        conditions.extend(conjuncts(unwrap(select.where_clause)))
    return Lookup(tables, calls, frozenset(others), tuple(conditions), tuple(merged))


def conjuncts(node: Any) -> Iterator[Node]:
    if kind(node) == "BoolExpr" and node.boolop == pg.AND_EXPR:
        for part in node.args:
            yield from conjuncts(unwrap(part))
    else:
        yield node


def finds_a_row_anyway(select: Any) -> bool:
    """An aggregate without GROUP BY answers one row even when nothing was found; so may GROUPING SETS."""
    if any(kind(unwrap(item)) == "GroupingSet" for item in select.group_clause):
        return True
    return not len(select.group_clause) and (select.HasField("having_clause") or any(aggregates(unwrap(t)) for t in select.target_list))


@dataclass(slots=True)
class Equalities:
    """Classes of values that are equal in every row found."""

    _parent: dict[Value, Value] = field(default_factory=dict)

    def join(self, left: Value, right: Value) -> None:
        self._parent[self._root(left)] = self._root(right)

    def equal(self, left: Value, right: Value) -> bool:
        return self._root(left) == self._root(right)

    def columns_equal_to(self, value: Value) -> frozenset[str]:
        """Aliases that have a column equal to `value`."""
        return frozenset(alias for alias, _ in self.equal_columns(value))

    def equal_columns(self, value: Value) -> frozenset[tuple[str, str]]:
        """(alias, column) of columns equal to `value`."""
        return frozenset((known[0], known[1]) for known in list(self._parent) if len(known) == 2 and self.equal(known, value))

    def _root(self, value: Value) -> Value:
        self._parent.setdefault(value, value)
        while self._parent[value] != value:
            value = self._parent[value]
        return value
