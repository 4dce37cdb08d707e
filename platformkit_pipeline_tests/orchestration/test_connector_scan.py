"""The road of a connector, run for real: on Dagster's storage in PostgreSQL, with a connector that answers and a bench."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from platformkit_pipeline.connectors.acceptance.workbench import BENCH_VARIABLE
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.orchestration.partitions import CONNECTORS, range_tags
from platformkit_pipeline_tests.orchestration.conftest import Platform
from platformkit_pipeline_tests.orchestration.events import data_versions, evaluations, failure_of, materialized, metadata_of
from platformkit_pipeline_tests.orchestration.test_asset_graph import CONNECTOR_ASSETS
from platformkit_pipeline_tests.sample_connectors import INCOMPLETE, Board, open_board

RunJob = Callable[..., dg.ExecuteInProcessResult]
MADE = {asset for asset in CONNECTOR_ASSETS if not asset.startswith("source/")}
BULLETIN, HALF = "acme/bulletin", "acme/half"


@pytest.fixture
def board(tmp_path: Path, admin_dsn: Dsn, monkeypatch: pytest.MonkeyPatch) -> Iterator[Board]:
    monkeypatch.setenv(BENCH_VARIABLE, admin_dsn.reveal())
    with open_board(tmp_path) as made:
        yield made


def test_a_scan_materializes_the_whole_road_and_a_second_one_writes_nothing_but_how_the_connector_was(
    platform: Platform, run_job: RunJob, instance: dg.DagsterInstance, board: Board, superuser: Connection
) -> None:
    platform.list_targets(connectors=[board.entry(BULLETIN)])
    instance.add_dynamic_partitions(CONNECTORS, [BULLETIN])
    runs = [run_job("scan_connector", partition=BULLETIN) for _ in range(2)]
    for run in runs:
        assert run.success
        assert materialized(instance, run.run_id) == {(asset, BULLETIN) for asset in MADE}
        assert evaluations(instance, run.run_id)["compliance/connectors:verdict", BULLETIN].passed
    first, second = (metadata_of(instance, run.run_id, "introspection/connectors", BULLETIN) for run in runs)
    assert first["rows_written"] == first["dagster/row_count"] > 3
    assert second["rows_written"] == 0
    assert (second["health"], second["success_rate_percent"], second["capabilities"]) == ("up", 100.0, "none")
    assert second["latency_seconds"] > 0
    assert "queue_pending" not in second
    report = metadata_of(instance, runs[1].run_id, "compliance/connector_report", BULLETIN)
    assert (report["complete"], report["score"], report["opened"], report["resolved"]) == (True, 100.0, 0, 0)
    gate = metadata_of(instance, runs[1].run_id, "governance/connector_gate", BULLETIN)
    assert (gate["verdict"], gate["decision"]["gate"], gate["decision"]["target"]) == ("yes", "registration", BULLETIN)
    versions = [data_versions(instance, run.run_id) for run in runs]
    assert versions[0] == versions[1]
    assert superuser.execute("select count(*), count(distinct run_id) from ops.connector_health").fetchone() == (2, 2)


def test_the_night_blocks_the_incomplete_connector_and_fails_for_none(
    platform: Platform, run_job: RunJob, instance: dg.DagsterInstance, board: Board
) -> None:
    platform.list_targets(connectors=[board.entry(BULLETIN), {"name": HALF, "class": INCOMPLETE}])
    instance.add_dynamic_partitions(CONNECTORS, [BULLETIN, HALF])
    run = run_job("nightly_connectors", tags=range_tags(instance.get_dynamic_partitions(CONNECTORS)))
    assert run.success, failure_of(instance, run.run_id)
    assert materialized(instance, run.run_id) == {(asset, name) for asset in MADE for name in (BULLETIN, HALF)}
    gates = {name: metadata_of(instance, run.run_id, "governance/connector_gate", name)["decision"] for name in (BULLETIN, HALF)}
    assert {name: gate["verdict"] for name, gate in gates.items()} == {BULLETIN: "yes", HALF: "no"}
    assert gates[HALF]["reasons"][0] == "registration is blocked (clause 12)"
    assert not evaluations(instance, run.run_id)["compliance/connectors:verdict", HALF].passed
