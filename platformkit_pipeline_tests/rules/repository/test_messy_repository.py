"""Two repositories that break every rule, observed, stored and judged for real: what is found is what was planted, no less and no more."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from platformkit_pipeline.control_plane import targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.introspection.github.api import ADDRESS_VARIABLE
from platformkit_pipeline.introspection.repository.git import open_repository
from platformkit_pipeline.introspection.repository.github_settings import with_github
from platformkit_pipeline.introspection.repository.options import RepositoryOptions
from platformkit_pipeline.model.record_json import from_json, to_json
from platformkit_pipeline.model.repository.inventory import inventory_of, snapshot_of
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.settings import Settings
from platformkit_pipeline.model.target import Environment, GithubAccess, Target, TargetKind
from platformkit_pipeline.operations.judge_repository_target import judge_repository_target
from platformkit_pipeline.operations.observe_repository_target import observe_repository_target
from platformkit_pipeline.operations.scan_repository import observed, told_by_github
from platformkit_pipeline.operations.sync_exceptions import sync_exceptions
from platformkit_pipeline.rules.evaluate_repository import evaluate_repository
from platformkit_pipeline.rules.registry import rules_about_repositories
from platformkit_pipeline.sandbox.github.serve import TOKEN, serve_github
from platformkit_pipeline.sandbox.github.state import Repository
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder, build_well_kept
from platformkit_pipeline.sandbox.sample_repository.github import well_kept_github
from platformkit_pipeline.sandbox.sample_repository.messy import Messy, build_messy, build_messy_too
from platformkit_pipeline_tests.rules.repository.planted import dumped, planted_values, told_below, told_in
from platformkit_pipeline_tests.rules.repository.truth import TRUTH, TRUTH_TOO, Truth

SHOP = Target(TargetKind.REPOSITORY, "acme/shop", Environment.PRODUCTION, ("team:shop",))
ACCESS = GithubAccess("acme/shop", "A_TOKEN")
_DIGEST = re.compile(r"(?<=, )[0-9a-f]{16}(?=\])")


@dataclass(frozen=True)
class Seen:
    """A repository, what was observed of it, and what all rules say. Shared by the module: look, do not touch."""

    messy: Messy
    snapshot: RepositorySnapshot
    results: tuple[Result, ...]
    cache: Path

    @property
    def findings(self) -> list[Result]:
        return [result for result in self.results if result.is_finding]


@contextmanager
def answering(repository: Repository) -> Iterator[None]:
    """GitHub's stand-in holds the settings of a repository, and the environment leads there."""
    with serve_github() as github, pytest.MonkeyPatch.context() as patch:
        github.repositories = {repository.full_name: repository}
        patch.setenv(ACCESS.token_env, TOKEN)
        patch.setenv(ADDRESS_VARIABLE, github.address)
        yield


def seen(messy: Messy, cache: Path) -> Seen:
    options = RepositoryOptions(name=SHOP.name, base=messy.base)
    with answering(messy.github), open_repository(messy.builder.folder) as repository:
        snapshot = with_github(observed(repository, options, cache).snapshot, told_by_github(ACCESS, cache))
    results = evaluate_repository(snapshot, rules_about_repositories(), messy.today, recorded_exceptions=messy.recorded_exceptions)
    return Seen(messy, snapshot, results, cache)


