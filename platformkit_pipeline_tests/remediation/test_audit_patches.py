"""Patches that add audit timestamps and keep them, in hard cases."""

from __future__ import annotations

import psycopg
import pytest

from platformkit_pipeline.model.patch import Plan
from platformkit_pipeline.model.proof import ProofStatus
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.remediation.application import apply_groups, groups_of
from platformkit_pipeline.remediation.proving.execution import Timeouts
from platformkit_pipeline.remediation.proving.plan_proof import prove_plan
from platformkit_pipeline.sandbox.databases import with_user
from platformkit_pipeline_tests.remediation.proving.conftest import Bench, bench
from platformkit_pipeline_tests.remediation.test_index_patches import proven_whole
from platformkit_pipeline_tests.rules.conftest import findings

pytestmark = pytest.mark.exhaustive

__all__ = ["bench"]

WITHOUT_FUNCTION = "drop function public.touch_updated_at() cascade;"
MODDATETIME = "create extension moddatetime schema extensions;"
LOOSE = """
create schema shop;
create table shop.items (id uuid primary key, tenant_id uuid not null references public.tenants (id) on delete cascade);
create index on shop.items (tenant_id);
create table shop."odd ""; --" (id uuid, tenant_id uuid not null references public.tenants (id) on delete cascade,
  created_at timestamptz not null default now(), primary key (id)) partition by hash (id);
create index on shop."odd ""; --" (tenant_id);
create table shop."part; one" partition of shop."odd ""; --" for values with (modulus 2, remainder 0);
create table shop.part_two partition of shop."odd ""; --" for values with (modulus 2, remainder 1);
"""
GENEROUS = "alter default privileges for role postgres in schema public grant execute on functions to anon, authenticated, service_role;"


def applied(bench: Bench, plan: Plan) -> None:
    apply_groups(with_user(bench.target, "postgres"), groups_of(plan.patches), Timeouts(5, 30), 60)


KEPT = {
    "the project has a function": ("drop trigger touch on public.orders;" + LOOSE, "public.touch_updated_at()"),
    "the project has none": (WITHOUT_FUNCTION + GENEROUS + LOOSE, "public.touch_updated_at()"),
    "a routine of that name does something else": (
        WITHOUT_FUNCTION
        + LOOSE
        + "create function public.touch_updated_at() returns integer language sql set search_path = '' as 'select 1'",
        "public.touch_updated_at_2()",
    ),
    "the extension that is made for it": (
        MODDATETIME + WITHOUT_FUNCTION + LOOSE,
        "extensions.moddatetime('updated_at')",
    ),
    "the function of most tables is not the one that writes elsewhere": (
        """create function public.touch_and_note() returns trigger language plpgsql set search_path = '' as $$
           begin new.updated_at := now(); insert into public.notes (id) values (gen_random_uuid()); return new; end $$;
           create table public.notes (id uuid primary key, tenant_id uuid not null references public.tenants (id) on delete cascade,
             created_at timestamptz not null default now(), updated_at timestamptz not null default now());
           create index on public.notes (tenant_id); alter table public.notes enable row level security;
           drop trigger touch on public.orders; create trigger touch before update on public.orders
             for each row execute function public.touch_and_note()""",
        "public.touch_updated_at()",
    ),
}


@pytest.mark.parametrize("case", KEPT)
def test_all_tables_are_kept_by_one_function(bench: Bench, case: str) -> None:
    plant, function = KEPT[case]
    if MODDATETIME in plant:
        bench.plant(MODDATETIME, "supabase_admin")
    bench.plant(plant.removeprefix(MODDATETIME))
    plan = proven_whole(bench)
    triggers = [s for p in plan.patches for s in p.up if s.startswith("create trigger")]
    assert triggers
    assert all(s.endswith(f"for each row execute function {function}") for s in triggers)
    applied(bench, plan)
    assert not {rule for rule, _ in findings(bench.target)} & {"AUD001", "AUD005"}
    assert bench.plan().patches == ()


