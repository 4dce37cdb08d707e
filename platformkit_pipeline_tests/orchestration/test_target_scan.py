"""The road of a target, run for real: on Dagster's storage in PostgreSQL, on the sample platform."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.orchestration.partitions import SUPABASE_PROJECTS, range_tags, supabase_projects
from platformkit_pipeline.sandbox.databases import with_user
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.sample_platform import planted_faults
from platformkit_pipeline_tests.orchestration.conftest import Platform, unreachable
from platformkit_pipeline_tests.orchestration.events import evaluations, failure_of, materialized, metadata_of
from platformkit_pipeline_tests.orchestration.test_asset_graph import FAMILIES

MESSY, WELL_KEPT, MULTITENANT = "clinic-messy", "shop-production", "saas-multitenant"
TARGET_ASSETS = {
    "introspection/supabase_catalog",
    "ops/inventory_objects",
    *(f"compliance/{family}" for family in FAMILIES),
    "compliance/report",
    "remediation/plans",
    "governance/gate",
}

RunJob = Callable[..., dg.ExecuteInProcessResult]
Register = Callable[..., None]


@pytest.fixture
def messy_run(platform: Platform, register: Register, run_job: RunJob) -> dg.ExecuteInProcessResult:
    platform.list_targets(MESSY)
    register(MESSY)
    return run_job("scan_target", partition=MESSY)


def _count(connection: psycopg.Connection[tuple[object, ...]], table: str) -> int:
    row = connection.execute(f"select count(*) from {table}".encode()).fetchone()
    assert row is not None
    return int(str(row[0]))


def test_a_scan_materializes_the_whole_road_of_its_target(messy_run: dg.ExecuteInProcessResult, instance: dg.DagsterInstance) -> None:
    assert messy_run.success
    assert materialized(instance, messy_run.run_id) == {(asset, MESSY) for asset in TARGET_ASSETS}


def test_findings_in_ops_are_the_planted_faults_and_carry_the_run(messy_run: dg.ExecuteInProcessResult, superuser: Connection) -> None:
    found = superuser.execute("select rule, object_kind, run_id from ops.findings where resolved_scan is null").fetchall()
    assert len(found) == len(planted_faults(MESSY))
    assert {run_id for *_, run_id in found} == {messy_run.run_id}


def test_metadata_tells_what_was_seen_and_how_it_scores(messy_run: dg.ExecuteInProcessResult, instance: dg.DagsterInstance) -> None:
    catalog = metadata_of(instance, messy_run.run_id, "introspection/supabase_catalog", MESSY)
    assert catalog["objects"] > 100
    assert catalog["duration_seconds"] > 0
    report = metadata_of(instance, messy_run.run_id, "compliance/report", MESSY)
    assert isinstance(report["score"], float)
    assert report["score"] <= 49
    assert report["catalog_fingerprint"] == catalog["catalog_fingerprint"]
    assert report["open_critical"] == sum(1 for _ in _blocking(instance, messy_run))
    plan = metadata_of(instance, messy_run.run_id, "remediation/plans", MESSY)
    assert plan["patches"] > 0
    assert "alter table" in plan["plan"].lower()


def _blocking(instance: dg.DagsterInstance, run: dg.ExecuteInProcessResult) -> list[dict[str, str]]:
    decision = metadata_of(instance, run.run_id, "governance/gate", MESSY)["decision"]
    assert decision["verdict"] == "no"
    blocking: list[dict[str, str]] = decision["blocking"]
    return blocking


def test_the_gate_notes_the_end_of_the_audit_chain(
    messy_run: dg.ExecuteInProcessResult, instance: dg.DagsterInstance, superuser: Connection
) -> None:
    noted = metadata_of(instance, messy_run.run_id, "governance/gate", MESSY)["audit_head"]
    row = superuser.execute("select encode(row_hash, 'hex') from ops.audit_head").fetchone()
    assert row == (noted,)


def test_a_family_with_severe_findings_fails_its_check_and_shows_them(
    messy_run: dg.ExecuteInProcessResult, instance: dg.DagsterInstance
) -> None:
    verdict = evaluations(instance, messy_run.run_id)["compliance/row_level_security:verdict", MESSY]
    assert not verdict.passed
    assert verdict.severity is dg.AssetCheckSeverity.ERROR
    table = verdict.metadata["findings"]
    assert isinstance(table, dg.TableMetadataValue)
    assert [column.name for column in table.schema.columns] == ["rule", "severity", "outcome", "object", "message", "clause"]
    assert len(table.records) == verdict.metadata["findings_total"].value
    assert verdict.metadata["truncated"].value is False


def test_a_well_kept_project_passes_every_check_and_the_gate(
    platform: Platform, register: Register, run_job: RunJob, instance: dg.DagsterInstance
) -> None:
    platform.list_targets(WELL_KEPT)
    register(WELL_KEPT)
    run = run_job("scan_target", partition=WELL_KEPT)
    assert {verdict.passed for verdict in evaluations(instance, run.run_id).values()} == {True}
    assert metadata_of(instance, run.run_id, "governance/gate", WELL_KEPT)["verdict"] == "yes"


def test_a_second_scan_writes_no_inventory_row_and_opens_nothing(
    messy_run: dg.ExecuteInProcessResult, run_job: RunJob, instance: dg.DagsterInstance, superuser: Connection
) -> None:
    before = [_count(superuser, table) for table in ("ops.inventory_objects", "ops.inventory_history", "ops.findings")]
    again = run_job("scan_target", partition=MESSY)
    after = [_count(superuser, table) for table in ("ops.inventory_objects", "ops.inventory_history", "ops.findings")]
    assert after == before
    assert metadata_of(instance, again.run_id, "ops/inventory_objects", MESSY)["rows_written"] == 0
    report = metadata_of(instance, again.run_id, "compliance/report", MESSY)
    assert (report["opened"], report["reopened"], report["resolved"]) == (0, 0, 0)


def test_unchanged_assets_keep_their_data_version(
    messy_run: dg.ExecuteInProcessResult, run_job: RunJob, instance: dg.DagsterInstance
) -> None:
    again = run_job("scan_target", partition=MESSY)

    def versions(run_id: str) -> dict[str, str]:
        entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
        events = [entry.dagster_event for entry in entries if entry.dagster_event]
        return {
            event.asset_key.to_user_string(): (event.step_materialization_data.materialization.tags or {}).get("dagster/data_version", "")
            for event in events
            if event.asset_key
        }

    first, second = versions(messy_run.run_id), versions(again.run_id)
    assert first == second
    assert all(version for asset, version in first.items() if asset != "governance/gate")


def test_one_family_can_be_judged_again_without_observing(
    messy_run: dg.ExecuteInProcessResult, defs: dg.Definitions, instance: dg.DagsterInstance, platform: Platform, superuser: Connection
) -> None:
    platform.list_targets(**{MESSY.replace("-", "_"): Dsn("postgresql://nobody@127.0.0.1:1/nothing")})  # must not be needed
    run = defs.resolve_job_def("scan_target").get_subset(asset_selection={dg.AssetKey(["compliance", "functions"])}).execute_in_process(
        instance=instance, partition_key=MESSY, raise_on_error=False
    )
    assert run.success
    assert materialized(instance, run.run_id) == {("compliance/functions", MESSY)}
    assert set(evaluations(instance, run.run_id)) == set()
    assert _count(superuser, "ops.scans") == 1


def test_an_unreachable_target_fails_with_one_sentence_and_leaves_no_scan(
    platform: Platform, register: Register, run_job: RunJob, instance: dg.DagsterInstance, admin_dsn: Dsn, superuser: Connection
) -> None:
    platform.list_targets(lost=unreachable(admin_dsn))
    register("lost")
    run = run_job("scan_target", partition="lost")
    assert not run.success
    assert "the server has no such database" in failure_of(instance, run.run_id)
    assert materialized(instance, run.run_id) == set()
    assert _count(superuser, "ops.scans") == 0


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


def test_the_night_reaches_every_other_target_and_then_fails_naming_the_broken_one(
    platform: Platform, register: Register, run_job: RunJob, instance: dg.DagsterInstance, admin_dsn: Dsn, superuser: Connection
) -> None:
    platform.list_targets(WELL_KEPT, MESSY, lost=unreachable(admin_dsn))
    register(WELL_KEPT, "lost", MESSY)
    run = run_job("nightly", tags=range_tags(instance.get_dynamic_partitions(SUPABASE_PROJECTS)))
    assert not run.success
    assert failure_of(instance, run.run_id).startswith("1 of 3 targets failed\nlost: ")
    assert materialized(instance, run.run_id) == {(asset, name) for asset in TARGET_ASSETS for name in (WELL_KEPT, MESSY)}
    status = instance.get_status_by_partition(dg.AssetKey(["governance", "gate"]), ["lost", WELL_KEPT, MESSY], supabase_projects)
    assert status is not None
    assert {name: state.value if state else None for name, state in status.items()} == {
        "lost": "FAILED", WELL_KEPT: "MATERIALIZED", MESSY: "MATERIALIZED",
    }  # fmt: skip
    assert _count(superuser, "ops.scans") == 2


def test_each_target_of_a_night_keeps_a_check_result_of_its_own(
    platform: Platform, register: Register, run_job: RunJob, instance: dg.DagsterInstance
) -> None:
    platform.list_targets(WELL_KEPT, MESSY, MULTITENANT)
    register(WELL_KEPT, MESSY, MULTITENANT)
    run = run_job("nightly", tags=range_tags([WELL_KEPT, MESSY, MULTITENANT]))
    assert run.success
    passed = {name: verdict.passed for (check, name), verdict in evaluations(instance, run.run_id).items() if "row_level" in check}
    assert passed == {WELL_KEPT: True, MESSY: False, MULTITENANT: False}


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


def test_the_search_for_secrets_does_find_what_is_there(messy_run: dg.ExecuteInProcessResult, dagster_database: Dsn) -> None:
    assert "event_logs" in _tables_with(dagster_database, messy_run.run_id)


def _tables_with(dsn: Dsn, text: str) -> list[str]:
    """Tables with a row that holds `text` in any column."""
    with psycopg.connect(with_user(dsn, "supabase_admin").reveal()) as connection:
        tables = [name for (name,) in connection.execute("select tablename from pg_catalog.pg_tables where schemaname = 'public'").fetchall()]
        assert len(tables) > 10
        return [
            name
            for name in tables
            if connection.execute(f'select from "{name}" t where t::text like %s limit 1'.encode(), (f"%{text}%",)).fetchone() is not None
        ]
