"""What statements do with rows and settings: writes, copies, calls, SET."""

from __future__ import annotations

from collections.abc import Iterator

from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.migration_actions import (
    Action,
    Commented,
    DataCopied,
    FunctionCalled,
    NeedsVersion,
    RowsInserted,
    RowsRemovedOrChanged,
    TableMade,
    Truncated,
    Unreadable,
)
from platformkit_pipeline.sqltext.migration_inner import calls_in, given_statements
from platformkit_pipeline.sqltext.migration_names import Scope
from platformkit_pipeline.sqltext.parser import Node, children, column_path, constant_of, kind, string_parts, unwrap

_SETTINGS_SINCE = {"transaction_timeout": 17, "event_triggers": 17, "allow_alter_system": 17}
"""Settings that dumps of newer servers hold, and the first major that knows them."""


def truncate_acts(node: Node, scope: Scope) -> Iterator[Action]:
    """TRUNCATE, one act for all its tables."""
    yield Truncated(line=0, tables=tuple(scope.table(unwrap(relation)) for relation in node.relations))


def update_acts(node: Node, scope: Scope) -> Iterator[Action]:
    """UPDATE: rows that are changed, and what was read for it."""
    columns = tuple(target.res_target.name for target in node.target_list)
    yield DataCopied(line=0, sources=scope.tables_in(node), columns=columns_in(node))
    filtered = node.HasField("where_clause") and not scope.always_true(unwrap(node.where_clause))
    yield RowsRemovedOrChanged(line=0, command="UPDATE", table=scope.table(node.relation), filtered=filtered, columns=columns)


def delete_acts(node: Node, scope: Scope) -> Iterator[Action]:
    """DELETE."""
    filtered = node.HasField("where_clause") and not scope.always_true(unwrap(node.where_clause))
    yield RowsRemovedOrChanged(line=0, command="DELETE", table=scope.table(node.relation), filtered=filtered)


def insert_acts(node: Node, scope: Scope) -> Iterator[Action]:
    """INSERT, and what it copies."""
    query = unwrap(node.select_stmt)
    sources = scope.tables_in(query)
    if sources:
        yield DataCopied(line=0, sources=sources, columns=columns_in(query))
    if not is_temporary(node.relation):
        looked = kind(query) == "SelectStmt" and query.HasField("where_clause") and _looks_for_a_row(unwrap(query.where_clause))
        yield RowsInserted(line=0, table=scope.table(node.relation), guarded=node.HasField("on_conflict_clause") or looked)


def merge_acts(node: Node, scope: Scope) -> Iterator[Action]:
    """MERGE, as a copy."""
    yield NeedsVersion(line=0, what="MERGE", version=15)
    yield DataCopied(line=0, sources=scope.tables_in(node), columns=columns_in(node))
    joined = not scope.always_true(unwrap(node.join_condition))
    for clause in map(unwrap, node.merge_when_clauses):
        if clause.command_type == pg.CMD_DELETE:
            filtered = joined or (clause.HasField("condition") and not scope.always_true(unwrap(clause.condition)))
            yield RowsRemovedOrChanged(line=0, command="DELETE", table=scope.table(node.relation), filtered=filtered)


def _looks_for_a_row(node: Node) -> bool:
    return kind(node) == "SubLink" or any(_looks_for_a_row(child) for child in children(node))


def select_acts(node: Node, scope: Scope) -> Iterator[Action]:
    """Functions that a query calls, and the table that SELECT INTO makes; `set_config` is a setting."""
    if node.HasField("into_clause"):
        made = node.into_clause.rel
        temporary = is_temporary(made)
        yield DataCopied(line=0, sources=scope.tables_in(node) - {scope.table(made)}, columns=columns_in(node))
        table = scope.temporary(made) if temporary else scope.table(made)
        yield TableMade(line=0, name=table, temporary=temporary, guarded=False)
    if None in given_statements(node):
        yield Unreadable(line=0, reason="a text that is put together when it runs is given to a function that executes it")
    for call in calls_in(node):
        name = string_parts(call.funcname)
        arguments = [constant_of(unwrap(argument)) for argument in call.args]
        if name[-1] == "set_config" and len(arguments) >= 2 and arguments[0] and arguments[1]:
            yield from _setting(str(arguments[0].value), [str(arguments[1].value)], scope)
        else:
            yield _called(name)


def calls_of_a_write(node: Node, scope: Scope) -> Iterator[Action]:
    """Functions that INSERT, UPDATE and DELETE call for their rows."""
    yield from map(_called, dict.fromkeys(string_parts(call.funcname) for call in calls_in(node)))


def call_acts(node: Node, scope: Scope) -> Iterator[Action]:
    """CALL of a procedure."""
    yield _called(string_parts(node.funccall.funcname))


def _called(name: tuple[str, ...]) -> FunctionCalled:
    return FunctionCalled(line=0, name=name[-1], schema="".join(name[:-1][-1:]))


def set_acts(node: Node, scope: Scope) -> Iterator[Action]:
    """SET of a parameter."""
    values = [constant_of(unwrap(argument)) for argument in node.args]
    yield from _setting(node.name, [str(value.value) for value in values if value is not None], scope)


def _setting(name: str, values: list[str], scope: Scope) -> Iterator[Action]:
    if name == "search_path":
        scope.set_path(values)
    if name in _SETTINGS_SINCE:
        yield NeedsVersion(line=0, what=f"the setting {name}", version=_SETTINGS_SINCE[name])


def comment_acts(node: Node, scope: Scope) -> Iterator[Action]:
    """COMMENT ON TABLE: it may hold a directive."""
    if node.objtype == pg.OBJECT_TABLE:
        yield Commented(line=0, table=scope.name(string_parts(unwrap(node.object).items)), text=node.comment)


def columns_in(node: Node) -> frozenset[str]:
    """Names of columns anywhere in the tree; `*` for all of them."""
    path = column_path(node)
    if path:
        return frozenset({path[-1]})
    if kind(node) == "ColumnRef":  # `*` reads them all
        return frozenset({"*"})
    found: set[str] = set()
    for child in children(node):
        found |= columns_in(child)
    return frozenset(found)


def is_temporary(relation: Node) -> bool:
    """A table that is gone with its session."""
    return bool(relation.relpersistence == "t" or relation.schemaname == "pg_temp")
