from __future__ import annotations

import json
from pathlib import Path

import pytest

from platformkit_pipeline.control_plane import targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.settings import Settings
from platformkit_pipeline.operations.observe_repository_target import observe_repository_target
from platformkit_pipeline.operations.sync_targets import targets_of
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder
from platformkit_pipeline_tests.cli.conftest import Program
from platformkit_pipeline_tests.operations.test_sync_exceptions import DOCUMENT, PATH

pytestmark = pytest.mark.usefixtures("without_secret_search")

SETTINGS = {"repositories": [{"name": "shop"}], "projects": []}


@pytest.fixture
def observed(pipeline: Connection, pipeline_dsn: Dsn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RepositoryBuilder:
    """A repository with one exception that is approved by one person only, as the control plane has seen it."""
    monkeypatch.setenv("PLATFORMKIT_DATABASE_URL", pipeline_dsn.reveal())
    monkeypatch.setenv("PLATFORMKIT_SETTINGS", str(tmp_path / "platformkit.yaml"))
    (tmp_path / "platformkit.yaml").write_text(json.dumps(SETTINGS))
    built = RepositoryBuilder(tmp_path / "shop")
    built.init()
    built.write(PATH, DOCUMENT.replace("- Platform Architect: Kim Larsen, 2026-01-20\n", ""))
    built.commit("An exception")
    with pipeline.transaction():
        targets.sync(pipeline, targets_of(Settings.model_validate(SETTINGS)))
    [shop] = targets_of(Settings.model_validate(SETTINGS))
    observe_repository_target(pipeline, shop, built.folder, run_id=None, cache=tmp_path / "cache")
    return built


def test_what_was_observed_is_recorded_once_and_listed_with_its_faults(program: Program, observed: RepositoryBuilder) -> None:
    observed.remove(PATH)  # the working tree is never read
    done = program("exceptions", "sync")
    assert (done.code, done.stdout) == (0, f"recorded  shop: {PATH}\n")
    assert program("exceptions", "sync").stdout == "nothing to change\n"
    [listed] = json.loads(program("exceptions", "list", "--format", "json").stdout)["exceptions"]
    assert (listed["state"], listed["covers"], listed["rules"]) == ("at fault", ["shop"], ["RLS001", "TEN001"])
    assert listed["faults"] == ["it lacks the approval of the Platform Architect"]
    assert "it lacks the approval of the Platform Architect" in program("exceptions", "list").stdout


def test_a_repository_that_was_never_observed_is_said(program: Program, observed: RepositoryBuilder, pipeline: Connection) -> None:
    more = {"repositories": [{"name": "shop"}, {"name": "other"}], "projects": []}
    Path(observed.folder.parent / "platformkit.yaml").write_text(json.dumps(more))
    done = program("exceptions", "sync", "--format", "json")
    found = json.loads(done.stdout)
    assert done.code == 3
    assert list(found["unread"]) == ["other"]
    assert found["changes"]["shop"]["recorded"] == [PATH]


def test_the_settings_of_the_demo_are_its_own(program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORMKIT_HOME", str(tmp_path))
    other = program("exceptions", "sync", "--demo", "--settings", "platformkit.yaml")
    none = program("exceptions", "sync", "--demo")
    assert (other.code, none.code) == (2, 2)
    assert "cannot be combined with --settings" in other.stderr
    assert "`platformkit demo` makes it" in none.stderr