def test_the_trigger_does_what_it_is_there_for_and_nobody_may_call_its_function(bench: Bench) -> None:
    bench.plant(WITHOUT_FUNCTION + GENEROUS + LOOSE)
    applied(bench, bench.plan())
    with psycopg.connect(bench.target.reveal(), autocommit=True) as connection:
        connection.execute(
            "insert into public.tenants (name) values ('one'); insert into shop.items select gen_random_uuid(), id from public.tenants"
        )
        connection.execute("update shop.items set updated_at = '1999-01-01', created_at = '1999-01-01'")
        [row] = connection.execute("select updated_at > now() - interval '1 hour', created_at = '1999-01-01' from shop.items").fetchall()
        assert row == (True, True)
        for role in ("anon", "authenticated", "service_role"):
            asked = connection.execute("select has_function_privilege(%s, 'public.touch_updated_at()', 'EXECUTE')", (role,)).fetchone()
            assert asked == (False,)


def test_what_rows_that_are_there_get_is_told(bench: Bench) -> None:
    bench.plant("alter table public.orders drop column created_at")
    [patch] = bench.plan().patches
    assert patch.notes[0].startswith("Rows that are there get the time at which this is applied, which is not when they came to be")


def test_undoing_one_patch_takes_the_shared_function_from_all_and_says_so(bench: Bench) -> None:
    bench.plant(WITHOUT_FUNCTION)
    before = findings(bench.target)
    first, second = bench.plan().patches
    assert "serves public.tenants" in " ".join(first.notes)
    applied(bench, bench.plan())
    with psycopg.connect(with_user(bench.target, "postgres").reveal(), autocommit=True) as connection:
        for statement in second.down:
            connection.execute(statement.encode())
    assert findings(bench.target) == before


def test_a_column_with_a_name_of_its_own_is_kept(bench: Bench) -> None:
    declared = Declarations(updated_at="Changed; --", created_at="created_at")
    bench.plant(WITHOUT_FUNCTION + 'alter table public.orders rename updated_at to "Changed; --"')
    plan = prove_plan(bench.prover(declarations=declared), bench.plan(declared))
    assert {(p.rule, p.object.name) for p in plan.patches} == {("AUD001", "tenants"), ("AUD005", "orders")}
    assert {p.status for p in plan.patches} == {ProofStatus.PROVEN}, [p.proof for p in plan.patches]
    assert plan.proof is not None
    assert plan.proof.proof.status is ProofStatus.PROVEN
    assert plan.proof.proof.reversible


@pytest.mark.parametrize(
    ("plant", "rule", "reason"),
    [
        ("alter table public.orders disable trigger touch", "AUD005", "trigger touch would keep it and is disabled"),
        ("alter table public.orders alter updated_at type date; drop trigger touch on public.orders", "AUD005", "updated_at is date"),
        (
            "alter table public.orders drop column created_at; create table public.old_orders () inherits (public.orders)",
            "AUD001",
            "tables inherit from it and would get the columns as well: public.old_orders",
        ),
        (
            "alter table public.orders drop column created_at; create schema h; create table h.orders_history (like public.orders);"
            "create function h.keep() returns trigger language plpgsql set search_path = '' as $$ begin "
            "insert into h.orders_history select old.*; return old; end $$;"
            "create trigger keep before delete on public.orders for each row execute function h.keep()",
            "AUD001",
            "trigger keep copies whole rows",
        ),
    ],
)
def test_what_needs_a_person_is_left_to_one(bench: Bench, plant: str, rule: str, reason: str) -> None:
    bench.plant(plant)
    plan = bench.plan()
    [item] = [i for i in plan.manual_items if i.rule == rule and i.object.name == "orders"]
    assert reason in item.reason
    assert item.steps
    assert not [p for p in plan.patches if p.rule == rule and p.object.name == "orders"]


def test_where_no_function_can_be_made_a_person_is_told(bench: Bench) -> None:
    bench.plant(
        WITHOUT_FUNCTION + "create schema closed; grant usage on schema closed to postgres;"
        "alter table public.orders set schema closed; revoke create on schema public from public, postgres;"
        "alter schema public owner to supabase_admin",
        "supabase_admin",
    )
    items = [i for i in bench.plan().manual_items if i.rule == "AUD005"]
    assert [i.reason for i in items if i.object.schema == "closed"] == [
        "postgres may not create anything in schema closed, which belongs to supabase_admin"
    ]


def test_a_table_of_another_owner_is_left_to_that_owner(bench: Bench) -> None:
    bench.plant("drop trigger touch on public.orders; alter table public.orders owner to supabase_admin", "supabase_admin")
    [item] = [i for i in bench.plan().manual_items if i.rule == "AUD005"]
    assert item.reason == "it belongs to supabase_admin, as whom postgres may not act"
