"""Patches about indexes in hard cases: leftovers of failed builds, partitions, odd names, what foreign keys rest on."""

from __future__ import annotations

import pytest

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.patch import Plan
from platformkit_pipeline.model.proof import ProofStatus
from platformkit_pipeline.remediation.application import apply_groups, groups_of, undo_groups
from platformkit_pipeline.remediation.proving.execution import Timeouts, run_patch
from platformkit_pipeline.remediation.proving.plan_proof import prove_plan
from platformkit_pipeline.sandbox.databases import with_user
from platformkit_pipeline_tests.remediation.proving.conftest import Bench, bench
from platformkit_pipeline_tests.rules.conftest import findings

pytestmark = pytest.mark.exhaustive

__all__ = ["bench"]

EVENTS = """
create table public.events (id uuid not null, tenant_id uuid not null references public.tenants (id) on delete cascade,
  created_at timestamptz not null default now(), updated_at timestamptz not null generated always as (created_at) stored,
  primary key (id, created_at)) partition by range (created_at);
create table public.events_2025 partition of public.events for values from ('2025-01-01') to ('2026-01-01');
create table public."events rest" partition of public.events default partition by list (id);
create table public.events_rest_rest partition of public."events rest" default;
alter table public.events enable row level security;
alter table public.events_2025 enable row level security;
alter table public."events rest" enable row level security;
alter table public.events_rest_rest enable row level security;
"""
TENANT_POLICY = "using (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid)"


def invalidate(bench: Bench, index: str) -> None:
    """As a CREATE INDEX CONCURRENTLY that failed leaves it."""
    bench.plant(f"update pg_index set indisvalid = false where indexrelid = '{index}'::regclass", "supabase_admin")


def proven(bench: Bench) -> Plan:
    plan = prove_plan(bench.prover(), bench.plan())
    assert plan.patches
    objections = [(p.rule, p.object.canonical, p.proof.objections) for p in plan.patches if p.proof and p.status is not ProofStatus.PROVEN]
    assert objections == []
    assert {p.status for p in plan.patches} == {ProofStatus.PROVEN}
    assert plan.proof is not None
    assert plan.proof.proof.status is ProofStatus.PROVEN, plan.proof.proof.objections
    return plan


def proven_whole(bench: Bench) -> Plan:
    plan = proven(bench)
    assert all(p.proof is not None and p.proof.reversible for p in plan.patches)
    assert plan.proof is not None
    assert plan.proof.proof.reversible
    return plan


def ups(plan: Plan) -> list[tuple[str, ...]]:
    return [p.up for p in plan.patches]


REVERSIBLE = {
    "a foreign key and policies share one index": (
        "drop index public.orders_tenant_id_idx",
        {"FKY003", "IDX001"},
    ),
    "several columns of policies, with odd names": (
        'alter table public.orders add column "the seller; --" uuid, add column "order" uuid;'
        "create policy own on public.orders as restrictive for select to authenticated "
        'using ("the seller; --" = (select auth.uid()) or "order" = (select auth.uid()))',
        {"IDX001"},
    ),
    "a foreign key of a partitioned table, two levels deep": (
        EVENTS + f"create policy t on public.events to authenticated {TENANT_POLICY};grant select on public.events to authenticated",
        {"FKY003", "IDX001"},
    ),
    "a partition that has the index already, with a comment": (
        EVENTS + "create index mine on public.events_2025 (tenant_id); comment on index public.mine is 'it''s mine'",
        {"FKY003"},
    ),
    "an index ON ONLY a table of two levels, one partition attached": (
        EVENTS + "create index events_tenant on only public.events (tenant_id);"
        "comment on index public.events_tenant is 'half';"
        "create index e25 on public.events_2025 (tenant_id); comment on index public.e25 is 'done';"
        "alter index public.events_tenant attach partition public.e25",
        {"FKY003", "IDX005"},
    ),
    "duplicates with comments, options, an expression and an odd name": (
        'create index "a ""b"" on only" on public.orders (tenant_id, lower(id::text)) with (fillfactor = 70);'
        """comment on index public."a ""b"" on only" is 'why; --';"""
        "create index wide on public.orders (tenant_id, lower(id::text), total desc nulls last);"
        "create unique index u1 on public.orders (total, id); create unique index u2 on public.orders (total, id)",
        {"IDX003"},
    ),
    "a duplicate of a partitioned table": (
        EVENTS + "create index events_tenant on public.events (tenant_id); create index events_wide on public.events (tenant_id, id)",
        {"IDX003"},
    ),
    "a duplicate of a materialized view": (
        "create schema private; create materialized view private.m as select id, total from public.orders;"
        "create index m1 on private.m (id); create index m2 on private.m (id, total)",
        {"IDX003"},
    ),
}


