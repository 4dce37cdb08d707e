"""Patches for odd names, for several findings on one object, and for what cannot be undone."""

from __future__ import annotations

import pytest

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.patch import Plan
from platformkit_pipeline.model.target import Declarations, Tenancy
from platformkit_pipeline_tests.remediation.trial import plan_for, proven_plan_for
from platformkit_pipeline_tests.rules.conftest import run_sql

pytestmark = pytest.mark.exhaustive

ODD = '"Odd ""T"'
TABLE = f"""
create table public.{ODD} (id uuid primary key, tenant_id uuid not null references public.tenants (id) on delete cascade,
  "a b" uuid not null, created_at timestamptz not null default now(), updated_at timestamptz not null default now());
create index on public.{ODD} (tenant_id);
create trigger "to""uch" before update on public.{ODD} for each row execute function public.touch_updated_at();
grant select, insert, update, delete on public.{ODD} to authenticated;
alter table public.{ODD} enable row level security;
"""
TENANT = "tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid"


def _codes(plan: Plan) -> set[str]:
    return {p.rule for p in plan.patches}


@pytest.mark.parametrize(
    ("plant", "codes"),
    [
        (f'create policy "p ""; drop" on public.{ODD} using (true)', {"RLS004", "TEN003"}),
        (f'create policy "p ""1" on public.{ODD} to authenticated using (true) with check (true)', {"RLS004", "TEN003"}),
        (
            f"create policy p on public.{ODD} to authenticated using ({TENANT}) with check (true);"
            f"revoke insert on public.{ODD} from authenticated; create policy i on public.{ODD} as restrictive for insert to authenticated "
            f"with check ({TENANT})",
            {"RLS012", "TEN003"},
        ),
        (
            f"create policy p on public.{ODD} to authenticated using (tenant_id = (auth.jwt() ->> 'tenant_id')::uuid) with check (true);"
            f"revoke insert on public.{ODD} from authenticated",
            {"RLS010", "RLS012", "TEN003"},
        ),
        (f'create policy p on public.{ODD} to authenticated using ({TENANT} and "a b" = auth.uid())', {"RLS010", "IDX001"}),
        (
            f"create policy p on public.{ODD} to authenticated using ({TENANT});"
            f'grant truncate, references ("a b"), trigger on public.{ODD} to anon with grant option;'
            f"grant truncate on public.{ODD} to public",
            {"RLS013"},
        ),
        (
            f'create policy p on public.{ODD} to authenticated using ({TENANT}); create view public."V ""1" with (security_barrier) as '
            f'select * from public.{ODD}; grant select on public."V ""1" to authenticated',
            {"RLS007"},
        ),
        (
            f'create policy p on public.{ODD} to authenticated using ({TENANT}); alter table public.{ODD} add column "B C" uuid '
            f"references auth.users (id) on delete set null; create policy r on public.{ODD} as restrictive for select to authenticated "
            f'using ("B C" = (select auth.uid()))',
            {"FKY003", "IDX001"},
        ),
        (
            f"create policy p on public.{ODD} to authenticated using ({TENANT}); alter table public.{ODD} drop column updated_at, "
            "drop column created_at",
            {"AUD001"},
        ),
    ],
)
def test_odd_names_and_several_findings_on_one_object(well_kept: Dsn, plant: str, codes: set[str]) -> None:
    run_sql(well_kept, TABLE)
    run_sql(well_kept, plant)
    plan = proven_plan_for(well_kept)
    assert codes <= _codes(plan)
    if {"FKY003", "IDX001"} <= codes:
        assert len({p.up for p in plan.patches}) == 1


def test_a_function_that_everybody_calls_and_whose_path_is_not_fixed(well_kept: Dsn) -> None:
    run_sql(
        well_kept,
        """
        create function public."F ""x"("a ""1" integer default 1) returns integer language sql security definer as 'select 1';
        comment on function public."F ""x" is 'platformkit:definer why';
        grant execute on function public."F ""x" to public;
        """,
    )
    plan = proven_plan_for(well_kept)
    assert {"FUN001", "FUN005"} <= _codes(plan)
    [patch] = [p for p in plan.patches if p.rule == "FUN005"]
    assert patch.up[0].startswith("grant execute")
    assert patch.up[0].endswith("to authenticated")  # service_role is granted it by name
    assert "from public, anon" in patch.up[-1]


def test_a_helper_of_a_policy_keeps_execute(well_kept: Dsn) -> None:
    run_sql(
        well_kept,
        """
        create function public.mine() returns uuid language sql stable security definer set search_path = ''
          as $$ select ((select auth.jwt()) ->> 'tenant_id')::uuid $$;
        grant execute on function public.mine() to public;
        alter policy own_tenant on public.tenants using (id = (select public.mine()));
        """,
    )
    plan = plan_for(well_kept)
    assert not {"FUN005", "FUN006"} & _codes(plan)
    [item] = [i for i in plan.manual_items if i.rule in ("FUN005", "FUN006")]
    assert "policy public.tenants.own_tenant calls" in item.reason
    assert "set schema private" in " ".join(item.steps)


