"""Normalised statements (constants replaced by $n) to what an index could serve: filtered, joined and sorted columns.

Only what every row of a query level must satisfy counts: conjuncts of WHERE and of join conditions, with a bare column on
one side. Disjunctions, expressions over a column and operators of other index types are left out: no plain index helps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from google.protobuf.message import Message
from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.lookups import alias_of, conjuncts
from platformkit_pipeline.sqltext.parser import (
    CACHE_SIZE,
    Node,
    SqlSyntaxError,
    bare,
    children,
    column_path,
    kind,
    operator_of,
    parse_statements,
    string_parts,
    unwrap,
)

Name = tuple[str | None, str]
"""(schema, relation or function); None where the text does not say."""

ColumnsOf = Callable[[str | None, str], frozenset[str] | None]
"""Columns of a relation; None when there is no such relation."""

_COMMANDS = {"SelectStmt": "SELECT", "InsertStmt": "INSERT", "UpdateStmt": "UPDATE", "DeleteStmt": "DELETE", "MergeStmt": "MERGE"}
_SUB_SELECT = ""
"""Alias of what stands in no FROM clause: the rows of `column in (select ...)`."""
_LEAVES = frozenset({"A_Const", "A_Star", "Alias", "ColumnRef", "String", "TypeName"})
"""Nodes below which there is nothing that this module looks for; most nodes are such."""
_RANGES = frozenset({"<", "<=", ">", ">="})


@dataclass(frozen=True, slots=True)
class Access:
    """How one statement looks for rows of one relation. `equality` has no order; `sorting` is the order that LIMIT cuts off."""

    relation: Name
    equality: frozenset[str] = frozenset()
    ranges: tuple[str, ...] = ()
    sorting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Column:
    alias: str | None
    name: str


@dataclass(frozen=True, slots=True)
class _Level:
    """One SELECT, UPDATE or DELETE: the relations in its scope, and what it asks of their columns."""

    tables: tuple[tuple[str, Name], ...]
    others: frozenset[str]
    """Aliases of sub-selects, CTEs and functions."""
    equal: tuple[tuple[_Column, tuple[_Column, ...]], ...] = ()
    """A column, and the columns in the value that it equals (none for a constant)."""
    ranges: tuple[_Column, ...] = ()
    sorting: tuple[_Column, ...] = ()


@dataclass(frozen=True, slots=True)
class StatementFacts:
    """What one statement reads and writes, before its columns are resolved."""

    command: str
    """SELECT, INSERT, UPDATE, DELETE, MERGE; another node's name for the rest."""
    relations: frozenset[Name]
    """Relations named anywhere in it; CTEs are none."""
    functions: frozenset[Name]
    parameters: int
    """The highest number behind a $."""
    reads_only: bool
    """No part of it writes, and no row is locked (FOR UPDATE and its like)."""
    levels: tuple[_Level, ...]


@lru_cache(maxsize=CACHE_SIZE)
def statement_facts(text: str) -> StatementFacts | None:
    """Facts of a text that holds one statement; None for one that the grammar refuses, as it may refuse a normalised text."""
    try:
        statements = parse_statements(text)
    except SqlSyntaxError:
        return None
    if len(statements) != 1:
        return None
    reader = _Reader()
    try:
        reader.read(statements[0], frozenset())
    except RecursionError:  # a sum of thousands of terms
        return None
    return StatementFacts(
        command=_COMMANDS.get(kind(statements[0]), kind(statements[0])),
        relations=frozenset(reader.relations),
        functions=frozenset(reader.functions),
        parameters=reader.parameters,
        reads_only=reader.reads_only,
        levels=tuple(reader.levels),
    )


def accesses(facts: StatementFacts, columns_of: ColumnsOf) -> tuple[Access, ...]:
    """How the statement looks for rows, relation by relation; columns without a qualifier are resolved by `columns_of`.

    Where a level filters a relation by values, its joins are left out: they are found from the filtered side.
    """
    found = [access for level in facts.levels for access in _accesses(level, columns_of)]
    return tuple(dict.fromkeys(found))


