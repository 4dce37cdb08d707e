"""Settings on GitHub: proposed by name, written with a way back, judged anew, and put back when they do not mean what they should."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from platformkit_pipeline.introspection.github.api import ADDRESS_VARIABLE
from platformkit_pipeline.introspection.web_api import Pauses
from platformkit_pipeline.model.errors import ConfigurationError, ObservationError
from platformkit_pipeline.model.repository.github_setting import RequiredCheck, SettingKind
from platformkit_pipeline.model.repository.patch import RepositoryPlan
from platformkit_pipeline.model.target import GithubAccess, Target, TargetKind
from platformkit_pipeline.operations.apply_settings import (
    AppliedSettings,
    SettingsApproval,
    SettingsOutcome,
    apply_settings,
    restore_settings,
)
from platformkit_pipeline.operations.clock import Clock
from platformkit_pipeline.operations.propose_repository_plan import PlanInput, propose_repository_plan
from platformkit_pipeline.reporting.repository_plan import repository_plan_json, repository_plan_markdown
from platformkit_pipeline.sandbox.github.faults import Fault
from platformkit_pipeline.sandbox.github.serve import TOKEN, Github, serve_github
from platformkit_pipeline.sandbox.github.state import READER
from platformkit_pipeline.sandbox.sample_repository.builder import build_well_kept
from platformkit_pipeline.sandbox.sample_repository.github import CONTEXTS, lay_onto, well_kept_github

TARGET = Target(TargetKind.REPOSITORY, "acme/shop")
VARIABLE = "TOKEN_OF_THE_STAND_IN"
ACCESS = GithubAccess("acme/shop", VARIABLE)
CLOCK = Clock(lambda: datetime(2026, 2, 1, tzinfo=UTC), lambda: 0.0, lambda: "0" * 32)
NO_PAUSES = Pauses(lambda _: None)
WITHOUT_TYPES = "protections: {main: {checks: [" + ", ".join(f"[{name}, 15368]" for name in CONTEXTS if name != "Types") + "]}}"
TYPES = (RequiredCheck("Types", 15368),)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("settings") / "shop"
    build_well_kept(folder)
    return folder


@dataclass
class Bench:
    github: Github
    repository: Path
    folder: Path
    cache: Path

    @property
    def undo(self) -> Path:
        return self.folder / "undo.json"

    def lay(self, text: str) -> None:
        lay_onto(self.github.repository, text)

    def plan(self) -> RepositoryPlan:
        told = PlanInput(github=ACCESS)
        return propose_repository_plan(self.repository, target=TARGET, told=told, proven=False, clock=CLOCK, cache=self.cache)

    def apply(self) -> AppliedSettings:
        return apply_settings(
            self.repository,
            target=TARGET,
            access=ACCESS,
            approval=SettingsApproval("ada", "SEC-17"),
            undo_file=self.undo,
            clock=CLOCK,
            cache=self.cache,
            pauses=NO_PAUSES,
        )

    def features(self) -> tuple[bool, str]:
        repository = self.github.repository
        return repository.vulnerability_alerts, repository.security["secret_scanning_push_protection"]

    def written(self) -> list[str]:
        return [f"{asked.method} {asked.path}" for asked in self.github.asked if asked.method != "GET"]


@pytest.fixture
def bench(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with serve_github() as github:
        made = well_kept_github()
        github.repositories = {made.full_name: made}
        monkeypatch.setenv(VARIABLE, TOKEN)
        monkeypatch.setenv(ADDRESS_VARIABLE, github.address)
        cache = repository.parent / "cache"
        shutil.rmtree(cache / "github", ignore_errors=True)  # the observation of the commit may stay, the answers of another stand-in not
        yield Bench(github, repository, tmp_path, cache)


def test_well_kept_settings_need_nothing(bench: Bench) -> None:
    assert bench.plan().settings == ()
    assert bench.apply().outcome is SettingsOutcome.NOTHING_TO_DO
    assert bench.written() == []
    assert not bench.undo.exists()


def test_a_check_that_is_not_required_is_proposed_by_the_name_that_its_job_reports(bench: Bench) -> None:
    bench.lay(WITHOUT_TYPES)
    plan = bench.plan()
    (setting,) = plan.settings
    assert (setting.kind, setting.branch, setting.checks) == (SettingKind.RULESET, "main", TYPES)
    assert setting.rules == ("CIC021",)
    assert "by its exact name: Types" in setting.postcondition
    assert [item.rule for item in plan.manual_items] == []
    assert json.loads(repository_plan_json(plan))["settings"][0]["checks"] == [{"context": "Types", "integration": 15368}]
    assert "On GitHub: Require Types on main" in repository_plan_markdown(plan)
    assert bench.written() == []


def test_it_is_written_judged_anew_and_can_be_put_back(bench: Bench) -> None:
    bench.lay(WITHOUT_TYPES)
    applied = bench.apply()
    assert applied.surprises == ()
    assert applied.outcome is SettingsOutcome.WRITTEN
    assert bench.written() == ["POST /repos/acme/shop/rulesets"]
    assert bench.plan().settings == ()
    kept = json.loads(bench.undo.read_text())
    assert (kept["approved_by"], kept["reason"], kept["repository"]) == ("ada", "SEC-17", "acme/shop")
    assert restore_settings(bench.undo, ACCESS, pauses=NO_PAUSES) == 1
    assert bench.github.repository.rulesets == []
    assert [setting.checks for setting in bench.plan().settings] == [TYPES]


def test_without_any_protection_all_checks_are_required_and_nothing_else_is_claimed(bench: Bench) -> None:
    bench.lay("protections: {main: null}")
    plan = bench.plan()
    (setting,) = plan.settings
    assert setting.rules == ("CIC020", "CIC021")
    assert {check.context for check in setting.checks} == set(CONTEXTS)
    assert {item.rule for item in plan.manual_items} == {"CIC035", "CIC036", "CIC037", "CIC038"}
    assert bench.apply().outcome is SettingsOutcome.WRITTEN


def test_security_features_are_switched_on(bench: Bench) -> None:
    bench.lay("security: {secret_scanning_push_protection: disabled}\nvulnerability_alerts: false")
    (setting,) = bench.plan().settings
    assert setting.features == ("dependabot_alerts", "push_protection")
    assert setting.rules == ("CIC039", "SEC007")
    assert bench.apply().outcome is SettingsOutcome.WRITTEN
    assert bench.features() == (True, "enabled")
    restore_settings(bench.undo, ACCESS, pauses=NO_PAUSES)
    assert bench.features() == (False, "disabled")


def test_a_setting_that_fails_takes_those_before_it_back(bench: Bench) -> None:
    bench.lay(WITHOUT_TYPES + "\nsecurity: {secret_scanning_push_protection: disabled}")
    bench.github.faults = [Fault(422, "no", path="/repos/acme/shop", method="PATCH")]
    applied = bench.apply()
    assert applied.outcome is SettingsOutcome.TAKEN_BACK
    assert "nothing was changed" in applied.surprises[0]
    assert bench.github.repository.rulesets == []
    assert bench.undo.exists()


def test_what_cannot_be_put_back_is_said_and_the_way_back_is_kept(bench: Bench) -> None:
    bench.lay(WITHOUT_TYPES + "\nsecurity: {secret_scanning_push_protection: disabled}")
    bench.github.faults = [
        Fault(422, "no", path="/repos/acme/shop", method="PATCH"),
        Fault(403, "Resource not accessible by personal access token", path="/rulesets", method="DELETE", times=9),
    ]
    applied = bench.apply()
    assert applied.outcome is SettingsOutcome.LEFT_CHANGED
    assert applied.surprises[-1].startswith("ruleset Required checks: ")
    bench.github.faults = []
    assert restore_settings(bench.undo, ACCESS, pauses=NO_PAUSES) == 2
    assert bench.github.repository.rulesets == []


def test_a_check_whose_job_never_reported_is_not_required(bench: Bench) -> None:
    bench.lay(WITHOUT_TYPES)
    repository = bench.github.repository
    for commit in [*repository.commits, *(pull.head for pull in repository.pulls)]:
        commit.check_runs = [run for run in commit.check_runs if run.name != "Types"]
    plan = bench.plan()
    assert plan.settings == ()
    assert [(item.rule, item.object.name) for item in plan.manual_items] == [("CIC021", "required check types")]


def test_a_write_that_changes_nothing_is_found_out(bench: Bench) -> None:
    bench.lay(WITHOUT_TYPES)
    bench.github.repository.ineffective = {"ruleset"}
    applied = bench.apply()
    assert applied.outcome is SettingsOutcome.TAKEN_BACK
    assert "does not hold (not demanded: Types)" in applied.surprises[0]


def test_an_undo_file_is_never_overwritten(bench: Bench) -> None:
    bench.undo.write_text("{}")
    with pytest.raises(ConfigurationError, match="is there already"):
        bench.apply()
    assert bench.written() == []


def test_what_is_no_undo_file_restores_nothing(bench: Bench) -> None:
    bench.undo.write_text('{"undo": [{"kind": "ruleset"}]}')
    with pytest.raises(ConfigurationError, match="is no undo file"):
        restore_settings(bench.undo, ACCESS)
    assert bench.written() == []


def test_a_token_that_is_not_accepted_changes_nothing(bench: Bench) -> None:
    bench.lay(WITHOUT_TYPES)
    bench.github.tokens = {}
    with pytest.raises(ObservationError, match="nothing was changed"):
        bench.apply()


def test_a_token_that_may_only_read_changes_nothing(bench: Bench) -> None:
    bench.lay(WITHOUT_TYPES)
    bench.github.tokens = {TOKEN: READER}
    assert bench.apply().outcome is SettingsOutcome.NOTHING_TO_DO
    assert bench.written() == []