@pytest.mark.parametrize("case", REVERSIBLE)
def test_it_is_mended_and_can_be_undone_exactly(bench: Bench, case: str) -> None:
    plant, rules = REVERSIBLE[case]
    bench.plant(plant)
    plan = proven_whole(bench)
    assert {p.rule for p in plan.patches} == rules
    apply_groups(with_user(bench.target, "postgres"), groups_of(plan.patches), Timeouts(5, 30), 60)
    assert not findings(bench.target) & {(p.rule, p.object.canonical) for p in plan.patches}
    assert bench.plan().patches == ()


def test_one_index_is_built_for_a_foreign_key_and_for_policies(bench: Bench) -> None:
    bench.plant("drop index public.orders_tenant_id_idx")
    first, second = bench.plan().patches
    assert first.up == second.up == ("create index concurrently if not exists orders_tenant_id_idx on public.orders (tenant_id)",)
    assert "The same index serves the policies of public.orders" in " ".join(first.notes)


def test_partitions_are_indexed_beside_their_writers(bench: Bench) -> None:
    bench.plant(EVENTS)
    [patch] = [p for p in bench.plan().patches if p.rule == "FKY003"]
    assert patch.up == (
        "create index if not exists events_tenant_id_idx on only public.events using btree (tenant_id)",
        'create index if not exists "events rest_events_tenant_id_idx" on only public."events rest" using btree (tenant_id)',
        "create index concurrently if not exists events_rest_rest_events_tenant_id_idx on public.events_rest_rest using btree (tenant_id)",
        'alter index public."events rest_events_tenant_id_idx" attach partition public.events_rest_rest_events_tenant_id_idx',
        'alter index public.events_tenant_id_idx attach partition public."events rest_events_tenant_id_idx"',
        "create index concurrently if not exists events_2025_events_tenant_id_idx on public.events_2025 using btree (tenant_id)",
        "alter index public.events_tenant_id_idx attach partition public.events_2025_events_tenant_id_idx",
    )


# -- leftovers ----------------------------------------------------------------------------------------------------------
def test_what_a_failed_build_left_is_built_again_and_mends_what_waits_for_it(bench: Bench) -> None:
    bench.plant("comment on index public.orders_tenant_id_idx is 'kept'")
    invalidate(bench, "public.orders_tenant_id_idx")
    plan = proven(bench)
    assert [p.rule for p in plan.patches] == ["IDX005", "FKY003", "IDX001"]
    assert set(ups(plan)) == {("reindex index concurrently public.orders_tenant_id_idx",)}
    assert all(p.irreversible for p in plan.patches)
    apply_groups(with_user(bench.target, "postgres"), groups_of(plan.patches), Timeouts(5, 30), 60)
    assert findings(bench.target) == set()
    [index] = [i for i in observe(bench.target).indexes if i.name == "orders_tenant_id_idx"]
    assert (index.valid, index.comment) == (True, "kept")


@pytest.mark.parametrize("name", ["orders_tenant_id_idx_ccnew", "orders_tenant_id_idx_ccold1", "again"])
def test_what_repeats_a_valid_index_is_dropped(bench: Bench, name: str) -> None:
    bench.plant(f"create index {name} on public.orders (tenant_id)")
    invalidate(bench, f"public.{name}")
    plan = proven(bench)
    assert ups(plan) == [(f"drop index concurrently if exists public.{name}",)]
    assert plan.patches[0].irreversible


def test_an_index_of_the_wanted_name_that_does_not_serve_is_not_taken_for_it(bench: Bench) -> None:
    bench.plant("drop index public.orders_tenant_id_idx; create index orders_tenant_id_idx on public.orders (total)")
    invalidate(bench, "public.orders_tenant_id_idx")
    plan = proven(bench)
    built = "create index concurrently if not exists orders_tenant_id_idx2 on public.orders (tenant_id)"
    assert ups(plan) == [("reindex index concurrently public.orders_tenant_id_idx",), (built,), (built,)]


