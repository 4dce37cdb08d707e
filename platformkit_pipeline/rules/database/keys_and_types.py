"""Primary keys, and column types that an upgrade of the server cannot carry: clause 5.2."""

from __future__ import annotations

from platformkit_pipeline.model.identity import member_identity
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.snapshot import CatalogKind, RelationKind, Type
from platformkit_pipeline.rules.database.catalog import Catalog, identity_of
from platformkit_pipeline.rules.registry import PASSED, Family, Verdicts, failed, rule
from platformkit_pipeline.sqltext.identifiers import qualified
from platformkit_pipeline.sqltext.types import component_types

_STABLE = frozenset({"regclass", "regrole", "regtype"})
"""Aliases of oids that a dump keeps: pg_upgrade accepts columns of them."""
_UNSUPPORTED = frozenset(
    {"regcollation", "regconfig", "regdictionary", "regnamespace", "regoper", "regoperator", "regproc", "regprocedure"}
)


@rule(
    "KEY001",
    "primary-key-missing",
    clause="5.2",
    severity=Severity.MEDIUM,
    family=Family.KEYS_AND_TYPES,
    title="Table without a primary key",
    why=(
        "Nothing names a row: nothing can refer to it, duplicates cannot be told apart, and updates and deletes "
        "cannot be replicated (Realtime, read replicas of a publication)."
    ),
    how_to_fix="Add `primary key` on the columns that identify a row, or `id uuid primary key default gen_random_uuid()`.",
    references=("splinter:no_primary_key",),
    requires=(CatalogKind.RELATIONS, CatalogKind.CONSTRAINTS, CatalogKind.INDEXES),
    violating="alter table public.orders drop constraint orders_pkey;",
    clean="""
alter table public.orders drop constraint orders_pkey;
alter table public.orders add primary key (id);
""",
)
def primary_key_missing(catalog: Catalog) -> Verdicts:
    for table in catalog.root_tables:
        if catalog.primary_key_of(table.schema, table.name) is not None:
            yield PASSED
        else:
            identity = identity_of(table)
            unique = [list(i.key_columns) for i in catalog.indexes_of(table) if i.unique and i.valid and i.predicate is None]
            yield failed(identity, f"{identity} has no primary key", unique_indexes=unique)


@rule(
    "TYP001",
    "unsupported-reg-type",
    clause="5.2",
    severity=Severity.LOW,
    family=Family.KEYS_AND_TYPES,
    title="Column of a type that pg_upgrade cannot carry",
    why=(
        "The column holds numbers of catalogue rows that are given anew on another server: pg_upgrade refuses the whole "
        "database, and a restored dump may fail on a name that it does not find."
    ),
    how_to_fix="Keep the name as text and cast it where it is used (`handler::regprocedure`). regclass, regrole and regtype may stay.",
    references=("splinter:unsupported_reg_types",),
    requires=(CatalogKind.RELATIONS, CatalogKind.COLUMNS, CatalogKind.TYPES),
    violating="alter table public.orders add column handler regproc;",
    clean="alter table public.orders add column handler text;",
)
def unsupported_reg_type(catalog: Catalog) -> Verdicts:
    unsupported = _types_over(catalog, _UNSUPPORTED)
    judged = unsupported | _types_over(catalog, _STABLE)
    columns = [c for c in catalog.snapshot.columns if c.type in judged]
    if not columns:
        return
    stored = {(r.schema, r.name) for r in (*catalog.root_tables, *catalog.relations_of_kind(RelationKind.MATERIALIZED_VIEW))}
    for column in columns:
        if (column.schema, column.relation) not in stored:
            continue
        if column.type in unsupported:
            identity = member_identity("column", column.schema, column.relation, column.name)
            yield failed(identity, f"{identity} is of type {column.type}, which pg_upgrade cannot carry", type=column.type)
        else:
            yield PASSED


def _types_over(catalog: Catalog, names: frozenset[str]) -> frozenset[str]:
    """`names`, and the domains, composite types and arrays made of them, as `format_type` prints them."""
    found = {printed for name in names for printed in (name, f"{name}[]")}
    made_of = {
        _printed(t): component_types(t.kind, t.definition or "") for t in catalog.snapshot.types if t.kind in ("domain", "composite")
    }
    while more := [name for name, parts in made_of.items() if name not in found and not found.isdisjoint(parts)]:
        found.update(printed for name in more for printed in (name, f"{name}[]"))
    return frozenset(found)


def _printed(user_type: Type) -> str:
    return qualified(user_type.schema, user_type.name)
