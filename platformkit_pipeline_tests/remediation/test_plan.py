"""Plans: what they propose, that it works on a real database, and what they leave to a person."""

from __future__ import annotations

import re
from dataclasses import dataclass

import psycopg
import pytest

from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.patch import Patch, Plan
from platformkit_pipeline.model.proof import ProofStatus
from platformkit_pipeline.model.result import PatchKind
from platformkit_pipeline.model.target import Declarations, Target, TargetKind, Tenancy
from platformkit_pipeline.remediation.plan import REMEDIES, build_plan
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import all_rules
from platformkit_pipeline_tests.rules.conftest import findings, run_sql

TARGET = Target(TargetKind.SUPABASE_PROJECT, "shop")


def plan_of(dsn: Dsn, declarations: Declarations | None = None) -> Plan:
    declared = declarations or Declarations()
    snapshot = observe(dsn)
    return build_plan(TARGET, "scan", catalog_fingerprint(snapshot), evaluate(snapshot, declared, all_rules()), snapshot, declared)


def apply(dsn: Dsn, statements: tuple[str, ...]) -> None:
    with psycopg.connect(dsn.reveal(), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@dataclass(frozen=True)
class Mendable:
    rule: str
    plant: str
    leaves: frozenset[tuple[str, str]] = frozenset()
    """What the plan's notes say is left for a person to decide."""
    owned: bool = False
    """The members of the extensions are given to `postgres`: those of a trusted extension belong to the superuser otherwise."""


def _kept(table: str) -> str:
    """Clients may use the table, and something keeps its updated_at."""
    return (
        f"grant select, insert, update, delete on {table} to authenticated;"
        f"create trigger touch before update on {table} for each row execute function public.touch_updated_at();"
    )


ODD = (
    'create table public."Odd ""Name""" (id uuid primary key, '
    "tenant_id uuid not null references public.tenants (id) on delete cascade, "
    'created_at timestamptz not null, updated_at timestamptz not null); create index on public."Odd ""Name""" (tenant_id);'
)

OWNED = """do $$ declare f regprocedure; begin
  for f in select objid from pg_depend where deptype = 'e' and classid = 'pg_proc'::regclass and refobjid in (
      select oid from pg_extension where extname in ('fuzzystrmatch', 'tcn')) loop
    execute format('alter function %s owner to postgres', f);
  end loop; end $$"""

MENDABLE = [
    Mendable("RLS001", "drop policy orders_of_tenant on public.orders; alter table public.orders disable row level security"),
    Mendable("RLS001", "alter table public.orders disable row level security"),
    Mendable("RLS001", ODD + _kept('public."Odd ""Name"""')),
    Mendable(
        "RLS001",
        ODD + 'create trigger touch before update on public."Odd ""Name""" for each row execute function public.touch_updated_at()',
        leaves=frozenset({("RLS018", 'table public."Odd ""Name"""')}),
    ),
    Mendable(
        "RLS001",
        """create table public.events (id uuid, tenant_id uuid not null references public.tenants (id) on delete cascade,
             created_at timestamptz not null, updated_at timestamptz not null, primary key (id, created_at))
             partition by range (created_at);
           create index on public.events (tenant_id);
           create table public.events_default partition of public.events default;"""
        + _kept("public.events"),
    ),
    Mendable(
        "FUN001",
        "create function public.f(a integer, variadic b text[]) returns void language sql security definer as 'select';"
        "comment on function public.f(integer, text[]) is 'platformkit:definer why'",
    ),
    Mendable(
        "FUN001",
        "create procedure public.\"between\"() language sql security definer as 'select';"
        "comment on procedure public.\"between\"() is 'platformkit:definer why'",
    ),
    Mendable("EXT001", "create extension fuzzystrmatch schema public", owned=True),
    Mendable(
        "FKY003",
        'alter table public.orders add column "order" uuid references auth.users (id) on delete set null;'
        "create table public.orders_order_idx (id uuid primary key, "
        "tenant_id uuid not null references public.tenants (id) on delete cascade, "
        "created_at timestamptz not null, updated_at timestamptz not null); alter table public.orders_order_idx enable row level security;"
        "create index on public.orders_order_idx (tenant_id); create policy t on public.orders_order_idx to authenticated "
        "using (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid);" + _kept("public.orders_order_idx"),
    ),
    Mendable(
        "FUN001",
        """create type public."odd type; --" as (a integer);
           create function public."fn ""; drop"(out o integer, "my arg" text default ';--', inout b public."odd type; --" default null)
             language sql security definer as 'select 1, $2';
           create procedure public.p(out o integer, in i timestamp(3) with time zone, variadic v double precision[])
             language plpgsql security definer as 'begin o := 1; end';
           create function public.t() returns trigger language plpgsql security definer as 'begin return new; end';
           do $$ declare f regprocedure; begin
             for f in select p.oid from pg_proc p join pg_namespace n on n.oid = pronamespace where nspname = 'public' and prosecdef loop
               execute format('comment on routine %s is %L', f, 'platformkit:definer why');
             end loop; end $$""",
    ),
    Mendable(
        "EXT001",
        "drop schema extensions cascade; create extension fuzzystrmatch schema public; create extension tcn schema public",
        owned=True,
    ),
    Mendable(
        "FKY003",
        "alter table public.orders add column a uuid references public.orders (id) on delete set null,"
        "add column b uuid references public.orders (id) on delete set null, add unique (id, tenant_id), add unique (id, tenant_id, total);"
        "alter table public.orders rename total to b_c; alter table public.orders rename column a to a_b;"
        "alter table public.orders add column a numeric,"
        "add foreign key (tenant_id, a_b, b_c) references public.orders (tenant_id, id, b_c) on delete cascade,"
        "add foreign key (a_b, tenant_id) references public.orders (id, tenant_id) on delete cascade,"
        "add foreign key (tenant_id, b, a) references public.orders (tenant_id, id, b_c) on delete cascade",
    ),
    Mendable(
        "FKY003",
        f"alter table public.orders add column {'ü' * 30}a uuid references auth.users (id) on delete set null,"
        f"add column {'ü' * 30}b uuid references auth.users (id) on delete set null,"
        "add column a_b uuid references auth.users (id) on delete set null;"
        "create table public.orders_a (like public.orders including all); alter table public.orders_a enable row level security;"
        "alter table public.orders_a drop column a_b, add column b uuid references auth.users (id) on delete set null,"
        f"drop column {'ü' * 30}a, drop column {'ü' * 30}b, add foreign key (tenant_id) references public.tenants on delete cascade;"
        "create policy t on public.orders_a to authenticated using (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid);"
        + _kept("public.orders_a"),
    ),
    Mendable(
        "FKY003",
        """create table public.events (tenant_id uuid not null references public.tenants (id) on delete cascade, place uuid,
             id uuid, created_at timestamptz not null, updated_at timestamptz not null, primary key (id, created_at))
             partition by range (created_at);
           create index on public.events (tenant_id);
           create table public.events_rest partition of public.events default;
           alter table public.events_rest add foreign key (place) references auth.users (id) on delete cascade;
           alter table public.events_rest enable row level security; alter table public.events enable row level security;
           create policy t on public.events to authenticated using (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid);"""
        + _kept("public.events"),
    ),
    Mendable(
        "FKY003",
        "alter table public.orders add unique (id, tenant_id), add column parent uuid,"
        "add foreign key (tenant_id, parent) references public.orders (tenant_id, id) on delete cascade",
    ),
    Mendable(
        "FKY003",
        "alter table public.orders add unique (id, tenant_id), add column parent uuid;"
        "create index orders_parent_idx on public.orders (parent);"
        "alter table public.orders add foreign key (parent, tenant_id) references public.orders (id, tenant_id) on delete cascade",
        leaves=frozenset({("IDX003", "index public.orders.orders_parent_idx")}),
    ),
    Mendable(
        "FKY003",
        """create table public.events (tenant_id uuid not null references public.tenants (id) on delete cascade, place uuid,
             id uuid, created_at timestamptz not null, updated_at timestamptz not null, primary key (id, created_at),
             foreign key (place) references auth.users (id) on delete cascade) partition by range (created_at);
           create index on public.events (tenant_id);
           create table public.events_rest partition of public.events default;
           alter table public.events_rest add foreign key (place) references auth.users (id) on delete set null;
           alter table public.events_rest enable row level security; alter table public.events enable row level security;
           create policy t on public.events to authenticated using (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid);"""
        + _kept("public.events"),
    ),
]


@pytest.mark.parametrize("mendable", MENDABLE, ids=lambda m: f"{m.rule} {m.plant[:40]}")
def test_up_mends_twice_and_down_restores_exactly(well_kept: Dsn, mendable: Mendable) -> None:
    run_sql(well_kept, mendable.plant)
    if mendable.owned:
        run_sql(well_kept, OWNED, role="supabase_admin")
    before, broken = findings(well_kept), catalog_fingerprint(observe(well_kept))
    assert mendable.rule in {rule for rule, _ in before}
    plan = plan_of(well_kept)
    for _ in range(2):
        for patch in plan.patches:
            apply(well_kept, patch.up)
        assert findings(well_kept) == mendable.leaves
    assert {rule for rule, _ in mendable.leaves} <= set(re.findall(r"[A-Z]{3}\d{3}", " ".join(n for p in plan.patches for n in p.notes)))
    for patch in reversed(plan.patches):
        apply(well_kept, patch.down)
    assert catalog_fingerprint(observe(well_kept)) == broken


def test_the_tenant_policy_confines_and_is_never_true_for_all(well_kept: Dsn) -> None:
    run_sql(well_kept, "drop policy orders_of_tenant on public.orders; alter table public.orders disable row level security")
    [patch] = plan_of(well_kept).patches
    assert "tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid" in patch.up[2]
    assert "to authenticated" in patch.up[2]
    assert "true" not in " ".join(patch.up)


def test_a_project_with_its_own_column_and_claim_gets_its_own_policy(well_kept: Dsn) -> None:
    run_sql(
        well_kept,
        "drop policy orders_of_tenant on public.orders; alter table public.orders disable row level security;"
        'alter table public.orders rename tenant_id to "orgId"',
    )
    [patch] = plan_of(well_kept, Declarations(tenancy=Tenancy(column="orgId", claim="org's id"))).patches
    assert "\"orgId\" = ((select auth.jwt()) ->> 'org''s id')::uuid" in patch.up[2]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("alter table public.orders drop column tenant_id cascade", "it has no column tenant_id"),
        ("comment on table public.orders is 'platformkit:not-tenant-scoped shared price list'", "outside the tenant model"),
    ],
)
def test_without_a_tenant_model_enabling_alone_is_left_to_a_person(well_kept: Dsn, change: str, reason: str) -> None:
    run_sql(well_kept, f"drop policy orders_of_tenant on public.orders; alter table public.orders disable row level security; {change}")
    run_sql(well_kept, "grant select on public.orders to anon")
    plan = plan_of(well_kept)
    [item] = [i for i in plan.manual_items if i.rule == "RLS001"]
    assert reason in item.reason
    assert "lock out anon, authenticated" in item.reason
    assert item.steps
    assert not [p for p in plan.patches if p.rule == "RLS001"]


