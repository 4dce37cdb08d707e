"""Plant one violation: exactly the expected findings appear and no others; mend it: none is left.

Every rule of the book has at least one case, on a real database. A case names all rules that rightly fire.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.rules.registry import all_rules
from platformkit_pipeline_tests.rules.conftest import findings, judge, run_sql

TENANT = "((select auth.jwt()) ->> 'tenant_id')::uuid"
STAMPS = "created_at timestamptz not null default now(), updated_at timestamptz not null default now()"
TABLE = (
    f"create table public.notes (id uuid primary key, tenant_id uuid not null references public.tenants (id) on delete cascade, {STAMPS})"
)
INDEX = "create index on public.notes (tenant_id)"
RLS = "alter table public.notes enable row level security"
POLICY = f"create policy notes_of_tenant on public.notes to authenticated using (tenant_id = {TENANT})"
GOOD = (TABLE, INDEX, RLS, POLICY)
NOTES = "table public.notes"


@dataclass(frozen=True)
class Case:
    name: str
    plant: tuple[str, ...]
    expected: frozenset[tuple[str, str]]
    mend: tuple[str, ...] = ()


def case(name: str, *plant: str, expected: set[tuple[str, str]], mend: tuple[str, ...] = ()) -> Case:
    return Case(name, plant, frozenset(expected), mend)


CASES = [
    case("RLS001 a table in public without row level security", TABLE, INDEX, expected={("RLS001", NOTES)}, mend=(RLS, POLICY)),
    case(
        "RLS001 holds for a table without any grant",
        TABLE,
        INDEX,
        "revoke all on public.notes from anon, authenticated",
        expected={("RLS001", NOTES)},
        mend=(RLS, POLICY),
    ),
    case(
        "RLS001 a partition is a door of its own",
        "create table public.notes (id uuid, tenant_id uuid not null references public.tenants (id) on delete cascade, "
        f"at date, {STAMPS}) partition by list (at)",
        INDEX,
        RLS,
        POLICY,
        "create table public.notes_default partition of public.notes default",
        expected={("RLS001", "table public.notes_default")},
        mend=("alter table public.notes_default enable row level security",),
    ),
    case("RLS002 policies without row level security", TABLE, INDEX, POLICY, expected={("RLS001", NOTES), ("RLS002", NOTES)}, mend=(RLS,)),
    case("RLS003 row level security without a policy", TABLE, INDEX, RLS, expected={("RLS003", NOTES)}, mend=(POLICY,)),
    case(
        "RLS004 a tautology for every command",
        *GOOD,
        'create policy "allow all" on public.notes to authenticated using ((1 = 1) or false)',
        expected={("RLS004", 'policy public.notes."allow all"'), ("TEN003", NOTES)},
        mend=('drop policy "allow all" on public.notes',),
    ),
    case(
        "RLS004 an insert check that is always true",
        *GOOD,
        "create policy anything on public.notes for insert to anon with check ((select true))",
        expected={("RLS004", "policy public.notes.anything"), ("TEN003", NOTES)},
        mend=(f"alter policy anything on public.notes with check (tenant_id = {TENANT})",),
    ),
    case(
        "RLS004 an ALL policy whose check lets any row in",
        *GOOD,
        f"create policy half on public.notes to authenticated using (tenant_id = {TENANT}) with check (true)",
        expected={("RLS004", "policy public.notes.half"), ("TEN003", NOTES)},
        mend=("drop policy half on public.notes",),
    ),
    case(
        "RLS004 a policy of storage.objects",
        "create policy uploads on storage.objects for insert to authenticated with check (true)",
        expected={("RLS004", "policy storage.objects.uploads")},
        mend=("drop policy uploads on storage.objects",),
    ),
    case(
        "RLS004 a policy for a role that client roles inherit",
        *GOOD,
        'create policy "through a group" on public.notes for delete to public using (id = id)',
        expected={("RLS004", 'policy public.notes."through a group"'), ("TEN003", NOTES)},
        mend=('drop policy "through a group" on public.notes',),
    ),
    case(
        "RLS005 everybody reads",
        *GOOD,
        "create policy reading on public.notes for select to anon using (true)",
        expected={("RLS005", "policy public.notes.reading"), ("TEN003", NOTES)},
        mend=("drop policy reading on public.notes",),
    ),
    case(
        "RLS005 a public-read directive without a reason does not count",
        f"create table public.countries (id uuid primary key, {STAMPS})",
        "alter table public.countries enable row level security",
        "create policy reading on public.countries for select to anon using (true)",
        "comment on table public.countries is 'platformkit:public-read\nplatformkit:not-tenant-scoped reference data'",
        expected={("RLS005", "policy public.countries.reading")},
        mend=(
            "comment on table public.countries is 'platformkit:public-read the same for all platformkit:not-tenant-scoped reference data'",
        ),
    ),
    case(
        "FUN001 and its two companions are told apart",
        "create function public.wipe(integer) returns void language sql security definer as 'select'",
        "comment on function public.wipe(integer) is 'platformkit:definer clears rows the caller may not see'",
        expected={("FUN001", "function public.wipe(integer)")},
        mend=("alter function public.wipe(integer) set search_path = pg_catalog",),
    ),
    case(
        "FUN001 judges each overload by itself",
        "create function public.f(a integer) returns void language sql security definer set search_path = '' as 'select'",
        "create function public.f(a text) returns void language plpgsql security definer as 'begin end'",
        "comment on function public.f(integer) is 'platformkit:definer why'",
        "comment on function public.f(text) is 'platformkit:definer why'",
        expected={("FUN001", "function public.f(a text)")},
        mend=("drop function public.f(text)",),
    ),
    case(
        "FUN002 an invoker function with the caller's path",
        "create function public.g() returns integer language sql as 'select 1'",
        expected={("FUN002", "function public.g()")},
        mend=("create or replace function public.g() returns integer language sql begin atomic select 1; end",),
    ),
    case(
        "FUN004 a definer without a reason",
        "create function public.h() returns integer language sql security definer set search_path = '' as 'select 1'",
        expected={("FUN004", "function public.h()")},
        mend=("comment on function public.h() is 'platformkit:definer reads what callers may not'",),
    ),
    case(
        "FUN004 an empty reason is none",
        "create function public.h() returns integer language sql security definer set search_path = '' as 'select 1'",
        "comment on function public.h() is 'platformkit:definer'",
        expected={("FUN004", "function public.h()")},
        mend=("drop function public.h()",),
    ),
    case(
        "EXT001 an extension in public",
        "create extension if not exists citext schema public",
        expected={("EXT001", "extension citext")},
        mend=("drop extension citext", "create extension citext schema extensions"),
    ),
    case(
        "TEN001 a table without the tenant column",
        f"create table public.notes (id uuid primary key, {STAMPS})",
        RLS,
        "create policy mine on public.notes to authenticated using (id = (select auth.uid()))",
        expected={("TEN001", NOTES)},
        mend=("comment on table public.notes is 'platformkit:not-tenant-scoped one row per user, not per tenant'",),
    ),
    case(
        "TEN002 a nullable tenant column",
        *GOOD,
        "alter table public.notes alter column tenant_id drop not null",
        expected={("TEN002", "column public.notes.tenant_id")},
        mend=("alter table public.notes alter column tenant_id set not null",),
    ),
    case(
        "TEN002 a tenant column of another type",
        f"create table public.notes (id uuid primary key, tenant_id text not null, {STAMPS})",
        RLS,
        "create policy t on public.notes to authenticated using (tenant_id = ((select auth.jwt()) ->> 'tenant_id'))",
        expected={("TEN002", "column public.notes.tenant_id")},
        mend=("drop table public.notes",),
    ),
    case(
        "TEN003 any signed-in user",
        TABLE,
        INDEX,
        RLS,
        "create policy signed_in on public.notes to authenticated using ((select auth.uid()) is not null)",
        expected={("TEN003", NOTES)},
        mend=(f"create policy fence on public.notes as restrictive to authenticated using (tenant_id = {TENANT})",),
    ),
    case(
        "TEN003 an update that may move a row to another tenant",
        TABLE,
        INDEX,
        RLS,
        f"create policy moving on public.notes for update to authenticated using (tenant_id = {TENANT}) with check (id is not null)",
        expected={("TEN003", NOTES)},
        mend=("drop policy moving on public.notes", POLICY),
    ),
    case(
        "FKY001 a reference without a foreign key",
        *GOOD,
        "alter table public.notes add column order_id uuid",
        expected={("FKY001", "column public.notes.order_id")},
        mend=(
            "alter table public.notes add foreign key (order_id) references public.orders (id) on delete set null",
            "create index on public.notes (order_id)",
        ),
    ),
    case(
        "FKY001 in camel case, to auth.users",
        *GOOD,
        'alter table public.notes add column "userId" uuid',
        expected={("FKY001", 'column public.notes."userId"')},
        mend=('alter table public.notes drop column "userId"',),
    ),
    case(
        "FKY002 the default ON DELETE",
        *GOOD,
        "alter table public.notes add column order_id uuid constraint to_order references public.orders (id)",
        "create index on public.notes (order_id)",
        expected={("FKY002", "constraint public.notes.to_order")},
        mend=(
            "alter table public.notes drop constraint to_order",
            "alter table public.notes add constraint to_order foreign key (order_id) references public.orders (id) on delete restrict",
        ),
    ),
    case(
        "FKY003 a foreign key whose index begins with something else",
        *GOOD,
        "alter table public.notes add column order_id uuid constraint to_order references public.orders (id) on delete restrict",
        "create index on public.notes (id, order_id)",
        "create index on public.notes (order_id) where tenant_id is not null",
        expected={("FKY003", "constraint public.notes.to_order")},
        mend=("create index on public.notes (order_id) where order_id is not null",),
    ),
    case(
        "FKY003 a foreign key that only a partition has",
        "create table public.notes (id uuid, tenant_id uuid not null references public.tenants (id) on delete cascade, "
        f"at date, {STAMPS}) partition by list (at)",
        INDEX,
        RLS,
        POLICY,
        "create table public.notes_default partition of public.notes default",
        "alter table public.notes_default enable row level security",
        "alter table public.notes_default add constraint to_order foreign key (id) references public.orders (id) on delete cascade",
        expected={("FKY003", "constraint public.notes_default.to_order")},
        mend=("create index on public.notes_default (id)",),
    ),
    case(
        "AUD001 no timestamps",
        "create table public.notes (id uuid primary key, tenant_id uuid not null references public.tenants (id) on delete cascade)",
        INDEX,
        RLS,
        POLICY,
        expected={("AUD001", NOTES)},
        mend=(f"alter table public.notes {', '.join('add column ' + c for c in STAMPS.split(', '))}",),
    ),
    case(
        "AUD002 a timestamp without time zone",
        *GOOD,
        "alter table public.notes alter column created_at type timestamp",
        expected={("AUD002", "column public.notes.created_at")},
        mend=("alter table public.notes alter column created_at type timestamptz",),
    ),
    case(
        "AUD002 a nullable timestamp",
        *GOOD,
        "alter table public.notes alter column updated_at drop not null",
        expected={("AUD002", "column public.notes.updated_at")},
        mend=("alter table public.notes alter column updated_at set not null",),
    ),
]


@pytest.mark.parametrize("planted", CASES, ids=lambda c: c.name)
def test_exactly_the_planted_findings_appear_and_go(well_kept: Dsn, planted: Case) -> None:
    for statement in planted.plant:
        run_sql(well_kept, statement)
    assert findings(well_kept) == planted.expected
    for statement in planted.mend:
        run_sql(well_kept, statement)
    assert findings(well_kept) == set()


def test_the_well_kept_schema_has_no_finding(well_kept: Dsn) -> None:
    assert findings(well_kept) == set()


def test_every_rule_has_a_planted_case() -> None:
    assert {rule for c in CASES for rule, _ in c.expected} == {r.code for r in all_rules()}


@pytest.mark.parametrize("role", ["pg_read_all_data", "auditors"])
def test_privileges_through_a_predefined_role_count_as_reach(well_kept: Dsn, role: str) -> None:
    run_sql(
        well_kept,
        f"""
        alter table public.orders disable row level security;
        revoke all on public.orders from anon, authenticated, public;
        do $$ begin create role auditors; exception when duplicate_object then null; end $$;
        grant pg_read_all_data to auditors;
        grant {role} to anon;
        """,
        role="supabase_admin",
    )
    try:
        [finding] = [r for r in judge(well_kept) if r.rule == "RLS001" and r.is_finding]
    finally:
        run_sql(well_kept, f"revoke {role} from anon; drop role auditors", role="supabase_admin")
    assert finding.evidence["reachable_by"] == {"anon": ["SELECT"]}