def test_the_claim_is_looked_for_where_the_project_s_policies_find_it(well_kept: Dsn) -> None:
    in_app = "((select auth.jwt()) -> 'app_metadata' ->> 'tenant_id')::uuid"
    run_sql(
        well_kept,
        f"alter policy own_tenant on public.tenants using (id = {in_app});"
        f"drop policy orders_of_tenant on public.orders; create policy p on public.orders using (true)",
    )
    assert "-> 'app_metadata' ->> 'tenant_id'" in next(p.up[0] for p in plan_for(well_kept).patches if p.rule == "RLS004")


def test_users_told_apart_by_membership_are_not_locked_out_by_a_claim_that_nobody_has(well_kept: Dsn) -> None:
    run_sql(
        well_kept,
        "alter policy own_tenant on public.tenants using (false);"
        "drop policy orders_of_tenant on public.orders; create policy p on public.orders using (true)",
    )
    plan = plan_for(well_kept, Declarations(tenancy=Tenancy(membership_tables=("public.members",))))
    assert not {"RLS004", "TEN003"} & _codes(plan)
    assert "no policy relies on a claim" in next(i.reason for i in plan.manual_items if i.rule == "RLS004")


def test_what_only_strangers_use_is_not_shut_by_a_condition_on_members(well_kept: Dsn) -> None:
    run_sql(well_kept, "create policy guests on public.orders for insert to anon with check (true); grant insert on public.orders to anon")
    [item] = [i for i in plan_for(well_kept).manual_items if i.rule == "RLS004"]
    assert "not signed in" in item.reason


def test_a_table_of_somebody_else_is_left_to_its_owner(well_kept: Dsn) -> None:
    run_sql(
        well_kept,
        "alter table public.orders owner to supabase_admin; alter table public.orders disable row level security;"
        "drop policy orders_of_tenant on public.orders; grant truncate on public.orders to anon",
        role="supabase_admin",
    )
    plan = plan_for(well_kept)
    assert {"RLS001", "RLS013"} <= {i.rule for i in plan.manual_items if "as which postgres may not act" in i.reason}
    assert not plan.patches


def test_no_patch_lets_everything_through(well_kept: Dsn) -> None:
    run_sql(
        well_kept,
        "create policy a on public.orders using (true); create policy b on public.tenants for select using (true);"
        "create policy c on public.tenants for insert to authenticated with check (true);"
        "alter table public.orders disable row level security",
    )
    statements = " ".join(s for p in plan_for(well_kept).patches for s in p.up)
    assert statements
    assert "(true)" not in statements


TIMES = "created_at timestamptz not null default now(), updated_at timestamptz not null default now()"


def test_rows_are_made_up_for_columns_of_domains_that_demand_something(well_kept: Dsn) -> None:
    run_sql(
        well_kept,
        "create domain public.address as text not null check (value ~ '@'); create domain public.work_address as public.address;"
        f"create table public.people (id uuid primary key, tenant_id uuid not null, mail public.work_address, {TIMES});"
        "grant select, insert, update, delete on public.people to authenticated",
    )
    assert "RLS001" in _codes(proven_plan_for(well_kept))


def test_a_table_of_a_column_that_the_server_fills_can_be_given_others(well_kept: Dsn) -> None:
    run_sql(
        well_kept,
        "create table public.numbers (id bigint generated always as identity primary key); grant select, update on public.numbers to "
        "authenticated; comment on table public.numbers is 'platformkit:not-tenant-scoped counts'",
    )
    assert "AUD001" in _codes(proven_plan_for(well_kept))


def test_a_view_is_not_read_as_a_caller_who_may_read_some_of_the_columns(well_kept: Dsn) -> None:
    run_sql(
        well_kept,
        "revoke select on public.orders from authenticated; grant select (id) on public.orders to authenticated;"
        "create view public.totals as select id, total from public.orders; grant select on public.totals to authenticated",
    )
    plan = plan_for(well_kept)
    assert not plan.patches
    [item] = [i for i in plan.manual_items if i.rule == "RLS007"]
    assert "authenticated may not SELECT every column of public.orders" in item.reason


def test_somebody_with_several_tenants_keeps_seeing_all_own_memberships(well_kept: Dsn) -> None:
    run_sql(
        well_kept,
        "create table public.members (user_id uuid not null references auth.users (id) on delete cascade, tenant_id uuid not null "
        f"references public.tenants (id) on delete cascade, {TIMES}, primary key (tenant_id, user_id));"
        "create index on public.members (user_id); alter table public.members enable row level security;"
        "create trigger touch before update on public.members for each row execute function public.touch_updated_at();"
        "grant select on public.members to authenticated;"
        "create policy own on public.members for select to authenticated using (user_id = (select auth.uid()))",
    )
    plan = plan_for(well_kept, Declarations(tenancy=Tenancy(membership_tables=("public.members",))))
    assert not plan.patches
    [item] = plan.manual_items
    assert (item.rule, "it maps users to tenants" in item.reason) == ("TEN003", True)


def test_what_a_view_no_longer_writes_is_said(well_kept: Dsn) -> None:
    run_sql(
        well_kept,
        "create view public.copies as select * from public.orders; grant select, insert, update on public.copies to authenticated;"
        "revoke insert on public.orders from authenticated",
    )
    [patch] = [p for p in proven_plan_for(well_kept).patches if p.rule == "RLS007"]
    assert "authenticated can no longer INSERT through the view, having no such privilege on public.orders." in patch.notes