def test_a_table_that_only_the_server_side_can_reach_is_closed_without_a_policy(well_kept: Dsn) -> None:
    run_sql(
        well_kept,
        """
        create table public.jobs (id uuid primary key, created_at timestamptz not null, updated_at timestamptz not null);
        comment on table public.jobs is 'platformkit:not-tenant-scoped a queue of the server side';
        revoke all on public.jobs from anon, authenticated;
        """,
    )
    [patch] = [p for p in plan_of(well_kept).patches if p.rule == "RLS001"]
    assert patch.up == ("alter table public.jobs enable row level security",)


def test_a_table_declared_public_is_not_closed_to_the_public(well_kept: Dsn) -> None:
    run_sql(
        well_kept,
        "drop policy orders_of_tenant on public.orders; alter table public.orders disable row level security;"
        "comment on table public.orders is 'platformkit:public-read a public price list'",
    )
    [item] = [i for i in plan_of(well_kept).manual_items if i.rule == "RLS001"]
    assert "declared to be readable by everybody" in item.reason


@pytest.mark.parametrize("drop", ["", "drop policy orders_of_tenant on public.orders;"])
def test_a_role_that_no_policy_lets_in_is_named(well_kept: Dsn, drop: str) -> None:
    run_sql(well_kept, f"{drop} alter table public.orders disable row level security; grant select on public.orders to pg_monitor")
    patches = plan_of(well_kept).patches
    assert {p.rule for p in patches} == ({"RLS001"} if drop else {"RLS001", "RLS002"})
    for patch in patches:
        assert [note for note in patch.notes if "No policy applies to" in note and "pg_monitor" in note]
        assert not [note for note in patch.notes if "No policy applies to" in note and "authenticated" in note]


