"""`platformkit connectors`: what is listed, how a test ends, and which exit code that gives."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.sandbox.github.serve import TOKEN, serve_github
from platformkit_pipeline_tests.cli.conftest import Program
from platformkit_pipeline_tests.cli.program import ROOT, UNMEASURED, command_line, environment_of

EXAMPLES = "platformkit_pipeline.connectors.examples"
SETTINGS = f"""\
connectors:
  - {{name: events, class: "{EXAMPLES}.well_kept:WellKeptConnector", options: {{dsn_env: SHOP_URL}}}}
  - {{name: broken, class: "{EXAMPLES}.broken_answers:Incomplete"}}
  - {{name: code, class: "platformkit_pipeline.connectors.github:GithubConnector",
      options: {{repositories: [acme/shop], token_env: CODE_TOKEN}}}}
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, admin_dsn: Dsn) -> str:
    path = tmp_path / "platformkit.yaml"
    path.write_text(SETTINGS)
    monkeypatch.setenv("PLATFORMKIT_BENCH_DATABASE_URL", admin_dsn.reveal())
    return str(path)


def test_connectors_of_the_settings_and_those_on_offer_are_listed_with_their_state(program: Program, settings: str) -> None:
    done = program("connectors", "list", "--settings", settings, "--format", "json")
    listed = {item["name"]: item for item in json.loads(done.stdout)["connectors"]}
    assert done.code == 0
    assert {name: item["state"] for name, item in listed.items()} == {
        "broken": "refused",
        "code": "registered",
        "events": "registered",
        "github": "on offer",
        "http-service": "on offer",
        "postgres-outbox": "on offer",
    }
    assert listed["events"]["capabilities"] == ["consume", "ordered", "publish", "replay"]
    assert "capabilities() is missing" in listed["broken"]["missing"]


def test_connectors_are_listed_without_settings_too(program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = program("connectors", "list")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["name", "github", "http-service", "postgres-outbox"]


def test_a_connector_that_passes_ends_with_0(program: Program, settings: str) -> None:
    checks = ("--check", "publish.delivers", "--check", "receive.idempotent")
    done = program("connectors", "test", "events", "--settings", settings, "--bench-only", *checks)
    assert done.code == 0, done.stdout
    assert [line.split()[1:3] for line in done.stdout.splitlines() if line.startswith("acceptance")] == [
        ["PASS", "publish.delivers"],
        ["PASS", "receive.idempotent"],
    ]


def test_a_connector_that_fails_a_check_ends_with_1_and_says_why(program: Program, tmp_path: Path, settings: str) -> None:
    report = tmp_path / "report.xml"
    broken = f"{EXAMPLES}.broken_consumers:NoMemory"
    checks = ("--check", "receive.idempotent", "--check", "receive.concurrent")
    done = program("connectors", "test", broken, "--bench-only", *checks, "--format", "junit", "--output", str(report))
    assert done.code == 1
    cases = {case.get("name"): [child.tag for child in case] for case in ElementTree.parse(report).iter("testcase")}  # noqa: S314 - written by the line above
    assert cases == {"the interface is complete": [], "receive.idempotent": ["failure"], "receive.concurrent": ["error"]}
    assert "took effect 3 times" in report.read_text()


def test_a_connector_that_is_refused_ends_with_1_and_every_fault(program: Program, settings: str) -> None:
    done = program("connectors", "test", "broken", "--settings", settings)
    assert done.code == 1
    assert sum(line.startswith("registration") for line in done.stdout.splitlines()) == 4


def test_what_could_not_be_asked_ends_with_3(program: Program, settings: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_github() as github:
        monkeypatch.setenv("PLATFORMKIT_GITHUB_API_URL", github.address)
        monkeypatch.setenv("CODE_TOKEN", TOKEN)
        well = program("connectors", "test", "code", "--settings", settings, "--live-only")
        github.repositories.clear()
        blind = program("connectors", "test", "code", "--settings", settings, "--live-only", "--format", "json")
    assert well.code == 0, well.stdout
    assert blind.code == 3, blind.stdout
    document = json.loads(blind.stdout)
    assert document["verdict"] == "UNKNOWN"
    assert document["connector"]["health"]["status"] == "up"
    assert TOKEN not in blind.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nobody",), "there is no connector 'nobody'"),
        (("events", "--live-only", "--bench-only"), "--live-only cannot be combined with --bench-only"),
        (("events", "--option", "dsn"), "--option expects NAME=VALUE"),
        (("events", "--bench-only", "--check", "retry.often"), "there is no check retry.often"),
        (("events", "--bench-env", "NOT_SET_ANYWHERE"), "NOT_SET_ANYWHERE is not set"),
    ],
)
def test_wrong_input_ends_with_2(program: Program, settings: str, arguments: tuple[str, ...], message: str) -> None:
    done = program("connectors", "test", *arguments, "--settings", settings)
    assert done.code == 2
    assert message in done.stderr
    assert done.stdout == ""


def test_a_new_connector_is_written_where_it_is_asked_for(program: Program, tmp_path: Path) -> None:
    done = program("connectors", "new", "stripe", "--folder", str(tmp_path / "here"))
    assert done.code == 0
    assert (tmp_path / "here" / "src" / "stripe_connector" / "connector.py").is_file()
    assert program("connectors", "new", "stripe", "--folder", str(tmp_path / "here")).stdout.startswith("nothing to do")


TALKING = """
import os
from platformkit_pipeline.connectors.examples.well_kept import WellKeptConnector
print("imported")
class Talking(WellKeptConnector):
    def inventory(self):
        print("asked")
        os.write(1, b"past Python")
        return super().inventory()
"""


def test_what_a_connector_prints_is_not_in_the_report(tmp_path: Path) -> None:
    (tmp_path / "talking_connector.py").write_text(TALKING)
    command = command_line("connectors", "test", "talking_connector:Talking", "--live-only", "--format", "json")
    environment = environment_of({"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}", **UNMEASURED})
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert json.loads(done.stdout)["connector"]["name"] == "talking_connector:Talking"
    assert all(said in done.stderr for said in ("imported", "asked", "past Python"))
