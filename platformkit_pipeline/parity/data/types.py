"""Types of a contract beside those of the catalogue."""

from __future__ import annotations

from contextlib import suppress

from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.sqltext.column_types import BUILT_IN_TYPES, ColumnType, read_column_type
from platformkit_pipeline.sqltext.parser import SqlSyntaxError
from platformkit_pipeline.sqltext.types import read_domain

_LOGICAL = {
    "string": "bpchar char citext cidr inet macaddr macaddr8 name text uuid varchar xml",
    "integer": "int2 int4 int8",
    "number": "float4 float8 int2 int4 int8 money numeric",
    "boolean": "bool",
    "date": "date",
    "timestamp": "timestamp timestamptz",
    "time": "time timetz",
    "object": "json jsonb",
}
_NAMES = {logical: frozenset(names.split()) for logical, names in _LOGICAL.items()}
_KNOWN = frozenset().union(*_NAMES.values())
_CATALOGUE_NAMES = {
    "int": "int4", "integer": "int4", "bigint": "int8", "smallint": "int2", "boolean": "bool", "real": "float4",
    "double precision": "float8", "decimal": "numeric",
}  # fmt: skip
_DEEPEST_DOMAIN = 8


def is_type(wanted: str, actual: str) -> bool | None:
    """Whether `wanted`, as a person writes it, is `actual`, as `format_type` prints it. None when `wanted` is no type at all.

    A type of a user may be written without its schema.
    """
    declared, found = _read(wanted), _read(actual)
    if declared is None:
        return None
    if found is None:
        return wanted == actual
    if declared.schema is None and found.schema is not None:
        return declared.name == found.name and found.text.endswith(declared.text)
    return declared.text == found.text


def is_logical_type(wanted: str, actual: str, catalog: Catalog) -> bool | None:
    """Whether a column of type `actual` is what the standard calls `wanted`. None for types that it has no word for."""
    if actual.endswith("[]"):
        return wanted == "array"
    read = _read(_below_domains(actual, catalog))
    if read is None:
        return None
    if read.schema is not None and catalog.is_enum(f"{read.schema}.{read.name}"):
        return wanted == "string"
    name = _CATALOGUE_NAMES.get(read.name, read.name)
    return name in _NAMES.get(wanted, ()) if name in _KNOWN else None


def _below_domains(actual: str, catalog: Catalog) -> str:
    for _ in range(_DEEPEST_DOMAIN):
        read = _read(actual)
        found = next(
            (t for t in catalog.snapshot.types if read and t.kind == "domain" and (t.schema, t.name) == (read.schema, read.name)), None
        )
        domain = read_domain(found.definition) if found and found.definition else None
        if domain is None:
            break
        actual = domain.base
    return actual


def _read(text: str) -> ColumnType | None:
    try:
        read = read_column_type(text)
    except SqlSyntaxError:
        return None
    if read.schema is None and read.name in BUILT_IN_TYPES and read.text.startswith(read.name):
        with suppress(SqlSyntaxError):  # int8 is bigint once it is known to be PostgreSQL's own
            return read_column_type(f"pg_catalog.{read.text}")
    return read
