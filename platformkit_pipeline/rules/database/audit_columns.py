"""Audit columns: clause 5.3."""

from __future__ import annotations

from platformkit_pipeline.model.identity import member_identity
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.snapshot import CatalogKind
from platformkit_pipeline.rules.database.catalog import Catalog, identity_of
from platformkit_pipeline.rules.registry import PASSED, Family, Verdicts, failed, rule

_TIMESTAMPTZ = "timestamp with time zone"


@rule(
    "AUD001",
    "timestamps-missing",
    clause="5.3",
    severity=Severity.MEDIUM,
    family=Family.AUDIT_TRAIL,
    title="Table without created_at and updated_at",
    why="Nobody can tell when a row came to be or when it last changed.",
    how_to_fix="Add both columns as `timestamptz not null default now()`, and a trigger that keeps updated_at.",
    requires=(CatalogKind.RELATIONS, CatalogKind.COLUMNS),
    violating="create table public.orders (id uuid primary key);",
    clean="""
create table public.orders (id uuid primary key,
  created_at timestamptz not null default now(), updated_at timestamptz not null default now());
""",
)
def timestamps_missing(catalog: Catalog) -> Verdicts:
    wanted = (catalog.declarations.created_at, catalog.declarations.updated_at)
    for table in catalog.root_tables:
        identity = identity_of(table)
        missing = [name for name in wanted if catalog.column(table, name) is None]
        if missing:
            yield failed(identity, f"{identity} has no {' and no '.join(missing)}", missing=missing)
        else:
            yield PASSED


@rule(
    "AUD002",
    "timestamp-type",
    clause="5.3",
    severity=Severity.LOW,
    family=Family.AUDIT_TRAIL,
    title="Audit timestamp is not timestamptz NOT NULL",
    why="A timestamp without time zone means something else to every client, and a missing one proves nothing.",
    how_to_fix="`alter table ... alter column ... type timestamptz using ... at time zone 'UTC'`, fill the gaps, then set NOT NULL.",
    requires=(CatalogKind.RELATIONS, CatalogKind.COLUMNS),
    violating="create table public.orders (id uuid primary key, created_at timestamp, updated_at timestamp);",
    clean="create table public.orders (id uuid primary key, created_at timestamptz not null, updated_at timestamptz not null);",
)
def timestamp_type(catalog: Catalog) -> Verdicts:
    for table in catalog.root_tables:
        for name in (catalog.declarations.created_at, catalog.declarations.updated_at):
            column = catalog.column(table, name)
            if column is None:
                continue
            identity = member_identity("column", table.schema, table.name, name)
            precise = column.type.startswith("timestamp(") and column.type.endswith("with time zone")
            faults = [
                *([f"is {column.type}, not timestamptz"] if column.type != _TIMESTAMPTZ and not precise else []),
                *([] if column.not_null else ["may be NULL"]),
            ]
            if faults:
                yield failed(identity, f"{identity} {' and '.join(faults)}", type=column.type, not_null=column.not_null)
            else:
                yield PASSED