def _accesses(level: _Level, columns_of: ColumnsOf) -> Iterator[Access]:
    tables = dict(level.tables)
    columns = {alias: columns_of(*name) or frozenset() for alias, name in tables.items()}

    def owner(column: _Column) -> str | None:
        """Alias of the relation that the column belongs to; None for a variable, an outer reference or an ambiguity."""
        if column.alias is not None:
            return column.alias if column.name in columns.get(column.alias, ()) else None
        owners = [alias for alias, names in columns.items() if column.name in names]
        return owners[0] if len(owners) == 1 else None

    values: dict[str, set[str]] = {alias: set() for alias in tables}
    joins: dict[str, set[str]] = {alias: set() for alias in tables}
    for column, others in level.equal:
        alias = owner(column)
        if alias is None:
            continue
        here = {o.alias if o.alias in level.others else owner(o) for o in others} - {None}
        if alias not in here:  # a column compared with its own row is no look-up
            (joins if here else values)[alias].add(column.name)
    ranges: dict[str, list[str]] = {alias: [] for alias in tables}
    for column in level.ranges:
        if (alias := owner(column)) is not None and column.name not in ranges[alias]:
            ranges[alias].append(column.name)
    sorted_by = {owner(column) for column in level.sorting}
    for alias, name in tables.items():
        sorting = tuple(dict.fromkeys(c.name for c in level.sorting)) if sorted_by == {alias} else ()
        equality = values[alias] or (set() if ranges[alias] or sorting else joins[alias])
        if equality or ranges[alias] or sorting:
            yield Access(name, frozenset(equality), tuple(ranges[alias]), sorting)


class _Reader:
    """One walk over one statement."""

    def __init__(self) -> None:
        self.relations: set[Name] = set()
        self.functions: set[Name] = set()
        self.parameters = 0
        self.reads_only = True
        self.levels: list[_Level] = []

    def read(self, node: Any, made: frozenset[str]) -> None:
        """`made` are the names that WITH clauses define here and around."""
        which = node.DESCRIPTOR.name
        if which == "Node":
            which = node.WhichOneof("node")
            if which is None:
                return
            node = getattr(node, which)
            which = node.DESCRIPTOR.name
        if which in _LEAVES:
            return
        match which:
            case "RangeVar":
                if node.schemaname or node.relname not in made:
                    self.relations.add((str(node.schemaname) or None, str(node.relname)))
                return
            case "FuncCall":
                *schema, name = string_parts(node.funcname)
                self.functions.add((schema[-1] if schema else None, name))
            case "ParamRef":
                self.parameters = max(self.parameters, int(node.number))
                return
            case "LockingClause":
                self.reads_only = False
                return
            case "SelectStmt" | "UpdateStmt" | "DeleteStmt" | "InsertStmt" | "MergeStmt":
                self.reads_only &= which == "SelectStmt" and not node.HasField("into_clause")
                if node.HasField("with_clause"):
                    made = made | {str(unwrap(cte).ctename) for cte in node.with_clause.ctes}
                if which in ("SelectStmt", "UpdateStmt", "DeleteStmt"):
                    self._level(node, which, made)
        for descriptor, value in node.ListFields():
            if descriptor.message_type is None:
                continue
            if isinstance(value, Message):
                self.read(value, made)
            else:
                for item in value:
                    self.read(item, made)

    def _level(self, node: Any, which: str, made: frozenset[str]) -> None:
        scope = _Scope(made)
        if which != "SelectStmt":
            scope.add(node.relation)
        for source in node.using_clause if which == "DeleteStmt" else node.from_clause:
            scope.add(unwrap(source))
        if not scope.tables:
            return
        if node.HasField("where_clause"):
            scope.conditions.extend(conjuncts(unwrap(node.where_clause)))
        equal = [*scope.merged]
        ranges: list[_Column] = []
        for condition in scope.conditions:
            equal.extend(_equalities(condition))
            ranges.extend(_ranges(condition))
        sorting = _sorting(node) if which == "SelectStmt" else ()
        self.levels.append(
            _Level(tuple(scope.tables.items()), frozenset(scope.others | {_SUB_SELECT}), tuple(equal), tuple(ranges), sorting)
        )