def test_an_attached_index_that_is_not_valid_is_built_again_for_the_one_above(bench: Bench) -> None:
    bench.plant(EVENTS)
    bench.plant("create index e on only public.events (tenant_id); create index e25 on public.events_2025 (tenant_id)")
    invalidate(bench, "public.e25")
    bench.plant("alter index public.e attach partition public.e25")
    plan = proven(bench)
    assert all(p.irreversible for p in plan.patches)
    assert {"reindex index concurrently public.e25"} <= {s for p in plan.patches for s in p.up}
    apply_groups(with_user(bench.target, "postgres"), groups_of(plan.patches), Timeouts(5, 30), 60)
    assert all(i.valid for i in observe(bench.target).indexes if i.schema == "public")
    assert not {rule for rule, _ in findings(bench.target)} & {"IDX005", "FKY003", "IDX001", "IDX003"}


def test_an_attempt_on_partitions_that_broke_off_anywhere_is_undone_or_goes_on(bench: Bench) -> None:
    bench.plant(EVENTS)
    plan = bench.plan()
    [patch] = [p for p in plan.patches if p.rule == "FKY003"]
    owner = with_user(bench.target, "postgres")
    for stop in range(1, len(patch.up)):
        run_patch(owner, patch.up[:stop], transactional=False, timeouts=Timeouts())
        undo_groups(owner, groups_of([patch]), Timeouts(5, 30), 60)
        assert bench.plan().base_fingerprint == plan.base_fingerprint
    for stop in range(1, len(patch.up)):
        run_patch(owner, patch.up[:stop], transactional=False, timeouts=Timeouts())
        run_patch(owner, patch.up, transactional=False, timeouts=Timeouts())
        assert ("FKY003", patch.object.canonical) not in findings(bench.target)
        undo_groups(owner, groups_of([patch]), Timeouts(5, 30), 60)


def test_an_invalid_unique_index_is_for_a_person(bench: Bench) -> None:
    bench.plant("create unique index u on public.orders (total, id)")
    invalidate(bench, "public.u")
    [item] = bench.plan().manual_items
    assert "depends on the rows" in item.reason
    assert "group by total, id having count(*) > 1" in item.steps[0]


# -- what must not be dropped -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("plant", "reason"),
    [
        ("alter table public.orders add unique (id)", "belongs to constraint orders_id_key"),
        (
            "create unique index u1 on public.orders (total); create unique index u2 on public.orders (total);"
            "alter table public.tenants add column last numeric references public.orders (total) on delete set null;"
            "create index on public.tenants (last)",
            "foreign keys refer to its columns",
        ),
    ],
)
def test_what_a_constraint_or_a_foreign_key_rests_on_is_for_a_person(bench: Bench, plant: str, reason: str) -> None:
    bench.plant(plant)
    plan = bench.plan()
    [item] = [i for i in plan.manual_items if i.rule == "IDX003"]
    assert reason in item.reason
    assert item.steps
    assert not [p for p in plan.patches if p.rule == "IDX003"]


def test_a_schema_in_which_the_owners_login_may_create_nothing_is_left_to_its_owner(bench: Bench) -> None:
    bench.plant(
        "create schema closed; grant usage on schema closed to postgres;"
        "create table closed.t (id uuid primary key, u uuid references auth.users (id) on delete cascade);"
        "alter table closed.t owner to postgres",
        "supabase_admin",
    )
    [item] = [i for i in bench.plan().manual_items if i.rule == "FKY003"]
    assert item.reason == "postgres may not create anything in schema closed, which belongs to supabase_admin"


def test_what_the_owners_login_may_not_alter_is_for_a_person(bench: Bench) -> None:
    bench.plant("create index twice on public.orders (tenant_id, total); create index wide on public.orders (total)")
    bench.plant("alter table public.orders owner to supabase_admin; drop index public.wide", "supabase_admin")
    [item] = [i for i in bench.plan().manual_items if i.rule == "IDX003"]
    assert item.reason == "it belongs to supabase_admin, as whom postgres may not act"
    assert item.steps[0].startswith("As supabase_admin: `drop index concurrently")
