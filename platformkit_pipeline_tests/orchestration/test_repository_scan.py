"""The road of a repository, run for real: on Dagster's storage in PostgreSQL, on real git repositories."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.introspection.github.api import ADDRESS_VARIABLE
from platformkit_pipeline.orchestration.partitions import REPOSITORIES, range_tags
from platformkit_pipeline.orchestration.resources import SettingsResource
from platformkit_pipeline.rules.registry import rules_about_a_commit
from platformkit_pipeline.sandbox.github.serve import TOKEN, serve_github
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder, build_well_kept
from platformkit_pipeline.sandbox.sample_repository.github import well_kept_github
from platformkit_pipeline_tests.orchestration.conftest import Platform
from platformkit_pipeline_tests.orchestration.events import data_versions, evaluations, failure_of, materialized, metadata_of
from platformkit_pipeline_tests.orchestration.test_asset_graph import REPOSITORY_ASSETS, REPOSITORY_FAMILIES

RunJob = Callable[..., dg.ExecuteInProcessResult]
MADE = {asset for asset in REPOSITORY_ASSETS if not asset.startswith("source/")}
SHOP, OTHER = "acme/shop", "acme/other"


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Observations are remembered below it: what one test observed, the next need not observe again."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def home(shared_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORMKIT_HOME", str(shared_home))


@pytest.fixture
def shop(tmp_path: Path, home: None) -> RepositoryBuilder:
    return build_well_kept(tmp_path / "shop")


@pytest.fixture
def listed(platform: Platform, instance: dg.DagsterInstance, shop: RepositoryBuilder, tmp_path: Path) -> Platform:
    """Two repositories, the other one with a fault, and a folder that is none between them."""
    other = RepositoryBuilder(tmp_path / "other")
    other.init()
    other.write("README.md", "# Other\n")
    other.commit("one")
    (tmp_path / "nothing").mkdir()
    platform.list_targets(repositories={OTHER: other.folder, "acme/lost": tmp_path / "nothing", SHOP: shop.folder})
    instance.add_dynamic_partitions(REPOSITORIES, [OTHER, "acme/lost", SHOP])
    return platform


def test_a_scan_materializes_the_whole_road_and_a_second_one_writes_nothing(
    listed: Platform, run_job: RunJob, instance: dg.DagsterInstance, shop: RepositoryBuilder, superuser: Connection
) -> None:
    runs = [run_job("scan_repository", partition=SHOP) for _ in range(2)]
    for run in runs:
        assert run.success
        assert materialized(instance, run.run_id) == {(asset, SHOP) for asset in MADE}
        assert set(evaluations(instance, run.run_id)) == {(f"compliance/{family}:verdict", SHOP) for family in REPOSITORY_FAMILIES}
    first, second = (metadata_of(instance, run.run_id, "introspection/repository", SHOP) for run in runs)
    assert (first["commit"], first["branch"], first["commits"]) == (shop.head(), "main", int(shop._git("rev-list", "--count", "HEAD")))
    assert first["rows_written"] == first["dagster/row_count"] > 3
    assert second["rows_written"] == 0
    report = metadata_of(instance, runs[1].run_id, "compliance/repository_report", SHOP)
    assert report["complete"]
    assert (report["opened"], report["reopened"], report["resolved"]) == (0, 0, 0)
    gate = metadata_of(instance, runs[1].run_id, "governance/repository_gate", SHOP)
    assert (gate["decision"]["commit"], gate["decision"]["target"]) == (shop.head(), SHOP)
    assert gate["audit_head"]
    github = metadata_of(instance, runs[1].run_id, "introspection/github_settings", SHOP)
    assert (github["objects"], github["unobserved_count"]) == (0, 3), "nobody asked GitHub, which is no all-clear"
    versions = [data_versions(instance, run.run_id) for run in runs]
    assert versions[0] == versions[1]
    gates = {"governance/repository_gate", "governance/repository_merge_gate"}
    assert {asset for asset, version in versions[0].items() if version is None} == gates
    stored = superuser.execute("select distinct head_commit, head_branch, run_id is not null from ops.scans").fetchall()
    assert stored == [(shop.head(), "main", True)]


def test_the_night_reaches_every_other_repository_and_then_fails_naming_the_broken_one(
    listed: Platform, run_job: RunJob, instance: dg.DagsterInstance, superuser: Connection
) -> None:
    run = run_job("nightly_repositories", tags=range_tags(instance.get_dynamic_partitions(REPOSITORIES)))
    assert not run.success
    assert failure_of(instance, run.run_id).startswith("1 of 3 targets failed\nacme/lost: ")
    assert "is no git repository" in failure_of(instance, run.run_id)
    assert materialized(instance, run.run_id) == {(asset, name) for asset in MADE for name in (SHOP, OTHER)}
    assert superuser.execute("select count(*) from ops.scans where status = 'complete'").fetchone() == (2,)
    verdicts = evaluations(instance, run.run_id)
    assert not verdicts["compliance/doc_sync:verdict", OTHER].passed
    assert verdicts["compliance/doc_sync:verdict", SHOP].passed


def test_one_family_can_be_judged_again_without_the_repository(
    listed: Platform, run_job: RunJob, defs: dg.Definitions, instance: dg.DagsterInstance, shop: RepositoryBuilder, superuser: Connection
) -> None:
    assert run_job("scan_repository", partition=SHOP).success
    shop.folder.rename(shop.folder.with_name("elsewhere"))
    job = defs.resolve_job_def("scan_repository").get_subset(asset_selection={dg.AssetKey(["compliance", "doc_sync"])})
    run = job.execute_in_process(instance=instance, partition_key=SHOP)
    assert materialized(instance, run.run_id) == {("compliance/doc_sync", SHOP)}
    assert set(evaluations(instance, run.run_id)) == {("compliance/doc_sync:verdict", SHOP)}
    judged = superuser.execute("select judged_rules from ops.scans").fetchall()
    assert [set(rules) for (rules,) in judged] == [{rule.code for rule in rules_about_a_commit()}]


def test_a_repository_without_a_path_says_what_to_add(
    platform: Platform, run_job: RunJob, instance: dg.DagsterInstance, home: None
) -> None:
    platform.settings_path.write_text("repositories: [{name: acme/shop}]", encoding="utf-8")
    instance.add_dynamic_partitions(REPOSITORIES, [SHOP])
    assert "the settings give no path for the repository acme/shop" in failure_of(
        instance, run_job("scan_repository", partition=SHOP).run_id
    )


def test_github_is_asked_where_the_settings_name_a_token(
    platform: Platform, run_job: RunJob, instance: dg.DagsterInstance, shop: RepositoryBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.settings_path.write_text(f"repositories: [{{name: {SHOP}, path: {shop.folder}, github: {{token_env: A_TOKEN}}}}]")
    instance.add_dynamic_partitions(REPOSITORIES, [SHOP])
    monkeypatch.setenv("A_TOKEN", TOKEN)
    with serve_github() as github:
        github.repositories = {SHOP: well_kept_github()}
        monkeypatch.setenv(ADDRESS_VARIABLE, github.address)
        run = run_job("scan_repository", partition=SHOP)
    settings = metadata_of(instance, run.run_id, "introspection/github_settings", SHOP)
    assert (settings["objects"], settings["unobserved_count"]) == (1, 0)


class Daemon:
    """Ticks the sensor as the daemon does: the cursor is kept, a run key is honoured once, requests are carried out."""

    def __init__(self, defs: dg.Definitions, instance: dg.DagsterInstance, run_job: RunJob) -> None:
        self.defs, self.instance, self.run_job = defs, instance, run_job
        self.cursor: str | None = None
        self.known: set[str] = set()
        self.said = ""

    def tick(self) -> list[str]:
        """Names of the repositories whose scan succeeded."""
        sensor = self.defs.get_repository_def().get_sensor_def("repository_head")
        resources = {"settings": SettingsResource()}
        with (
            dg.partition_loading_context(dynamic_partitions_store=self.instance),
            dg.build_sensor_context(instance=self.instance, definitions=self.defs, cursor=self.cursor, resources=resources) as context,
        ):
            ticked = sensor.evaluate_tick(context)
        self.cursor, self.said = ticked.cursor or self.cursor, ticked.skip_message or ""
        scanned = []
        for request in ticked.run_requests or ():
            assert request.run_key is not None
            if request.run_key not in self.known:
                self.known.add(request.run_key)
                if self.run_job("scan_repository", partition=request.partition_key, tags=request.tags).success:
                    scanned.append(str(request.partition_key))
        return scanned


def test_a_repository_is_scanned_when_its_head_moves_and_also_when_it_goes_back(
    platform: Platform,
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    run_job: RunJob,
    shop: RepositoryBuilder,
    superuser: Connection,
    tmp_path: Path,
) -> None:
    platform.list_targets(repositories={SHOP: shop.folder, "acme/lost": tmp_path})
    instance.add_dynamic_partitions(REPOSITORIES, ["acme/lost", SHOP])
    daemon = Daemon(defs, instance, run_job)
    assert daemon.tick() == [SHOP]
    assert daemon.tick() == []
    assert daemon.said.startswith("no HEAD has moved; 1 could not be read (acme/lost: ")
    first = shop.head()
    second = shop.commit("two")
    seen = [first]
    for commit in (second, first):
        shop._git("reset", "--quiet", "--hard", commit)
        assert daemon.tick() == [SHOP]
        seen.append(commit)
    assert daemon.tick() == []
    stored = superuser.execute("select head_commit from ops.scans order by started_at").fetchall()
    assert [commit for (commit,) in stored] == seen


def test_a_tick_waits_for_partitions_and_forgets_nothing_over_broken_settings(
    platform: Platform, defs: dg.Definitions, instance: dg.DagsterInstance, run_job: RunJob, shop: RepositoryBuilder
) -> None:
    daemon = Daemon(defs, instance, run_job)
    platform.list_targets(repositories={SHOP: shop.folder})
    assert daemon.tick() == []
    assert daemon.said == "no HEAD has moved; 1 have no partition yet, or no path"
    instance.add_dynamic_partitions(REPOSITORIES, [SHOP])
    assert daemon.tick() == [SHOP]
    platform.settings_path.write_text("repositories: [", encoding="utf-8")
    assert daemon.tick() == []
    assert daemon.said.startswith("nobody was looked at: ")
    platform.list_targets(repositories={SHOP: shop.folder})
    assert daemon.tick() == []
