"""Grants past policies, on copies and accounts, on audit logs and on what comes next: hard cases through the prover."""

from __future__ import annotations

import pytest

from platformkit_pipeline_tests.remediation.planned import by_hand, proven
from platformkit_pipeline_tests.remediation.proving.conftest import Bench, bench

__all__ = ["bench"]

MATVIEW = (
    "create materialized view public.totals as select tenant_id, sum(total) as total from public.orders group by 1;"
    "revoke all on public.totals from public, anon, authenticated;"
)
AUDIT_LOG = """
create schema audit;
create table audit.log (id bigint generated always as identity primary key, at timestamptz not null default now(), what jsonb,
  created_at timestamptz not null default now());
alter table audit.log enable row level security;
grant usage on schema audit to service_role, authenticated;
"""


# -- RLS013 -------------------------------------------------------------------------------------------------------------
def test_what_policies_do_not_hold_back_goes_by_column_and_from_public_too(bench: Bench) -> None:
    bench.plant(
        "grant truncate on public.orders to public; grant references (id, total) on public.orders to anon with grant option;"
        "grant trigger on public.orders to authenticated with grant option; revoke truncate on public.orders from service_role"
    )
    [patch] = proven(bench, "RLS013")
    assert patch.up == (
        "revoke truncate, references, trigger on public.orders from public, anon, authenticated",
        "grant truncate on public.orders to service_role",
    )
    assert "grant references (id, total) on public.orders to anon with grant option" in patch.down
    assert {(c.roles, c.operations) for c in patch.effects.access} == {
        (("anon",), ("REFERENCES", "TRUNCATE")),
        (("authenticated",), ("TRIGGER", "TRUNCATE")),
    }


def test_a_column_s_grant_survives_a_grant_to_its_holder_that_is_taken_back(bench: Bench) -> None:
    bench.plant(
        "revoke references on public.orders from service_role; grant references (total) on public.orders to service_role;"
        "grant references on public.orders to public"
    )
    [patch] = proven(bench, "RLS013")
    assert "grant references (total) on public.orders to service_role" in patch.down


def test_odd_names_and_partitions_are_closed_one_by_one(bench: Bench) -> None:
    bench.plant(
        """create table public."Ev ""ents" (id uuid, tenant_id uuid not null references public.tenants (id) on delete cascade,
             created_at timestamptz not null, updated_at timestamptz not null, primary key (id, created_at))
             partition by range (created_at);
           create index on public."Ev ""ents" (tenant_id);
           create table public."p 1" partition of public."Ev ""ents" default;
           alter table public."Ev ""ents" enable row level security; alter table public."p 1" enable row level security;
           create policy t on public."Ev ""ents" to authenticated using (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid);
           grant select, insert, update, delete, truncate on public."Ev ""ents" to authenticated; grant trigger on public."p 1" to anon;
           create trigger touch before update on public."Ev ""ents" for each row execute function public.touch_updated_at();"""
    )
    patches = proven(bench, "RLS013")
    assert [p.up[0].split(" on ")[1].split(" from ")[0] for p in patches] == ['public."Ev ""ents"', 'public."p 1"']


def test_a_grant_by_membership_is_left_to_a_person(bench: Bench) -> None:
    bench.plant("create role app_clients; grant app_clients to anon; grant truncate on public.orders to app_clients", "supabase_admin")
    try:
        item = by_hand(bench, "RLS013")
        assert "anon holds it as a member of app_clients" in item.reason
    finally:
        bench.plant("drop owned by app_clients; drop role app_clients", "supabase_admin")


def test_a_table_of_the_superuser_is_left_to_the_superuser(bench: Bench) -> None:
    bench.plant("alter table public.orders owner to supabase_admin; grant truncate on public.orders to anon", "supabase_admin")
    assert "public.orders belongs to supabase_admin" in by_hand(bench, "RLS013").reason


def test_a_privilege_that_may_have_been_handed_on_is_left_to_a_person(bench: Bench) -> None:
    bench.plant("grant truncate on public.orders to anon with grant option")
    bench.plant("grant truncate on public.orders to pg_monitor", "anon")
    item = by_hand(bench, "RLS013")
    assert "anon may have granted privileges on public.orders to others" in item.reason
    assert item.steps[1].endswith("from public, anon, authenticated cascade;")


# -- RLS008, RLS009, API001 -----------------------------------------------------------------------------------------------
def test_a_copy_is_closed_to_clients_and_stays_open_to_the_server_side(bench: Bench) -> None:
    bench.plant(MATVIEW + "revoke all on public.totals from service_role; grant select on public.totals to public;")
    [patch] = proven(bench, "RLS008")
    assert patch.up[1] == "grant select on public.totals to service_role"
    assert "was taken to be a mistake" in patch.notes[0]


