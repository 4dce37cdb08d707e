"""The road of a project from its contracts to the merge gate, run for real: on Dagster's storage in PostgreSQL, on real databases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
import structlog
import yaml

from platformkit_pipeline.connectors.delivery.tables import create_delivery_tables
from platformkit_pipeline.control_plane.connection import Connection, connect_admin
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.merge_decision import merge_decision_from_json
from platformkit_pipeline.operations.gate_roads import BASE_RUN_TAG, BRANCH_TAG, COMMIT_TAG
from platformkit_pipeline.orchestration.build import build_defs
from platformkit_pipeline.orchestration.partitions import SUPABASE_PROJECTS, range_tags
from platformkit_pipeline_tests.orchestration.conftest import WELL_KEPT, Platform
from platformkit_pipeline_tests.orchestration.events import data_versions, evaluations, failure_of, materialized, metadata_of
from platformkit_pipeline_tests.orchestration.test_asset_graph import PARITY_KINDS

RunJob = Callable[..., dg.ExecuteInProcessResult]
SHOP = "shop"
KINDS = {f"parity/{kind}" for kind in PARITY_KINDS}
COMMIT = "c" * 40


@pytest.fixture
def shop(make_supabase_database: Callable[[], Dsn]) -> Dsn:
    """A project with an outbox."""
    dsn = make_supabase_database()
    with connect_admin(dsn) as connection:
        create_delivery_tables(connection, "delivery")
    return dsn


@pytest.fixture
def listed(platform: Platform, instance: dg.DagsterInstance, shop: Dsn) -> Platform:
    """The shop, with a contract about its outbox and one that it is as itself; and a project without contracts."""
    platform.list_targets(WELL_KEPT, shop=shop, shop_twin=shop)
    instance.add_dynamic_partitions(SUPABASE_PROJECTS, [SHOP, WELL_KEPT])
    folder = platform.settings_path.parent / "contracts"
    listed = yaml.safe_load(platform.settings_path.read_text(encoding="utf-8"))
    listed["projects"] = [{**project, "contracts": "contracts"} if project["name"] == SHOP else project for project in listed["projects"]]
    platform.settings_path.write_text(yaml.safe_dump(listed), encoding="utf-8")
    _write(folder / "event" / "outbox.yaml", "outbox: {schema: delivery, key: [id, destination], limits: {pending: 0}}")
    _write(folder / "drift" / "twin.yaml", "against: shop-twin")
    return platform


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _open_to_clients(shop: Dsn) -> None:
    with connect_admin(shop) as connection:
        connection.execute("grant usage on schema delivery to anon; grant truncate on delivery.outbox to anon")


def test_contracts_are_scored_kept_and_decided_on_and_a_second_run_says_the_same(
    listed: Platform, run_job: RunJob, instance: dg.DagsterInstance, superuser: Connection
) -> None:
    runs = [run_job("score_parity", partition=SHOP) for _ in range(2)]
    for run in runs:
        assert run.success
        assert materialized(instance, run.run_id) == {(asset, SHOP) for asset in (*KINDS, "parity/scores", "governance/merge_gate")}
        verdicts = evaluations(instance, run.run_id)
        assert {name: verdict.passed for name, verdict in verdicts.items()} == {
            ("parity/event_contracts:verdict", SHOP): True,
            ("parity/environment_drift:verdict", SHOP): True,
        }, "what declares nothing has no verdict"
    scores = metadata_of(instance, runs[1].run_id, "parity/scores", SHOP)
    assert (scores["score"], scores["score_effective"], scores["score_event"], scores["score_drift"]) == (100, 100, 100, 100)
    assert scores["declared"] == "event, drift"
    assert "| **parity** | `██` | 100.0 |" in scores["trend"]
    assert len(scores["history"]) == 2
    assert scores["summary"].startswith("# Parity of shop: 100.0 of 100")
    assert metadata_of(instance, runs[1].run_id, "parity/api_contracts", SHOP)["declared"] is False
    assert metadata_of(instance, runs[1].run_id, "governance/merge_gate", SHOP)["verdict"] == "yes"
    versions = [data_versions(instance, run.run_id) for run in runs]
    assert versions[0] == versions[1]
    stored = superuser.execute("select run_id, effective_score, of_default_branch from ops.parity_scores order by started_at").fetchall()
    assert stored == [(run.run_id, 100, True) for run in runs]
    counts = "select name, run_id, labels ->> 'outcome' from ops.metrics where name like '%.count' order by name, created_at"
    counted = superuser.execute(counts)
    assert counted.fetchall() == [(f"{name}.count", run.run_id, "success") for name in ("gate", "parity") for run in runs]


def test_a_broken_contract_fails_its_verdict_and_blocks_the_merge_against_a_base(
    listed: Platform, run_job: RunJob, instance: dg.DagsterInstance, shop: Dsn, superuser: Connection
) -> None:
    base = metadata_of(instance, run_job("score_parity", partition=SHOP).run_id, "parity/scores", SHOP)["parity_id"]
    _open_to_clients(shop)
    run = run_job("score_parity", partition=SHOP, tags={BASE_RUN_TAG: base, COMMIT_TAG: COMMIT, BRANCH_TAG: "feature"})
    assert run.success, "a no is an answer"
    verdict = evaluations(instance, run.run_id)["parity/event_contracts:verdict", SHOP]
    assert (verdict.passed, verdict.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert verdict.description == "1 of 1 contracts are not honoured: 1 checks fail, 0 cannot be told."
    gate = metadata_of(instance, run.run_id, "governance/merge_gate", SHOP)
    decision = merge_decision_from_json(gate["decision"])
    assert (decision.verdict, decision.commit, decision.comparison.base_id) == ("no", COMMIT, base)
    assert "critical check event/outbox/client roles fails" in gate["summary"]
    assert (gate["score"], gate["base_score"]) == (49, 100)
    assert superuser.execute("select count(*) from ops.parity_scores where of_default_branch").fetchone() == (1,)
    decided = superuser.execute("select verdict, base_parity_id::text from ops.gate_decisions order by decided_at desc limit 1")
    assert decided.fetchone() == ("no", base)


def test_a_base_that_is_not_kept_is_said_before_anything_is_measured(
    listed: Platform, run_job: RunJob, instance: dg.DagsterInstance
) -> None:
    run = run_job("score_parity", partition=SHOP, tags={BASE_RUN_TAG: "d" * 40})
    assert "is not in the control plane" in failure_of(instance, run.run_id)
    assert materialized(instance, run.run_id) == set()


def test_the_night_reaches_every_project_and_says_where_nothing_is_declared(
    listed: Platform, run_job: RunJob, instance: dg.DagsterInstance
) -> None:
    run = run_job("nightly_parity", tags=range_tags(instance.get_dynamic_partitions(SUPABASE_PROJECTS)))
    assert run.success
    assert materialized(instance, run.run_id) == {(asset, name) for asset in (*KINDS, "parity/scores") for name in (SHOP, WELL_KEPT)}
    scores = metadata_of(instance, run.run_id, "parity/scores", WELL_KEPT)
    assert scores["declared"] == "nothing: the project has no contracts"
    assert "score" not in scores
    assert {partition for _, partition in evaluations(instance, run.run_id)} == {SHOP}


def test_one_kind_can_be_measured_alone_and_nothing_is_kept(
    listed: Platform, run_job: RunJob, defs: dg.Definitions, instance: dg.DagsterInstance, superuser: Connection
) -> None:
    job = defs.resolve_job_def("score_parity").get_subset(asset_selection={dg.AssetKey(["parity", "event_contracts"])})
    run = job.execute_in_process(instance=instance, partition_key=SHOP)
    assert materialized(instance, run.run_id) == {("parity/event_contracts", SHOP)}
    assert superuser.execute("select count(*) from ops.parity_scores").fetchone() == (0,)


PEOPLE = """
apiVersion: v3.1.0
kind: DataContract
id: urn:people
version: 1.0.0
status: active
schema:
  - name: people
    physicalName: public.people
    properties:
      - name: number
        logicalType: string
        classification: internal
        quality: [{name: numbered, metric: invalidValues, arguments: {pattern: '^R-[0-9]+$'}, mustBe: 0}]
      - name: email
        logicalType: string
        classification: personal
        quality: [{name: reachable, metric: invalidValues, arguments: {pattern: '^[^@]+@[^@]+$'}, mustBe: 0}]