def test_an_extension_that_cannot_be_moved_is_left_to_a_person(well_kept: Dsn) -> None:
    run_sql(well_kept, "create extension hstore schema public")
    run_sql(well_kept, "update pg_extension set extrelocatable = false where extname = 'hstore'", role="supabase_admin")
    [item] = plan_of(well_kept).manual_items
    assert (item.rule, "not relocatable" in item.reason) == ("EXT001", True)


def test_an_extension_whose_members_belong_to_the_superuser_is_left_to_a_person(well_kept: Dsn) -> None:
    run_sql(well_kept, "create extension hstore schema public")
    [item] = plan_of(well_kept).manual_items
    assert (item.rule, "belong to supabase_admin" in item.reason) == ("EXT001", True)


def test_a_path_with_a_schema_where_clients_may_create_protects_nothing(well_kept: Dsn) -> None:
    run_sql(
        well_kept,
        "create function public.f() returns void language sql security definer as 'select'; grant create on schema public to anon",
    )
    items = [i for i in plan_of(well_kept).manual_items if i.rule == "FUN001"]
    assert "client roles may create objects in public" in items[0].reason


def test_every_finding_is_either_patched_or_left_to_a_person(well_kept: Dsn) -> None:
    run_sql(
        well_kept,
        "create table public.loose (id integer, order_id uuid, created_at timestamp);"
        "create function public.g() returns integer language sql as 'select 1';"
        'create policy "all" on public.orders using (true)',
    )
    plan = plan_of(well_kept)
    covered = {(p.rule, p.object.canonical) for p in plan.patches} | {(i.rule, i.object.canonical) for i in plan.manual_items}
    assert covered == findings(well_kept)


