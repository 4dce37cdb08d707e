"""Parsing with PostgreSQL's own grammar, memoised by text. Nobody changes a tree: all callers share it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import postgast
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from postgast import pg_query_pb2 as pg

Node = Any
"""A parse-tree node (a protobuf message, whose classes carry no types); its fields are those of PostgreSQL's `nodes/parsenodes.h`."""

CACHE_SIZE = 16_384
_LOCATION_FIELDS = frozenset(
    {"location", "stmt_location", "stmt_len", "name_location", "rexpr_list_start", "rexpr_list_end", "list_start", "list_end"}
)

_STRAY_BRACE = re.compile(r'(?P<string>"(?:[^"\\]|\\.)*")|(?<=[,\[])\{\}\}(?=[,\]])')
"""An empty object of a list with a second closing brace; strings are matched to be passed over."""

_AGGREGATES = frozenset(
    {"count", "min", "max", "sum", "avg", "bool_and", "bool_or", "every", "array_agg", "string_agg", "json_agg", "jsonb_agg", "any_value"}
)


class SqlSyntaxError(ValueError):
    """Text that PostgreSQL's grammar refuses; carries the parser's sentence, never the whole text.

    `position` is the character at which the grammar gave up, 1 for the first; None where it does not say.
    """

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position


@lru_cache(maxsize=CACHE_SIZE)
def parse_expression(text: str) -> Node:
    """Parse one expression as `pg_get_expr` prints it. Raises SqlSyntaxError."""
    value = value_of_select(parse_statement(f"SELECT {text}"))
    if value is None:
        raise SqlSyntaxError("expected one expression")
    return value


@lru_cache(maxsize=CACHE_SIZE)
def parse_statement(text: str) -> Node:
    """Parse text that holds exactly one statement and return the statement node. Raises SqlSyntaxError."""
    statements = parse_statements(text)
    if len(statements) != 1:
        raise SqlSyntaxError(f"expected one statement, found {len(statements)}")
    return statements[0]


@lru_cache(maxsize=CACHE_SIZE)
def parse_statements(text: str) -> tuple[Node, ...]:
    """Parse a script. Raises SqlSyntaxError."""
    return tuple(node for node, _, _ in parse_script(text))


def parse_script(text: str) -> Iterator[tuple[Node, int, int]]:
    """Statements of a script, each with the bytes (in UTF-8) that it begins and ends at. Not memoised. Raises SqlSyntaxError.

    What stands before a statement, blanks and comments, may count as its beginning.
    """
    try:
        tree = postgast.parse(text)
    except postgast.PgQueryError as error:
        raise SqlSyntaxError(str(error), error.cursorpos or None) from None
    except (DecodeError, RecursionError):
        raise SqlSyntaxError("it is nested too deeply to be read") from None
    size = len(text.encode())
    return ((unwrap(raw.stmt), raw.stmt_location, raw.stmt_location + raw.stmt_len if raw.stmt_len else size) for raw in tree.stmts)


@lru_cache(maxsize=CACHE_SIZE)
def parse_plpgsql(create_function: str) -> dict[str, Any]:
    """Parse a whole CREATE FUNCTION in PL/pgSQL into the parser's JSON form. Raises SqlSyntaxError."""
    try:
        functions = _plpgsql_functions(create_function)
    except (postgast.PgQueryError, ValueError) as error:  # ValueError: the parser's own JSON is not always JSON
        raise SqlSyntaxError(str(error)) from None
    if not functions:
        raise SqlSyntaxError("no PL/pgSQL function found")
    function: dict[str, Any] = functions[0]["PLpgSQL_function"]
    return function


def _plpgsql_functions(create_function: str) -> list[dict[str, Any]]:
    """The parser prints one brace too many for each implicit variable of a trigger function (TG_OP and so on)."""
    try:
        return postgast.parse_plpgsql(create_function)
    except json.JSONDecodeError as error:
        repaired: list[dict[str, Any]] = json.loads(_STRAY_BRACE.sub(lambda match: match["string"] or "{}", error.doc))
        return repaired


def unwrap(node: Node) -> Node:
    """The concrete node inside a `Node` wrapper; the node itself when it is none."""
    if type(node) is not pg.Node:
        return node
    which = node.WhichOneof("node")
    return getattr(node, which) if which else node


_FIELD_OF = {descriptor.message_type.name: descriptor.name for descriptor in pg.Node.DESCRIPTOR.fields if descriptor.message_type}


def wrapped(node: Node) -> Node:
    """A copy of a concrete node in a `Node` wrapper; of the wrapper itself when it is one."""
    wrapper = pg.Node()
    if type(node) is pg.Node:
        wrapper.CopyFrom(node)
    else:
        getattr(wrapper, _FIELD_OF[kind(node)]).CopyFrom(node)
    return wrapper


def kind(node: Node) -> str:
    """Name of the node's type, e.g. `A_Expr`, `BoolExpr`, `FuncCall`; `Node` for an absent one."""
    return type(node).__name__


def same(left: Node, right: Node) -> bool:
    """Structural equality of two trees, wherever in the text they stand."""
    return type(left) is type(right) and _alike(left, right)


