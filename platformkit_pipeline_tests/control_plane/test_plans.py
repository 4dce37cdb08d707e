from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from platformkit_pipeline.control_plane import findings, plans
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.targets import StoredTarget
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.model.patch import AccessChange, Effects, ManualItem, Patch, Plan, plan_id_of
from platformkit_pipeline.model.proof import Finding, Obligation, PlanProof, Proof, Verdict
from platformkit_pipeline.model.result import finding_fingerprint
from platformkit_pipeline_tests.control_plane.builders import ORDERS, ORDERS_KEY, SHOP, result, scan_record, stored_scan

PATCHES = (
    Patch(
        "RLS001",
        ORDERS,
        finding_fingerprint(SHOP, "RLS001", ORDERS),
        "enable row level security",
        ("alter table public.orders enable row level security", "create policy p on public.orders using (false)"),
        ("alter table public.orders disable row level security",),
        notes=("takes an ACCESS EXCLUSIVE lock",),
    ),
    Patch(
        "FKY003",
        ORDERS_KEY,
        finding_fingerprint(SHOP, "FKY003", ORDERS_KEY),
        "index",
        ("create index concurrently i on t (c)",),
        (),
        transactional=False,
    ),
)
MANUAL = (ManualItem("TEN003", ORDERS, finding_fingerprint(SHOP, "TEN003", ORDERS), "no tenant model", ("declare tenancy", "scan again")),)


NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
HELD = tuple(Finding(obligation, Verdict.HELD) for obligation in Obligation)
REFUTED = (*HELD[:3], Finding(Obligation.FINDING_GONE, Verdict.FAILED, "still there"))


def with_proofs(plan: Plan) -> Plan:
    """The first patch proven, the second refuted."""
    proven, refuted = (Proof(findings, "base", "patched", "digest", "18.6") for findings in (HELD, REFUTED))
    first, second = plan.patches
    together = PlanProof(proven, (first.digest,), 49.0, 89.0, (("view public.v", "missing"),))
    return replace(plan, patches=(replace(first, proof=proven), replace(second, proof=refuted)), proof=together)


def plan_of(shop: StoredTarget, night: int = 1, base: str = "fingerprint-1", patches: tuple[Patch, ...] = PATCHES) -> Plan:
    scan_id = scan_record(shop.target_id, night).scan_id
    return Plan(plan_id_of(SHOP.name, base, patches, MANUAL), SHOP.name, scan_id, base, patches, MANUAL)


def test_a_plan_comes_back_with_its_patches_and_manual_items_in_order(pipeline: Connection, shop: StoredTarget) -> None:
    stored_scan(pipeline, shop.target_id)
    plan = plan_of(shop)
    assert plans.store(pipeline, shop.target_id, plan)
    assert plans.latest(pipeline, shop.target_id) == plan


def test_a_target_without_plan_has_none(pipeline: Connection, shop: StoredTarget) -> None:
    assert plans.latest(pipeline, shop.target_id) is None


def test_a_plan_without_proposals_is_a_plan(pipeline: Connection, shop: StoredTarget) -> None:
    stored_scan(pipeline, shop.target_id)
    empty = Plan(plan_id_of(SHOP.name, "f", (), ()), SHOP.name, scan_record(shop.target_id).scan_id, "f", (), ())
    plans.store(pipeline, shop.target_id, empty)
    assert plans.latest(pipeline, shop.target_id) == empty


def test_the_same_plan_again_is_a_no_op(pipeline: Connection, superuser: Connection, shop: StoredTarget) -> None:
    stored_scan(pipeline, shop.target_id)
    plans.store(pipeline, shop.target_id, plan_of(shop))
    pipeline.commit()
    versions = "select ctid, xmin from ops.remediation_plans union all select ctid, xmin from ops.remediation_patches"
    before = superuser.execute(versions).fetchall()
    assert not plans.store(pipeline, shop.target_id, plan_of(shop))
    pipeline.commit()
    assert superuser.execute(versions).fetchall() == before


