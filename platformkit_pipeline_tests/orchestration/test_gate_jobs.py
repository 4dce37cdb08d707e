"""Gates asked again through Dagster, and the daily job: no target, one that nobody knows, a control plane that is away.

Each run says in one sentence why there is no decision, and nothing of one is stored.
"""

from __future__ import annotations

import dagster as dg
import pytest

from platformkit_pipeline.control_plane.connection import DATABASE_URL, Connection
from platformkit_pipeline.orchestration.partitions import CONNECTORS, REPOSITORIES, SUPABASE_PROJECTS
from platformkit_pipeline_tests.orchestration.conftest import WELL_KEPT, Platform

ROADS = {
    "decide_gate": (SUPABASE_PROJECTS, "no project is called 'nobody'"),
    "decide_repository_gate": (REPOSITORIES, "no repository is called 'nobody'"),
    "decide_connector_gate": (CONNECTORS, "no connector is called 'nobody'"),
}
AWAY = "postgresql://platformkit_pipeline@127.0.0.1:1/away"


def reasons(result: dg.ExecuteInProcessResult) -> list[str | None]:
    """Of every step that failed, in words; None where it did not say."""
    failed = [event.step_failure_data.user_failure_data for event in result.all_events if event.is_step_failure]
    return [data.description if data else None for data in failed]


def stored(connection: Connection) -> tuple[int, int]:
    """Numbers of decisions, and of scans."""
    row = connection.execute("select (select count(*) from ops.gate_decisions), (select count(*) from ops.scans)").fetchone()
    connection.rollback()
    assert row is not None
    return row[0], row[1]


@pytest.mark.parametrize("job", ROADS)
def test_a_gate_without_a_target_to_decide_on_says_so_and_stores_nothing(
    defs: dg.Definitions, instance: dg.DagsterInstance, platform: Platform, pipeline: Connection, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    partitions, unknown = ROADS[job]
    platform.list_targets(WELL_KEPT)
    instance.add_dynamic_partitions(partitions, ["nobody"])
    gate = defs.resolve_job_def(job)
    without = gate.execute_in_process(instance=instance, raise_on_error=False)
    assert reasons(without) == ["the run names no target: launch it on a partition, which is the name of one"]
    nobody = gate.execute_in_process(instance=instance, partition_key="nobody", raise_on_error=False)
    assert [unknown in (reason or "") for reason in reasons(nobody)] == [True]
    monkeypatch.setenv(DATABASE_URL, AWAY)
    away = gate.execute_in_process(instance=instance, partition_key="nobody", raise_on_error=False)
    assert ["is the server up" in (reason or "") for reason in reasons(away)] == [True]
    assert stored(pipeline) == (0, 0)


def test_a_gate_without_any_scan_is_unknown_and_stored_once(
    defs: dg.Definitions, instance: dg.DagsterInstance, platform: Platform, pipeline: Connection
) -> None:
    platform.list_targets(WELL_KEPT)
    instance.add_dynamic_partitions(SUPABASE_PROJECTS, [WELL_KEPT])
    gate = defs.resolve_job_def("decide_gate")
    assert gate.execute_in_process(instance=instance, partition_key=WELL_KEPT).success
    row = pipeline.execute("select verdict from ops.gate_decisions").fetchall()
    assert row == [("unknown",)]


def test_the_daily_job_names_every_part_that_a_control_plane_which_is_away_holds_up(
    defs: dg.Definitions, instance: dg.DagsterInstance, platform: Platform, pipeline: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.list_targets(WELL_KEPT)
    monkeypatch.setenv(DATABASE_URL, AWAY)
    ran = defs.resolve_job_def("govern").execute_in_process(instance=instance, raise_on_error=False)
    said = reasons(ran)
    assert said
    assert [reason for reason in said if "is the server up" not in (reason or "")] == []
    assert stored(pipeline) == (0, 0)
