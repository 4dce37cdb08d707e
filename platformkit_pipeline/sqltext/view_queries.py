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


def is_updatable(query: str) -> bool:
    """See `updated_through`; a query that does not parse counts as not updatable."""
    try:
        return updated_through(query) is not None
    except SqlSyntaxError:
        return False


@lru_cache(maxsize=1024)
def updated_through(query: str) -> tuple[str, str] | None:
    """(schema, name) of the one relation that the view reads, where PostgreSQL lets INSERT, UPDATE and DELETE through to it.

    The schema is empty where none is written. Window and set-returning functions are not told from others. Raises SqlSyntaxError.
    """
    select = parse_statement(query.rstrip().removesuffix(";"))
    if kind(select) != "SelectStmt" or _SHAPING & {descriptor.name for descriptor, _ in select.ListFields()}:
        return None
    if len(select.from_clause) != 1 or kind(unwrap(select.from_clause[0])) != "RangeVar":
        return None
    if any(aggregates(unwrap(target)) for target in select.target_list):
        return None
    relation = unwrap(select.from_clause[0])
    return (str(relation.schemaname), str(relation.relname))