def test_the_same_plan_from_a_later_scan_is_confirmed_by_it(pipeline: Connection, shop: StoredTarget) -> None:
    for night in (1, 2):
        stored_scan(pipeline, shop.target_id, night)
    assert plans.store(pipeline, shop.target_id, plan_of(shop, 1))
    assert not plans.store(pipeline, shop.target_id, plan_of(shop, 2))
    assert plans.latest(pipeline, shop.target_id) == plan_of(shop, 2)
    assert pipeline.execute("select scan_id::text from ops.remediation_plans").fetchall() == [(plan_of(shop, 1).scan_id,)]


def test_a_target_that_returns_to_an_earlier_state_gets_that_plan_back(pipeline: Connection, shop: StoredTarget) -> None:
    for night in (1, 2, 3):
        stored_scan(pipeline, shop.target_id, night)
    plans.store(pipeline, shop.target_id, plan_of(shop, 1))
    other = plan_of(shop, 2, "fingerprint-2", PATCHES[:1])
    plans.store(pipeline, shop.target_id, other)
    assert plans.latest(pipeline, shop.target_id) == other
    plans.store(pipeline, shop.target_id, plan_of(shop, 3))
    assert plans.latest(pipeline, shop.target_id) == plan_of(shop, 3)


def test_a_patch_leads_back_to_its_finding_and_its_observation(pipeline: Connection, shop: StoredTarget) -> None:
    scan = stored_scan(pipeline, shop.target_id, run_id="run-7")
    findings.write(pipeline, SHOP, shop.target_id, scan, [result()], rules=frozenset({"RLS001"}))
    plans.store(pipeline, shop.target_id, plan_of(shop))
    rows = pipeline.execute(
        "select p.rule, f.rule, s.catalog_fingerprint, p.run_id from ops.remediation_patches p join ops.scans s using (target_id, scan_id) "
        "left join ops.findings f using (finding_id) order by p.position"
    ).fetchall()
    assert rows == [
        ("RLS001", "RLS001", "fingerprint-1", "run-7"),
        ("FKY003", None, "fingerprint-1", "run-7"),
        ("TEN003", None, "fingerprint-1", "run-7"),
    ]


def test_a_proven_patch_is_stored_as_proven(pipeline: Connection, shop: StoredTarget) -> None:
    stored_scan(pipeline, shop.target_id)
    plan = plan_of(shop)
    plans.store(pipeline, shop.target_id, plan)
    proven = with_proofs(plan)
    plans.store_proofs(pipeline, proven, proven_at=NOW, run_id="run-9")
    assert plans.latest(pipeline, shop.target_id) == proven
    rows = pipeline.execute("select proof, reversible, proof_run from ops.remediation_patches where kind = 'sql' order by position")
    assert rows.fetchall() == [("proven", True, "run-9"), ("refuted", False, "run-9")]
    assert pipeline.execute("select proof, score_before, score_after from ops.remediation_plans").fetchone() == ("proven", 49, 89)


def test_a_proof_of_another_patch_than_the_stored_one_is_refused(pipeline: Connection, shop: StoredTarget) -> None:
    stored_scan(pipeline, shop.target_id)
    plan = plan_of(shop)
    plans.store(pipeline, shop.target_id, plan)
    swapped = with_proofs(plan)
    other = replace(swapped, patches=(replace(swapped.patches[0], up=("drop table public.orders",)), *swapped.patches[1:]))
    with pytest.raises(ControlPlaneError, match="not stored with the patch that was tried at position 1"):
        plans.store_proofs(pipeline, other, proven_at=NOW, run_id=None)


def test_what_a_patch_may_change_is_stored_with_it(pipeline: Connection, shop: StoredTarget) -> None:
    stored_scan(pipeline, shop.target_id)
    effects = Effects(
        ("CREATE POLICY",), ("policy public.orders.p",), (AccessChange("table public.orders", ("anon",), ("SELECT",)),), ("RLS018",)
    )
    plan = plan_of(shop, patches=(replace(PATCHES[0], effects=effects),))
    plans.store(pipeline, shop.target_id, plan)
    stored = plans.latest(pipeline, shop.target_id)
    assert stored is not None
    assert stored.patches[0].effects == effects


def test_a_plan_without_stored_scan_is_refused(pipeline: Connection, shop: StoredTarget) -> None:
    with pytest.raises(ControlPlaneError, match="is not stored"):
        plans.store(pipeline, shop.target_id, plan_of(shop))
