"""`platformkit scan --target` for a connector of the settings, in every format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from platformkit_pipeline.connectors.acceptance.workbench import BENCH_VARIABLE
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.reporting.schemas import scan_schema
from platformkit_pipeline_tests.cli.conftest import Program
from platformkit_pipeline_tests.sample_connectors import INCOMPLETE, Board, open_board


@pytest.fixture
def board(tmp_path: Path, admin_dsn: Dsn, monkeypatch: pytest.MonkeyPatch) -> Iterator[Board]:
    monkeypatch.setenv(BENCH_VARIABLE, admin_dsn.reveal())
    settings = tmp_path / "platformkit.yaml"
    monkeypatch.setenv("PLATFORMKIT_SETTINGS", str(settings))
    with open_board(tmp_path) as made:
        entries = [made.entry("bulletin"), {"name": "half", "class": INCOMPLETE}]
        settings.write_text(yaml.safe_dump({"connectors": entries}), encoding="utf-8")
        yield made


def test_a_connector_that_keeps_everything_ends_with_0_and_one_that_does_not_with_1(program: Program, board: Board) -> None:
    done = program("scan", "--target", "bulletin", "--format", "json")
    assert (done.code, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    Draft202012Validator(scan_schema()).validate(document)
    assert (document["target"]["kind"], document["score"]["raw"], document["findings"]) == ("connector", 100.0, [])
    assert document["target"]["connector"].startswith("platformkit_pipeline_tests.sample_connectors:Bulletin")
    board.write(fault="a page has no title")
    done = program("scan", "--target", "bulletin", "--select", "CON002", "--format", "markdown")
    assert done.code == 1
    assert "pages have titles: a page has no title" in done.stdout


@pytest.mark.parametrize("output_format", ["table", "json", "sarif", "junit", "markdown"])
def test_an_incomplete_connector_is_told_in_every_format(program: Program, board: Board, output_format: str) -> None:
    done = program("scan", "--target", "half", "--format", output_format)
    assert (done.code, done.stderr) == (1, "")
    assert "CON001" in done.stdout
    assert "contract_tests() is missing" in " ".join(done.stdout.replace("\\", "").split())
    if output_format == "sarif":
        [run] = json.loads(done.stdout)["runs"]
        assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [f"CON00{n}" for n in range(1, 9)]
        assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "connector/half/connector"
        assert "```yaml" in run["tool"]["driver"]["rules"][0]["help"]["markdown"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--base", "main"), "--target half is a connector of the settings and cannot be combined with --base"),
        (("--probe", "read"), "cannot be combined with --probe"),
        (("--select", "RLS"), "leave no rule that judges a connector"),
    ],
)
def test_what_is_about_other_targets_is_refused(program: Program, board: Board, arguments: tuple[str, ...], message: str) -> None:
    done = program("scan", "--target", "half", *arguments)
    assert (done.code, done.stdout) == (2, "")
    assert message in " ".join(done.stderr.split())
