"""Calls that give one answer per statement, put into scalar sub-selects: `auth.uid()` becomes `(SELECT auth.uid())`."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import postgast
from google.protobuf.message import Message
from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.parser import SqlSyntaxError, same, string_parts

_PREFIX = "SELECT "


def in_scalar_selects(expression: str, functions: Collection[str]) -> str:
    """The expression with every call of one of `functions` (`auth.uid`) in a sub-select of its own, unless it stands in one.

    Calls whose arguments read the row stay as they are: their answer differs from row to row. Raises SqlSyntaxError.
    """
    try:
        tree = postgast.parse(f"{_PREFIX}{expression}")
        _wrap(tree, frozenset(functions))
        text = postgast.deparse(tree)
        written = postgast.parse(text)
    except postgast.PgQueryError as error:
        raise SqlSyntaxError(str(error)) from None
    if not same(written.stmts[0].stmt, tree.stmts[0].stmt):
        raise SqlSyntaxError("the expression cannot be written back as it was read")
    return text.removeprefix(_PREFIX)


def _wrap(message: Message, functions: frozenset[str]) -> None:
    if isinstance(message, pg.Node):
        which = message.WhichOneof("node")
        if which == "func_call" and _is_wanted(message.func_call, functions):
            _put_into_select(message)
            return
        if which == "sub_link" and _holds_only_a_call(message.sub_link):
            return
    for child in _messages(message):
        _wrap(child, functions)


def _is_wanted(call: pg.FuncCall, functions: frozenset[str]) -> bool:
    return ".".join(string_parts(call.funcname)) in functions and not _reads_columns(call)


def _reads_columns(message: Message) -> bool:
    return isinstance(message, pg.ColumnRef) or any(_reads_columns(child) for child in _messages(message))


def _put_into_select(node: pg.Node) -> None:
    call = pg.FuncCall()
    call.CopyFrom(node.func_call)
    node.Clear()
    node.sub_link.sub_link_type = pg.EXPR_SUBLINK
    select = node.sub_link.subselect.select_stmt
    select.limit_option = pg.LIMIT_OPTION_DEFAULT
    select.op = pg.SETOP_NONE
    select.target_list.add().res_target.val.func_call.CopyFrom(call)


def _holds_only_a_call(link: pg.SubLink) -> bool:
    """`(SELECT f() AS f)`, as the server prints what was written so."""
    if link.sub_link_type != pg.EXPR_SUBLINK:
        return False
    select = link.subselect.select_stmt
    if select.from_clause or select.HasField("where_clause") or len(select.target_list) != 1:
        return False
    return bool(select.target_list[0].res_target.val.WhichOneof("node") == "func_call")


def _messages(message: Message) -> Iterator[Message]:
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        if descriptor.is_repeated:
            yield from list(value)
        else:
            yield value
