"""What can be done through a view, as far as its query says."""

from __future__ import annotations

from functools import lru_cache

from platformkit_pipeline.sqltext.parser import SqlSyntaxError, aggregates, kind, parse_statement, unwrap

_SHAPING = frozenset(
    {
        "distinct_clause",
        "group_clause",
        "having_clause",
        "limit_count",
        "limit_offset",
        "with_clause",
        "values_lists",
        "larg",
        "window_clause",
    }
)
"""Clauses of a query each of which takes away that one row of the view is one row of a table."""


@lru_cache(maxsize=1024)
def is_updatable(query: str) -> bool:
    """PostgreSQL lets INSERT, UPDATE and DELETE through to the one relation that the view reads.

    Window and set-returning functions are not told from others, and a query that does not parse counts as not updatable.
    """
    try:
        select = parse_statement(query.rstrip().removesuffix(";"))
    except SqlSyntaxError:
        return False
    if kind(select) != "SelectStmt" or _SHAPING & {descriptor.name for descriptor, _ in select.ListFields()}:
        return False
    if len(select.from_clause) != 1 or kind(unwrap(select.from_clause[0])) != "RangeVar":
        return False
    return not any(aggregates(unwrap(target)) for target in select.target_list)
