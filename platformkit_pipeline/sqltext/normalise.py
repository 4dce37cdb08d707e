"""One spelling for SQL that several majors of PostgreSQL, or a dump and its restore, print differently.

The result is for comparing and hashing. It is not meant to be run: a qualifier that the parser does not need is gone
even where a reader would miss it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import postgast
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from platformkit_pipeline.sqltext.parser import CACHE_SIZE, Node, unwrap

_WHITESPACE = re.compile(r"\s+")
_NUMBERED_ROW_NAME = re.compile(r"\b(old|new)_(\d+)\b")

_LATER_KEYWORD = re.compile(r"\b(?:json(?:_\w+)?|merge_action|system_user)\b")
"""Names that 14 and 15 print as they are, and later majors in quotes."""

_REPEATED_NAME = re.compile(r"""(?i)(?<![\w"])("(?:[^"]|"")+"|[\w$]+)(?: AS | )\1(?![\w"])""")
"""A relation with an alias that is its name, or a column with a name that it has anyway."""

_NAME = "[a-z_][a-z0-9_]*"
_ITEM = f"(?:{_NAME}\\.)?{_NAME}(?: AS {_NAME})?"
_LITERAL = (
    rf"(?:[1-9][0-9]{{0,8}}|\((?:0|[1-9][0-9]{{0,8}})\)::numeric|'[^'\\]*'::(?:text|uuid|date|jsonb|(?!pg_catalog\.){_NAME}\.{_NAME}))"
)
_TEST = rf"\((?:{_NAME}\.)?{_NAME} (?:IS (?:NOT )?NULL|(?:=|<>|<|>|<=|>=) {_LITERAL})\)"
_PLAIN_VIEW = re.compile(
    " SELECT "  # noqa: S608 - a pattern, not a query
    rf"(?P<items>{_ITEM}(?:,\n    {_ITEM})*)\n   FROM (?P<relation>(?:{_NAME}\.)?(?P<name>{_NAME}))(?: (?P<alias>{_NAME}))?"
    rf"(?:\n  WHERE (?P<condition>{_TEST}|\({_TEST}(?: AND {_TEST})+\)))?;?"
)
"""A view as `pg_get_viewdef` prints it that reads columns of one relation, under simple tests of them or none."""
_TESTED = re.compile(rf"\((?:(?P<qualifier>{_NAME})\.)?(?P<column>{_NAME}) (?P<test>(?:[^'()]|\([0-9]+\)|'[^']*')+)\)")
_NUMERIC = re.compile(r"\(([0-9]+)\)::numeric$")


@lru_cache(maxsize=CACHE_SIZE)
def normalise_query(sql: str) -> str:
    """`sql` (one or more statements) re-printed from its parse tree, without what differs between servers.

    - Column qualifiers go where the query level reads a single relation: 15 prints `select good.id from good` for a
      view, 16 and later `select id from good`.
    - Aliases that repeat the name they stand for go.
    - A relation called `old` or `new` gets the name it has in 16 and later; up to 15 every view knew these two already,
      so that such a relation was printed as `old_1`.
    - A cast around an array constructor goes to its elements: `x in ('a', 'b')` over a varchar is printed with the cast
      outside, and with the casts inside once that text was parsed again by a restore.

    Text that does not parse comes back with its white space folded.
    """
    plain = _plain_view(sql)
    return plain if plain is not None else _reprinted(sql)


def _plain_view(sql: str) -> str | None:
    """What `_reprinted` says of the plainest views, at a tenth of its cost; None for everything else."""
    match = _PLAIN_VIEW.fullmatch(sql)
    if match is None or _NUMBERED_ROW_NAME.search(sql) or _LATER_KEYWORD.search(sql):
        return None
    relation, name, alias = match["relation"], match["name"], match["alias"]
    only = alias or name
    items = match["items"].split(",\n    ")
    if "." in match["items"] or " " in match["items"]:
        items = [_plain_item(item, only) for item in items]
    tests = [_plain_test(tested, only) for tested in _TESTED.finditer(match["condition"] or "")]
    if "" in items or "" in tests:
        return None
    source = relation if alias is None or alias == name else f"{relation} {alias}"
    where = f" WHERE {' AND '.join(tests)}" if tests else ""
    return "".join(("SELECT ", ", ".join(items), " FROM ", source, where))


def _plain_item(item: str, only: str) -> str:
    """One target without the qualifier `only` and without a name that it has anyway; empty for another qualifier."""
    value, _, name = item.partition(" AS ")
    qualifier, dot, column = value.rpartition(".")
    if dot and qualifier != only:
        return ""
    return f"{column} AS {name}" if name and name != column else column


def _plain_test(tested: re.Match[str], only: str) -> str:
    """One test without the qualifier `only` and without the parentheses around a number; empty for another qualifier."""
    if tested["qualifier"] not in (None, only):
        return ""
    return " ".join((tested["column"], _NUMERIC.sub(r"\1::numeric", tested["test"])))


def _reprinted(sql: str) -> str:
    try:
        tree = postgast.parse(sql)
        if _NUMBERED_ROW_NAME.search(sql):
            _free_row_names(tree)
            _normalise(tree, None)
        elif not _is_normal(sql, tree):
            _normalise(tree, None)
        return postgast.deparse(tree)
    except (postgast.PgQueryError, DecodeError, RecursionError):
        return _WHITESPACE.sub(" ", sql).strip()


def _is_normal(sql: str, tree: Node) -> bool:
    """Whether `_normalise` would surely change nothing: what a server since 16 prints for a query of one level.

    Walking the tree takes several times as long as parsing and printing it.
    """
    if sql.count("SELECT") != 1 or "select" in sql or "ARRAY[" in sql or "array[" in sql or _REPEATED_NAME.search(sql):
        return False
    if len(tree.stmts) != 1 or tree.stmts[0].stmt.WhichOneof("node") != "select_stmt":
        return False
    relation = _only_relation(tree.stmts[0].stmt.select_stmt)
    return relation is None or (re.fullmatch(_NAME, relation) is not None and f"{relation}." not in sql)


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
    if item.DESCRIPTOR.name == "RangeTableSample":
        item = unwrap(item.relation)
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


def _free_row_names(tree: Message) -> None:
    """Count `old_1, old_2` from `old` on where nothing in the statement is called plain `old`; the same for `new`."""
    nodes = list(_all_nodes(tree))
    aliases = [node.alias for node in nodes if node.DESCRIPTOR.name in ("RangeVar", "RangeSubselect") and node.alias.aliasname]
    used = {node.alias.aliasname or node.relname for node in nodes if node.DESCRIPTOR.name == "RangeVar"}
    used |= {alias.aliasname for alias in aliases}
    renamed = {name: _lower_number(name) for name in used if (base := name.rpartition("_")[0]) in ("old", "new") and base not in used}
    for alias in aliases:
        alias.aliasname = renamed.get(alias.aliasname, alias.aliasname)
    for node in nodes:
        if node.DESCRIPTOR.name == "ColumnRef" and len(node.fields) > 1:
            qualifier = node.fields[0].string
            qualifier.sval = renamed.get(qualifier.sval, qualifier.sval)


def _lower_number(name: str) -> str:
    match = _NUMBERED_ROW_NAME.fullmatch(name)
    if match is None:
        return name
    base, number = match[1], int(match[2])
    return base if number <= 1 else f"{base}_{number - 1}"


def _all_nodes(node: Node) -> Iterator[Node]:
    yield node
    for descriptor, value in node.ListFields():
        if descriptor.type == FieldDescriptor.TYPE_MESSAGE:
            for child in (value,) if isinstance(value, Message) else value:
                yield from _all_nodes(child)
