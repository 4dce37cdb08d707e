"""Small questions about index predicates."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.parser import CACHE_SIZE, SqlSyntaxError, bare, column_path, kind, parse_expression, unwrap

ANYTHING_ELSE = "*"
"""Stands in the answer for a condition that is more than `column is not null`."""


@lru_cache(maxsize=CACHE_SIZE)
def columns_required_not_null(predicate: str) -> frozenset[str]:
    """Columns of a predicate `a is not null [and b is not null ...]`; contains `*` when it asks anything else."""
    try:
        return frozenset(_required(parse_expression(predicate)))
    except SqlSyntaxError:
        return frozenset({ANYTHING_ELSE})


def _required(node: Any) -> set[str]:
    if kind(node) == "BoolExpr" and node.boolop == pg.AND_EXPR:
        return {name for part in node.args for name in _required(unwrap(part))}
    if kind(node) == "NullTest" and node.nulltesttype == pg.IS_NOT_NULL:
        path = column_path(bare(unwrap(node.arg)))
        if path:
            return {path[-1]}
    return {ANYTHING_ELSE}
