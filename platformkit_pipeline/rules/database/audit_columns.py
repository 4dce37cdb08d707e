"""Audit columns: clause 5.3."""

from __future__ import annotations

from platformkit_pipeline.model.identity import member_identity, relation_identity
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.model.snapshot import CatalogKind, Column, Relation, Trigger
from platformkit_pipeline.rules.database.audit_logs import AuditLogs
from platformkit_pipeline.rules.database.catalog import Catalog, Name, identity_of
from platformkit_pipeline.rules.database.trigger_functions import (
    TriggerFunctions,
    Unreadable,
    arguments_of,
    fires,
    is_of_columns,
    stops,
)
from platformkit_pipeline.rules.registry import PASSED, Family, Verdict, Verdicts, failed, rule, unknown
from platformkit_pipeline.sqltext.clocks import is_clock
from platformkit_pipeline.sqltext.identifiers import qualified
from platformkit_pipeline.sqltext.types import Domain, read_domain

_MODDATETIME = "moddatetime"
"""Trigger function of the extension of that name: sets the column that its argument names. It is written in C."""
_TIMESTAMPTZ = "timestamp with time zone"

# Parts of the examples of rules about critical tables.
CRITICAL = "comment on table public.orders is 'platformkit:critical money';\n"
ACTOR_COLUMNS = """
alter table public.orders
  add column created_by uuid not null references auth.users (id) on delete restrict,
  add column updated_by uuid not null references auth.users (id) on delete restrict;
create index orders_created_by_idx on public.orders (created_by);
create index orders_updated_by_idx on public.orders (updated_by);
"""
AUDIT_LOG = """
create schema audit;
create table audit.log (id bigint generated always as identity primary key, line text not null,
  created_at timestamptz not null default now(), updated_at timestamptz not null generated always as (created_at) stored);
comment on table audit.log is 'platformkit:not-tenant-scoped read by auditors only';
"""
AUDIT_TRIGGER = """
create function audit.record() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into audit.log (line) values (tg_op || ' ' || tg_table_name || ' by ' || session_user);
  return null;
end $$;
comment on function audit.record() is 'platformkit:definer whoever deletes may not write to the log';
create trigger record after delete or truncate on public.orders for each statement execute function audit.record();
"""


@rule(
    "AUD001",
    "timestamps-missing",
    clause="5.3",
    severity=Severity.MEDIUM,
    family=Family.AUDIT_TRAIL,
    title="Table without created_at and updated_at",
    why=(
        "Nobody can tell when a row came to be or when it last changed. A row of an audit log, and of any table that a trigger lets nobody "
        "update, never changes: created_at is enough there, or another timestamptz NOT NULL that is the time of the insert by default."
    ),
    how_to_fix=(
        "Add both columns as `timestamptz not null default now()`, and a trigger that keeps updated_at; rows that are there get the time "
        "of the change, unless they are given a better one. An audit log whose name does not tell that it is one is declared under "
        "audit_tables."
    ),
    patch=PatchKind.SQL,
    requires=(CatalogKind.RELATIONS, CatalogKind.COLUMNS, CatalogKind.TRIGGERS, CatalogKind.FUNCTIONS),
    revision=2,
    violating="alter table public.orders drop column created_at;",
    clean="""
alter table public.orders drop column created_at;
alter table public.orders add column created_at timestamptz not null default now();
""",
)
def timestamps_missing(catalog: Catalog) -> Verdicts:
    created_at, updated_at = catalog.declarations.created_at, catalog.declarations.updated_at
    logs = AuditLogs(catalog, TriggerFunctions(catalog))
    for table in catalog.root_tables:
        columns = catalog.columns_by_name(table)
        missing = [name for name in (created_at, updated_at) if name not in columns]
        if missing and logs.only_grows(table):
            missing = [created_at] if created_at in missing and not any(map(_is_time_of_insert, columns.values())) else []
        if not missing:
            yield PASSED
        else:
            identity = identity_of(table)
            yield failed(identity, f"{identity} has no {' and no '.join(missing)}", missing=missing)