def test_accounts_in_a_copy_are_closed_by_two_patches_that_agree(bench: Bench) -> None:
    bench.plant(
        "create materialized view public.people as select id, email from auth.users; grant select (email) on public.people to anon;"
        "grant select on public.people to authenticated",
        "supabase_admin",
    )
    bench.plant("alter materialized view public.people owner to postgres", "supabase_admin")
    assert len(proven(bench, "API001")) == len(proven(bench, "RLS008")) == 1


def test_accounts_are_closed_along_a_chain_of_views(bench: Bench) -> None:
    bench.plant(
        "create view public.people as select id, email from auth.users;"
        'create view public."Mail s" with (security_invoker = on) as select email from public.people;'
        'grant select on public.people, public."Mail s" to authenticated;'
    )
    patches = proven(bench, "API001")
    assert {p.object.name for p in patches} == {"people", "Mail s"}


@pytest.mark.parametrize(
    ("plant", "reason"),
    [
        (
            "create view public.mine with (security_invoker = on) as select * from public.totals; grant select on public.mine to authenticated",
            "view public.mine may read public.totals",
        ),
        (
            "create function public.mine() returns numeric language sql set search_path = '' as 'select sum(total) from public.totals';"
            "grant execute on function public.mine() to authenticated",
            "function public.mine() may read public.totals",
        ),
        (
            "create policy p on public.orders as restrictive for delete to authenticated using (exists (select from public.totals))",
            "policy public.orders.p may read public.totals",
        ),
    ],
)
def test_a_copy_that_clients_are_served_through_is_left_to_a_person(bench: Bench, plant: str, reason: str) -> None:
    bench.plant(MATVIEW + "grant select on public.totals to authenticated;" + plant)
    assert reason in by_hand(bench, "RLS008").reason


# -- API007 -------------------------------------------------------------------------------------------------------------
def test_entries_with_and_without_a_schema_are_closed_exactly(bench: Bench) -> None:
    bench.plant(
        'create schema "Odd s";'
        "alter default privileges for role postgres in schema public grant select, truncate on tables to anon;"
        "alter default privileges for role postgres in schema public grant select on tables to authenticated with grant option;"
        "alter default privileges for role postgres grant usage on sequences to public;"
        "alter default privileges for role postgres grant execute on functions to anon;"
    )
    patches = proven(bench, "API007")
    ups = [s for p in patches for s in p.up]
    assert "alter default privileges for role postgres in schema public revoke select, truncate on tables from anon, authenticated" in ups
    assert "alter default privileges for role postgres grant usage on sequences to service_role" in ups
    assert "alter default privileges for role postgres revoke execute on functions from anon" in ups


def test_entries_of_a_role_that_postgres_is_not_are_left_to_that_role(bench: Bench) -> None:
    bench.plant(
        "create role deployer; alter default privileges for role deployer in schema public grant select on tables to anon", "supabase_admin"
    )
    try:
        item = by_hand(bench, "API007")
        assert "belongs to deployer, and postgres may not act as that role" in item.reason
        assert "alter default privileges for role deployer in schema public revoke select on tables from anon;" in item.steps
    finally:
        bench.plant("drop owned by deployer; drop role deployer", "supabase_admin")


# -- AUD006 -------------------------------------------------------------------------------------------------------------
def test_a_log_is_closed_to_everybody_by_column_and_through_views(bench: Bench) -> None:
    bench.plant(
        AUDIT_LOG
        + "grant insert, update, delete, truncate on audit.log to service_role; grant update (what) on audit.log to authenticated;"
        "create view audit.recent as select id, what, created_at from audit.log; grant select, update, delete on audit.recent to service_role;"
    )
    [patch] = proven(bench, "AUD006")
    assert patch.up == (
        "revoke update, delete, truncate on audit.log from authenticated, service_role",
        "revoke update, delete on audit.recent from service_role",
    )


def test_what_public_could_do_to_a_log_is_given_to_nobody_by_name(bench: Bench) -> None:
    """RLS013 gives TRUNCATE to the server side by name before: the plan holds as a whole, and the log is closed."""
    bench.plant(
        "alter table public.orders rename to audit_log; revoke truncate on public.audit_log from service_role;"
        "grant truncate on public.audit_log to public, anon;"
    )
    [patch] = proven(bench, "AUD006")
    assert patch.up == ("revoke update, delete, truncate on public.audit_log from public, anon, authenticated, service_role",)
    [before] = proven(bench, "RLS013")
    assert before.up[1] == "grant truncate on public.audit_log to service_role"


def test_policies_and_memberships_that_change_a_log_are_left_to_a_person(bench: Bench) -> None:
    bench.plant(
        AUDIT_LOG + "grant update on audit.log to authenticated; create policy fix on audit.log for update to authenticated using (true)"
    )
    item = by_hand(bench, "AUD006")
    assert "policy fix lets its roles change audit.log" in item.reason
    assert "drop policy if exists fix on audit.log;" in item.steps
