"""Search paths and EXECUTE of functions: hard cases through the prover, and what is left to a person."""

from __future__ import annotations

import pytest

from platformkit_pipeline.model.proof import ProofStatus
from platformkit_pipeline_tests.remediation.planned import by_hand, proven
from platformkit_pipeline_tests.remediation.proving.conftest import Bench, bench

__all__ = ["bench"]

DEFINER = "create function public.f() returns void language sql security definer as 'select';"
WHY = "comment on function public.f() is 'platformkit:definer why';"
CLOSE_DAY = """
create function public.close_day() returns void language sql security definer set search_path = '' as 'select';
comment on function public.close_day() is 'platformkit:definer updates every tenant';
"""


# -- FUN001, FUN002 -----------------------------------------------------------------------------------------------------
def test_a_path_is_fixed_with_comment_grants_and_settings_kept(bench: Bench) -> None:
    bench.plant(DEFINER + WHY)
    bench.plant(
        "alter function public.f() set work_mem = '8MB'; grant execute on function public.f() to service_role with grant option;"
        "revoke execute on function public.f() from anon, authenticated, public;"
    )
    [patch] = proven(bench, "FUN001")
    assert patch.up == ("alter function public.f() set search_path = pg_catalog, public, extensions, pg_temp",)


def test_odd_names_overloads_and_procedures_get_a_path_each(bench: Bench) -> None:
    bench.plant(
        """create type public."odd type" as (a integer);
           create function public."fn ""; drop"(out o integer, "my arg" text, b public."odd type") language sql as 'select 1';
           create function public."fn ""; drop"(a integer, variadic v text[]) returns integer language sql as 'select 1';
           create procedure public.p(in i timestamp(3)) language sql as 'select';"""
    )
    patches = proven(bench, "FUN002")
    assert len(patches) == 3
    assert [p.up[0].split()[1] for p in patches].count("procedure") == 1


def test_the_function_s_own_schema_and_the_database_s_path_are_searched(bench: Bench) -> None:
    bench.plant("create schema app; create schema \"Odd\"; create function app.g() returns integer language sql as 'select 1'")
    bench.plant(
        'do $$ begin execute format(\'alter database %I set search_path = "$user", public, "Odd"\', current_database()); end $$',
        "supabase_admin",
    )
    [patch] = proven(bench, "FUN002")
    assert 'pg_catalog, app, public, extensions, "Odd", pg_temp' in patch.up[0]


@pytest.mark.parametrize(
    ("plant", "rule", "reason"),
    [
        (
            "create schema app; create function app.g() returns bigint language sql as 'select count(*) from Orders';"
            "create view app.orders as select 1 as one",
            "FUN002",
            "orders in the body of app.g() exists in several of the schemas app, public, extensions",
        ),
        (
            "create procedure public.p() language plpgsql as 'begin commit; end'",
            "FUN002",
            "may end transactions",
        ),
        (
            "create function public.g() returns text language sql as $$select set_config('search_path', 'app', false)$$",
            "FUN002",
            "reads or sets search_path itself",
        ),
        (DEFINER + WHY + "grant create on schema public to anon", "FUN001", "client roles may create objects in public"),
    ],
)
def test_a_path_that_might_change_what_runs_is_left_to_a_person(bench: Bench, plant: str, rule: str, reason: str) -> None:
    bench.plant(plant, "supabase_admin" if "grant create" in plant else "postgres")
    if "grant create" in plant:
        bench.plant("alter function public.f() owner to postgres", "supabase_admin")
    assert reason in by_hand(bench, rule).reason


@pytest.mark.parametrize("rule", ["FUN001", "FUN003", "FUN005"])
def test_a_function_of_the_superuser_is_left_to_the_superuser(bench: Bench, rule: str) -> None:
    bench.plant(DEFINER + WHY + "grant execute on function public.f() to anon;", "supabase_admin")
    if rule != "FUN001":
        bench.plant("alter function public.f() set search_path = pg_temp, public", "supabase_admin")
    item = by_hand(bench, rule)
    assert "public.f() belongs to supabase_admin, and postgres may not act as that role" in item.reason
    assert any("function public.f()" in step for step in item.steps)


# -- FUN003 -------------------------------------------------------------------------------------------------------------
OPEN = 'create schema scratch; grant usage, create on schema scratch to authenticated; create schema "Odd ""S";'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("pg_temp, public", "public, pg_temp"),
        ('"$user", public', "public, pg_temp"),
        ('"Odd ""S", pg_temp, scratch, pg_catalog', '"Odd ""S", pg_catalog, pg_temp'),
        ("scratch", "pg_catalog, pg_temp"),
        ("'', pg_temp, public", "public, pg_temp"),
    ],
)
def test_a_path_loses_what_callers_can_write_to(bench: Bench, before: str, after: str) -> None:
    bench.plant(OPEN + "create table scratch.orders_seen (id uuid primary key);")
    bench.plant("create function public.f() returns bigint language sql security definer as 'select count(*) from public.tenants';" + WHY)
    bench.plant(f"alter function public.f() set search_path = {before}")
    plan = bench.plan()
    [patch] = [p for p in plan.patches if p.rule == "FUN003"]
    assert patch.up == (f"alter function public.f() set search_path = {after}",)
    assert bench.prover().prove(patch).status is ProofStatus.PROVEN


