"""`platformkit up` and `platformkit gate` against each other: real processes, real HTTP, real runs."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
import yaml

from platformkit_pipeline.introspection.repository.git import open_repository
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.operations.gate_client import Instance, InstanceUnavailable, base_url
from platformkit_pipeline.operations.gate_roads import PROJECTS
from platformkit_pipeline.operations.local_platform import dagster_url
from platformkit_pipeline.rules.registry import project_families, repository_families
from platformkit_pipeline.sandbox.databases import create_database, with_database, with_user
from platformkit_pipeline.sandbox.sample_repository.builder import build_well_kept
from platformkit_pipeline_tests.cli.conftest import Program
from platformkit_pipeline_tests.cli.contracted import A_LITTLE, EVERYTHING, Contracted, contracted
from platformkit_pipeline_tests.cli.contracted import NAME as NOTES
from platformkit_pipeline_tests.cli.program import command_line, environment_of, platformkit
from platformkit_pipeline_tests.sample_connectors import INCOMPLETE

MESSY, WELL_KEPT, LOST, SILENT = "clinic-messy", "shop-production", "lost", "silent"
REPOSITORY, TWIN, HALF = "acme/shop", "twin", "half"
_DEADLINE_SECONDS = 150


@dataclass(frozen=True)
class Served:
    """A running `platformkit up`."""

    url: str
    process: subprocess.Popen[str]
    home: Path
    contracted: Contracted


@pytest.fixture(scope="module")
def silent_server() -> Iterator[Dsn]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield Dsn(f"postgresql://nobody@127.0.0.1:{listening.getsockname()[1]}/nothing")


@pytest.fixture(scope="module")
def served(
    silent_server: Dsn,
    admin_dsn: Dsn,
    control_plane_template: str,
    supabase_template: str,
    sample_platform: Mapping[str, Dsn],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    """Serves the messy and the well-kept sample project, one that does not exist and one that never answers, a repository and a connector.

    A project and a repository are called `twin`. One project has contracts of each kind.
    """
    home = tmp_path_factory.mktemp("up")
    build_well_kept(home / "shop")
    control_plane = create_database(admin_dsn, "served_control_plane", template=control_plane_template)
    targets = {
        **{name: sample_platform[name] for name in (MESSY, WELL_KEPT)},
        LOST: with_database(admin_dsn, "nowhere"),
        SILENT: silent_server,
        TWIN: sample_platform[WELL_KEPT],
    }
    variables = {f"{name.upper().replace('-', '_')}_DATABASE_URL": dsn.reveal() for name, dsn in targets.items()}
    entries = [{"name": n, "environment": "staging", "database": {"dsn_env": v}} for n, v in zip(targets, variables, strict=True)]
    settings_path = home / "platformkit.yaml"
    repositories = [{"name": REPOSITORY, "path": "shop"}, {"name": TWIN, "path": "shop"}]
    with contracted(admin_dsn, supabase_template, home) as notes:
        connectors = [{"name": HALF, "class": INCOMPLETE}]
        settings = {"projects": [*entries, *notes.entries], "repositories": repositories, "connectors": connectors}
        settings_path.write_text(yaml.safe_dump(settings), encoding="utf-8")
        environment = environment_of(
            {
                **variables,
                **notes.variables,
                "PYTHONWARNINGS": "ignore",  # of the served program, not of ours
                "PLATFORMKIT_HOME": str(home / "home"),
                "PLATFORMKIT_DATABASE_URL": with_user(control_plane, "platformkit_pipeline").reveal(),
                "PLATFORMKIT_DAGSTER_DATABASE_URL": dagster_url(create_database(admin_dsn, "served_dagster")),
            }
        )
        process = subprocess.Popen(
            command_line("up", "--settings", str(settings_path), "--port", "0"), env=environment, stderr=subprocess.PIPE, text=True
        )
        try:
            yield Served(_url_of(process), process, home / "home", notes)
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)


def _url_of(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    watchdog = threading.Timer(_DEADLINE_SECONDS, process.kill)
    watchdog.start()
    said = []
    for line in process.stderr:
        said.append(line)
        if match := re.match(r"Dagster is up: (\S+)", line):
            watchdog.cancel()
            return match[1]
    raise AssertionError("".join(said))


def _runs(url: str) -> int:
    """How many runs a gate has launched: sensors launch others."""
    tag = '{key: "platformkit/launched_by", value: "gate"}'
    query = f"{{ runsOrError(filter: {{tags: [{tag}]}}) {{ ... on Runs {{ count }} }} }}"
    answered = httpx.post(f"{url}/graphql", json={"query": query}, timeout=30).json()
    return int(answered["data"]["runsOrError"]["count"])


def test_a_messy_project_must_not_be_deployed(served: Served) -> None:
    ran = platformkit("gate", "--url", served.url, "--target", MESSY)
    assert ran.returncode == 1, ran.stderr
    assert ran.stdout.startswith(f"NO: {MESSY} must not be deployed\n")
    assert "  RLS001  public.patients\n" in ran.stdout
    assert "compliance/row_level_security: " in ran.stdout
    assert ran.stderr == ""


def test_after_its_run_everything_of_a_target_is_in_step(served: Served) -> None:
    assert platformkit("gate", "--url", served.url, "--target", WELL_KEPT).returncode == 0
    query = "query($g: [AssetKeyInput!], $p: String!) { assetNodes(assetKeys: $g) { assetKey { path } staleStatus(partition: $p) } }"
    chain = (["introspection", "supabase_catalog"], ["ops", "inventory_objects"], ["compliance", "functions"], ["compliance", "report"])
    keys = [{"path": path} for path in (*chain, ["remediation", "plans"], ["governance", "gate"])]
    asked = httpx.post(f"{served.url}/graphql", json={"query": query, "variables": {"g": keys, "p": WELL_KEPT}}, timeout=60).json()
    assert {node["staleStatus"] for node in asked["data"]["assetNodes"]} == {"FRESH"}


def test_a_well_kept_project_may_be_deployed(served: Served, tmp_path: Path) -> None:
    output = tmp_path / "gate.json"
    options = ("--format", "json", "--output", str(output), "--tag", "commit=abc")
    ran = platformkit("gate", "--url", served.url, "--target", WELL_KEPT, *options)
    assert ran.returncode == 0, ran.stderr
    answer = json.loads(output.read_text(encoding="utf-8"))
    assert (answer["decision"]["verdict"], answer["decision"]["judged"]) == ("yes", "yes")
    assert answer["decision"]["decision_id"]
    assert len(answer["checks"]) == len(project_families())
    # A server that was started a moment ago has no statistics yet: that is no PASS, and nothing to stop a deployment for.
    short = {check["asset"]: (check["severity"], check["description"]) for check in answer["checks"] if not check["passed"]}
    assert short == {
        "compliance/indexes": ("WARN", "Could not be measured yet: IDX002. Whatever could be judged passed."),
        "compliance/query_performance": ("WARN", "Could not be measured yet: PRF001, PRF003. Whatever could be judged passed."),
    }
    query = "query Tags($id: ID!) { runOrError(runId: $id) { ... on Run { tags { key value } } } }"
    asked = httpx.post(f"{served.url}/graphql", json={"query": query, "variables": {"id": answer["run"]["id"]}}, timeout=30).json()
    tags = {tag["key"]: tag["value"] for tag in asked["data"]["runOrError"]["tags"]}
    assert (tags["commit"], tags["platformkit/launched_by"], tags["dagster/partition"]) == ("abc", "gate", WELL_KEPT)


def test_a_repository_is_decided_on_by_its_commit(served: Served) -> None:
    folder = served.home.parent / "shop"
    with open_repository(folder) as repository:
        commit = str(repository.borrowed.commit)
    ran = platformkit("gate", "--url", served.url, "--target", REPOSITORY, "--kind", "repository", "--format", "json")
    answer = json.loads(ran.stdout)
    assert (answer["decision"]["target"], answer["decision"]["commit"]) == (REPOSITORY, commit)
    assert ran.returncode == {"yes": 0, "no": 1}[answer["decision"]["verdict"]]
    assert {check["asset"] for check in answer["checks"]} == {f"compliance/{family.value}" for family in repository_families()}
    ran = platformkit("gate", "--gate", "merge", "--url", served.url, "--target", REPOSITORY, "--kind", "repository")
    # Nobody asked GitHub for its settings: what cannot be told stops a merge, too.
    assert ran.returncode == 1, ran.stderr
    assert ran.stdout.startswith(f"NO: {REPOSITORY} must not be merged (commit {commit[:12]})\n")
    assert "rule could not judge: 3 (Security: pull request blocked, deployment blocked)\n" in ran.stdout


def test_a_change_is_decided_on_by_its_contracts_of_each_kind(served: Served) -> None:
    ask = ("gate", "--gate", "merge", "--url", served.url, "--target", NOTES)
    first = platformkit(*ask)
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith(f"YES: {NOTES} may be merged\n  there is nothing yet to compare the score 100 with")
    listed = sorted(line.split()[1] for line in first.stdout.splitlines() if line.startswith("  ok "))
    kinds = ("api_contracts", "behavior_contracts", "data_contracts", "environment_drift", "event_contracts")
    assert listed == [f"parity/{kind}:" for kind in kinds], "one verdict for each kind; the decision has the single checks"
    change = ("--base-run", "latest", "--branch", "feature")

    served.contracted.violate(A_LITTLE)
    second = platformkit(*ask, *change, "--commit", "a" * 40)
    assert second.returncode == 0, second.stderr
    assert "the score 99.5 is lower than the base's 100, within the 5 % that may be lost" in second.stdout

    served.contracted.violate(EVERYTHING)
    third = platformkit(*ask, *change, "--commit", "b" * 40, "--format", "markdown")
    assert third.returncode == 1, third.stderr
    assert third.stdout.startswith(f"# NO: {NOTES} must not be merged (commit bbbbbbbbbbbb)\n")
    assert "critical check behavior/reading/a reader sees nobody else's fails, which blocks whatever the score" in third.stdout
    assert "the score 49 is below 95 % of the base's" in third.stdout
    for check in (
        "api/news/request: news` | high",
        "data/notes/public.notes.title/required` | high",
        "event/outbox/pending` | high",
        "behavior/reading/a reader sees nobody else's` | critical",
        "drift/twin/policies` | high",
    ):
        assert f"| `{check} | " in third.stdout


def test_an_incomplete_connector_must_not_be_registered(served: Served) -> None:
    ran = platformkit("gate", "--url", served.url, "--target", HALF, "--kind", "connector", "--format", "json")
    assert ran.returncode == 1, ran.stderr
    answer = json.loads(ran.stdout)
    assert (answer["decision"]["gate"], answer["decision"]["verdict"]) == ("registration", "no")
    assert answer["decision"]["reasons"][0] == "registration is blocked (clause 12)"
    assert {blocking["rule"] for blocking in answer["decision"]["blocking"]} >= {"CON001", "CON002"}
    assert [check["asset"] for check in answer["checks"]] == ["compliance/connectors"]


@pytest.mark.parametrize(
    ("options", "said"),
    [((TWIN,), "has a project and a repository called 'twin': say with --kind"), ((REPOSITORY, "--kind", "project"), "has no target")],
    ids=["of two kinds", "of the other kind"],
)
def test_a_name_that_does_not_tell_the_kind_launches_nothing(served: Served, options: tuple[str, ...], said: str) -> None:
    before = _runs(served.url)
    ran = platformkit("gate", "--url", served.url, "--target", *options)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert _runs(served.url) == before > 0


def test_a_wrong_name_launches_nothing_and_suggests_the_right_one(served: Served) -> None:
    before = _runs(served.url)
    ran = platformkit("gate", "--url", served.url, "--target", "clinic-mesy")
    assert ran.returncode == 2
    assert "did you mean clinic-messy?" in ran.stderr
    assert _runs(served.url) == before


def test_a_target_that_cannot_be_observed_is_no_answer(served: Served) -> None:
    ran = platformkit("gate", "--url", served.url, "--target", LOST)
    assert ran.returncode == 3
    assert "the server has no such database" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_out_of_time_the_run_is_told_to_stop(served: Served) -> None:
    ran = platformkit("gate", "--url", served.url, "--target", SILENT, "--timeout", "4")
    assert ran.returncode == 3
    assert "after 4 s and was told to stop" in ran.stderr
    match = re.search(r"run (\S+) was still", ran.stderr)
    assert match
    assert _final_status(served.url, match[1]) == "CANCELED"


def _final_status(url: str, run_id: str) -> str:
    query = "query Status($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
    deadline = time.monotonic() + 60
    while True:
        asked = httpx.post(f"{url}/graphql", json={"query": query, "variables": {"id": run_id}}, timeout=30).json()
        status = str(asked["data"]["runOrError"]["status"])
        if status in ("SUCCESS", "FAILURE", "CANCELED") or time.monotonic() > deadline:
            return status
        time.sleep(0.5)


def test_a_server_that_is_down_is_no_answer(program: Program) -> None:
    ran = program("gate", "--url", "http://127.0.0.1:9", "--target", MESSY)
    assert ran.code == 3
    assert "http://127.0.0.1:9 does not answer" in ran.stderr


@contextmanager
def _answering(*answers: int | bytes) -> Iterator[str]:
    """URL of a web server that answers these in turn, and the last one from then on: refusals, or bodies with status 200."""
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(answer, int):
                self.send_error(answer)
                return
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_a_server_that_is_something_else_is_a_wrong_url(program: Program) -> None:
    with _answering(404) as url:
        ran = program("gate", "--url", url, "--target", MESSY)
    assert ran.code == 2
    assert "has no GraphQL" in ran.stderr


def test_a_question_is_asked_again_when_the_server_stumbled(program: Program) -> None:
    with _answering(500, 500, 404) as url:
        ran = program("gate", "--url", url, "--target", MESSY)
    assert "has no GraphQL" in ran.stderr, "the third answer counts"


def test_a_server_that_stumbles_on_is_no_answer(program: Program) -> None:
    with _answering(503) as url:
        ran = program("gate", "--url", url, "--target", MESSY)
    assert ran.code == 3
    assert "HTTP status 503" in ran.stderr


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": null}',
        b'{"errors": "no"}',
        b'{"errors": [7]}',
        b'{"errors": {"message": "no"}}',
        b'{"data": {}}',
        b'{"data": {"workspaceOrError": null}}',
        b'{"data": {"workspaceOrError": {"__typename": "Workspace", "locationEntries": null}}}',
        b'{"data": {"workspaceOrError": {"__typename": "Workspace", "locationEntries": [{"name": "one"}]}}}',
        b'{"data": {"workspaceOrError": {"__typename": "Workspace", "locationEntries": [{"name": 1, "loadStatus": "LOADED",'
        b' "locationOrLoadError": "text"}]}}}',
    ],
)
def test_an_answer_of_another_shape_is_no_answer(program: Program, body: bytes) -> None:
    with _answering(body) as url:
        ran = program("gate", "--url", url, "--target", MESSY)
    assert ran.code == 3, ran.stderr
    assert "refused a query" in ran.stderr or "answers in another form than expected" in ran.stderr


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"[" * 5_000])
def test_what_is_no_graphql_is_a_wrong_url(program: Program, body: bytes) -> None:
    with _answering(body) as url:
        ran = program("gate", "--url", url, "--target", MESSY)
    assert ran.code == 2, ran.stderr
    assert "does not speak GraphQL" in ran.stderr


@pytest.mark.parametrize("body", [b'{"data": {}}', b'{"data": {"runOrError": null}}', b'{"data": {"runOrError": {"__typename": "Run"}}}'])
def test_a_status_that_says_nothing_is_asked_for_again(body: bytes) -> None:
    known = b'{"data": {"runOrError": {"__typename": "Run", "status": "SUCCESS"}}}'
    with _answering(body, body, known) as url, Instance(url, timeout_seconds=10) as instance:
        instance.wait_for("run-1")


def test_a_launch_is_not_asked_for_again() -> None:
    with _answering(500, 404) as url, Instance(url, timeout_seconds=10) as instance, pytest.raises(InstanceUnavailable, match="500"):
        instance.launch("location", PROJECTS, MESSY, {})


@pytest.mark.parametrize("url", ["127.0.0.1:3000", "ftp://host", "http://", "http://host:port", "http://me:hunter2@host"])
def test_what_is_not_a_usable_url_is_refused_without_a_secret_in_the_message(program: Program, url: str) -> None:
    ran = program("gate", "--url", url, "--target", MESSY)
    assert ran.code == 2
    assert "hunter2" not in ran.stderr


@pytest.mark.parametrize("tag", ["commit", "=x", "dagster/partition=other"])
def test_a_tag_that_would_mislead_the_run_is_refused(program: Program, tag: str) -> None:
    assert program("gate", "--url", "http://127.0.0.1:9", "--target", MESSY, "--tag", tag).code == 2


def test_a_path_in_front_of_the_interface_is_kept() -> None:
    assert base_url("https://dagster.example/team/") == "https://dagster.example/team"


def test_one_home_is_served_once(served: Served) -> None:
    settings = served.home.parent / "platformkit.yaml"
    ran = platformkit("up", "--port", "0", "--settings", str(settings), env={"PLATFORMKIT_HOME": str(served.home)})
    assert ran.returncode == 2
    assert "is being served already" in ran.stderr


def test_a_taken_port_is_refused_before_anything_is_started(served: Served, tmp_path: Path) -> None:
    home = tmp_path / "home"
    ran = platformkit("up", "--demo", "--port", served.url.rsplit(":", 1)[1], env={"PLATFORMKIT_HOME": str(home)})
    assert ran.returncode == 2
    assert "cannot listen on" in ran.stderr
    assert not home.exists()


def test_a_storage_that_cannot_be_reached_ends_it_with_the_reason_and_without_the_password(pipeline_dsn: Dsn, tmp_path: Path) -> None:
    settings = tmp_path / "platformkit.yaml"
    settings.write_text("projects: []", encoding="utf-8")
    environment = {
        "PLATFORMKIT_HOME": str(tmp_path / "home"),
        "PLATFORMKIT_DATABASE_URL": pipeline_dsn.reveal(),
        "PLATFORMKIT_DAGSTER_DATABASE_URL": "postgresql+psycopg2://dagster:hunter2@127.0.0.1:9/dagster",
        "PYTHONWARNINGS": "ignore",
    }
    ran = platformkit("up", "--settings", str(settings), "--port", "0", env=environment)
    assert ran.returncode == 3
    assert "connection to server at" in ran.stderr
    assert "Connection refused" in ran.stderr
    assert "hunter2" not in ran.stderr


def test_a_child_that_ends_by_itself_takes_the_rest_down_and_shows_its_last_words(
    pipeline_dsn: Dsn, blank_database: Dsn, tmp_path: Path
) -> None:
    settings, dagster_home = tmp_path / "platformkit.yaml", tmp_path / "dagster"
    settings.write_text("projects: []", encoding="utf-8")
    dagster_home.mkdir()
    (dagster_home / "dagster.yaml").write_text("no_such_section: {}\n", encoding="utf-8")
    environment = {
        "PLATFORMKIT_HOME": str(tmp_path / "home"),
        "PLATFORMKIT_DATABASE_URL": pipeline_dsn.reveal(),
        "PLATFORMKIT_DAGSTER_DATABASE_URL": dagster_url(blank_database),
        "DAGSTER_HOME": str(dagster_home),
        "PYTHONWARNINGS": "ignore",
    }
    ran = platformkit("up", "--settings", str(settings), "--port", "0", env=environment)
    assert ran.returncode == 3
    assert "ended with exit code 1" in ran.stderr
    assert "no_such_section" in ran.stderr


def test_others_are_not_let_in_by_accident(tmp_path: Path) -> None:
    ran = platformkit("up", "--demo", "--host", "192.0.2.1", "--port", "0", env={"PLATFORMKIT_HOME": str(tmp_path / "home")})
    assert ran.returncode == 2
    assert "--allow-remote" in ran.stderr


def test_malformed_settings_are_named_before_anything_is_started(tmp_path: Path) -> None:
    settings = tmp_path / "platformkit.yaml"
    settings.write_text("projects: [{name: x}]", encoding="utf-8")
    ran = platformkit("up", "--settings", str(settings), "--port", "0", env={"PLATFORMKIT_HOME": str(tmp_path / "home")})
    assert ran.returncode == 2
    assert "projects[0].database" in ran.stderr
    assert not (tmp_path / "home").exists()


def test_the_client_of_the_gate_does_not_load_dagster() -> None:
    heavy = ("dagster", "pandas", "sqlalchemy")
    code = f"import sys, platformkit_pipeline.operations.gate_client\nprint([m for m in {heavy} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], env=environment_of(), capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
