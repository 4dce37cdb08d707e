"""Domains and composite types: what they are made of, read from their definitions as the catalogue prints them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.identifiers import qualified
from platformkit_pipeline.sqltext.parser import CACHE_SIZE, SqlSyntaxError, parse_statement, string_parts, unwrap

_PRINTED = {"timestamptz": "timestamp with time zone", "timestamp": "timestamp without time zone"}
"""Names of the grammar that `format_type` prints otherwise; only those that somebody asks about."""


@dataclass(frozen=True, slots=True)
class Domain:
    """`base` is the type below as `format_type` prints it, without precision."""

    base: str
    not_null: bool


@lru_cache(maxsize=CACHE_SIZE)
def read_domain(definition: str) -> Domain | None:
    """What stands in `create domain d as <definition>`; None when it cannot be read."""
    try:
        domain = parse_statement(f"create domain d as {definition}")
    except SqlSyntaxError:
        return None
    not_null = any(unwrap(constraint).contype == pg.CONSTR_NOTNULL for constraint in domain.constraints)
    return Domain(_type_name(domain.type_name), not_null)


@lru_cache(maxsize=CACHE_SIZE)
def component_types(kind: str, definition: str) -> frozenset[str]:
    """Types that a domain or a composite type is made of, as `format_type` prints them, without precision."""
    if kind == "domain":
        domain = read_domain(definition)
        return frozenset() if domain is None else frozenset({domain.base})
    try:
        composite = parse_statement(f"create type c as ({definition})")
    except SqlSyntaxError:
        return frozenset()
    return frozenset(_type_name(unwrap(column).type_name) for column in composite.coldeflist)


def _type_name(node: Any) -> str:
    names = string_parts(node.names)
    of_a_user = len(names) > 1 and names[0] != "pg_catalog"
    name = qualified(names[-2], names[-1]) if of_a_user else _PRINTED.get(names[-1], names[-1])
    return name + "[]" if len(node.array_bounds) else name
