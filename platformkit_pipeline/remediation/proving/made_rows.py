"""Rows of two tenants, made up for a table of which only the schema is known."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from platformkit_pipeline.model.snapshot import Column, Relation
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
    rows: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for column in catalog.columns_of(table):
        values = _values(column, tenant, labels)
        if column.generated or values is None:
            continue
        for row, value in zip(rows, values, strict=True):
            row[column.name] = value
    return rows


def _values(column: Column, tenant: str, labels: Mapping[str, tuple[str, ...]]) -> tuple[str, str] | None:
    if column.name == tenant:
        return TENANTS if column.type in ("uuid", "text", "character varying") else _NUMBERS
    if label := labels.get(column.type):
        return (label[0], label[0])
    if column.type.endswith("[]"):
        return ("{}", "{}")
    return _BY_TYPE.get(column.type.split("(")[0].rsplit(".", 1)[-1])