def _alike(left: Message, right: Message) -> bool:
    ours, theirs = ([f for f in node.ListFields() if f[0].name not in _LOCATION_FIELDS] for node in (left, right))
    return len(ours) == len(theirs) and all(
        one is other and _alike_values(one, a, b) for (one, a), (other, b) in zip(ours, theirs, strict=True)
    )


def _alike_values(descriptor: FieldDescriptor, left: Any, right: Any) -> bool:
    if descriptor.message_type is None:
        return bool(left == right)
    if descriptor.is_repeated:
        return len(left) == len(right) and all(map(_alike, left, right))
    return _alike(left, right)


def text_bytes(node: Node) -> bytes:
    """Equal for equal trees, wherever in the text they stand. Costs a copy: for comparing many trees with one another."""
    copy = type(node)()
    copy.CopyFrom(node)
    _forget_locations(copy)
    return bytes(copy.SerializeToString(deterministic=True))


def children(node: Node) -> list[Node]:
    """Direct sub-nodes in field order."""
    found: list[Node] = []
    for descriptor, value in node.ListFields():
        if descriptor.message_type is None:
            continue
        if descriptor.is_repeated:
            found.extend([unwrap(item) for item in value])
        else:
            found.append(unwrap(value))
    return found


def _forget_locations(node: Message) -> None:
    for descriptor, value in node.ListFields():
        if descriptor.message_type is not None:
            if descriptor.is_repeated:
                for item in value:
                    _forget_locations(item)
            else:
                _forget_locations(value)
        elif descriptor.name in _LOCATION_FIELDS:
            node.ClearField(descriptor.name)


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal. `value` is None for NULL; numbers and strings keep their Python type."""

    value: str | int | float | bool | None


def constant_of(node: Node) -> Constant | None:
    """The literal that a constant node holds, or None when the node is something else."""
    if kind(node) != "A_Const":
        return None
    if node.isnull:
        return Constant(None)
    which = node.WhichOneof("val")
    match which:
        case "ival":
            return Constant(int(node.ival.ival))
        case "fval":
            return Constant(float(node.fval.fval))
        case "boolval":
            return Constant(bool(node.boolval.boolval))
        case "sval":
            return Constant(str(node.sval.sval))
        case _:
            return None


def string_parts(names: Any) -> tuple[str, ...]:
    """A list of String nodes (qualified name, operator name) as text."""
    return tuple([part.string.sval for part in names])


def column_path(node: Node) -> tuple[str, ...] | None:
    """`a.b.c` as ("a", "b", "c"), or None when the node is no plain column reference."""
    if kind(node) != "ColumnRef":
        return None
    fields = list(node.fields)
    if any(field.WhichOneof("node") != "string" for field in fields):
        return None
    return string_parts(fields)


def bare(node: Node) -> Node:
    """The expression without what does not change which value it is: casts, COLLATE, and `(select x)` around it."""
    while True:
        match kind(node):
            case "TypeCast":
                node = unwrap(node.arg)
            case "CollateClause":
                node = unwrap(node.arg)
            case "SubLink":
                inner = scalar_of(node)
                if inner is None:
                    return node
                node = inner
            case _:
                return node


def scalar_of(sublink: Node) -> Node | None:
    """`x` of a scalar sub-select `(select x)` that reads no table and filters nothing, else None."""
    if sublink.sub_link_type != pg.EXPR_SUBLINK:
        return None
    return value_of_select(unwrap(sublink.subselect))


_MORE_THAN_A_VALUE = frozenset(
    {
        "from_clause",
        "where_clause",
        "group_clause",
        "having_clause",
        "limit_count",
        "limit_offset",
        "with_clause",
        "larg",
        "values_lists",
    }
)


def value_of_select(select: Node) -> Node | None:
    """`x` of a bare `select x`: one target, no FROM, WHERE, grouping, LIMIT or set operation."""
    if type(select) is not pg.SelectStmt or len(select.target_list) != 1 or len(select.from_clause):
        return None
    if not _MORE_THAN_A_VALUE.isdisjoint([descriptor.name for descriptor, _ in select.ListFields()]):
        return None
    return unwrap(select.target_list[0].res_target.val)


def operator_of(node: Node) -> str:
    """Name of an A_Expr's built-in operator; empty for other nodes, and for an operator that is named with another schema."""
    name = string_parts(node.name) if kind(node) == "A_Expr" else ()
    return name[-1] if name and name[:-1] in ((), ("pg_catalog",)) else ""


def aggregates(node: Node) -> bool:
    """A target of a SELECT that makes one row of all: an aggregate call outside of sub-selects."""
    if kind(node) == "SubLink":
        return False
    if kind(node) == "FuncCall":
        name = string_parts(node.funcname)
        grouped = name[-1] in _AGGREGATES or node.agg_star or node.agg_distinct or len(node.agg_order) or node.HasField("agg_filter")
        if grouped and not node.HasField("over"):
            return True
    return any(aggregates(child) for child in children(node))


def calls_a_function(node: Node) -> bool:
    """Any function call in the sub-tree: it may return no row, or several."""
    return kind(node) == "FuncCall" or any(calls_a_function(child) for child in children(node))
