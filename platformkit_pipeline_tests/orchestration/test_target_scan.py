"""The road of a target, run for real: on Dagster's storage in PostgreSQL, on the sample platform."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.orchestration.assets import target_scan
from platformkit_pipeline.orchestration.assets.stage import TargetRun
from platformkit_pipeline.orchestration.partitions import SUPABASE_PROJECTS, range_tags, supabase_projects
from platformkit_pipeline.orchestration.recording import Event
from platformkit_pipeline.sandbox.databases import with_user
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.sample_platform import planted_faults
from platformkit_pipeline_tests.orchestration.conftest import MESSY, WELL_KEPT, Platform, ScannedTwice, unreachable
from platformkit_pipeline_tests.orchestration.events import data_versions, evaluations, failure_of, materialized, metadata_of
from platformkit_pipeline_tests.orchestration.test_asset_graph import FAMILIES
from platformkit_pipeline_tests.rules.conftest import WELL_KEPT as WELL_KEPT_SCHEMA
from platformkit_pipeline_tests.rules.conftest import run_sql

TARGET_ASSETS = {
    "introspection/supabase_catalog",
    "ops/inventory_objects",
    *(f"compliance/{family}" for family in FAMILIES),
    "compliance/report",
    "remediation/plans",
    "governance/gate",
}
NIGHTLY_ASSETS = {*TARGET_ASSETS, "remediation/proofs", "compliance/migrations"}

RunJob = Callable[..., dg.ExecuteInProcessResult]
Register = Callable[..., None]


def test_a_scan_materializes_the_whole_road_of_its_target(scanned: ScannedTwice) -> None:
    assert scanned.first.success
    assert materialized(scanned.instance, scanned.first.run_id) == {(asset, MESSY) for asset in TARGET_ASSETS}


def test_findings_in_ops_are_the_planted_faults_and_carry_the_run(scanned: ScannedTwice) -> None:
    found = scanned.superuser.execute("select rule, run_id from ops.findings where resolved_scan is null").fetchall()
    assert len(found) == len(planted_faults(MESSY))
    assert {run_id for _, run_id in found} == {scanned.first.run_id}


def test_metadata_tells_what_was_seen_and_how_it_scores(scanned: ScannedTwice) -> None:
    instance, run_id = scanned.instance, scanned.first.run_id
    catalog = metadata_of(instance, run_id, "introspection/supabase_catalog", MESSY)
    assert catalog["objects"] > 100
    assert catalog["duration_seconds"] > 0
    report = metadata_of(instance, run_id, "compliance/report", MESSY)
    assert isinstance(report["score"], float)
    assert report["score"] <= 49
    assert report["catalog_fingerprint"] == catalog["catalog_fingerprint"]
    plan = metadata_of(instance, run_id, "remediation/plans", MESSY)
    assert plan["patches"] > 0
    assert "enable row level security" in plan["plan"].lower()


def test_the_gate_names_what_blocks_and_notes_the_end_of_the_audit_chain(scanned: ScannedTwice) -> None:
    gate = metadata_of(scanned.instance, scanned.second.run_id, "governance/gate", MESSY)
    report = metadata_of(scanned.instance, scanned.second.run_id, "compliance/report", MESSY)
    assert gate["decision"]["verdict"] == "no"
    assert len(gate["decision"]["blocking"]) == report["open_critical"]
    assert (gate["audit_head"],) == scanned.superuser.execute("select encode(row_hash, 'hex') from ops.audit_head").fetchone()


def test_a_family_with_severe_findings_fails_its_check_and_shows_them(scanned: ScannedTwice) -> None:
    verdict = evaluations(scanned.instance, scanned.first.run_id)["compliance/row_level_security:verdict", MESSY]
    assert not verdict.passed
    assert verdict.severity is dg.AssetCheckSeverity.ERROR
    table = verdict.metadata["findings"]
    assert isinstance(table, dg.TableMetadataValue)
    assert [column.name for column in table.schema.columns] == ["rule", "severity", "outcome", "object", "message", "clause", "waiver"]
    assert len(table.records) == verdict.metadata["findings_total"].value
    assert verdict.metadata["truncated"].value is False


def test_a_second_scan_writes_no_inventory_row_and_opens_nothing(scanned: ScannedTwice) -> None:
    first, second = scanned.rows_after
    assert second == {**first, "scans": first["scans"] + 1}
    assert metadata_of(scanned.instance, scanned.second.run_id, "ops/inventory_objects", MESSY)["rows_written"] == 0
    report = metadata_of(scanned.instance, scanned.second.run_id, "compliance/report", MESSY)
    assert (report["opened"], report["reopened"], report["resolved"]) == (0, 0, 0)


def test_unchanged_assets_keep_their_data_version(scanned: ScannedTwice) -> None:
    first, second = (data_versions(scanned.instance, run.run_id) for run in (scanned.first, scanned.second))
    assert first == second
    assert {asset for asset, version in first.items() if version is None} == {"governance/gate"}


def test_the_search_for_secrets_does_find_what_is_there(scanned: ScannedTwice) -> None:
    assert "event_logs" in _tables_with(scanned.dagster_database, scanned.first.run_id)


def test_one_family_can_be_judged_again_without_observing(
    platform: Platform, register: Register, run_job: RunJob, defs: dg.Definitions, instance: dg.DagsterInstance, superuser: Connection
) -> None:
    platform.list_targets(WELL_KEPT)
    register(WELL_KEPT)
    assert run_job("scan_target", partition=WELL_KEPT).success
    platform.list_targets(shop_production=Dsn("postgresql://nobody@127.0.0.1:1/nothing"))  # must not be needed
    family = dg.AssetKey(["compliance", "functions"])
    job = defs.resolve_job_def("scan_target").get_subset(asset_selection={family})
    run = job.execute_in_process(instance=instance, partition_key=WELL_KEPT)
    assert materialized(instance, run.run_id) == {("compliance/functions", WELL_KEPT)}
    assert set(evaluations(instance, run.run_id)) == {("compliance/functions:verdict", WELL_KEPT)}
    assert superuser.execute("select count(*) from ops.scans").fetchone() == (1,)


def test_an_unreachable_target_fails_with_one_sentence_and_leaves_no_scan(
    platform: Platform, register: Register, run_job: RunJob, instance: dg.DagsterInstance, admin_dsn: Dsn, superuser: Connection
) -> None:
    platform.list_targets(lost=unreachable(admin_dsn))
    register("lost")
    run = run_job("scan_target", partition="lost")
    assert not run.success
    assert "the server has no such database" in failure_of(instance, run.run_id)
    assert materialized(instance, run.run_id) == set()
    assert superuser.execute("select count(*) from ops.scans").fetchone() == (0,)


def test_a_missing_variable_is_named(
    platform: Platform, register: Register, run_job: RunJob, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.list_targets(MESSY)
    register(MESSY)
    monkeypatch.delenv("CLINIC_MESSY_DATABASE_URL")
    run = run_job("scan_target", partition=MESSY)
    assert "environment variable CLINIC_MESSY_DATABASE_URL is not set" in failure_of(instance, run.run_id)


def test_a_partition_that_left_the_settings_is_refused(
    platform: Platform, register: Register, run_job: RunJob, instance: dg.DagsterInstance
) -> None:
    platform.list_targets(WELL_KEPT)
    register("forgotten")
    run = run_job("scan_target", partition="forgotten")
    assert "forgotten" in failure_of(instance, run.run_id)


def test_malformed_settings_fail_the_run_with_file_and_line(
    platform: Platform, register: Register, run_job: RunJob, instance: dg.DagsterInstance
) -> None:
    register(MESSY)
    platform.settings_path.write_text("projects:\n  - name: x\n    color: blue\n", encoding="utf-8")
    run = run_job("scan_target", partition=MESSY)
    assert "platformkit.yaml:3: projects[0].color" in failure_of(instance, run.run_id)


NEGLECTED = "neglected"


@pytest.fixture
def neglected(supabase_database: Dsn) -> Dsn:
    """A small project with a severe fault that SQL mends: a night proves each of its patches."""
    run_sql(supabase_database, WELL_KEPT_SCHEMA + "alter table public.orders disable row level security")
    return supabase_database


def test_the_night_reaches_every_other_target_and_then_fails_naming_the_broken_one(
    platform: Platform,
    register: Register,
    run_job: RunJob,
    instance: dg.DagsterInstance,
    admin_dsn: Dsn,
    neglected: Dsn,
    superuser: Connection,
) -> None:
    platform.list_targets(WELL_KEPT, neglected=neglected, lost=unreachable(admin_dsn))
    register(WELL_KEPT, "lost", NEGLECTED)
    run = run_job("nightly", tags=range_tags(instance.get_dynamic_partitions(SUPABASE_PROJECTS)))
    assert not run.success
    assert failure_of(instance, run.run_id).startswith("1 of 3 targets failed\nlost: ")
    assert materialized(instance, run.run_id) == {(asset, name) for asset in NIGHTLY_ASSETS for name in (WELL_KEPT, NEGLECTED)}
    status = instance.get_status_by_partition(dg.AssetKey(["governance", "gate"]), ["lost", WELL_KEPT, NEGLECTED], supabase_projects)
    assert status is not None
    assert {name: state.value if state else None for name, state in status.items()} == {
        "lost": "FAILED", WELL_KEPT: "MATERIALIZED", NEGLECTED: "MATERIALIZED",
    }  # fmt: skip
    assert superuser.execute("select count(*) from ops.scans").fetchone() == (2,)
    rules = "jsonb_path_query_array(payload, '$.findings[*].rule')"
    told = superuser.execute(f"select type, payload -> 'target' ->> 'name', {rules} from ops.outbox order by type")
    assert told.fetchall() == [("finding.critical", NEGLECTED, ["RLS001", "RLS002"]), ("scan.failed", "lost", [])]


def test_each_target_of_a_night_keeps_a_check_result_of_its_own(
    platform: Platform, register: Register, run_job: RunJob, instance: dg.DagsterInstance, neglected: Dsn
) -> None:
    platform.list_targets(WELL_KEPT, neglected=neglected)
    register(WELL_KEPT, NEGLECTED)
    run = run_job("nightly", tags=range_tags([WELL_KEPT, NEGLECTED]))
    assert run.success
    passed = {name: verdict.passed for (check, name), verdict in evaluations(instance, run.run_id).items() if "row_level" in check}
    assert passed == {WELL_KEPT: True, NEGLECTED: False}


def test_a_night_without_control_plane_ends_at_once_and_says_so(
    platform: Platform, register: Register, run_job: RunJob, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.list_targets(WELL_KEPT, MESSY)
    register(WELL_KEPT, MESSY)
    monkeypatch.setenv("PLATFORMKIT_DATABASE_URL", "postgresql://platformkit_pipeline:hunter2@127.0.0.1:1/platformkit")
    run = run_job("nightly", tags=range_tags([WELL_KEPT, MESSY]))
    sentence = failure_of(instance, run.run_id)
    assert sentence.startswith("control plane (database platformkit at 127.0.0.1 port 1): ")
    assert "hunter2" not in sentence


SECRETS = ("correct-horse-42", "wrong-battery-43", "spoiled-staple-44")


def test_no_password_reaches_any_table_or_file_of_dagster(
    platform: Platform,
    register: Register,
    run_job: RunJob,
    instance: dg.DagsterInstance,
    dagster_database: Dsn,
    tcp_server: EmbeddedPostgres,
    tmp_path: Path,
) -> None:
    right = tcp_server.tcp_dsn(user="shop_reader", password=SECRETS[0])
    wrong = tcp_server.tcp_dsn(user="shop_reader", password=SECRETS[1])
    malformed = Dsn(f"postgresql://shop_reader:{SECRETS[2]}@127.0.0.1:notaport/x?nonsense")
    platform.list_targets(right=right, wrong=wrong, malformed=malformed)
    register("right", "wrong", "malformed")
    run = run_job("nightly", tags=range_tags(["right", "wrong", "malformed"]))
    assert failure_of(instance, run.run_id).startswith("2 of 3 targets failed\n")
    assert {name for _, name in materialized(instance, run.run_id)} == {"right"}
    for secret in SECRETS:
        assert _tables_with(dagster_database, secret) == []
        assert [path for path in tmp_path.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()] == []


def _tables_with(dsn: Dsn, text: str) -> list[str]:
    """Tables with a row that holds `text` in any column."""
    with psycopg.connect(with_user(dsn, "supabase_admin").reveal()) as connection:
        tables = [
            name for (name,) in connection.execute("select tablename from pg_catalog.pg_tables where schemaname = 'public'").fetchall()
        ]
        assert len(tables) > 10
        return [
            name
            for name in tables
            if connection.execute(f'select from "{name}" t where t::text like %s limit 1'.encode(), (f"%{text}%",)).fetchone() is not None
        ]


def _with_first_stage(monkeypatch: pytest.MonkeyPatch, carry_out: Callable[[TargetRun], Iterator[Event]]) -> None:
    first, *others = target_scan.STAGES
    monkeypatch.setattr(target_scan, "STAGES", (replace(first, carry_out=carry_out), *others))


def test_a_fault_of_ours_in_one_target_does_not_hide_the_others_nor_show_a_secret(
    platform: Platform,
    register: Register,
    run_job: RunJob,
    instance: dg.DagsterInstance,
    dagster_database: Dsn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    observe = target_scan.STAGES[0].carry_out

    def observe_or_break(run: TargetRun) -> Iterator[Event]:
        if run.target.name == MESSY:
            raise ValueError("postgresql://me:spoiled-staple-44@host/x is not what I expected")
        yield from observe(run)

    _with_first_stage(monkeypatch, observe_or_break)
    platform.list_targets(MESSY, WELL_KEPT)
    register(MESSY, WELL_KEPT)
    run = run_job("nightly", tags=range_tags([MESSY, WELL_KEPT]))
    assert failure_of(instance, run.run_id) == (
        f"1 of 2 targets failed\n{MESSY}: unexpected ValueError: postgresql://me:***@host/x is not what I expected"
    )
    assert materialized(instance, run.run_id) == {(asset, WELL_KEPT) for asset in NIGHTLY_ASSETS}
    assert _tables_with(dagster_database, "spoiled-staple-44") == []


def test_when_the_control_plane_goes_away_the_rest_of_the_night_is_not_attempted(
    platform: Platform, register: Register, run_job: RunJob, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempted = []

    def lose_the_control_plane(run: TargetRun) -> Iterator[Event]:
        attempted.append(run.target.name)
        monkeypatch.setenv("PLATFORMKIT_DATABASE_URL", "postgresql://platformkit_pipeline@127.0.0.1:1/platformkit")
        run.connection.close()
        run.connection.execute("select 1")
        yield from ()

    _with_first_stage(monkeypatch, lose_the_control_plane)
    platform.list_targets(MESSY, WELL_KEPT)
    register(MESSY, WELL_KEPT)
    run = run_job("nightly", tags=range_tags([MESSY, WELL_KEPT]))
    assert attempted == [MESSY]
    sentence = failure_of(instance, run.run_id)
    assert sentence.startswith(f"2 of 2 targets failed\n{MESSY}: control plane")
    assert sentence.endswith(f"{WELL_KEPT}: not attempted: the control plane went away")


@pytest.fixture
def shop(platform: Platform, register: Register, supabase_database: Dsn, tmp_path: Path) -> Dsn:
    """A project that keeps every rule, with a repository whose migrations make it."""
    folder = tmp_path / "supabase" / "migrations"
    folder.mkdir(parents=True)
    (folder / "20260101000000_schema.sql").write_text(WELL_KEPT_SCHEMA)
    run_sql(supabase_database, WELL_KEPT_SCHEMA)
    platform.list_targets(repository=tmp_path, shop=supabase_database)
    register("shop")
    return supabase_database


def test_proofs_are_made_once_for_a_plan_and_stored_with_it(
    shop: Dsn, run_job: RunJob, instance: dg.DagsterInstance, superuser: Connection
) -> None:
    run_sql(shop, "alter function public.touch_updated_at() reset all; drop index public.orders_tenant_id_idx")
    run_job("scan_target", partition="shop")
    first, second = (run_job("prove_target", partition="shop") for _ in range(2))
    told = [metadata_of(instance, run.run_id, "remediation/proofs", "shop") for run in (first, second)]
    assert [proofs["tried"] for proofs in told] == [True, False]
    assert [(proofs["offered"], proofs["withheld"]) for proofs in told] == [(3, 0), (3, 0)]
    assert told[0]["score_after"] > told[0]["score_before"]
    stored = superuser.execute("select proof, reversible, proof_run from ops.remediation_patches where kind = 'sql'").fetchall()
    assert stored == [("proven", True, first.run_id)] * 3
    assert superuser.execute("select proof from ops.remediation_plans").fetchall() == [("proven",)]
    versions = [data_versions(instance, run.run_id)["remediation/proofs"] for run in (first, second)]
    assert versions[0] == versions[1]


def test_drift_between_migrations_and_what_is_live_is_a_table_and_a_finding(
    shop: Dsn, run_job: RunJob, instance: dg.DagsterInstance, superuser: Connection
) -> None:
    run_job("scan_target", partition="shop")
    first = run_job("prove_target", partition="shop")
    assert metadata_of(instance, first.run_id, "compliance/migrations", "shop")["conclusion"].startswith("PASS")
    assert evaluations(instance, first.run_id)["compliance/migrations:verdict", "shop"].passed

    run_sql(shop, "alter table public.orders add column dashboard text; alter function public.touch_updated_at() reset all")
    run_job("scan_target", partition="shop")
    second = run_job("prove_target", partition="shop")
    drift = metadata_of(instance, second.run_id, "compliance/migrations", "shop")
    assert drift["conclusion"].startswith("FAIL")
    assert (drift["only_live"], drift["different"], drift["only_declared"]) == (1, 1, 0)
    assert not evaluations(instance, second.run_id)["compliance/migrations:verdict", "shop"].passed
    found = superuser.execute("select object_kind from ops.findings where rule = 'MIG051' and resolved_scan is null order by 1").fetchall()
    assert found == [("column",), ("function",)]
    assert [r.data["protection"] for r in drift["regressions"].records] == ["search_path"]
