from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from platformkit_pipeline.operations.self_test import RuleTest, SelfTest
from platformkit_pipeline.rules.registry import all_rules
from platformkit_pipeline_tests.cli.conftest import Program
from platformkit_pipeline_tests.cli.program import ROOT, command_line, environment_of


@pytest.mark.parametrize("arguments", [("rules",), ("rules", "list")])
def test_every_rule_is_listed(program: Program, arguments: tuple[str, ...]) -> None:
    done = program(*arguments)
    lines = done.stdout.splitlines()
    assert done.code == 0
    assert lines[0].split() == ["code", "severity", "clause", "source", "name", "title"]
    assert [line.split()[0] for line in lines[1:]] == [rule.code for rule in all_rules()]


@pytest.mark.parametrize("arguments", [("rules", "--format", "json"), ("rules", "list", "--format", "json")])
def test_the_list_is_there_for_machines(program: Program, arguments: tuple[str, ...]) -> None:
    assert [rule["code"] for rule in json.loads(program(*arguments).stdout)["rules"]] == [rule.code for rule in all_rules()]


def test_the_list_is_cut_to_what_was_asked_for(program: Program) -> None:
    listed = json.loads(program("rules", "list", "--select", "fun001,EXT", "--format", "json").stdout)["rules"]
    assert [rule["code"] for rule in listed] == [r.code for r in all_rules() if r.code.startswith(("EXT", "FUN001"))]


@pytest.mark.parametrize("name", ["RLS001", "rls001", "rls-disabled"])
def test_a_rule_is_explained_by_code_and_by_name(program: Program, name: str) -> None:
    done = program("rules", "explain", name)
    assert done.code == 0
    assert done.stdout.startswith("RLS001  rls-disabled\n")


def test_an_explanation_is_there_for_machines(program: Program) -> None:
    assert json.loads(program("rules", "explain", "RLS001", "--format", "json").stdout)["rule"]["clause"] == "2.1"


def test_an_unknown_rule_is_wrong_input_and_its_neighbours_are_named(program: Program) -> None:
    done = program("rules", "explain", "RLS04")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: no rule is called 'RLS04'; did you mean RLS0")
    assert "RLS004" in done.stderr


def test_the_list_goes_to_a_file(program: Program, tmp_path: Path) -> None:
    output = tmp_path / "rules.json"
    assert program("rules", "--format", "json", "--output", str(output)).stdout == ""
    assert json.loads(output.read_text(encoding="utf-8"))["schema_version"] == 1


def test_an_explanation_tells_where_the_judgement_comes_from(program: Program) -> None:
    rule = json.loads(program("rules", "explain", "FKY003", "--format", "json").stdout)["rule"]
    assert rule["source"] == "catalog"
    assert set(rule) >= {"references", "requires", "violating", "clean", "example_role", "also_fires", "revision"}
    assert "judged from the system catalogues" in program("rules", "explain", "FKY003").stdout


# -- self-test -----------------------------------------------------------------------------------------------------------

CANNED = SelfTest(
    "18.6",
    "wheel",
    (
        RuleTest("EXT001", "extension-in-public", ()),
        RuleTest("FUN001", "definer-search-path-mutable", ("clean: RLS001 FAIL table public.\x1b[2J: open",)),
    ),
)


@pytest.fixture
def canned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The outcome of a self-test without one, with a fault that the rule book has not got."""
    monkeypatch.setattr("platformkit_pipeline.operations.self_test.self_test", lambda rules, progress: CANNED)


def test_the_self_test_is_run_on_a_server_of_its_own(program: Program) -> None:
    done = program("rules", "self-test", "--select", "ext001", "--format", "json")
    assert (done.code, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert document["rules"] == [{"code": "EXT001", "name": "extension-in-public", "ok": True, "complaints": []}]
    assert set(document["server"]) == {"version", "source"}


@pytest.mark.usefixtures("canned")
def test_rules_that_do_not_do_what_they_say_are_explained(program: Program) -> None:
    done = program("rules", "self-test")
    assert done.code == 1
    assert done.stdout.splitlines() == [
        "ok    EXT001  extension-in-public",
        "FAIL  FUN001  definer-search-path-mutable",
        r"              clean: RLS001 FAIL table public.\x1b[2J: open",
        "2 rules, 1 of them not as they say; PostgreSQL 18.6 (wheel)",
    ]


@pytest.mark.usefixtures("canned")
def test_the_outcome_is_there_for_machines(program: Program, tmp_path: Path) -> None:
    output = tmp_path / "outcome.json"
    done = program("rules", "self-test", "--format", "json", "--output", str(output))
    assert (done.code, done.stdout) == (1, "")
    assert [rule["ok"] for rule in json.loads(output.read_text(encoding="utf-8"))["rules"]] == [True, False]


def test_a_server_that_cannot_be_started_is_wrong_configuration(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORMKIT_PG_BINDIR", "/nonexistent")
    done = program("rules", "self-test")
    assert (done.code, done.stdout) == (2, "")
    assert "PLATFORMKIT_PG_BINDIR=/nonexistent is not usable" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_self_test_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    started = subprocess.Popen(
        command_line("rules", "self-test", "--select", "RLS"),
        env=environment_of({"TMPDIR": str(tmp_path)}),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("platformkit-self-test-*/pg*/data/postmaster.pid")) and time.monotonic() < deadline:
        time.sleep(0.05)
    for _ in range(2):  # somebody is impatient
        started.send_signal(number)
        time.sleep(0.05)
    stdout, _ = started.communicate(timeout=60)
    assert (started.returncode, stdout) == (130, "")
    assert list(tmp_path.iterdir()) == []