class _Scope:
    """The FROM clause of one level."""

    def __init__(self, made: frozenset[str]) -> None:
        self.made = made
        self.tables: dict[str, Name] = {}
        self.others: set[str] = set()
        self.conditions: list[Node] = []
        self.merged: list[tuple[_Column, tuple[_Column, ...]]] = []

    def add(self, item: Any) -> None:
        match kind(item):
            case "RangeVar":
                alias = str(item.alias.aliasname or item.relname)
                if not item.schemaname and item.relname in self.made:
                    self.others.add(alias)
                else:
                    self.tables[alias] = (str(item.schemaname) or None, str(item.relname))
            case "JoinExpr":
                self.add(unwrap(item.larg))
                self.add(unwrap(item.rarg))
                if item.HasField("quals"):
                    self.conditions.extend(conjuncts(unwrap(item.quals)))
                sides = [unwrap(side) for side in (item.larg, item.rarg)]
                if all(kind(side) == "RangeVar" for side in sides):
                    left, right = (str(side.alias.aliasname or side.relname) for side in sides)
                    for name in string_parts(item.using_clause):
                        self.merged += [
                            (_Column(left, name), (_Column(right, name),)),
                            (_Column(right, name), (_Column(left, name),)),
                        ]
            case "RangeTableSample":
                self.add(unwrap(item.relation))
            case _:
                self.others.add(alias_of(item))


def _equalities(condition: Any) -> Iterator[tuple[_Column, tuple[_Column, ...]]]:
    """`column = value`, in both directions; IN and = ANY count as equality."""
    match kind(condition):
        case "A_Expr" if operator_of(condition) == "=" and condition.kind in (pg.AEXPR_OP, pg.AEXPR_OP_ANY):
            left, right = unwrap(condition.lexpr), unwrap(condition.rexpr)
            yield from _pairs(left, right)
            if condition.kind == pg.AEXPR_OP:
                yield from _pairs(right, left)
        case "A_Expr" if condition.kind == pg.AEXPR_IN and operator_of(condition) == "=":
            yield from _pairs(unwrap(condition.lexpr), unwrap(condition.rexpr))
        case "SubLink" if condition.sub_link_type == pg.ANY_SUBLINK and not len(condition.oper_name) and condition.HasField("testexpr"):
            if column := _column(unwrap(condition.testexpr)):
                yield column, (_Column(_SUB_SELECT, ""),)


def _pairs(side: Any, value: Any) -> Iterator[tuple[_Column, tuple[_Column, ...]]]:
    if column := _column(side):
        yield column, tuple(_columns(value))


def _ranges(condition: Any) -> Iterator[_Column]:
    if kind(condition) != "A_Expr":
        return
    if condition.kind == pg.AEXPR_OP and operator_of(condition) in _RANGES:
        sides = unwrap(condition.lexpr), unwrap(condition.rexpr)
        for side, other in (sides, sides[::-1]):
            if (column := _column(side)) and not list(_columns(other)):
                yield column
    elif condition.kind in (pg.AEXPR_BETWEEN, pg.AEXPR_BETWEEN_SYM) and (column := _column(unwrap(condition.lexpr))):
        yield column


def _sorting(select: Any) -> tuple[_Column, ...]:
    """Columns of ORDER BY where LIMIT lets the server stop early and one direction serves all; else none."""
    if not select.HasField("limit_count") or len(select.group_clause) or len(select.distinct_clause):
        return ()
    found, descending = [], set()
    for item in select.sort_clause:
        by = unwrap(item)
        column = _column(unwrap(by.node))
        if column is None:
            return ()
        found.append(column)
        descending.add(by.sortby_dir == pg.SORTBY_DESC)
    return tuple(found) if len(descending) == 1 else ()


def _column(node: Any) -> _Column | None:
    """A bare column; under a cast or a function it is an expression, which a plain index does not hold."""
    path = column_path(node)
    return _Column(path[-2] if len(path) > 1 else None, path[-1]) if path else None


def _columns(node: Any) -> Iterator[_Column]:
    """Columns that a value is made of; what a sub-select reads is its own affair."""
    node = bare(node)
    if kind(node) == "SubLink":
        return
    if column := _column(node):
        yield column
    for child in children(node):
        yield from _columns(child)
