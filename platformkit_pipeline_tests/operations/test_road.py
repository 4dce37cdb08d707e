"""Observe, store, judge, plan, decide: the whole road on a real target and a real control plane."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from platformkit_pipeline.control_plane import audit, findings, plans
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.introspection.supabase_platform import ADDRESS_VARIABLE
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ControlPlaneError, TargetUnreachable
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.target import Declarations, ManagementApiAccess, ObservationOptions, Target, TargetKind
from platformkit_pipeline.operations.decide_gate import GateDecision, decide_deploy_gate, decision_from_json, decision_to_json
from platformkit_pipeline.operations.judge_target import judge_target
from platformkit_pipeline.operations.keep_judgement import Judgement
from platformkit_pipeline.operations.observe_target import Observation, observe_target
from platformkit_pipeline.operations.plan_remediation import plan_remediation
from platformkit_pipeline.rules.registry import Source, all_rules, project_families
from platformkit_pipeline.sandbox.management_api import PROJECT, TOKEN, serve_management_api
from platformkit_pipeline_tests.rules.conftest import run_sql

DECLARED = Declarations()
BREAK = "drop policy orders_of_tenant on public.orders; alter table public.orders disable row level security"
MEND = (
    "alter table public.orders enable row level security;"
    "create policy p on public.orders to authenticated using (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid)"
)


def walk(connection: Connection, target: Target, dsn: Dsn) -> tuple[Observation, Judgement, GateDecision]:
    observation = observe_target(connection, target, dsn, run_id="run-1")
    judgement = judge_target(connection, target, DECLARED, run_id="run-1")
    plan_remediation(connection, target, DECLARED, run_id="run-1")
    return observation, judgement, decide_deploy_gate(connection, target, now=datetime.now(UTC))


def counts(connection: Connection, *more: str) -> dict[str, int]:
    tables = ("inventory_objects", "inventory_history", "findings", "remediation_plans", "remediation_patches", "audit_log", "scans", *more)
    found = {name: connection.execute(f"select count(*) from ops.{name}".encode()).fetchone() for name in tables}
    connection.rollback()
    return {name: row[0] for name, row in found.items() if row}


def test_a_well_kept_target_passes_the_gate(pipeline: Connection, shop: Target, shop_database: Dsn) -> None:
    observation, judgement, decision = walk(pipeline, shop, shop_database)
    assert judgement.complete
    young = {r.code for r in all_rules() if r.source is Source.STATISTICS}
    assert {f.rule for f in judgement.report.findings} <= young
    assert all(f.outcome is Outcome.UNKNOWN for f in judgement.report.findings)
    assert judgement.report.score.raw > 90
    assert (decision.verdict, decision.reasons) == ("yes", ("no critical finding is open",))
    assert decision.scan_id == observation.scan_id == judgement.report.scan_id
    assert observation.object_counts["policy"] >= 2


def test_a_fault_is_found_planned_and_blocks_and_its_mending_resolves_it(pipeline: Connection, shop: Target, shop_database: Dsn) -> None:
    walk(pipeline, shop, shop_database)
    run_sql(shop_database, BREAK)
    _, judgement, decision = walk(pipeline, shop, shop_database)
    assert (judgement.changes.opened, judgement.changes.resolved) == (1, 0)
    assert decision.verdict == "no"
    assert [(b.rule, b.object) for b in decision.blocking] == [("RLS001", "public.orders")]
    run_sql(shop_database, MEND)
    _, judgement, decision = walk(pipeline, shop, shop_database)
    assert (judgement.changes.opened, judgement.changes.resolved) == (0, 1)
    assert decision.verdict == "yes"


def test_counters_plans_and_logs_are_stored_and_judged(
    pipeline: Connection, shop: Target, shop_database: Dsn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement that takes more than a second, and an endpoint over its budget."""
    run_sql(shop_database, "select extensions.pg_stat_statements_reset()", role="supabase_admin")
    for _ in range(3):
        run_sql(shop_database, "select pg_sleep(1.01) from public.tenants right join (select 1) as one on true")
    options = ObservationOptions(management_api=ManagementApiAccess(PROJECT, "A_TOKEN"))
    with serve_management_api() as api:
        monkeypatch.setenv("A_TOKEN", TOKEN)
        monkeypatch.setenv(ADDRESS_VARIABLE, api.address)
        api.log([{"method": "GET", "path": "/rest/v1/orders", "status": 200, "milliseconds": 900, "requests": 100}])
        observe_target(pipeline, shop, shop_database, options=options, run_id="run-1")
    judgement = judge_target(pipeline, shop, Declarations(management_api=True), run_id="run-1")
    failing = {f.rule: f for f in judgement.report.findings if f.outcome is Outcome.FAIL}
    assert set(failing) == {"PRF001", "PRF002"}
    assert failing["PRF001"].evidence["plan"]["Node Type"]
    plan = plan_remediation(pipeline, shop, Declarations(management_api=True), run_id="run-1")
    [item] = [m for m in plan.manual_items if m.rule == "PRF001"]
    assert any(step.startswith("Plan: ") for step in item.steps)


