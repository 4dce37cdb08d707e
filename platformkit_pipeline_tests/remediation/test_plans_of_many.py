"""Many families in one plan: patches that touch the same tables hold alone, in order on top of each other, and undone as a whole."""

from __future__ import annotations

import pytest

from platformkit_pipeline.introspection.postgres.fingerprint import object_fingerprints
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.proof import ProofStatus
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.operations.prove_plan import prove
from platformkit_pipeline.remediation.application import apply_groups, groups_of, undo_groups
from platformkit_pipeline.remediation.proving.execution import Timeouts
from platformkit_pipeline.sandbox.databases import with_user
from platformkit_pipeline_tests.remediation.proving.conftest import Bench, bench
from platformkit_pipeline_tests.remediation.test_index_patches import EVENTS, TENANT_POLICY, invalidate, proven, proven_whole
from platformkit_pipeline_tests.rules.conftest import findings

pytestmark = pytest.mark.exhaustive

__all__ = ["bench"]

NEGLECTED = (
    "drop function public.touch_updated_at() cascade;"
    "alter table public.orders drop column created_at, drop column updated_at, add column user_id uuid references auth.users (id);"
    "drop index public.orders_tenant_id_idx; create index narrow on public.orders (user_id);"
    "create index wide on public.orders (user_id, total);"
    + EVENTS.replace(
        "updated_at timestamptz not null generated always as (created_at) stored",
        "place uuid references auth.users (id) on delete set null",
    )
    + f"create policy t on public.events to authenticated {TENANT_POLICY}; grant select on public.events to authenticated;"
    "create index events_place on only public.events (place); create index e25 on public.events_2025 (place);"
    "create view public.all_orders with (security_invoker = on) as select * from public.orders;"
)
TIMEOUTS = Timeouts(5, 30)


def test_a_neglected_schema_is_mended_by_one_plan_and_comes_back_exactly(bench: Bench) -> None:
    bench.plant(NEGLECTED)
    before = object_fingerprints(observe(bench.target))
    plan = proven_whole(bench)
    rules = [p.rule for p in plan.patches]
    assert set(rules) == {"AUD001", "AUD005", "FKY002", "IDX005", "FKY003", "IDX001", "IDX003"}
    assert [p.transactional for p in plan.patches] == sorted((p.transactional for p in plan.patches), reverse=True)
    groups = groups_of(plan.patches)
    owner = with_user(bench.target, "postgres")
    apply_groups(owner, groups, TIMEOUTS, 60)
    assert not findings(bench.target) & {(p.rule, p.object.canonical) for p in plan.patches}
    assert bench.plan().patches == ()
    assert {rule for rule, _ in findings(bench.target)} == {i.rule for i in plan.manual_items}
    undo_groups(owner, groups, TIMEOUTS, 60)
    assert object_fingerprints(observe(bench.target)) == before


def test_leftovers_of_failed_builds_are_no_reason_to_build_twice(bench: Bench) -> None:
    bench.plant(
        "create index again on public.orders (tenant_id, total); create index orders_tenant_id_idx_ccnew on public.orders (tenant_id)"
    )
    for index in ("orders_tenant_id_idx", "again", "orders_tenant_id_idx_ccnew"):
        invalidate(bench, f"public.{index}")
    plan = proven(bench)
    apply_groups(with_user(bench.target, "postgres"), groups_of(plan.patches), TIMEOUTS, 60)
    assert {(p.rule) for p in bench.plan().patches} <= {"IDX003"}
    left = bench.plan()
    apply_groups(with_user(bench.target, "postgres"), groups_of(left.patches), TIMEOUTS, 60)
    assert findings(bench.target) == set()


def test_a_shadow_that_was_rebuilt_proves_the_same_as_a_copy(bench: Bench) -> None:
    bench.plant(NEGLECTED + "create index again on public.tenants (name)")
    invalidate(bench, "public.again")
    plan = prove(bench.plan(), observe(bench.target), Declarations())
    objections = [(p.rule, p.object.canonical, p.proof.objections) for p in plan.patches if p.proof and p.status is not ProofStatus.PROVEN]
    assert objections == []
    assert plan.proof is not None
    assert plan.proof.proof.status is ProofStatus.PROVEN, plan.proof.proof.objections
    assert {(p.rule, p.object.name) for p in plan.patches if p.irreversible} == {("IDX005", "tenants")}
