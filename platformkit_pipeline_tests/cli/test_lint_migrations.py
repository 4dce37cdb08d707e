"""`platformkit lint-migrations` as it is called: formats, exit codes, sentences."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator

from platformkit_pipeline.introspection.repository import squawk
from platformkit_pipeline.rules.registry import rules_about_files
from platformkit_pipeline_tests.cli.conftest import Program
from platformkit_pipeline_tests.cli.program import platformkit

OFFICIAL_SCHEMA = Path(__file__).parent.parent / "data" / "sarif-2.1.0.json"
TIMED = "set lock_timeout = '2s';\nset statement_timeout = '30s';\n"
CLEAN = TIMED + "create table if not exists public.notes (id bigint primary key);\nalter table public.notes enable row level security;\n"
OPEN = TIMED + "create table if not exists public.open (id bigint primary key);\n"
BREAKING = TIMED + "drop view if exists public.recent;\n"
FORMATS = ["table", "json", "sarif", "junit", "markdown"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`supabase/migrations` in the working directory, with one clean file."""
    made = tmp_path / "shop" / "supabase" / "migrations"
    made.mkdir(parents=True)
    (made / "20240101000000_notes.sql").write_text(CLEAN)
    monkeypatch.chdir(tmp_path / "shop")
    return made


def make_breaking(folder: Path) -> None:
    (folder / "20240102000000_view.sql").write_text(BREAKING)
    (folder.parent / "rollbacks").mkdir()
    (folder.parent / "rollbacks" / "20240102000000_view.sql").write_text("create view public.recent as select 1;")


def test_a_clean_folder_is_approved_with_code_0(program: Program, folder: Path) -> None:
    done = program("lint-migrations")
    assert (done.code, done.stderr) == (0, "")
    assert "approved: nothing speaks against the migrations" in done.stdout


def test_a_finding_rejects_with_code_1_and_names_file_and_line(program: Program, folder: Path) -> None:
    (folder / "20240102000000_open.sql").write_text(OPEN)
    done = program("lint-migrations", "--format", "json")
    document = json.loads(done.stdout)
    assert (done.code, document["decision"]) == (1, "rejected")
    [finding] = document["findings"]
    assert (finding["rule"], finding["location"]) == ("MIG123", {"file": "supabase/migrations/20240102000000_open.sql", "line": 3})


def test_a_breaking_change_waits_for_a_person_in_every_format(program: Program, folder: Path) -> None:
    make_breaking(folder)
    for form in FORMATS:
        done = program("lint-migrations", "--format", form)
        assert done.code == 1
        assert "rejected" not in done.stdout.lower()
        if form != "junit":
            assert "needs manual approval" in done.stdout
    approved = program("lint-migrations", "--format", "json", "--approved-by", "jane@example.com")
    document = json.loads(approved.stdout)
    assert (approved.code, document["decision"], document["approved_by"]) == (0, "approved", "jane@example.com")


