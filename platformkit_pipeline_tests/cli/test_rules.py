from __future__ import annotations

import json
from pathlib import Path

import pytest

from platformkit_pipeline.rules.registry import all_rules
from platformkit_pipeline_tests.cli.conftest import Program


@pytest.mark.parametrize("arguments", [("rules",), ("rules", "list")])
def test_every_rule_is_listed(program: Program, arguments: tuple[str, ...]) -> None:
    done = program(*arguments)
    lines = done.stdout.splitlines()
    assert done.code == 0
    assert lines[0].split() == ["code", "severity", "clause", "name", "title"]
    assert [line.split()[0] for line in lines[1:]] == [rule.code for rule in all_rules()]


@pytest.mark.parametrize("arguments", [("rules", "--format", "json"), ("rules", "list", "--format", "json")])
def test_the_list_is_there_for_machines(program: Program, arguments: tuple[str, ...]) -> None:
    assert [rule["code"] for rule in json.loads(program(*arguments).stdout)["rules"]] == [rule.code for rule in all_rules()]


def test_the_list_is_cut_to_what_was_asked_for(program: Program) -> None:
    listed = json.loads(program("rules", "list", "--select", "fun001,EXT", "--format", "json").stdout)["rules"]
    assert [rule["code"] for rule in listed] == ["EXT001", "FUN001"]


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
    assert "no rule is called 'RLS04'; did you mean RLS004" in done.stderr


def test_the_list_goes_to_a_file(program: Program, tmp_path: Path) -> None:
    output = tmp_path / "rules.json"
    assert program("rules", "--format", "json", "--output", str(output)).stdout == ""
    assert json.loads(output.read_text(encoding="utf-8"))["schema_version"] == 1