def _is_time_of_insert(column: Column) -> bool:
    """timestamptz NOT NULL, and the default is the server's clock."""
    return column.not_null and _is_timestamptz(column.type) and column.default is not None and is_clock(column.default)


@rule(
    "AUD002",
    "timestamp-type",
    clause="5.3",
    severity=Severity.LOW,
    family=Family.AUDIT_TRAIL,
    title="Audit timestamp is not timestamptz NOT NULL",
    why="A timestamp without time zone means something else to every client, and a missing one proves nothing.",
    how_to_fix="`alter table ... alter column ... type timestamptz using ... at time zone 'UTC'`, fill the gaps, then set NOT NULL.",
    requires=(CatalogKind.RELATIONS, CatalogKind.COLUMNS, CatalogKind.TYPES),
    violating="alter table public.orders alter column created_at type timestamp;",
    clean="alter table public.orders alter column created_at type timestamptz(3);",
    revision=2,
)
def timestamp_type(catalog: Catalog) -> Verdicts:
    names = (catalog.declarations.created_at, catalog.declarations.updated_at)
    domains = _domains(catalog)
    for table in catalog.root_tables:
        columns = catalog.columns_by_name(table)
        for name in names:
            column = columns.get(name)
            if column is None:
                continue
            if column.not_null and column.type == _TIMESTAMPTZ:
                yield PASSED
                continue
            domain = domains.get(column.type)
            faults = [
                *([] if _is_timestamptz(domain.base if domain else column.type) else [f"is {column.type}, not timestamptz"]),
                *([] if _never_null(column, domain) else ["may be NULL"]),
            ]
            if faults:
                identity = member_identity("column", table.schema, table.name, name)
                yield failed(identity, f"{identity} {' and '.join(faults)}", type=column.type, not_null=_never_null(column, domain))
            else:
                yield PASSED


@rule(
    "AUD003",
    "actor-columns-missing",
    clause="5.3",
    severity=Severity.MEDIUM,
    family=Family.AUDIT_TRAIL,
    title="Critical table without created_by and updated_by",
    why="Of a row that matters nobody can tell who made it, or who changed it last.",
    how_to_fix=(
        "Add `created_by` and `updated_by`, NOT NULL, that refer to auth.users (`on delete restrict`: they are evidence). Which tables are "
        "critical stands in the settings under critical_tables, or on the table: `comment on table ... is 'platformkit:critical <reason>'`."
    ),
    requires=(CatalogKind.RELATIONS, CatalogKind.COLUMNS, CatalogKind.TYPES),
    violating=AUDIT_LOG + AUDIT_TRIGGER + CRITICAL,
    clean=AUDIT_LOG + AUDIT_TRIGGER + CRITICAL + ACTOR_COLUMNS,
)
def actor_columns_missing(catalog: Catalog) -> Verdicts:
    wanted = (catalog.declarations.created_by, catalog.declarations.updated_by)
    domains = _domains(catalog) if catalog.critical_tables else {}
    for name in catalog.critical_tables:
        if name not in catalog.table_names:
            yield not_judged(catalog, name)
            continue
        table = catalog.relations[name]
        columns = {wish: catalog.column(table, wish) for wish in wanted}
        missing = [wish for wish, column in columns.items() if column is None]
        nullable = [wish for wish, column in columns.items() if column and not _never_null(column, domains.get(column.type))]
        if missing or nullable:
            identity = identity_of(table)
            faults = [*(f"has no {wish}" for wish in missing), *(f"lets {wish} be NULL" for wish in nullable)]
            yield failed(identity, f"{identity} is critical and {' and '.join(faults)}", missing=missing, nullable=nullable)
        else:
            yield PASSED


