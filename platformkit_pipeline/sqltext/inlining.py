"""A helper function's body with the arguments of one call put in: names are resolved as the server resolves them.

Arguments that stand for the judged row become `row_column(...)`, which no text can produce, so that a name in the body
is never mistaken for one of the row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

from google.protobuf.message import Message
from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.calls import CallShape, shape_of
from platformkit_pipeline.sqltext.functions import returned_by_sql
from platformkit_pipeline.sqltext.lookups import alias_of
from platformkit_pipeline.sqltext.parser import Node, SqlSyntaxError, column_path, kind, string_parts, unwrap, wrapped
from platformkit_pipeline.sqltext.plpgsql_values import UnreadableBodyError, returned_by_plpgsql

MAX_HELPER_DEPTH = 5
"""Helpers may call helpers; deeper chains are reported as undecidable instead of followed."""
MAX_HELPERS = 200
"""Helper calls read for one expression: helpers that call each other many times multiply."""
MAX_READINGS = 16
"""Ways to understand one expression, where calls do not tell functions of one name apart."""
ROW = "\x00row"
"""First part of a column path that stands for a column of the judged row."""
OPAQUE = ("\x00opaque", "value")
"""A value that nothing is known about."""

ColumnsOf = Callable[[str, str], frozenset[str] | None]
"""(schema or "", relation) → its column names; None when the relation was not observed."""


class UnreadableHelperError(ValueError):
    """Why a helper cannot be read: the rest of a sentence about a function."""


@dataclass(frozen=True, slots=True)
class HelperFunction:
    """A function that a policy calls, as far as it could be read."""

    language: str
    body: str | None
    """`prosrc`, or the deparsed body of BEGIN ATOMIC and RETURN functions; None when unreadable."""
    definition: str | None
    """The whole CREATE FUNCTION, needed for PL/pgSQL."""
    argument_names: tuple[str, ...] = ()
    """Of the input arguments, in their order; "" for one without a name."""
    strict: bool = False
    """NULL for an argument that is NULL."""
    security_definer: bool = False
    """It reads with its owner's rights: the policies of what it reads may not bind them."""


FindHelper = Callable[[CallShape, HelperFunction | None], tuple[HelperFunction, ...]]
"""(call, the helper in whose body it stands) → the functions that it may mean; none for PostgreSQL's own, and what was not observed."""
_Answer = TypeVar("_Answer")
_Choices = Mapping[tuple[HelperFunction, ...], int]


class HelperCalls:
    """The helpers that one expression calls, and those that they call, read within bounds."""

    def __init__(self, find: FindHelper, columns_of: ColumnsOf, chosen: _Choices = MappingProxyType({})) -> None:
        self._find = find
        self._columns_of = columns_of
        self._left = MAX_HELPERS
        self.chosen = dict(chosen)
        """Functions that a call does not tell apart → the place of the one that it is taken to mean."""
        self.ambiguous: dict[str, None] = {}
        """Their names."""

    def again(self) -> HelperCalls:
        """The same reading, from the beginning."""
        return HelperCalls(self._find, self._columns_of, self.chosen)

    def named(self, call: Any, inside: HelperFunction | None) -> HelperFunction | None:
        """The helper that is called; None for a function that was not observed, or is PostgreSQL's own."""
        found = self._find(shape_of(call), inside)
        if len(found) < 2:
            return found[0] if found else None
        self.ambiguous[".".join(string_parts(call.funcname))] = None
        return found[self.chosen.setdefault(found, 0)]

    def body(self, call: Any, around: tuple[HelperFunction, ...], is_row_column: Callable[[Node], str | None]) -> Node:
        """What the call returns: an expression, or the SELECT whose rows it returns.

        `around` are the helpers in whose bodies the call stands, the innermost last. Raises UnreadableHelperError, with the
        name of the function.
        """
        shown = ".".join(string_parts(call.funcname))
        if len(around) >= MAX_HELPER_DEPTH:
            raise UnreadableHelperError(f"{shown} calls too deep a chain of helpers")
        if self._left <= 0:
            raise UnreadableHelperError(f"{shown} calls too many helpers")
        self._left -= 1
        helper = self.named(call, around[-1] if around else None)
        if helper is None:
            raise UnreadableHelperError(f"{shown} could not be read")
        arguments = [with_row_references(unwrap(argument), is_row_column) for argument in call.args]
        try:
            return inlined(helper, call, arguments, self._columns_of)
        except UnreadableHelperError as error:
            raise UnreadableHelperError(f"{shown} {error}") from None


def every_reading(find: FindHelper, columns_of: ColumnsOf, judge: Callable[[HelperCalls], _Answer]) -> tuple[list[_Answer], list[str]]:
    """The answers for all functions that ambiguous calls may mean, and the names of those calls.

    Raises UnreadableHelperError where there are too many of them.
    """
    answers: list[_Answer] = []
    names: dict[str, None] = {}
    waiting: list[_Choices] = [{}]
    while waiting:
        before = waiting.pop()
        calls = HelperCalls(find, columns_of, before)
        answers.append(judge(calls))
        names.update(calls.ambiguous)
        if len(answers) > MAX_READINGS:
            raise UnreadableHelperError(f"{', '.join(names)} may be one of too many functions of that name")
        met = [functions for functions in calls.chosen if functions not in before]
        for position, functions in enumerate(met):
            chosen = {**before, **dict.fromkeys(met[:position], 0)}
            waiting += [{**chosen, functions: place} for place in range(1, len(functions))]
    return answers, list(names)


