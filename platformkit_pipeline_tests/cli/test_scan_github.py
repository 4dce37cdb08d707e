"""`platformkit scan --repo --github` against the stand-in for GitHub, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from platformkit_pipeline.introspection.github.api import ADDRESS_VARIABLE
from platformkit_pipeline.sandbox.github.serve import TOKEN, Github, serve_github
from platformkit_pipeline.sandbox.github.state import STRANGER, Repository, SecretAlert
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder, build_well_kept
from platformkit_pipeline.sandbox.sample_repository.github import well_kept_github
from platformkit_pipeline_tests.cli.conftest import Program

GITHUB_CODES = "CIC020,CIC021,CIC022,CIC023,CIC033,CIC034,CIC035,CIC036,CIC037,CIC038,CIC039,CIC040,SEC006,SEC007,SEC008"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RepositoryBuilder:
    monkeypatch.setenv("PLATFORMKIT_HOME", str(tmp_path / "home"))
    return build_well_kept(tmp_path / "shop")


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[Github]:
    with serve_github() as served:
        served.repositories = {"acme/shop": well_kept_github()}
        monkeypatch.setenv(ADDRESS_VARIABLE, served.address)
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        yield served


def scanned(program: Program, shop: RepositoryBuilder, *more: str, code: int = 0) -> dict[str, Any]:
    done = program("scan", "--repo", str(shop.folder), "--select", GITHUB_CODES, "--format", "json", *more)
    assert (done.code, done.stderr) == (code, "")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def rules_of(document: dict[str, Any]) -> set[tuple[str, str]]:
    return {(finding["rule"], finding["outcome"]) for finding in document["findings"]}


def settings_of(github: Github) -> Repository:
    return github.repositories["acme/shop"]


def test_what_only_github_tells_is_judged_when_it_is_asked(program: Program, shop: RepositoryBuilder, github: Github) -> None:
    unknown = scanned(program, shop, code=3)
    assert {outcome for _, outcome in rules_of(unknown)} == {"UNKNOWN"}
    assert rules_of(scanned(program, shop, "--github", "acme/shop")) == set()
    settings_of(github).protections["main"].force_pushes = True
    assert rules_of(scanned(program, shop, "--github", "acme/shop", code=1)) == {("CIC037", "FAIL")}


def test_a_second_scan_of_unchanged_settings_costs_no_rate_limit(program: Program, shop: RepositoryBuilder, github: Github) -> None:
    first = scanned(program, shop, "--github", "acme/shop")
    left = github.remaining
    asked = len(github.asked)
    second = scanned(program, shop, "--github", "acme/shop")
    assert len(github.asked) > asked, "settings are asked for each time"
    assert left - github.remaining <= 1, "only what has no ETag (204) is counted"
    assert (first["findings"], first["scan"]["catalog_fingerprint"]) == (second["findings"], second["scan"]["catalog_fingerprint"])


def test_settings_of_another_token_variable_and_neither_token_nor_secret_is_kept(
    program: Program, shop: RepositoryBuilder, github: Github, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    monkeypatch.setenv("SHOP_TOKEN", TOKEN)
    leaked = "made-up-" + "leaked-value"
    settings_of(github).secret_alerts = [SecretAlert(leaked)]
    document = scanned(program, shop, "--github", "acme/shop", "--github-token-env", "SHOP_TOKEN", code=1)
    assert rules_of(document) == {("SEC008", "FAIL")}
    kept = [path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert any(b"acme/shop" in data for data in kept)
    assert not any(TOKEN.encode() in data or leaked.encode() in data for data in (*kept, json.dumps(document).encode()))


@pytest.mark.parametrize("trouble", ["no token", "stranger", "gone"])
def test_a_github_that_does_not_answer_leaves_its_rules_unknown_with_the_reason(
    program: Program, shop: RepositoryBuilder, github: Github, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    why = {"no token": "GITHUB_TOKEN is not set", "stranger": "", "gone": "acme/shop"}[trouble]
    if trouble == "no token":
        monkeypatch.delenv("GITHUB_TOKEN")
    elif trouble == "stranger":
        github.tokens[TOKEN] = STRANGER
    else:
        github.repositories = {}
    document = scanned(program, shop, "--github", "acme/shop", code=3)
    outcomes = rules_of(document)
    assert {outcome for _, outcome in outcomes} == {"UNKNOWN"}
    assert {rule for rule, _ in outcomes} >= {"CIC020", "CIC037", "SEC006"}
    assert why in json.dumps(document["scan"]["unobserved"])


def test_settings_are_not_brought_by_a_change(program: Program, shop: RepositoryBuilder, github: Github) -> None:
    settings_of(github).protections["main"].force_pushes = True
    before = shop.head()
    shop.write("src/shop/more.py", "A = 1\n")
    shop.commit("A change")
    assert rules_of(scanned(program, shop, "--github", "acme/shop", "--base", before)) == set()


def test_a_repository_of_the_settings_is_scanned_by_its_name(
    program: Program, shop: RepositoryBuilder, github: Github, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", TOKEN)
    settings = tmp_path / "platformkit.yaml"
    settings.write_text("repositories:\n  - {name: acme/shop, path: shop, github: {token_env: SHOP_TOKEN}}\n  - {name: acme/other}\n")
    settings_of(github).actions.default_permissions = "write"
    done = program(
        *("scan", "--target", "acme/shop", "--settings", str(settings), "--select", GITHUB_CODES, "--format", "json", "--fail-on", "medium")
    )
    assert (done.code, done.stderr) == (1, "")
    document = json.loads(done.stdout)
    assert rules_of(document) == {("CIC033", "FAIL")}
    assert (document["target"]["kind"], document["target"]["name"]) == ("repository", "acme/shop")
    for arguments, message in (
        (("--target", "acme/other"), "no path"),
        (("--target", "acme/shop", "--github", "acme/x"), "--github"),
        (("--target", "acme/shop", "--tenant-column", "x"), "--tenant-column"),
        (("--target", "acme/none"), "no project is called"),
    ):
        refused = program("scan", *arguments, "--settings", str(settings))
        assert refused.code == 2
        assert message in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--github", "acme"), "OWNER/NAME"),
        (("--github", "acme/.."), "OWNER/NAME"),
        (("--github-token-env", "X"), "needs --github"),
        (("--github", "acme/shop", "--github-token-env", "ghp-x"), "not the token itself"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    program: Program, shop: RepositoryBuilder, arguments: tuple[str, ...], message: str
) -> None:
    refused = program("scan", "--repo", str(shop.folder), *arguments)
    assert (refused.code, message in refused.stderr) == (2, True)
    without = program("scan", "--dsn-env", "X", "--github", "acme/shop")
    assert (without.code, "needs --repo" in without.stderr) == (2, True)