def test_the_same_state_gives_the_same_plan_and_patches_are_unproven(well_kept: Dsn) -> None:
    run_sql(well_kept, "alter table public.orders disable row level security")
    first, second = plan_of(well_kept), plan_of(well_kept)
    assert first == second
    assert {p.status for p in first.patches} == {ProofStatus.UNPROVEN}


def test_keys_that_one_index_can_serve_share_it(well_kept: Dsn) -> None:
    run_sql(
        well_kept,
        "alter table public.orders add unique (id, tenant_id), add column parent uuid references public.orders (id) on delete cascade,"
        "add foreign key (tenant_id, parent) references public.orders (tenant_id, id) on delete cascade",
    )
    first, second = plan_of(well_kept).patches
    assert (
        first.up
        == second.up
        == ("create index concurrently if not exists orders_parent_tenant_id_idx on public.orders (parent, tenant_id)",)
    )
    assert "The same index serves public.orders.orders_tenant_id_parent_fkey" in " ".join((*first.notes, *second.notes))
    apply(well_kept, first.up)
    assert plan_of(well_kept).patches == ()


def test_concurrent_index_builds_come_last_and_alone(well_kept: Dsn) -> None:
    run_sql(well_kept, "drop index public.orders_tenant_id_idx; alter table public.orders disable row level security")
    patches: tuple[Patch, ...] = plan_of(well_kept).patches
    assert [(p.rule, p.transactional) for p in patches] == [("RLS001", True), ("RLS002", True), ("FKY003", False)]


def test_a_text_with_a_secret_in_it_is_never_written_back(well_kept: Dsn) -> None:
    secret = "sb_secret_" + "a1B2c3D4e5F6g7H8i9J0k1" + "_x1Y2z3A4"
    condition = f"tenant_id = (auth.jwt() ->> 'tenant_id')::uuid and current_setting('app.key', true) is distinct from '{secret}'"
    run_sql(well_kept, f"alter policy orders_of_tenant on public.orders using ({condition})")
    plan = plan_of(well_kept)
    assert not [p for p in plan.patches if p.rule == "RLS010"]
    [item] = [m for m in plan.manual_items if m.rule == "RLS010"]
    assert "holds a secret" in item.reason


def test_the_registry_and_the_generators_agree_on_what_has_a_patch() -> None:
    assert {r.code for r in all_rules() if r.patch is PatchKind.SQL} == set(REMEDIES)