def inlined(helper: HelperFunction, call: Any, arguments: list[Node], columns_of: ColumnsOf) -> Node:
    """The expression that the call returns, or the SELECT whose rows it returns.

    `arguments` are those of the call after the caller's own names were resolved. Raises UnreadableHelperError.
    """
    given: dict[str, Node] = {}
    for position, (argument, written) in enumerate(zip(arguments, map(unwrap, call.args), strict=True)):
        named = kind(written) == "NamedArgExpr" and str(written.name)
        if not named:
            given[f"${position + 1}"] = argument
        elif named in helper.argument_names:
            given[f"${helper.argument_names.index(named) + 1}"] = unwrap(argument.arg)
    for position, name in enumerate(helper.argument_names):
        value = given.setdefault(f"${position + 1}", _reference(OPAQUE))  # an argument left at its default
        if name:
            given[name] = value
    if call.func_variadic:
        given = {name: _reference(OPAQUE) for name in given}

    def put_in(node: Node, names: Mapping[str, Node]) -> Node:
        copy = wrapped(node)
        _put_in(copy, names, string_parts(call.funcname)[-1], (), columns_of, columns_win=helper.language == "sql")
        return unwrap(copy)

    return _returned(helper, given, put_in)


def row_column(name: str) -> Node:
    """A reference to a column of the judged row that nothing can shadow."""
    return _reference((ROW, name)).column_ref


def with_row_references(node: Node, is_row_column: Callable[[Node], str | None]) -> Node:
    """A copy of an argument in which columns of the judged row are marked, and any other column is opaque."""
    copy = wrapped(node)
    _mark(copy, is_row_column)
    return unwrap(copy)


def _returned(helper: HelperFunction, given: Mapping[str, Node], put_in: Callable[[Node, Mapping[str, Node]], Node]) -> Node:
    try:
        if helper.language == "plpgsql" and helper.definition:
            return returned_by_plpgsql(helper.definition, given, put_in)
        if helper.language not in ("sql", "plpgsql"):
            raise UnreadableHelperError(f"is written in {helper.language}")
        body = returned_by_sql(helper.body) if helper.body and helper.language == "sql" else None
    except SqlSyntaxError:
        raise UnreadableHelperError("has a body that does not parse") from None
    except UnreadableBodyError as error:
        raise UnreadableHelperError(str(error)) from None
    if body is None:
        raise UnreadableHelperError("could not be read as one expression")
    return put_in(body, given)


def _reference(path: tuple[str, ...]) -> Any:
    return pg.Node(column_ref=pg.ColumnRef(fields=[pg.Node(string=pg.String(sval=part)) for part in path]))


def _children(node: Message) -> list[Any]:
    found: list[Any] = []
    for _, value in node.ListFields():
        if isinstance(value, Message):
            found.append(value)
        elif not isinstance(value, (str, bytes, int, float)):
            found.extend(item for item in value if isinstance(item, Message))
    return found


def _mark(wrapper: Any, is_row_column: Callable[[Node], str | None]) -> None:
    inner = unwrap(wrapper)
    if kind(inner) == "ColumnRef":
        name = is_row_column(inner)
        if column_path(inner) != OPAQUE:
            wrapper.CopyFrom(_reference((ROW, name) if name is not None else OPAQUE))
        return
    for child in _children(inner):
        _mark(child, is_row_column)


_Visible = tuple[tuple[str, str, str], ...]
"""(schema, relation, alias) of what FROM clauses around a name bring into scope; the relation is "" for anything but a table."""


def _put_in(wrapper: Any, given: Mapping[str, Node], function: str, visible: _Visible, columns_of: ColumnsOf, *, columns_win: bool) -> None:
    node = unwrap(wrapper)
    match kind(node):
        case "ParamRef":
            wrapper.CopyFrom(_as_wrapper(given.get(f"${node.number}", _reference(OPAQUE))))
            return
        case "ColumnRef":
            value = _argument(node, given, function, visible, columns_of, columns_win=columns_win)
            if value is not None:
                wrapper.CopyFrom(_as_wrapper(value))
            return
        case "SelectStmt":
            visible = (*visible, *(source for item in node.from_clause for source in _sources(unwrap(item))))
        case _:
            pass
    for child in _children(node):
        _put_in(child, given, function, visible, columns_of, columns_win=columns_win)


def _as_wrapper(node: Node) -> Any:
    return node if node.DESCRIPTOR.name == "Node" else wrapped(node)


def _argument(
    node: Node, given: Mapping[str, Node], function: str, visible: _Visible, columns_of: ColumnsOf, *, columns_win: bool
) -> Node | None:
    """What a name in the body stands for; None when it is a column. In SQL functions a column wins over an argument of its name."""
    path = column_path(node)
    if path is None:
        return None
    if len(path) == 2 and path[0] == function and path[1] in given and all(alias != function for _, _, alias in visible):
        return given[path[1]]
    if len(path) == 2 and path[0] in given and all(alias != path[0] for _, _, alias in visible):
        raise UnreadableHelperError(f"uses a field of {path[0]}")
    if len(path) != 1 or path[0] not in given:
        return None
    name = path[0]
    for schema, relation, _ in visible:
        columns = columns_of(schema, relation) if relation else None
        if columns is None:
            raise UnreadableHelperError(f"uses the name {name}, which may be its argument or a column")
        if name in columns:
            if columns_win:
                return None
            raise UnreadableHelperError(f"uses the name {name}, which is both an argument and a column")
    return given[name]


def _sources(item: Any) -> list[tuple[str, str, str]]:
    match kind(item):
        case "RangeVar":
            return [(str(item.schemaname), str(item.relname), str(item.alias.aliasname or item.relname))]
        case "JoinExpr":
            return [*_sources(unwrap(item.larg)), *_sources(unwrap(item.rarg))]
        case "RangeTableSample":
            return _sources(unwrap(item.relation))
        case _:
            return [("", "", alias_of(item))]