"""


def test_checks_of_data_contracts_are_asset_checks_and_show_no_sensitive_value(
    listed: Platform, run_job: RunJob, instance: dg.DagsterInstance, shop: Dsn
) -> None:
    with connect_admin(shop) as connection:
        connection.execute("create table public.people (number text, email text); insert into people values ('X-17', 'jane.example.org')")
    _write(listed.settings_path.parent / "contracts" / "data" / "people.yaml", PEOPLE)
    declared = {key.name for key in build_defs().resolve_asset_graph().asset_check_keys if key.asset_key.path[-1] == "data_contracts"}
    structlog.reset_defaults()
    run = run_job("score_parity", partition=SHOP)
    found = {name.split(":")[1]: e for (name, _), e in evaluations(instance, run.run_id).items() if "data_contracts" in name}
    assert found.keys() == declared, "what is there when the location is loaded is declared under the same names"
    numbered, reachable = (next(e for name, e in found.items() if what in name) for what in ("numbered", "reachable"))
    assert (numbered.passed, reachable.passed, numbered.partition) == (False, False, SHOP)
    assert "X-17" in str(numbered.metadata), "an internal column may be shown"
    assert "redacted" in str(reachable.metadata)
    assert "jane" not in "".join(map(dg.serialize_value, instance.all_logs(run.run_id)))
