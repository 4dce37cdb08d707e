"""One spelling for SQL that several majors of PostgreSQL, or a dump and its restore, print differently.

The result is for comparing and hashing. It is not meant to be run: a qualifier that the parser does not need is gone
even where a reader would miss it.
"""

from __future__ import annotations

import re
from functools import lru_cache

import postgast
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from platformkit_pipeline.sqltext.parser import CACHE_SIZE, Node, unwrap

_WHITESPACE = re.compile(r"\s+")


@lru_cache(maxsize=CACHE_SIZE)
def normalise_query(sql: str) -> str:
    """`sql` (one or more statements) re-printed from its parse tree, without what differs between servers.

    - Column qualifiers go where the query level reads a single relation: 15 prints `select good.id from good` for a
      view, 16 and later `select id from good`.
    - Aliases that repeat the name they stand for go.
    - A cast around an array constructor goes to its elements: `x in ('a', 'b')` over a varchar is printed with the cast
      outside, and with the casts inside once that text was parsed again by a restore.

    Text that does not parse comes back with its white space folded.
    """
    try:
        tree = postgast.parse(sql)
        _normalise(tree, None)
        return postgast.deparse(tree)
    except (postgast.PgQueryError, DecodeError, RecursionError):
        return _WHITESPACE.sub(" ", sql).strip()


def _normalise(node: Node, relation: str | None) -> None:
    """Rewrite `node` in place. `relation` is the name under which the enclosing query level knows its only relation."""
    match node.DESCRIPTOR.name:
        case "SelectStmt":
            relation = _only_relation(node)
        case "InsertStmt" | "UpdateStmt" | "DeleteStmt" | "MergeStmt":
            relation = None
        case "ColumnRef":
            _drop_qualifier(node, relation)
            return
        case "RangeVar":
            if node.alias.aliasname == node.relname and not node.alias.colnames:
                node.ClearField("alias")
            return
        case _:
            pass
    for descriptor, value in node.ListFields():
        if descriptor.type == FieldDescriptor.TYPE_MESSAGE:
            for child in (value,) if isinstance(value, Message) else value:
                _normalise(child, relation)
    match node.DESCRIPTOR.name:
        case "ResTarget":
            _drop_repeated_name(node)
        case "Node":
            _push_cast_into_array(node)
        case _:
            pass


def _only_relation(select: Node) -> str | None:
    from_clause = select.from_clause
    if len(from_clause) != 1:
        return None
    item = unwrap(from_clause[0])
    match item.DESCRIPTOR.name:
        case "RangeVar":
            return str(item.alias.aliasname or item.relname)
        case "RangeSubselect" | "RangeFunction":
            return str(item.alias.aliasname) or None
        case _:
            return None


def _drop_qualifier(reference: Node, relation: str | None) -> None:
    fields = reference.fields
    named = len(fields) == 2 and all(field.WhichOneof("node") == "string" for field in fields)
    if named and fields[0].string.sval == relation:
        del fields[0]


def _drop_repeated_name(target: Node) -> None:
    value = unwrap(target.val)
    if value.DESCRIPTOR.name != "ColumnRef" or not len(value.fields):
        return
    if value.fields[-1].string.sval == target.name:
        target.ClearField("name")


def _push_cast_into_array(node: Node) -> None:
    """`(ARRAY[a, b])::t[]` becomes `ARRAY[a::t, b::t]`, as the parser itself resolves it."""
    if node.WhichOneof("node") != "type_cast":
        return
    cast = node.type_cast
    if cast.arg.WhichOneof("node") != "a_array_expr" or len(cast.type_name.array_bounds) != 1:
        return
    array = postgast.pg_query_pb2.A_ArrayExpr()
    array.CopyFrom(cast.arg.a_array_expr)
    for element in array.elements:
        inner = postgast.pg_query_pb2.TypeCast(type_name=cast.type_name)
        inner.type_name.ClearField("array_bounds")
        inner.arg.CopyFrom(element)
        element.type_cast.CopyFrom(inner)
    node.a_array_expr.CopyFrom(array)
