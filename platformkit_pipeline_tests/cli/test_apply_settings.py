"""`platformkit apply --github-settings` and `--restore`: what is asked for, what is answered, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from platformkit_pipeline.introspection.github.api import ADDRESS_VARIABLE
from platformkit_pipeline.sandbox.github.serve import TOKEN, Github, serve_github
from platformkit_pipeline.sandbox.sample_repository.builder import build_well_kept
from platformkit_pipeline.sandbox.sample_repository.github import well_kept_github
from platformkit_pipeline_tests.cli.conftest import Program

ASKED = ("--github", "acme/shop", "--github-token-env", "TOKEN_OF_THE_STAND_IN")


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Github]:
    with serve_github() as served:
        repository = well_kept_github()
        repository.vulnerability_alerts = False
        served.repositories = {repository.full_name: repository}
        monkeypatch.setenv("TOKEN_OF_THE_STAND_IN", TOKEN)
        monkeypatch.setenv(ADDRESS_VARIABLE, served.address)
        monkeypatch.setenv("PLATFORMKIT_HOME", str(tmp_path / "home"))
        yield served


def test_a_plan_lists_what_apply_writes_and_restore_takes_back(program: Program, github: Github, tmp_path: Path) -> None:
    shop, undo = str(tmp_path / "shop"), str(tmp_path / "undo.json")
    build_well_kept(tmp_path / "shop")
    planned = program("plan", "--repo", shop, *ASKED, "--no-prove", "--format", "json")
    assert planned.code == 0
    assert [setting["title"] for setting in json.loads(planned.stdout)["settings"]] == ["Switch on Dependabot alerts"]
    approved = ("--github-settings", "--approved-by", "ada", "--undo", undo)
    applied = program("apply", "--repo", shop, *ASKED, *approved)
    assert (applied.code, applied.stdout) == (0, f"Switch on Dependabot alerts\nwritten: 1 settings; the way back is in {undo}\n")
    assert "PUT /repos/acme/shop/vulnerability-alerts" in [f"{asked.method} {asked.path}" for asked in github.asked]
    again = program("apply", "--repo", shop, *ASKED, *approved[:-1], str(tmp_path / "other.json"))
    assert (again.code, again.stdout) == (0, "GitHub's settings lack nothing that could be written\n")
    restored = program("apply", *ASKED, "--restore", undo)
    assert (restored.code, restored.stdout) == (0, "restored: 1 settings\n")
    assert TOKEN not in applied.stdout + applied.stderr + Path(undo).read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give a PLAN, or --repo PATH"),
        (("--repo", ".", *ASKED), "give a PLAN, or --repo PATH"),
        (("--repo", ".", *ASKED, "--github-settings"), "--approved-by WHO"),
        (("--repo", ".", *ASKED, "--github-settings", "--approved-by", "ada"), "--undo FILE"),
        (("--repo", ".", *ASKED, "--github-settings", "--emit", "here"), "written without --emit"),
        (("--repo", ".", *ASKED, "--restore", "undo.json"), "goes with --github OWNER/NAME alone"),
    ],
)
def test_what_does_not_go_together_is_refused(program: Program, arguments: tuple[str, ...], message: str) -> None:
    ended = program("apply", *arguments)
    assert ended.code == 2
    assert message in ended.stderr