@pytest.mark.parametrize(
    "body",
    [
        "select count(*) from seen",
        "select count(*) from public.helper()",
    ],
)
def test_a_schema_that_the_body_needs_stays_until_a_person_closes_it(bench: Bench, body: str) -> None:
    bench.plant(OPEN + "create table scratch.seen (id uuid primary key);")
    bench.plant(
        "set check_function_bodies = off; create function public.helper() returns setof uuid language sql as 'select id from seen';"
    )
    bench.plant(
        f"create function public.f() returns bigint language sql security definer set search_path = scratch, public as '{body}';" + WHY
    )
    item = by_hand(bench, "FUN003")
    assert "client roles may create objects in scratch" in item.reason
    assert "revoke create on schema scratch from public, anon, authenticated;" in item.steps


# -- FUN005, FUN006 -------------------------------------------------------------------------------------------------------
def test_what_public_gave_stays_with_whom_it_is_needed_by_name(bench: Bench) -> None:
    bench.plant(
        CLOSE_DAY + "grant execute on function public.close_day() to public, anon; create function public.close_day(a integer) "
        "returns void language sql set search_path = '' as 'select'; revoke execute on function public.close_day(integer) from public;"
    )
    bench.plant("revoke execute on function public.close_day() from authenticated, service_role")
    [patch] = proven(bench, "FUN005")
    assert patch.up == (
        "revoke execute on function public.close_day() from public, anon",
        "grant execute on function public.close_day() to authenticated, service_role",
    )
    assert patch.effects.successors == ("FUN006",)
    [change] = patch.effects.access
    assert (change.roles, change.operations) == (("anon",), ("EXECUTE",))


def test_grant_options_come_back(bench: Bench) -> None:
    bench.plant(
        CLOSE_DAY + "grant execute on function public.close_day() to authenticated with grant option;"
        "revoke execute on function public.close_day() from service_role"
    )
    [patch] = proven(bench, "FUN006")
    assert patch.down == ("grant execute on function public.close_day() to authenticated with grant option",)


def test_an_auth_hook_keeps_the_role_that_calls_it(bench: Bench) -> None:
    bench.plant(
        "create function public.hook(event jsonb) returns jsonb language sql security definer set search_path = '' as 'select event';"
        "comment on function public.hook(jsonb) is 'platformkit:definer why'; grant execute on function public.hook(jsonb) to public;"
    )
    [patch] = proven(bench, "FUN005")
    assert "supabase_auth_admin" in patch.up[1]


@pytest.mark.parametrize(
    ("plant", "reason"),
    [
        (
            "create function public.mine() returns uuid language sql stable security definer set search_path = '' as 'select null::uuid';"
            "grant execute on function public.mine() to authenticated;"
            "create policy narrow on public.orders as restrictive for delete to authenticated using (tenant_id = public.mine())",
            "policy public.orders.narrow may call public.mine()",
        ),
        (
            "create function public.mine() returns uuid language sql stable security definer set search_path = '' as 'select null::uuid';"
            "grant execute on function public.mine() to authenticated;"
            "alter table public.orders alter tenant_id set default public.mine()",
            "column public.orders.tenant_id may call public.mine()",
        ),
        (
            "create function public.mine() returns uuid language sql stable security definer set search_path = '' as 'select null::uuid';"
            "grant execute on function public.mine() to authenticated;"
            "create function public.caller() returns uuid language sql set search_path = '' as 'select public.mine()'",
            "function public.caller() may call public.mine()",
        ),
    ],
)
def test_a_function_that_is_called_with_the_caller_s_rights_keeps_execute(bench: Bench, plant: str, reason: str) -> None:
    bench.plant(plant)
    assert reason in by_hand(bench, "FUN006").reason


def test_a_grant_that_may_have_been_handed_on_is_left_to_a_person(bench: Bench) -> None:
    bench.plant(CLOSE_DAY + "grant execute on function public.close_day() to authenticated with grant option;")
    bench.plant("grant execute on function public.close_day() to pg_monitor", "authenticated")
    item = by_hand(bench, "FUN006")
    assert "authenticated may have granted EXECUTE" in item.reason
    assert "revoke execute on function public.close_day() from public, anon, authenticated cascade;" in item.steps


# -- FUN004, FUN007, FUN008 -----------------------------------------------------------------------------------------------
def test_steps_for_definers_name_the_function_and_keep_its_comment(bench: Bench) -> None:
    bench.plant(
        "create function public.\"F\"(a text) returns void language sql security definer set search_path = '' as 'select';"
        "comment on function public.\"F\"(text) is 'it''s old'; revoke execute on function public.\"F\"(text) from public;"
    )
    steps = " ".join(by_hand(bench, "FUN004").steps)
    assert 'alter function public."F"(a text) security invoker;' in steps
    assert "is 'it''s old\nplatformkit:definer" in steps