def test_a_missing_squawk_ends_with_code_3_in_every_format(program: Program, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(squawk, "find_squawk", lambda: None)
    for form in FORMATS:
        done = program("lint-migrations", "--format", form, "--fail-on", "none", "--approved-by", "jane")
        assert done.code == 3
        assert "squawk could not be asked: it is not installed" in " ".join(done.stdout.split())
    assert json.loads(program("lint-migrations", "--format", "json").stdout)["decision"] == "cannot tell"


def test_sarif_is_valid_and_lies_at_file_and_line(program: Program, folder: Path) -> None:
    (folder / "20240102000000_open & ünlike.sql").write_text(OPEN + "selec 1;\n")
    (folder / "20240103000000_open.sql").write_text(OPEN.replace("public.open", "public.more"))
    done = program("lint-migrations", "--format", "sarif")
    document = json.loads(done.stdout)
    validator = Draft202012Validator(json.loads(OFFICIAL_SCHEMA.read_text(encoding="utf-8")))
    assert [error.message for error in validator.iter_errors(document)] == []
    [run] = document["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [rule.code for rule in rules_about_files()]
    places = {
        (r["ruleId"], p["artifactLocation"]["uri"], p["region"]["startLine"])
        for r in run["results"]
        for p in [r["locations"][0]["physicalLocation"]]
    }
    assert ("MIG123", "supabase/migrations/20240103000000_open.sql", 3) in places
    assert ("MIG101", "supabase/migrations/20240102000000_open%20%26%20%C3%BCnlike.sql", 4) in places
    assert run["properties"]["decision"] == "rejected"


def test_junit_has_a_case_per_finding(program: Program, folder: Path) -> None:
    (folder / "20240102000000_open.sql").write_text(OPEN)
    root = ElementTree.fromstring(program("lint-migrations", "--format", "junit").stdout)  # noqa: S314 - our own document
    assert [suite.get("name") for suite in root if suite.get("failures") != "0"] == ["MIG123 table-without-row-security"]


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_input_gives_the_same_bytes(program: Program, folder: Path, form: str) -> None:
    (folder / "20240102000000_open.sql").write_text(OPEN + "selec 1;")
    assert program("lint-migrations", "--format", form) == program("lint-migrations", "--format", form)


def test_a_text_in_a_file_does_not_reach_markup_or_terminal(program: Program, folder: Path) -> None:
    (folder / "20240102000000_x.sql").write_text(TIMED + 'create table if not exists "<img src=x>|\x1b[31m@all" (id bigint);')
    table, markdown = program("lint-migrations").stdout, program("lint-migrations", "--format", "markdown").stdout
    assert "\x1b" not in table + markdown
    assert "<img" not in markdown.replace("\\<", "")  # the backslash makes it text
    assert "@all" not in markdown


def test_base_judges_what_the_branch_changes(program: Program, folder: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=folder, check=True, capture_output=True)

    (folder / "20240102000000_open.sql").write_text(OPEN)
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-q", "-m", "x")
    (folder / "20240103000000_tags.sql").write_text(CLEAN.replace("notes", "tags"))
    done = program("lint-migrations", "--base", "main", "--format", "json")
    document = json.loads(done.stdout)
    assert (done.code, document["migrations"]["judged"]) == (0, ["20240103000000_tags.sql"])
    (folder / "20240101000000_notes.sql").write_text(CLEAN + "\n-- one more word")
    assert program("lint-migrations", "--base", "main", "--select", "MIG106").code == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere"], "nowhere: there is no such folder"),
        (["--base", "main"], "--base"),
        (["--select", "RLS"], "leave no rule that judges migrations"),
        (["--select", "XYZ"], "no rule code starts with 'XYZ'"),
        (["--approved-by", " "], "--approved-by expects the name of a person"),
        (["--pg-version", "9"], "--pg-version"),
        (["--output", "nowhere/x.json"], "the folder nowhere does not exist"),
    ],
)
def test_wrong_input_ends_with_code_2_and_a_sentence(program: Program, folder: Path, arguments: list[str], sentence: str) -> None:
    done = program("lint-migrations", *arguments)
    assert (done.code, done.stdout) == (2, "")
    assert sentence in done.stderr


def test_without_a_folder_the_program_says_what_to_do(program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    done = program("lint-migrations")
    assert done.code == 2
    assert "there is no supabase/migrations here; name the folder: `platformkit lint-migrations DIR`" in done.stderr


def test_a_process_of_its_own_says_the_same(folder: Path) -> None:
    done = platformkit("lint-migrations", str(folder), "--format", "json")
    assert (done.returncode, done.stderr, json.loads(done.stdout)["decision"]) == (0, "", "approved")


def test_a_rule_about_files_explains_itself_and_is_in_the_list(program: Program) -> None:
    assert "the files of migrations" in program("rules", "explain", "MIG123").stdout
    assert "MIG123" in program("rules", "list", "--select", "MIG").stdout
    tested = program("rules", "self-test", "--select", "MIG12", "--format", "json")
    document = json.loads(tested.stdout)
    assert (tested.code, document["server"]) == (0, None)
    assert {rule["code"] for rule in document["rules"]} >= {"MIG120", "MIG127"}
