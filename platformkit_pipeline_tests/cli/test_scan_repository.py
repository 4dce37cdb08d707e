"""`platformkit scan --repo` and `plan --repo` as they are called: formats, exit codes, what a change brought, the cache."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator

from platformkit_pipeline.sandbox.sample_repository.builder import START, RepositoryBuilder, build_well_kept
from platformkit_pipeline_tests.cli.conftest import Program
from platformkit_pipeline_tests.introspection.repository.test_git import run_git

SCHEMA = Path(__file__).parents[2] / "platformkit_pipeline" / "reporting" / "schemas" / "scan-1.schema.json"
SARIF_SCHEMA = Path(__file__).parent.parent / "data" / "sarif-2.1.0.json"
FORMATS = ["table", "json", "sarif", "junit", "markdown"]
_VARIES = ("scan_id", "started_at", "duration_seconds")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RepositoryBuilder:
    """The well-kept repository, and a home of its own for the cache."""
    monkeypatch.setenv("PLATFORMKIT_HOME", str(tmp_path / "home"))
    build_well_kept(tmp_path / "shop")
    return RepositoryBuilder(tmp_path / "shop", start=START + timedelta(days=5))


def scanned(program: Program, shop: RepositoryBuilder, *more: str, code: int = 0) -> dict[str, Any]:
    done = program("scan", "--repo", str(shop.folder), "--select", "DOC", "--format", "json", *more)
    assert (done.code, done.stderr) == (code, "")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_a_clean_repository_ends_with_0_and_names_what_was_not_observed(program: Program, shop: RepositoryBuilder) -> None:
    document = scanned(program, shop)
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(document)
    assert document["findings"] == []
    assert document["target"] == {
        "kind": "repository",
        "name": "shop",
        "environment": "production",
        "server_version": None,
        "commit": shop.head(),
        "base": None,
    }
    assert {u["what"] for u in document["scan"]["unobserved"]} >= {"branch_protection", "security_settings", "change"}


def test_a_finding_names_its_file_in_every_format(program: Program, shop: RepositoryBuilder) -> None:
    shop.remove("GEMINI.md")
    shop.commit("Remove a document")
    for form in FORMATS:
        arguments = ("scan", "--repo", str(shop.folder), "--select", "DOC001", "--format", form, "--fail-on", "medium")
        done = program(*arguments)
        assert (done.code, done.stderr) == (1, ""), form
        assert "GEMINI.md" in done.stdout, form
        if form == "json":
            Draft202012Validator(json.loads(SCHEMA.read_text())).validate(json.loads(done.stdout))
        elif form == "sarif":
            document = json.loads(done.stdout)
            Draft202012Validator(json.loads(SARIF_SCHEMA.read_text())).validate(document)
            [result] = document["runs"][0]["results"]
            assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "GEMINI.md"
        elif form == "junit":
            assert ElementTree.fromstring(done.stdout).tag == "testsuites"  # noqa: S314 - our own output
    assert program("scan", "--repo", str(shop.folder), "--select", "DOC001").code == 0, "medium is below the default threshold"


def test_only_what_a_change_brought_is_reported(program: Program, shop: RepositoryBuilder) -> None:
    shop.remove("GEMINI.md")
    before = shop.commit("Found before already")
    shop.remove("CODEX.md")
    shop.commit("Brought by the change")
    document = scanned(program, shop, "--select", "DOC001", "--base", before, "--fail-on", "medium", code=1)
    assert [finding["object"]["name"] for finding in document["findings"]] == ["CODEX.md"]
    assert (document["target"]["commit"], document["target"]["base"]) == (shop.head(), before)
    whole = scanned(program, shop, "--select", "DOC001", "--fail-on", "none")
    assert len(whole["findings"]) == 2
    assert document["score"] == whole["score"], "the score is that of the whole"
    same = scanned(program, shop, "--base", shop.head(), "--fail-on", "info")
    assert same["findings"] == []


def test_migrations_that_a_change_brings_are_judged_and_earlier_ones_let_be(program: Program, shop: RepositoryBuilder) -> None:
    shop.write("supabase/migrations/20260101000000_old.sql", "create table public.old (id int);\n")
    before = shop.commit("Applied long ago")
    shop.write("supabase/migrations/20260201000000_new.sql", "-- new\ncreate table public.new (id int);\n")
    shop.commit("Open a table")
    done = program("scan", "--repo", str(shop.folder), "--base", before, "--select", "MIG123", "--format", "json")
    [finding] = json.loads(done.stdout)["findings"]
    assert (done.code, finding["rule"], finding["severity"]) == (1, "MIG123", "critical")
    assert (finding["object"]["name"], finding["evidence"]["line"]) == ("supabase/migrations/20260201000000_new.sql", 2)
    refused = program("scan", "--repo", str(shop.folder), "--select", "MIG123")
    assert (refused.code, refused.stdout) == (2, ""), "without a base there is no change, and the rule judges nothing"


def test_a_second_scan_says_the_same_whatever_became_of_the_cache(program: Program, shop: RepositoryBuilder, tmp_path: Path) -> None:
    def told() -> dict[str, Any]:
        document = scanned(program, shop)
        return document | {"scan": {k: v for k, v in document["scan"].items() if k not in _VARIES}}

    first = told()
    [kept] = (tmp_path / "home" / "cache" / "repositories").glob("*.json")
    assert told() == first
    kept.write_text(kept.read_text()[:100])
    assert told() == first, "a file cut short counts as absent"
    kept.write_text('{"digest": "0", "snapshot": {"unheard_of": 1}}')
    assert told() == first
    assert list(kept.parent.glob(".*")) == [], "nothing half-written is left"


def test_what_a_clone_lacked_is_read_when_it_is_there(program: Program, shop: RepositoryBuilder) -> None:
    shop.write("docs/notes.md", "Notes of a clone that is not whole.\n")
    shop.commit("Add notes")
    blob = run_git(shop.folder, "rev-parse", "HEAD:docs/notes.md").strip()
    file = shop.folder / ".git" / "objects" / blob[:2] / blob[2:]
    away = file.rename(shop.folder.parent / "away")
    arguments = ("scan", "--repo", str(shop.folder), "--select", "SEC001", "--format", "json")
    assert "missing from this clone" in program(*arguments).stdout
    away.rename(file)
    assert json.loads(program(*arguments).stdout)["findings"] == []


def test_a_migration_whose_name_no_file_system_takes_is_judged(program: Program, shop: RepositoryBuilder) -> None:
    shop.write("blob.txt", "drop table public.orders;\n")
    base = shop.commit("Before")
    blob = run_git(shop.folder, "rev-parse", "HEAD:blob.txt").strip()
    name = f"supabase/migrations/20260201000000_{'x' * 400}.sql"
    run_git(shop.folder, "update-index", "--add", "--cacheinfo", f"100644,{blob},{name}")
    tree = run_git(shop.folder, "write-tree").strip()
    commit = run_git(
        shop.folder, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit-tree", tree, "-p", "HEAD", "-m", "Long"
    ).strip()
    run_git(shop.folder, "update-ref", "HEAD", commit)
    done = program("scan", "--repo", str(shop.folder), "--base", base, "--select", "MIG", "--format", "json")
    assert (done.code, done.stderr) == (1, "")
    assert name in {finding["object"]["name"] for finding in json.loads(done.stdout)["findings"]}


def test_more_of_the_same_in_a_file_is_brought_and_less_is_not(program: Program, shop: RepositoryBuilder) -> None:
    def told(base: str) -> list[str]:
        done = program("scan", "--repo", str(shop.folder), "--base", base, "--select", "SUP001", "--format", "json")
        return [finding["object"]["name"] for finding in json.loads(done.stdout)["findings"]]

    shop.write("src/shop/odd.py", "import os  # noqa: F401\n")
    one = shop.commit("One")
    shop.write("src/shop/odd.py", "import os  # noqa: F401\n\n\nimport sys  # noqa: F401\n")
    two = shop.commit("Two")
    assert told(one) == ["src/shop/odd.py"]
    shop.write("src/shop/odd.py", "import sys  # noqa: F401\n")
    shop.commit("One again")
    assert told(two) == []


def test_a_change_of_a_tag_is_no_unchanged_repository(program: Program, shop: RepositoryBuilder) -> None:
    first = scanned(program, shop)["scan"]["catalog_fingerprint"]
    shop.tag("v9.9.9")
    assert scanned(program, shop)["scan"]["catalog_fingerprint"] != first


def test_a_repository_without_a_commit_is_no_clean_one(program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORMKIT_HOME", str(tmp_path / "home"))
    RepositoryBuilder(tmp_path / "empty").init()
    done = program("scan", "--repo", str(tmp_path / "empty"), "--select", "DOC001", "--fail-on", "medium")
    assert (done.code, done.stderr) == (1, "")
    assert "no commit yet" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("scan", "--repo", "nowhere"), "there is no such folder"),
        (("scan", "--repo", "."), "is no git repository; name the folder that holds .git"),
        (("scan", "--base", "main", "--dsn-env", "X"), "--base needs --repo"),
        (("scan", "--repo", "shop", "--dsn-env", "X"), "--repo looks at a repository and cannot be combined with --dsn-env"),
        (("scan", "--repo", "shop", "--probe", "read"), "cannot be combined with --probe"),
        (("scan", "--repo", "shop", "--base", "no-such"), "there is no such commit here; fetch it first"),
        (("scan", "--repo", "shop", "--select", "RLS"), "leave no rule that judges a repository"),
        (("scan", "--repo", "shop", "--name", "a,b"), "--name: a name has"),
        (("plan", "--repo", "nowhere"), "there is no such folder"),
        (("plan", "--repo", "shop", "--target", "x"), "cannot be combined with --target"),
    ],
)
def test_wrong_input_ends_with_2_and_says_what_to_do(
    program: Program, shop: RepositoryBuilder, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], sentence: str
) -> None:
    monkeypatch.chdir(shop.folder.parent)
    done = program(*arguments)
    assert (done.code, done.stdout) == (2, "")
    assert sentence in " ".join(done.stderr.split())


def test_a_plan_is_written_and_an_unclean_folder_is_refused(program: Program, shop: RepositoryBuilder, tmp_path: Path) -> None:
    shop.remove("GEMINI.md")
    shop.commit("Remove a document")
    patches = tmp_path / "patches"
    done = program("plan", "--repo", str(shop.folder), "--emit", str(patches), "--format", "json")
    document = json.loads(done.stdout)
    assert done.code == 0
    assert [(p["rule"], p["proof"]["status"]) for p in document["patches"] if p["object"]["name"] == "GEMINI.md"] == [("DOC001", "proven")]
    assert [path.name for path in patches.glob("*.patch")] == ["0001-DOC001-add-gemini-md-as-claude-md-says-it.patch"]
    again = program("plan", "--repo", str(shop.folder), "--emit", str(patches))
    assert (again.code, again.stdout) == (2, "")