@pytest.fixture(scope="module")
def messy(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return seen(build_messy(tmp_path_factory.mktemp("messy") / "shop"), tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def messy_too(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return seen(build_messy_too(tmp_path_factory.mktemp("messy_too") / "shop"), tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def well_kept(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    builder: RepositoryBuilder = build_well_kept(tmp_path_factory.mktemp("well_kept") / "shop")
    kept = Messy(builder, builder.head(), date(2026, 2, 1), (), well_kept_github())
    return seen(kept, tmp_path_factory.mktemp("cache"))


def as_truth(findings: list[Result]) -> Counter[tuple[str, str, str]]:
    """Without the digests of secrets, which nobody can write down by hand."""
    return Counter((f.rule, _DIGEST.sub("...", f.object.canonical), f.outcome.value) for f in findings)


def differences(findings: list[Result], truth: Truth) -> dict[str, list[tuple[str, str, str]]]:
    found, planted = as_truth(findings), Counter(truth)
    return {"not found": sorted((planted - found).elements()), "not planted": sorted((found - planted).elements())}


NONE: dict[str, list[tuple[str, str, str]]] = {"not found": [], "not planted": []}


def test_what_is_found_is_what_was_planted(messy: Seen) -> None:
    assert differences(messy.findings, TRUTH) == NONE


def test_what_one_repository_cannot_break_the_other_one_does(messy_too: Seen) -> None:
    assert differences(messy_too.findings, TRUTH_TOO) == NONE


def test_every_rule_about_repositories_is_broken() -> None:
    assert {rule for rule, _, _ in (*TRUTH, *TRUTH_TOO)} == {rule.code for rule in rules_about_repositories()}


def test_every_secret_is_one_of_its_own(messy: Seen) -> None:
    digests = [finding.evidence["digest"] for finding in messy.findings if finding.rule in ("SEC001", "SEC002")]
    assert len(set(digests)) == len(digests) == 12


def test_the_well_kept_repository_breaks_no_rule_and_every_rule_was_judged(well_kept: Seen) -> None:
    assert [(f.rule, f.object.canonical, f.message) for f in well_kept.findings] == []
    assert not {facet.what for facet in well_kept.snapshot.unobserved} & {"change", "branch_protection", "secrets", "workflow_security"}


@pytest.mark.parametrize("name", ["messy", "messy_too", "well_kept"])
def test_nothing_is_lost_between_snapshot_and_inventory(name: str, request: pytest.FixtureRequest) -> None:
    snapshot: RepositorySnapshot = request.getfixturevalue(name).snapshot
    objects = inventory_of(snapshot)
    assert len({(stored.kind, stored.identity) for stored in objects}) == len(objects)
    assert snapshot_of(reversed(objects), snapshot.unobserved) == snapshot
    assert from_json(RepositorySnapshot, json.loads(json.dumps(to_json(snapshot)))) == snapshot


def test_the_messy_repository_has_something_of_every_kind_that_is_stored(messy: Seen, well_kept: Seen) -> None:
    kinds = {stored.kind for snapshot in (messy.snapshot, well_kept.snapshot) for stored in inventory_of(snapshot)}
    empty = {name for name in RepositorySnapshot.__slots__ if not any(getattr(s.snapshot, name) for s in (messy, well_kept))}
    assert empty == {"declared_commands", "unsearched"}, "what is empty in all of them, the tests above say nothing about"
    assert "other_automation" in kinds


def test_the_cache_gives_back_what_was_observed(messy: Seen) -> None:
    again = seen(messy.messy, messy.cache)
    assert again.snapshot == messy.snapshot
    assert again.results == messy.results


def test_the_stored_repository_is_judged_like_the_observed_one(pipeline: Connection, superuser: Connection, messy: Seen) -> None:
    with pipeline.transaction():
        targets.sync(pipeline, [SHOP])
    with answering(messy.messy.github):
        folder = messy.messy.builder.folder
        observation = observe_repository_target(pipeline, SHOP, folder, run_id="run-1", github=ACCESS, cache=messy.cache)
    judgement = judge_repository_target(pipeline, SHOP, today=messy.messy.today, run_id="run-1")
    expected = tuple(t for t in TRUTH if t[0] != "SPC004")  # a stored observation has no base, so no change
    assert differences(list(judgement.report.findings), expected) == NONE
    assert judgement.complete
    assert judgement.changes.opened == len(judgement.report.findings)
    assert observation.object_counts["secret"] == 12
    night = datetime.combine(messy.messy.today, time(2), UTC)
    assert sync_exceptions(pipeline, Settings.model_validate({"repositories": [{"name": SHOP.name}]}), night).changes
    text = dumped(superuser)
    assert "deploy/deploy.sh" in text
    assert "spec/shop/prd.md" in text
    assert told_in(text) == []


def test_the_values_that_nobody_may_tell_stand_in_the_repository_and_in_its_history(messy: Seen) -> None:
    builder = messy.messy.builder
    told = {value for file in (builder.folder / "deploy").iterdir() for value in told_in(file.read_bytes())}
    history = set(told_in(builder._git("log", "--patch", "--all")))
    assert told < history
    assert history | set(told_in(messy.messy.github.secret_alerts[0].secret)) == set(told_in("\n".join(planted_values())))


def test_no_observation_and_no_cache_holds_a_secret(messy: Seen) -> None:
    assert told_in(repr(messy.snapshot)) == []
    assert told_in(repr(messy.results)) == []
    assert told_below(messy.cache) == {}
