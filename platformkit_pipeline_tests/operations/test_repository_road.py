"""Observe, store, judge, decide for a repository: a real git repository and a real control plane."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from platformkit_pipeline.control_plane import findings, scans, targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.scans import ScanStatus
from platformkit_pipeline.introspection.github.api import ADDRESS_VARIABLE
from platformkit_pipeline.model.errors import ConfigurationError, ControlPlaneError
from platformkit_pipeline.model.repository.facet import GITHUB_FACETS
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.model.target import Environment, GithubAccess, Target, TargetKind
from platformkit_pipeline.operations.decide_gate import decide_deploy_gate, decision_from_json, decision_to_json
from platformkit_pipeline.operations.judge_repository_target import judge_repository_target
from platformkit_pipeline.operations.keep_judgement import Judgement
from platformkit_pipeline.operations.observe_repository_target import RepositoryObservation, observe_repository_target
from platformkit_pipeline.operations.report_fleet import report_fleet
from platformkit_pipeline.operations.scan_repository import RepositorySource, scan_repository
from platformkit_pipeline.operations.stored_repository import latest_repository_observation
from platformkit_pipeline.rules.registry import Source, repository_families, rules_about_a_commit, rules_about_repositories
from platformkit_pipeline.sandbox.github.serve import TOKEN, serve_github
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder, build_well_kept
from platformkit_pipeline.sandbox.sample_repository.github import well_kept_github

TODAY = date(2026, 2, 1)
SHOP = Target(TargetKind.REPOSITORY, "acme/shop", Environment.PRODUCTION, ("team:shop",))
ROWS = ("inventory_objects", "inventory_history", "findings")


@pytest.fixture
def shop(pipeline: Connection) -> Target:
    """Registered, never observed."""
    with pipeline.transaction():
        targets.sync(pipeline, [SHOP])
    return SHOP


@pytest.fixture
def repository(tmp_path: Path) -> RepositoryBuilder:
    """A repository that keeps every rule which its clone can answer."""
    return build_well_kept(tmp_path / "shop")


Observe = Callable[[RepositoryBuilder], RepositoryObservation]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one test observed, the next need not observe again."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def observe(pipeline: Connection, shop: Target, cache: Path) -> Observe:
    return lambda built: observe_repository_target(pipeline, shop, built.folder, run_id="run-1", cache=cache)


def judge(connection: Connection) -> Judgement:
    return judge_repository_target(connection, SHOP, today=TODAY, run_id="run-1")


def rows(connection: Connection) -> dict[str, int]:
    found = {name: connection.execute(f"select count(*) from ops.{name}".encode()).fetchone() for name in ROWS}
    connection.rollback()
    return {name: row[0] for name, row in found.items() if row}


def test_a_stored_scan_says_what_a_direct_one_says(
    pipeline: Connection, observe: Observe, repository: RepositoryBuilder, tmp_path: Path
) -> None:
    direct = scan_repository(
        RepositorySource(repository.folder), target=SHOP, rules=rules_about_a_commit(), cache=tmp_path / "another cache"
    )
    observation = observe(repository)
    judgement = judge_repository_target(pipeline, SHOP, today=direct.started_at.date(), run_id="run-1")
    assert judgement.complete
    assert judgement.report.results == direct.results
    assert judgement.report.score == direct.score
    assert (judgement.report.commit, judgement.report.catalog_fingerprint) == (repository.head(), direct.catalog_fingerprint)
    assert observation.object_counts["file"] == len(observation.snapshot.files) > 0
    [standing] = report_fleet(pipeline).standings
    assert (standing.name, standing.kind, standing.raw_score) == ("acme/shop", TargetKind.REPOSITORY, direct.score.raw_display)


def test_the_scan_row_names_commit_and_branch(pipeline: Connection, observe: Observe, repository: RepositoryBuilder) -> None:
    scan_id = observe(repository).scan_id
    stored = scans.find(pipeline, scan_id)
    assert stored is not None
    assert (stored.commit, stored.branch, stored.server_version) == (repository.head(), "main", None)
    assert stored.status is ScanStatus.OBSERVED


def test_what_is_read_back_is_what_was_observed(pipeline: Connection, observe: Observe, repository: RepositoryBuilder) -> None:
    seen = observe(repository).snapshot
    assert latest_repository_observation(pipeline, SHOP).snapshot == seen


def test_an_unchanged_head_writes_no_inventory_row_and_opens_nothing(
    pipeline: Connection, observe: Observe, repository: RepositoryBuilder
) -> None:
    observe(repository)
    judge(pipeline)
    before = rows(pipeline)
    assert before["inventory_objects"] > 3
    changes = observe(repository).changes
    assert (changes.added, changes.changed, changes.removed) == (0, 0, 0)
    again = judge(pipeline).changes
    assert (again.opened, again.reopened, again.resolved) == (0, 0, 0)
    assert rows(pipeline) == before


def test_a_fault_is_opened_by_the_commit_that_brings_it_and_resolved_by_the_one_that_mends_it(
    pipeline: Connection, observe: Observe, repository: RepositoryBuilder
) -> None:
    observe(repository)
    judge(pipeline)
    known = open_rules(pipeline)
    repository.remove("CLAUDE.md")
    repository.commit("Remove a document")
    observe(repository)
    opened = judge(pipeline).changes
    assert opened.opened == len(open_rules(pipeline)) - len(known) > 0
    assert any(rule.startswith("DOC") for rule in set(open_rules(pipeline)) - set(known))
    repository._git("reset", "--quiet", "--hard", "HEAD~1")  # an earlier commit again, which is no new one
    observe(repository)
    mended = judge(pipeline).changes
    assert (mended.resolved, open_rules(pipeline)) == (opened.opened, known)


def open_rules(connection: Connection) -> list[str]:
    stored = targets.find(connection, SHOP.kind, SHOP.name)
    assert stored is not None
    found = [f.result.rule for f in findings.open_findings(connection, stored.target_id)]
    connection.rollback()
    return found


def test_families_one_by_one_amount_to_a_complete_judgement(pipeline: Connection, observe: Observe, repository: RepositoryBuilder) -> None:
    observe(repository)
    judged = [judge_repository_target(pipeline, SHOP, today=TODAY, families=[f], run_id="run-1") for f in repository_families()]
    assert [judgement.complete for judgement in judged] == [False] * (len(judged) - 1) + [True]
    whole = judge(pipeline)
    assert whole.report.score == judged[-1].report.score
    assert (whole.changes.opened, whole.changes.resolved) == (0, 0)


def test_the_gate_decides_on_a_commit_that_was_scanned_to_the_end(
    pipeline: Connection, observe: Observe, repository: RepositoryBuilder
) -> None:
    now = datetime.now(UTC)
    assert decide_deploy_gate(pipeline, SHOP, now=now).verdict == "unknown"
    observe(repository)
    assert decide_deploy_gate(pipeline, SHOP, now=now).verdict == "unknown"
    critical = {f.rule for f in judge(pipeline).report.findings if f.severity is Severity.CRITICAL}
    decision = decide_deploy_gate(pipeline, SHOP, now=now)
    assert decision.commit == repository.head()
    assert decision.verdict == ("no" if critical else "yes")
    assert {b.rule for b in decision.blocking} == critical
    assert decide_deploy_gate(pipeline, SHOP, now=now + timedelta(hours=27)).verdict == "no"
    assert decision_from_json(decision_to_json(decision)) == decision


def test_rules_about_a_change_have_no_say_where_there_is_no_base(
    pipeline: Connection, observe: Observe, repository: RepositoryBuilder
) -> None:
    observe(repository)
    of_changes = {rule.code for rule in rules_about_repositories() if rule.source is Source.CHANGE}
    assert not of_changes & {result.rule for result in judge(pipeline).report.results}


def test_a_repository_without_a_commit_is_stored_and_judged(pipeline: Connection, observe: Observe, tmp_path: Path) -> None:
    empty = RepositoryBuilder(tmp_path / "empty")
    empty.init()
    observation = observe(empty)
    assert observation.snapshot.head.commit is None
    judgement = judge(pipeline)
    assert judgement.complete
    assert judgement.report.results


def test_names_that_are_no_text_are_stored_all_the_same(pipeline: Connection, observe: Observe, repository: RepositoryBuilder) -> None:
    name = b"br\xffnch"
    repository._git("branch", "other")
    heads = repository.folder / ".git" / "refs" / "heads"
    (heads / "other").rename(heads / name.decode("utf-8", "surrogateescape"))
    (repository.folder / ".git" / "HEAD").write_bytes(b"ref: refs/heads/" + name + b"\n")
    repository_head = observe(repository).snapshot.head
    assert (repository_head.branch, repository_head.commit is not None) == ("br\\xffnch", True)


def test_a_folder_that_is_no_repository_leaves_no_trace(pipeline: Connection, shop: Target, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is no git repository"):
        observe_repository_target(pipeline, shop, tmp_path, run_id="run-1")
    assert pipeline.execute("select count(*) from ops.scans").fetchone() == (0,)


def test_nothing_is_judged_before_it_was_observed(pipeline: Connection, shop: Target) -> None:
    with pytest.raises(ControlPlaneError, match="was never observed: materialize introspection/repository first"):
        judge_repository_target(pipeline, shop, today=TODAY, run_id=None)


def test_an_inventory_that_somebody_else_changed_is_refused(
    pipeline: Connection, observe: Observe, repository: RepositoryBuilder, superuser: Connection
) -> None:
    observe(repository)
    superuser.execute("update ops.inventory_objects set payload = '{\"nonsense\": 1}' where kind = 'head'")
    with pytest.raises(ControlPlaneError, match="scan again"):
        judge(pipeline)
    superuser.execute("delete from ops.inventory_objects where kind = 'head'")
    with pytest.raises(ControlPlaneError, match="scan again"):
        judge(pipeline)


def test_what_only_an_api_tells_is_stored_as_unobserved_with_the_reason(
    pipeline: Connection, observe: Observe, repository: RepositoryBuilder
) -> None:
    observe(repository)
    why = {u.what: u.why for u in judge(pipeline).report.unobserved}
    assert {facet.value for facet in GITHUB_FACETS} <= set(why)
    assert all(why[facet.value].startswith("GitHub was not asked") for facet in GITHUB_FACETS)


def test_what_github_tells_is_stored_and_judged_and_read_back(
    pipeline: Connection, shop: Target, repository: RepositoryBuilder, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = GithubAccess("acme/shop", "SHOP_GITHUB_TOKEN")
    monkeypatch.setenv(access.token_env, TOKEN)
    with serve_github() as github:
        github.repositories = {access.owner_name: well_kept_github()}
        monkeypatch.setenv(ADDRESS_VARIABLE, github.address)
        seen = observe_repository_target(pipeline, shop, repository.folder, run_id=None, github=access, cache=cache)
    assert seen.object_counts["github_settings"] == 1
    assert latest_repository_observation(pipeline, SHOP).snapshot == seen.snapshot
    unknown = {r.rule for r in judge(pipeline).report.results if r.outcome is Outcome.UNKNOWN}
    asked = {rule.code for rule in rules_about_a_commit() if rule.source is Source.GITHUB}
    assert asked
    assert not asked & unknown
    stored = pipeline.execute("select string_agg(payload::text, '') from ops.inventory_objects").fetchone()
    assert stored is not None
    assert TOKEN not in stored[0]


def test_github_that_refuses_is_stored_as_the_reason(
    pipeline: Connection, shop: Target, repository: RepositoryBuilder, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHOP_GITHUB_TOKEN", raising=False)
    access = GithubAccess("acme/shop", "SHOP_GITHUB_TOKEN")
    seen = observe_repository_target(pipeline, shop, repository.folder, run_id=None, github=access, cache=cache)
    assert "github_settings" not in seen.object_counts
    assert all("SHOP_GITHUB_TOKEN" in seen.snapshot.why_unobserved(facet) for facet in GITHUB_FACETS)