def test_a_second_run_writes_no_inventory_row_no_finding_and_no_plan(pipeline: Connection, shop: Target, shop_database: Dsn) -> None:
    run_sql(shop_database, BREAK)
    walk(pipeline, shop, shop_database)
    before = counts(pipeline)
    observation, judgement, _ = walk(pipeline, shop, shop_database)
    changes = observation.changes
    assert (changes.added, changes.changed, changes.removed) == (0, 0, 0)
    assert (judgement.changes.opened, judgement.changes.resolved) == (0, 0)
    # The gate was asked about another scan, and each of its answers is on record.
    assert counts(pipeline) == {**before, "scans": before["scans"] + 1, "audit_log": before["audit_log"] + 1}


def test_judging_the_same_scan_again_changes_nothing(pipeline: Connection, shop: Target, shop_database: Dsn) -> None:
    run_sql(shop_database, BREAK)
    walk(pipeline, shop, shop_database)
    before = counts(pipeline, "metrics")
    judge_target(pipeline, shop, DECLARED, run_id="again")
    assert counts(pipeline, "metrics") == before


def test_judging_family_by_family_ends_where_judging_at_once_ends(pipeline: Connection, shop: Target, shop_database: Dsn) -> None:
    run_sql(shop_database, BREAK)
    observe_target(pipeline, shop, shop_database, run_id=None)
    parts = [judge_target(pipeline, shop, DECLARED, families=[family], run_id=None) for family in project_families()]
    assert [p.complete for p in parts] == [False] * (len(project_families()) - 1) + [True]
    whole = judge_target(pipeline, shop, DECLARED, run_id=None)
    assert whole.changes.opened == whole.changes.resolved == 0
    assert parts[-1].report.score == whole.report.score
    assert {r.rule for p in parts for r in p.report.results} == {r.rule for r in whole.report.results}


def test_rules_judge_what_is_stored_and_refuse_an_inventory_that_was_tampered_with(
    pipeline: Connection, superuser: Connection, shop: Target, shop_database: Dsn
) -> None:
    observe_target(pipeline, shop, shop_database, run_id=None)
    superuser.execute("delete from ops.inventory_objects where kind = 'policy'")
    with pytest.raises(ControlPlaneError, match="not the catalogue that scan"):
        judge_target(pipeline, shop, DECLARED, run_id=None)


def test_a_target_that_is_not_registered_is_refused(pipeline: Connection, shop_database: Dsn) -> None:
    stranger = Target(TargetKind.SUPABASE_PROJECT, "stranger")
    with pytest.raises(ControlPlaneError, match="stranger is not registered"):
        observe_target(pipeline, stranger, shop_database, run_id=None)


def test_a_target_that_cannot_be_reached_leaves_no_trace(pipeline: Connection, shop: Target) -> None:
    before = counts(pipeline)
    with pytest.raises(TargetUnreachable):
        observe_target(pipeline, shop, Dsn("postgresql://nobody:secret@127.0.0.1:1/shop"), run_id=None)
    assert counts(pipeline) == before


def test_the_plan_is_stored_and_audited_once(pipeline: Connection, shop: Target, shop_database: Dsn) -> None:
    run_sql(shop_database, BREAK)
    observation, _, _ = walk(pipeline, shop, shop_database)
    walk(pipeline, shop, shop_database)
    stored = plans.latest(pipeline, observation.target_id)
    assert stored is not None
    assert [p.rule for p in stored.patches] == ["RLS001"]
    planned = pipeline.execute("select count(*) from ops.audit_log where action = 'remediation.planned'").fetchone()
    assert planned == (1,)
    assert audit.verify(pipeline).ok


def test_without_a_complete_scan_the_gate_cannot_tell(pipeline: Connection, shop: Target, shop_database: Dsn) -> None:
    observe_target(pipeline, shop, shop_database, run_id=None)
    decision = decide_deploy_gate(pipeline, shop, now=datetime.now(UTC))
    assert (decision.verdict, decision.reasons) == ("unknown", ("the target has no complete scan",))


def test_a_stale_scan_is_a_no(pipeline: Connection, shop: Target, shop_database: Dsn) -> None:
    walk(pipeline, shop, shop_database)
    decision = decide_deploy_gate(pipeline, shop, now=datetime.now(UTC) + timedelta(hours=26, minutes=1))
    assert decision.verdict == "no"
    assert "more than 26 hours ago" in decision.reasons[0]


def test_a_critical_rule_that_could_not_see_is_a_no(pipeline: Connection, shop: Target, blank_database: Dsn) -> None:
    stamps = "created_at timestamptz not null, updated_at timestamptz not null"
    run_sql(
        blank_database, f"create schema app; create table app.t (id int primary key, tenant_id uuid not null, {stamps})", "supabase_admin"
    )
    _, _, decision = walk(pipeline, shop, blank_database)
    assert (decision.verdict, [b.outcome for b in decision.blocking]) == ("no", ["UNKNOWN"])


def test_a_decision_survives_its_json_form(pipeline: Connection, shop: Target, shop_database: Dsn) -> None:
    run_sql(shop_database, BREAK)
    *_, decision = walk(pipeline, shop, shop_database)
    assert decision_from_json(decision_to_json(decision)) == decision


def test_open_findings_are_exactly_the_reports(pipeline: Connection, shop: Target, shop_database: Dsn) -> None:
    run_sql(shop_database, BREAK)
    observation, judgement, _ = walk(pipeline, shop, shop_database)
    assert tuple(f.result for f in findings.open_findings(pipeline, observation.target_id)) == judgement.report.findings
