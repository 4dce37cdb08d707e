"""Calls that a policy makes for every row, wrapped so that they are made once per statement."""

from __future__ import annotations

from collections.abc import Collection

import postgast
from google.protobuf.message import Message
from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.parser import Node, kind, parse_statement, scalar_of, string_parts, unwrap

_SELECT = "SELECT "


def evaluated_once(expression: str, calls: Collection[tuple[str, ...]]) -> str:
    """`expression` with `(select f())` for each call of one of `calls` that reads no column. Nothing else changes.

    What stands in a `(select ...)` of its own already stays as it is. Raises SqlSyntaxError.
    """
    tree = parse_statement(f"{_SELECT}{expression}")
    copy = type(tree)()
    copy.CopyFrom(tree)  # the parsed tree is shared by everybody who asked for this text
    if not _wrap(copy.target_list[0].res_target, frozenset(calls)):
        return expression
    result = pg.ParseResult()
    result.stmts.add().stmt.select_stmt.CopyFrom(copy)
    return postgast.deparse(result).removeprefix(_SELECT)


def same_but_for_wrapping(one: str, other: str) -> bool:
    """Whether two conditions differ in nothing but `(select f())` for `f()`, for calls that read no column. Raises SqlSyntaxError."""
    return _unwrapped(one) == _unwrapped(other)


def _unwrapped(expression: str) -> str:
    tree = parse_statement(f"{_SELECT}{expression}")
    copy = type(tree)()
    copy.CopyFrom(tree)
    _unwrap_calls(copy.target_list[0].res_target)
    result = pg.ParseResult()
    result.stmts.add().stmt.select_stmt.CopyFrom(copy)
    return postgast.deparse(result)


def _unwrap_calls(node: Message) -> None:
    for descriptor, value in node.ListFields():
        if descriptor.message_type is None:
            continue
        for item in list(value) if descriptor.is_repeated else [value]:
            inner = unwrap(item)
            wrapped = scalar_of(inner) if type(item) is pg.Node and kind(inner) == "SubLink" else None
            if wrapped is not None and kind(wrapped) == "FuncCall" and not _reads_columns(wrapped):
                call = type(wrapped)()
                call.CopyFrom(wrapped)
                item.func_call.CopyFrom(call)
            _unwrap_calls(item)


def _wrap(node: Message, calls: frozenset[tuple[str, ...]]) -> bool:
    changed = False
    for descriptor, value in node.ListFields():
        if descriptor.message_type is None:
            continue
        for item in list(value) if descriptor.is_repeated else [value]:
            changed = _wrap_item(item, calls) or changed
    return changed


def _wrap_item(item: Node, calls: frozenset[tuple[str, ...]]) -> bool:
    inner = unwrap(item)
    if kind(inner) == "SubLink" and scalar_of(inner) is not None:
        return False
    if type(item) is pg.Node and kind(inner) == "FuncCall" and string_parts(inner.funcname) in calls and not _reads_columns(inner):
        select = pg.SelectStmt(limit_option=pg.LIMIT_OPTION_DEFAULT, op=pg.SETOP_NONE)
        select.target_list.add().res_target.val.CopyFrom(item)
        wrapped = pg.SubLink(sub_link_type=pg.EXPR_SUBLINK)
        wrapped.subselect.select_stmt.CopyFrom(select)
        item.sub_link.CopyFrom(wrapped)
        return True
    return _wrap(item, calls)


def _reads_columns(node: Node) -> bool:
    if kind(node) == "ColumnRef":
        return True
    for descriptor, value in node.ListFields():
        if descriptor.message_type is not None:
            items = list(value) if descriptor.is_repeated else [value]
            if any(_reads_columns(unwrap(item)) for item in items):
                return True
    return False
