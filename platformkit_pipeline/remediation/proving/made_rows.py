"""Rows of two tenants, made up for a table of which only the schema is known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from platformkit_pipeline.model.snapshot import Relation
from platformkit_pipeline.rules.database.catalog import Catalog

TENANTS = ("70000000-0000-4000-8000-00000000000a", "70000000-0000-4000-8000-00000000000b")
USERS = ("50000000-0000-4000-8000-00000000000a", "50000000-0000-4000-8000-00000000000b")
_NUMBERS = ("1", "2")
_TEXTS = ("a", "b")

_BY_TYPE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "uuid": USERS,
        "text": _TEXTS,
        "citext": _TEXTS,
        "name": _TEXTS,
        "character": _TEXTS,
        "character varying": _TEXTS,
        "smallint": _NUMBERS,
        "integer": _NUMBERS,
        "bigint": _NUMBERS,
        "numeric": _NUMBERS,
        "real": _NUMBERS,
        "double precision": _NUMBERS,
        "money": _NUMBERS,
        "boolean": ("true", "true"),
        "date": ("2025-01-01", "2025-01-02"),
        "timestamp without time zone": ("2025-01-01", "2025-01-02"),
        "timestamp with time zone": ("2025-01-01", "2025-01-02"),
        "time without time zone": ("01:00", "02:00"),
        "interval": ("1 day", "2 days"),
        "inet": ("127.0.0.1", "127.0.0.2"),
        "json": ("{}", "{}"),
        "jsonb": ("{}", "{}"),
        "bytea": ("a", "b"),
    }
)
"""A value for each of two rows, as text. Uuids are users: most policies that name no tenant ask for one."""


def made_rows(catalog: Catalog, table: Relation) -> tuple[dict[str, str], dict[str, str]]:
    """Column → text, for a row of each tenant. Columns of types that nobody can make up values for stay null."""
    tenant = catalog.declarations.tenancy.column
    labels = {f"{t.schema}.{t.name}": t.labels for t in catalog.snapshot.types if t.labels}
    domains = {f"{t.schema}.{t.name}": t.definition or "" for t in catalog.snapshot.types if t.kind == "domain"}
    rows: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for column in catalog.columns_of(table):
        values = _values(column.name, _below(column.type, domains), tenant, labels)
        if column.generated or values is None:
            continue
        for row, value in zip(rows, values, strict=True):
            row[column.name] = value
    return rows


def _below(type_name: str, domains: Mapping[str, str]) -> str:
    """The type that a domain stands on, through other domains; what a domain demands of its values does not bind trials."""
    while (definition := domains.get(type_name)) is not None:
        standing_on = (name for name in (*domains, *_BY_TYPE) if re.match(rf"{re.escape(name)}(?![\w.\[])", definition))
        type_name = max(standing_on, key=len, default="")
    return type_name


def _values(name: str, type_name: str, tenant: str, labels: Mapping[str, tuple[str, ...]]) -> tuple[str, str] | None:
    if name == tenant:
        return TENANTS if type_name in ("uuid", "text", "character varying") else _NUMBERS
    if label := labels.get(type_name):
        return (label[0], label[0])
    if type_name.endswith("[]"):
        return ("{}", "{}")
    return _BY_TYPE.get(type_name.split("(", maxsplit=1)[0].rsplit(".", 1)[-1])
