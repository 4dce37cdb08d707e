from __future__ import annotations

import json
from pathlib import Path

import pytest

from platformkit_pipeline_tests.cli.conftest import Program

SETTINGS = """\
projects:
  - {name: shop, environment: production, owners: [team:shop], database: {dsn_env: SHOP_URL}}
  - {name: blog, environment: staging, database: {dsn_env: BLOG_URL}}
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    path = tmp_path / "platformkit.yaml"
    path.write_text(SETTINGS)
    monkeypatch.setenv("SHOP_URL", "postgresql://me:hunter2@db/shop")
    monkeypatch.delenv("BLOG_URL", raising=False)
    return str(path)


def test_targets_are_listed_with_the_state_of_their_variables(program: Program, settings: str) -> None:
    done = program("targets", "--settings", settings)
    assert [line.split() for line in done.stdout.splitlines()[1:]] == [
        ["supabase_project", "blog", "staging", "-", "BLOG_URL", "(NOT", "SET)"],
        ["supabase_project", "shop", "production", "team:shop", "SHOP_URL", "(set)"],
    ]
    assert "hunter2" not in done.stdout


def test_targets_are_there_for_machines(program: Program, settings: str) -> None:
    done = program("targets", "--settings", settings, "--format", "json")
    assert {target["name"]: target["ready"] for target in json.loads(done.stdout)["targets"]} == {"blog": False, "shop": True}
    assert "hunter2" not in done.stdout


def test_the_settings_may_be_named_by_the_environment(program: Program, settings: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORMKIT_SETTINGS", settings)
    assert program("targets", "--format", "json").code == 0


def test_missing_settings_are_wrong_configuration(program: Program, tmp_path: Path) -> None:
    done = program("targets", "--settings", str(tmp_path / "none.yaml"))
    assert (done.code, done.stdout) == (2, "")
    assert "none.yaml: no such file" in done.stderr
