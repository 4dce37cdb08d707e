"""Which columns of a table a policy compares with something that depends on the caller; an index on them finds the caller's rows."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from platformkit_pipeline.sqltext.expression_facts import facts_of
from platformkit_pipeline.sqltext.parser import CACHE_SIZE, Node, bare, column_path, constant_of, kind, parse_expression, unwrap


@lru_cache(maxsize=CACHE_SIZE)
def columns_compared_with_the_caller(expression: str) -> frozenset[str]:
    """The compared columns of `facts_of` without those that are only compared with constants (`status = 'open'`).

    Raises SqlSyntaxError.
    """
    facts = facts_of(expression)
    compared = facts.compared_columns | facts.text_compared_columns
    if not compared or not facts.calls:
        return frozenset()  # nothing in it depends on the caller
    with_constants, otherwise = set[str](), set[str]()
    _tell_apart(parse_expression(expression), with_constants, otherwise)
    return compared - (with_constants - otherwise)


def _tell_apart(node: Node, with_constants: set[str], otherwise: set[str]) -> None:
    """Only comparisons between AND and OR: there the facts have the compared columns from."""
    if kind(node) == "BoolExpr":
        for part in node.args:
            _tell_apart(unwrap(part), with_constants, otherwise)
    elif kind(node) == "A_Expr":
        left, right = unwrap(node.lexpr), unwrap(node.rexpr)
        for side, other in ((left, right), (right, left)):
            path = column_path(_bare_of_casts(side))
            if path:
                (with_constants if _is_constant(other) else otherwise).add(path[-1])


def _bare_of_casts(node: Node) -> Node:
    while kind(node) == "TypeCast":
        node = unwrap(node.arg)
    return node


def _is_constant(node: Any) -> bool:
    """A literal, or a list or array of literals."""
    node = bare(node)
    match kind(node):
        case "List":
            return all(_is_constant(unwrap(item)) for item in node.items)
        case "A_ArrayExpr":
            return all(_is_constant(unwrap(item)) for item in node.elements)
        case _:
            return constant_of(node) is not None
