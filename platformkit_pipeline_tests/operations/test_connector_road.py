"""Observe, store, judge, decide for a connector: one that really answers, a bench on a real server, and a real control plane."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from platformkit_pipeline.connectors.acceptance.workbench import BENCH_VARIABLE
from platformkit_pipeline.control_plane import targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.connector import ConnectorLimits, HealthStatus, QueueDepth
from platformkit_pipeline.model.connector_inventory import ConnectorMeasures, inventory_of, measures_of, snapshot_of
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.settings import Connector, target_of
from platformkit_pipeline.operations.decide_gate import decide_deploy_gate
from platformkit_pipeline.operations.judge_connector_target import judge_connector_target
from platformkit_pipeline.operations.observe_connector import observed
from platformkit_pipeline.operations.observe_connector_target import ConnectorObservation, observe_connector_target
from platformkit_pipeline.operations.report_fleet import report_fleet
from platformkit_pipeline.operations.scan_connector import scan_connector
from platformkit_pipeline.operations.stored_connector import latest_connector_observation
from platformkit_pipeline.rules.registry import rules_about_connectors
from platformkit_pipeline_tests.sample_connectors import INCOMPLETE, Board, open_board

BULLETIN = "acme/bulletin"
ROWS = ("inventory_objects", "inventory_history", "findings")
Observe = Callable[[], ConnectorObservation]


@pytest.fixture
def board(tmp_path: Path, admin_dsn: Dsn, monkeypatch: pytest.MonkeyPatch) -> Iterator[Board]:
    monkeypatch.setenv(BENCH_VARIABLE, admin_dsn.reveal())
    with open_board(tmp_path) as made:
        yield made


@pytest.fixture
def bulletin(pipeline: Connection, board: Board) -> Connector:
    """Registered, never observed."""
    connector = Connector.model_validate(board.entry(BULLETIN, owners=["team:web"]))
    register(pipeline, connector)
    return connector


@pytest.fixture
def observe(pipeline: Connection, bulletin: Connector) -> Observe:
    return lambda: observe_connector_target(pipeline, bulletin, run_id="run-1")


def register(connection: Connection, connector: Connector) -> None:
    with connection.transaction():
        targets.sync(connection, [target_of(connector)])


def counted(connection: Connection, *tables: str) -> dict[str, int]:
    found = {name: connection.execute(f"select count(*) from ops.{name}".encode()).fetchone() for name in tables}
    connection.rollback()
    return {name: row[0] for name, row in found.items() if row}


def checks(connection: Connection) -> list[tuple[Any, ...]]:
    rows = connection.execute("select status, latency_seconds > 0, pending, run_id from ops.connector_health order by id").fetchall()
    connection.rollback()
    return rows


def test_a_stored_scan_says_what_a_direct_one_says(pipeline: Connection, bulletin: Connector, observe: Observe) -> None:
    direct = scan_connector(bulletin)
    observation = observe()
    judgement = judge_connector_target(pipeline, target_of(bulletin), run_id="run-1")
    assert judgement.complete
    assert judgement.report.results == direct.results
    assert not direct.findings
    assert {r.outcome for r in direct.results} == {Outcome.PASS}
    assert (judgement.report.catalog_fingerprint, judgement.report.connector) == (direct.catalog_fingerprint, direct.connector)
    assert direct.observed_thing.startswith("connector platformkit_pipeline_tests.sample_connectors:Bulletin")
    assert latest_connector_observation(pipeline, target_of(bulletin)).snapshot == observation.snapshot
    assert observation.object_counts["connector_object"] == 2
    [standing] = report_fleet(pipeline).standings
    assert (standing.name, standing.raw_score) == (BULLETIN, 100.0)


def test_an_unchanged_night_writes_one_check_of_health_and_no_row_of_the_inventory(
    pipeline: Connection, bulletin: Connector, observe: Observe
) -> None:
    observe()
    judge_connector_target(pipeline, target_of(bulletin), run_id="run-1")
    before = counted(pipeline, *ROWS)
    assert before["inventory_objects"] > 3
    changes = observe().changes
    assert (changes.added, changes.changed, changes.removed) == (0, 0, 0)
    judge_connector_target(pipeline, target_of(bulletin), run_id="run-1")
    assert counted(pipeline, *ROWS) == before
    assert checks(pipeline) == [("up", True, None, "run-1")] * 2
    measured = "select name, count(*), max(value), unit from ops.metrics where name like 'connector.%' group by name, unit order by name"
    [latency, rate] = pipeline.execute(measured).fetchall()
    assert (latency[0], latency[1], latency[3]) == ("connector.latency", 2, "seconds")
    assert rate == ("connector.success_rate", 2, 100.0, "percent")
    latest = pipeline.execute("select target_name, owners, status from ops.latest_connector_health").fetchall()
    assert latest == [(BULLETIN, ["team:web"], "up")]


def test_what_changes_on_the_other_side_opens_a_finding_that_blocks_and_is_resolved_when_it_is_mended(
    pipeline: Connection, bulletin: Connector, observe: Observe, board: Board
) -> None:
    target, now = target_of(bulletin), datetime.now(UTC)

    def night() -> tuple[int, int, str, tuple[str, ...]]:
        observation = observe()
        changes = judge_connector_target(pipeline, target, run_id=None).changes
        decision = decide_deploy_gate(pipeline, target, now=now)
        assert decision.gate == "registration"
        return observation.changes.changed, changes.opened + changes.reopened - changes.resolved, decision.verdict, decision.reasons

    assert decide_deploy_gate(pipeline, target, now=now).verdict == "unknown"
    assert night()[1:] == (0, "yes", ("no critical or high finding is open",))
    board.write(pages={"news": ["weekly"], "jobs": []}, fault="a page has no title")
    changed, opened, verdict, reasons = night()
    assert changed == 3, "a page, the connector's own test, and what the suite says of it"
    assert (opened, verdict) == (2, "no")
    assert reasons == ("registration is blocked (clause 12)", "open critical or high findings: 2 (Connectors: registration blocked)")
    board.write(pages={"news": ["weekly"], "jobs": []}, fault="two pages have no title")
    assert night()[:3] == (0, 0, "no"), "another text of the same outcome is no change of the connector"
    messages = {f.message for f in judge_connector_target(pipeline, target, run_id=None).report.findings}
    assert len(messages) == 2
    assert all("two pages have no title" in message for message in messages)
    board.write(pages={"news": ["weekly"], "jobs": []})
    assert night()[1:3] == (-2, "yes")
    assert decide_deploy_gate(pipeline, target, now=now + timedelta(hours=27)).verdict == "no"


def test_a_connector_that_is_down_is_an_observation_and_no_error(pipeline: Connection, bulletin: Connector) -> None:
    down = bulletin.model_copy(update={"options": {**bulletin.options, "url": "http://127.0.0.1:1"}})
    health = observe_connector_target(pipeline, down, run_id=None).snapshot.health
    assert health is not None
    assert health.status is HealthStatus.DOWN
    findings = judge_connector_target(pipeline, target_of(down), run_id=None).report.findings
    assert [(f.rule, f.outcome) for f in findings] == [("CON002", Outcome.UNKNOWN), ("CON003", Outcome.FAIL)]
    assert checks(pipeline)[0][0] == "down"


def test_a_connector_that_is_incomplete_is_stored_with_what_is_missing_and_blocked(pipeline: Connection) -> None:
    connector = Connector.model_validate({"name": "half", "class": INCOMPLETE})
    register(pipeline, connector)
    observation = observe_connector_target(pipeline, connector, run_id=None)
    judgement = judge_connector_target(pipeline, target_of(connector), run_id=None)
    assert latest_connector_observation(pipeline, target_of(connector)).snapshot == observation.snapshot
    assert {r.rule for r in judgement.report.findings} == {rule.code for rule in rules_about_connectors()}
    assert judgement.report.score.raw_display < 50
    assert decide_deploy_gate(pipeline, target_of(connector), now=datetime.now(UTC)).verdict == "no"
    assert checks(pipeline) == [(None, None, None, None)]


def test_the_limits_of_the_owners_hold_when_a_stored_observation_is_judged(
    pipeline: Connection, bulletin: Connector, observe: Observe
) -> None:
    observe()
    report = judge_connector_target(pipeline, target_of(bulletin), limits=ConnectorLimits(latency_seconds=1e-9), run_id=None).report
    assert [f.rule for f in report.findings] == ["CON003"]


def test_nothing_is_judged_before_it_was_observed_nor_when_somebody_else_wrote(
    pipeline: Connection, bulletin: Connector, observe: Observe, superuser: Connection
) -> None:
    with pytest.raises(ControlPlaneError, match="was never observed: materialize introspection/connectors first"):
        judge_connector_target(pipeline, target_of(bulletin), run_id=None)
    observe()
    superuser.execute("update ops.inventory_objects set payload = '{\"nonsense\": 1}' where kind = 'connector'")
    with pytest.raises(ControlPlaneError, match="scan again"):
        judge_connector_target(pipeline, target_of(bulletin), run_id=None)


def test_what_is_stored_of_a_snapshot_is_all_but_its_measures(bulletin: Connector) -> None:
    snapshot = observed(bulletin)
    objects = inventory_of(snapshot)
    assert snapshot_of(reversed(objects), measures_of(snapshot), snapshot.unobserved) == snapshot
    assert [dict(o.attributes) for o in snapshot_of(objects, ConnectorMeasures()).objects] == [{"tags": []}, {"tags": ["daily"]}]
    assert len({(o.kind, o.identity) for o in objects}) == len(objects)
    busy = snapshot_of(objects, ConnectorMeasures(None, QueueDepth(3, 2, 1.5, 0)))
    assert inventory_of(busy) == objects


def test_without_a_server_for_the_bench_the_suite_is_unobserved_with_the_reason(
    bulletin: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BENCH_VARIABLE, "postgresql://platformkit:hunter2@127.0.0.1:1/postgres")
    report = scan_connector(bulletin)
    [unobserved] = report.unobserved
    assert unobserved.what == "acceptance"
    assert "hunter2" not in unobserved.why
    assert {f.outcome for f in report.findings} == {Outcome.UNKNOWN}
    assert all(unobserved.why in f.message for f in report.findings)
