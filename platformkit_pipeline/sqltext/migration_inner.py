"""Statements inside of statements: writing queries of WITH, what EXPLAIN ANALYZE, PREPARE and COPY run, SQL given to functions."""

from __future__ import annotations

from collections.abc import Iterator

from platformkit_pipeline.sqltext.executing_calls import call_of, executed_by_built_in
from platformkit_pipeline.sqltext.parser import Node, SqlSyntaxError, children, constant_of, kind, parse_statements, string_parts, unwrap

_WRITING = frozenset({"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"})
_LEAVES = frozenset({"A_Const", "ColumnRef", "String", "RangeVar"})
"""Hold no calls; the rows of a seed are full of them."""
_WITH = _WRITING | {"SelectStmt"}


def inner_statements(node: Node) -> Iterator[Node]:
    """Those that are run with `node`, one level down. Queries of WITH that only read belong to the statement itself."""
    match kind(node):
        case name if name in _WITH:
            for wrapper in node.with_clause.ctes:
                query = unwrap(unwrap(wrapper).ctequery)
                if kind(query) in _WRITING:
                    yield query
        case "ExplainStmt" if any(unwrap(option).defname == "analyze" for option in node.options):
            yield unwrap(node.query)
        case "PrepareStmt":  # whoever prepares a statement means to run it
            yield unwrap(node.query)
        case "CopyStmt" if node.HasField("query"):
            yield unwrap(node.query)


def calls_in(node: Node) -> Iterator[Node]:
    """Every function call of a tree."""
    if kind(node) == "FuncCall":
        yield node
    for child in children(node):
        if kind(child) not in _LEAVES:
            yield from calls_in(child)


def given_statements(node: Node) -> Iterator[tuple[Node, ...] | None]:
    """SQL that a query gives to a function which executes it now, as `dblink_exec` does; None where it cannot be told.

    What is given to pg_cron runs later and is no part of the migration.
    """
    for call in calls_in(node):
        if string_parts(call.funcname)[:-1] == ("cron",):
            continue
        shape, arguments = call_of(call)
        for place in executed_by_built_in(shape).surely:
            constant = constant_of(arguments[place])
            try:
                yield parse_statements(constant.value) if constant is not None and isinstance(constant.value, str) else None
            except SqlSyntaxError:
                yield None