@rule(
    "AUD005",
    "updated-at-not-maintained",
    clause="5.3",
    severity=Severity.LOW,
    family=Family.AUDIT_TRAIL,
    title="Nothing keeps updated_at",
    why="A column that each writer has to remember tells the time of creation, or whatever a client sent.",
    how_to_fix=(
        "Add a trigger that sets it: `create trigger ... before update on ... for each row execute function "
        "extensions.moddatetime('updated_at')`, or a function of your own that assigns `new.updated_at`."
    ),
    patch=PatchKind.SQL,
    requires=(CatalogKind.RELATIONS, CatalogKind.COLUMNS, CatalogKind.TRIGGERS, CatalogKind.FUNCTIONS),
    violating="drop trigger touch on public.orders;",
    clean="""
drop trigger touch on public.orders;
create trigger touch_again before update on public.orders for each row execute function public.touch_updated_at();
""",
)
def updated_at_not_maintained(catalog: Catalog) -> Verdicts:
    name = catalog.declarations.updated_at
    functions = TriggerFunctions(catalog)
    logs = AuditLogs(catalog, functions)
    for table in catalog.root_tables:
        column = catalog.column(table, name)
        if column is None:
            continue  # AUD001 speaks about it
        if column.generated:
            yield PASSED
            continue
        doubts: list[str] = []
        if any(_maintains(functions, table, trigger, name, doubts) for trigger in functions.likely_first(catalog.triggers_of(table), name)):
            yield PASSED
            continue
        if logs.why(table):  # its rows are written once
            yield PASSED
            continue
        identity = member_identity("column", table.schema, table.name, name)
        if doubts:
            yield unknown(identity, f"whether a trigger sets {identity} cannot be told: {'; '.join(doubts)}")
            continue
        partial = [t.name for t in catalog.triggers_of(table) if fires(t, "UPDATE") and is_of_columns(t)]
        but = f"; {', '.join(partial)} fires for some columns only" if partial else ""
        yield failed(identity, f"no trigger sets {identity} on every update{but}", triggers=[t.name for t in catalog.triggers_of(table)])


def _maintains(functions: TriggerFunctions, table: Relation, trigger: Trigger, column: str, doubts: list[str]) -> bool:
    """The trigger sets the column on every update, or lets no update happen; `doubts` gets the reason why that cannot be told."""
    if not fires(trigger, "UPDATE") or is_of_columns(trigger):
        return False
    before_row = trigger.for_each_row and trigger.timing == "BEFORE"
    if before_row and trigger.function_name == _MODDATETIME and arguments_of(trigger) == (column,):
        return True
    effects = functions.effects(trigger, "UPDATE")
    if isinstance(effects, Unreadable):
        if before_row:
            doubts.append(effects.reason)
        return False
    if before_row:
        if column in effects.sets:
            return True
        if effects.remakes_row:
            doubts.append(f"function {trigger.function_schema}.{trigger.function_name}() replaces the whole row")
    elif any((table.schema, table.name, column) == (schema or table.schema, name, set_) for schema, name, set_ in effects.updates):
        return True
    return stops(functions, trigger, "UPDATE")


def not_judged(catalog: Catalog, name: Name) -> Verdict:
    """About a critical table that is none of the project's tables: a slip of the pen must not be silence."""
    relation = catalog.relations.get(name)
    if relation is None:
        identity = relation_identity("table", *name)
        return unknown(identity, f"{identity} is declared critical and does not exist; is the name right?")
    identity = identity_of(relation)
    what = relation.kind.value.replace("_", " ")
    return unknown(
        identity, f"{identity} is declared critical; it is a {what} that is not judged, because it is no table of the project's own"
    )


def _domains(catalog: Catalog) -> dict[str, Domain]:
    """Domains by the name that `format_type` prints, seen through to the type at the bottom."""
    read = {qualified(t.schema, t.name): read_domain(t.definition or "") for t in catalog.snapshot.types if t.kind == "domain"}
    domains = {name: domain for name, domain in read.items() if domain}
    return {name: _seen_through(domain, domains) for name, domain in domains.items()}


def _seen_through(domain: Domain, domains: dict[str, Domain]) -> Domain:
    while domain.base in domains:
        below = domains[domain.base]
        domain = Domain(below.base, domain.not_null or below.not_null)
    return domain


def _is_timestamptz(type_name: str) -> bool:
    """With or without a precision: `timestamp(3) with time zone`."""
    return type_name == _TIMESTAMPTZ or (type_name.startswith("timestamp(") and type_name.endswith(" with time zone"))


def _never_null(column: Column, domain: Domain | None) -> bool:
    return column.not_null or (domain is not None and domain.not_null)
