from __future__ import annotations

import json
from pathlib import Path

import pytest

from platformkit_pipeline_tests.cli.conftest import Program


@pytest.fixture(autouse=True)
def bare_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PLATFORMKIT_DATABASE_URL", "PLATFORMKIT_DAGSTER_DATABASE_URL", "PLATFORMKIT_SETTINGS", "PLATFORMKIT_PG_BINDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PLATFORMKIT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def test_a_fresh_installation_has_warnings_and_no_fault(program: Program) -> None:
    done = program("doctor")
    states = [line.split()[0] for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert done.code == 0
    assert set(states) == {"ok", "warn"}
    assert "-> " in done.stdout


def test_wrong_settings_are_a_fault_that_says_what_to_do(program: Program, tmp_path: Path) -> None:
    (tmp_path / "platformkit.yaml").write_text("zone: 1\n")
    done = program("doctor", "--format", "json")
    settings = next(check for check in json.loads(done.stdout)["checks"] if check["part"] == "settings")
    assert (done.code, settings["state"]) == (2, "fail")
    assert "platformkit.yaml:1: zone" in settings["message"]
    assert settings["advice"]


def test_a_control_plane_that_is_away_cannot_be_reached(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORMKIT_DATABASE_URL", "postgresql://me:hunter2@127.0.0.1:1/ops")
    done = program("doctor")
    assert done.code == 3
    assert "hunter2" not in done.stdout + done.stderr
