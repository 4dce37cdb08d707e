"""The package of a new connector works as it is written: its own tests pass, and registration accepts it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from platformkit_pipeline.connectors.acceptance.suite import CHECKS
from platformkit_pipeline.connectors.registration import register
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.operations.new_connector import new_connector
from platformkit_pipeline_tests.cli.program import environment_of


def test_the_tests_of_a_new_connector_pass_as_generated(tmp_path: Path, admin_dsn: Dsn) -> None:
    folder = tmp_path / "billing"
    new_connector("acme-billing", folder)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"],
        cwd=folder,
        env=environment_of({"PLATFORMKIT_BENCH_DATABASE_URL": admin_dsn.reveal()}),
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert f"{len(CHECKS) - 1} passed, 1 skipped" in done.stdout  # it describes no schema


def test_a_new_connector_is_registered_under_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new_connector("acme-stock", tmp_path / "stock")
    project = tomllib.loads((tmp_path / "stock" / "pyproject.toml").read_text())["project"]
    class_path = project["entry-points"]["platformkit.connectors"]["acme-stock"]
    monkeypatch.syspath_prepend(tmp_path / "stock" / "src")
    registration = register(class_path, {"url": "https://stock.example.com"})
    assert registration.missing == ()
    assert [capability.value for capability in registration.capabilities] == ["consume", "ordered", "publish", "replay"]


def test_asking_again_changes_nothing(tmp_path: Path) -> None:
    written = new_connector("stock", tmp_path / "stock")
    assert len(written) == 5
    assert new_connector("stock", tmp_path / "stock") == ()


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="is not empty"):
        new_connector("stock", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("name", ["", "Stock", "stock_room", "-stock", "1stock", "stock--room", "a" * 61, "../stock", "class"])
def test_a_name_that_makes_no_package_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="small letters, digits and single dashes"):
        new_connector(name, tmp_path / "new")
    assert not (tmp_path / "new").exists()
