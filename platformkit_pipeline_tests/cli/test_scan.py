from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import psycopg
import pytest
from jsonschema import Draft202012Validator

from platformkit_pipeline.cli.scan import FailOn, exit_code
from platformkit_pipeline.introspection.supabase_platform import ADDRESS_VARIABLE
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.result import Outcome as ResultOutcome
from platformkit_pipeline.reporting.schemas import scan_schema
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.management_api import PROJECT, TOKEN, serve_management_api
from platformkit_pipeline_tests.cli.conftest import PASSWORD, USER, Program
from platformkit_pipeline_tests.cli.program import ROOT, command_line, environment_of, platformkit
from platformkit_pipeline_tests.reporting.scan_reports import report, result

SARIF_SCHEMA = ROOT / "platformkit_pipeline_tests" / "data" / "sarif-2.1.0.json"


def document_of(program: Program, dsn: Dsn, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(program("scan", "--dsn", dsn.reveal(), "--format", "json", *arguments).stdout)
    return found


# ---------------------------------------------------------------- as a process


def test_a_scan_prints_nothing_but_its_document_and_says_no(messy_database: Dsn) -> None:
    done = platformkit("scan", "--dsn-env", "SHOP", "--format", "json", env={"SHOP": messy_database.reveal()})
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (1, "")
    assert list(Draft202012Validator(scan_schema()).iter_errors(document)) == []
    assert ("RLS001", "orders") in [(f["rule"], f["object"]["name"]) for f in document["findings"]]


def test_the_same_database_gives_the_same_bytes_but_for_scan_id_and_times(messy_database: Dsn) -> None:
    one, other = (
        platformkit("scan", "--dsn-env", "SHOP", "--format", "json", env={"SHOP": messy_database.reveal()}).stdout for _ in range(2)
    )
    changed = [line.strip().split(":")[0] for line, twin in zip(one.splitlines(), other.splitlines(), strict=True) if line != twin]
    assert set(changed) <= {'"scan_id"', '"started_at"', '"duration_seconds"'}
    assert '"scan_id"' in changed


def test_a_scan_starts_without_what_only_the_pipeline_needs(blank_database: Dsn) -> None:
    code = (
        "import sys\n"
        "from platformkit_pipeline.cli.main import run\n"
        "try:\n"
        "    run(['scan', '--dsn-env', 'SHOP', '--format', 'json', '--output', '/dev/null'])\n"
        "except SystemExit:\n"
        "    pass\n"
        "heavy = ('dagster', 'pandas', 'great_expectations', 'sqlalchemy', 'yaml', 'httpx', 'pydantic', 'structlog')\n"
        "print([name for name in heavy if name in sys.modules], 'psycopg' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment_of({"SHOP": blank_database.reveal()}),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "[] True\n"


@pytest.mark.parametrize("form", ["table", "json", "sarif", "junit", "markdown"])
def test_a_wrong_password_is_one_sentence_without_the_password(tcp_server: EmbeddedPostgres, form: str) -> None:
    wrong = tcp_server.tcp_dsn(user=USER, password="tiger-hunter2").reveal()
    done = platformkit("scan", "--dsn-env", "SHOP", "--format", form, env={"SHOP": wrong})
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
    assert "hunter2" not in done.stderr


def test_a_password_on_the_command_line_works_with_a_warning_and_appears_nowhere(tcp_server: EmbeddedPostgres) -> None:
    dsn = tcp_server.tcp_dsn(user=USER, password=PASSWORD).reveal()
    done = platformkit("--log-level", "DEBUG", "scan", "--dsn", dsn, "--format", "json", "--fail-on", "none")
    assert done.returncode == 0
    assert "warning: a password on the command line is visible" in done.stderr
    assert "--dsn-env" in done.stderr
    assert PASSWORD not in done.stdout + done.stderr


def test_a_server_that_is_not_there_cannot_be_observed(tmp_path: Path) -> None:
    output = tmp_path / "scan.json"
    env = {"SHOP": "postgresql://me:hunter2@127.0.0.1:1/shop"}
    done = platformkit("scan", "--dsn-env", "SHOP", "--format", "json", "--output", str(output), env=env)
    assert (done.returncode, done.stdout) == (3, "")
    assert "127.0.0.1" in done.stderr
    assert "hunter2" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_goes_away_in_the_middle_leaves_no_half_a_report(messy_database: Dsn, admin_dsn: Dsn, tmp_path: Path) -> None:
    """The scan waits for a lock on a catalogue; then its connection is ended."""
    output = tmp_path / "scan.json"
    end_waiting = (
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = %s and application_name = 'platformkit' and wait_event_type = 'Lock'"
    )
    with psycopg.connect(messy_database.reveal()) as holder, psycopg.connect(admin_dsn.reveal(), autocommit=True) as admin:
        holder.execute("lock table pg_catalog.pg_policy in access exclusive mode")
        process = subprocess.Popen(
            command_line("scan", "--dsn-env", "SHOP", "--output", str(output)),
            env=environment_of({"SHOP": messy_database.reveal()}), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        while not admin.execute(end_waiting, (holder.info.dbname,)).fetchall():
            assert process.poll() is None
            time.sleep(0.05)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, list(tmp_path.iterdir())) == (3, "", [])
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "dsn", ["postgresql://me:hunter2@host:port/shop", "host=db password=hunter2 nonsense", "hunter2", "postgresql://me:hun/ter2@db/x"]
)
def test_a_malformed_connection_string_is_wrong_input_and_is_not_repeated(dsn: str) -> None:
    done = platformkit("scan", "--dsn", dsn)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--dsn is not a valid PostgreSQL connection string" in done.stderr
    assert not any(piece in done.stderr for piece in ("hunter2", "hun/ter2", "ter2"))


@pytest.mark.parametrize("arguments", [("scan", "--dsn-env", "SHOP", "--format", "json"), ("--help",), ("rules",)])
def test_a_reader_that_goes_away_is_no_reason_to_complain(messy_database: Dsn, arguments: tuple[str, ...]) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            command_line(*arguments),
            env=environment_of({"SHOP": messy_database.reveal()}), stdout=write, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_document_is_utf8_whatever_the_locale(supabase_database: Dsn) -> None:
    with psycopg.connect(supabase_database.reveal(), autocommit=True) as connection:
        connection.execute('create table public."bücher" (id bigint)')
    env = {"SHOP": supabase_database.reveal(), "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    for form in ("json", "table"):
        assert "bücher" in platformkit("scan", "--dsn-env", "SHOP", "--format", form, env=env).stdout


# ---------------------------------------------------------------- forms


def test_sarif_is_valid_against_the_official_schema(program: Program, messy_database: Dsn) -> None:
    document = json.loads(program("scan", "--dsn", messy_database.reveal(), "--format", "sarif").stdout)
    schema = json.loads(SARIF_SCHEMA.read_text(encoding="utf-8"))
    assert [error.message for error in Draft202012Validator(schema).iter_errors(document)] == []
    assert document["runs"][0]["results"]


def test_an_empty_database_is_valid_and_clean(program: Program, blank_database: Dsn) -> None:
    without_statistics = ("--ignore", "PRF,IDX002,IDX004")  # a fresh server has gathered none, which is no all-clear
    done = program("scan", "--dsn", blank_database.reveal(), "--format", "json", "--exposed-schema", "", *without_statistics)
    document = json.loads(done.stdout)
    assert list(Draft202012Validator(scan_schema()).iter_errors(document)) == []
    assert (done.code, document["findings"], document["score"]["raw"]) == (0, [], 100.0)


def test_logs_are_judged_where_the_project_is_named(program: Program, blank_database: Dsn, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = ("scan", "--dsn", blank_database.reveal(), "--select", "PRF002", "--format", "json", "--project-ref", PROJECT)
    with serve_management_api() as api:
        monkeypatch.setenv(ADDRESS_VARIABLE, api.address)
        refused = json.loads(program(*scan, "--management-token-env", "NO_SUCH_TOKEN").stdout)
        assert [(f["outcome"], "NO_SUCH_TOKEN is not set" in f["message"]) for f in refused["findings"]] == [("UNKNOWN", True)]
        monkeypatch.setenv("SUPABASE_ACCESS_TOKEN", TOKEN)
        api.log([{"path": "/rest/v1/orders", "milliseconds": 900, "requests": 100}])
        done = program(*scan)
    [finding] = json.loads(done.stdout)["findings"]
    assert (done.code, finding["rule"], finding["evidence"]["p95_ms"]) == (1, "PRF002", 900)
    assert TOKEN not in done.stdout + done.stderr


def test_a_token_without_a_project_is_a_mistake(program: Program) -> None:
    done = program("scan", "--dsn", "postgresql://localhost/shop", "--management-token-env", "A_TOKEN")
    assert (done.code, "--project-ref" in done.stderr) == (2, True)


def test_junit_and_markdown_carry_the_findings(program: Program, messy_database: Dsn) -> None:
    junit = ElementTree.fromstring(program("scan", "--dsn", messy_database.reveal(), "--format", "junit").stdout.encode())  # noqa: S314 - our own output, no stranger's
    markdown = program("scan", "--dsn", messy_database.reveal(), "--format", "markdown").stdout
    assert any(case.get("name") == "table public.orders" for case in junit.iter("testcase"))
    assert "| RLS001 | `public.orders` |" in markdown


def test_the_table_groups_by_severity_and_ends_with_the_score(program: Program, messy_database: Dsn) -> None:
    lines = program("scan", "--dsn", messy_database.reveal()).stdout.splitlines()
    headings = [line.split(" (")[0] for line in lines if line and line[0].isupper() and line.split(" (")[0].isupper()]
    assert headings == ["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO"]
    assert any(line.startswith("  RLS001  public.orders") for line in lines)
    assert any(line.startswith("Score ") for line in lines)
    assert not any("\x1b" in line for line in lines)


# ---------------------------------------------------------------- options


def test_rules_are_chosen_and_left_out_by_the_beginning_of_their_codes(program: Program, messy_database: Dsn) -> None:
    document = document_of(program, messy_database, "--select", "RLS,FKY003", "--select", "aud", "--ignore", "RLS003,AUD")
    assert {finding["rule"] for finding in document["findings"]} == {"RLS001", "RLS013", "FKY003"}


@pytest.mark.parametrize("arguments", [("--select", "XYZ"), ("--select", ""), ("--select", "RLS,"), ("--select", "RLS", "--ignore", "RLS")])
def test_a_choice_that_leaves_nothing_to_do_is_wrong_input(program: Program, arguments: tuple[str, ...]) -> None:
    done = program("scan", "--dsn", "postgresql:///never-reached", *arguments)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")


def test_the_target_is_named_after_its_database_unless_told_otherwise(program: Program, blank_database: Dsn) -> None:
    database = psycopg.conninfo.conninfo_to_dict(blank_database.reveal())["dbname"]
    assert document_of(program, blank_database)["target"]["name"] == database
    named = document_of(program, blank_database, "--name", "shop", "--environment", "production")["target"]
    assert (named["name"], named["environment"]) == ("shop", "production")


def test_a_name_that_is_no_partition_key_is_refused(program: Program) -> None:
    done = program("scan", "--dsn", "postgresql:///never-reached", "--name", "a,b")
    assert done.code == 2
    assert "--name: a name has 1 to 100 characters" in done.stderr


def test_a_declared_tenant_column_is_the_one_that_is_asked_for(program: Program, messy_database: Dsn) -> None:
    with psycopg.connect(messy_database.reveal(), autocommit=True) as connection:
        connection.execute("alter table public.orders add column org_id uuid not null")
    rules = ("--select", "TEN001")
    default = document_of(program, messy_database, *rules)
    declared = document_of(program, messy_database, *rules, "--tenant-column", "org_id", "--tenant-claim", "org")
    assert [f["object"]["name"] for f in default["findings"]] == ["customers", "orders"]
    assert [f["object"]["name"] for f in declared["findings"]] == ["customers"]


def test_one_tenant_has_to_be_declared_with_a_reason(program: Program, messy_database: Dsn) -> None:
    assert document_of(program, messy_database, "--select", "TEN", "--single-tenant", "internal tool")["findings"] == []
    refused = program("scan", "--dsn", messy_database.reveal(), "--single-tenant", " ")
    assert (refused.code, refused.stderr) == (2, "error: --single-tenant must not be blank\n")


def test_a_membership_table_is_qualified(program: Program) -> None:
    refused = program("scan", "--dsn", "postgresql:///never-reached", "--membership-table", "members")
    assert refused.code == 2
    assert "--membership-table expects a qualified name" in refused.stderr


@pytest.mark.parametrize(
    "arguments", [(), ("--dsn", "postgresql:///a", "--dsn-env", "B"), ("--dsn", ""), ("--dsn-env", "NOT_SET_ANYWHERE")]
)
def test_what_to_scan_is_said_once(program: Program, arguments: tuple[str, ...]) -> None:
    done = program("scan", *arguments)
    assert (done.code, done.stdout) == (2, "")


def test_settings_without_a_target_are_not_guessed_at(program: Program) -> None:
    done = program("scan", "--settings", "x.yaml")
    assert done.stderr == "error: --settings needs --target, the name of one of its projects\n"


# ---------------------------------------------------------------- targets of the settings


def settings_for(folder: Path, extra: str = "") -> Path:
    path = folder / "platformkit.yaml"
    path.write_text(f"projects:\n  - {{name: shop, environment: production, database: {{dsn_env: SHOP_URL}}{extra}}}\n")
    return path


def test_a_target_is_scanned_with_what_its_owners_declared(
    program: Program, tmp_path: Path, messy_database: Dsn, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(tmp_path, ", tenancy: {not_applicable_reason: internal tool}")
    monkeypatch.setenv("SHOP_URL", messy_database.reveal())
    done = program("scan", "--target", "shop", "--settings", str(settings), "--format", "json", "--select", "TEN,RLS001")
    document = json.loads(done.stdout)
    assert (document["target"]["name"], document["target"]["environment"]) == ("shop", "production")
    assert {finding["rule"] for finding in document["findings"]} == {"RLS001"}


def test_a_target_takes_everything_from_the_settings(program: Program, tmp_path: Path) -> None:
    done = program(
        "scan", "--target", "shop", "--settings", str(settings_for(tmp_path)), "--tenant-column", "x", "--dsn", "postgresql:///a"
    )
    assert done.code == 2
    assert "cannot be combined with --dsn, --tenant-column" in done.stderr


def test_an_unknown_target_and_a_missing_variable_are_wrong_configuration(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHOP_URL", raising=False)
    settings = str(settings_for(tmp_path))
    assert (
        program("scan", "--target", "shoe", "--settings", settings).stderr == "error: no project is called 'shoe'; the settings list shop\n"
    )
    missing = program("scan", "--target", "shop", "--settings", settings)
    assert missing.code == 2
    assert "shop: environment variable SHOP_URL is not set" in missing.stderr


def test_malformed_settings_name_file_line_and_path(program: Program, tmp_path: Path) -> None:
    done = program("scan", "--target", "shop", "--settings", str(settings_for(tmp_path, ", colour: red, zone: 1")))
    assert done.code == 2
    assert [line.split(": ")[-2] for line in done.stderr.splitlines() if "is not a known key" in line]
    assert "platformkit.yaml:2: projects[0].colour: is not a known key" in done.stderr
    assert "platformkit.yaml:2: projects[0].zone: is not a known key" in done.stderr


# ---------------------------------------------------------------- files


def test_a_file_is_replaced_whole_and_stdout_stays_empty(program: Program, tmp_path: Path, blank_database: Dsn) -> None:
    output = tmp_path / "scan.json"
    output.write_text("old")
    output.chmod(0o640)
    done = program("scan", "--dsn", blank_database.reveal(), "--format", "json", "--output", str(output), "--fail-on", "none")
    assert (done.code, done.stdout) == (0, "")
    assert json.loads(output.read_text(encoding="utf-8"))["schema_version"] == 1
    assert [stat.S_IMODE(output.stat().st_mode), [p.name for p in tmp_path.iterdir()]] == [0o640, ["scan.json"]]


@pytest.mark.parametrize(("place", "expected"), [(".", "is a folder"), ("nowhere/scan.json", "does not exist")])
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_scanned(
    program: Program, tmp_path: Path, place: str, expected: str
) -> None:
    done = program("scan", "--dsn", "postgresql:///never-reached", "--output", str(tmp_path / place))
    assert done.code == 2
    assert expected in done.stderr


# ---------------------------------------------------------------- exit codes


@pytest.mark.parametrize(
    ("fail_on", "failing", "unknown", "expected"),
    [
        (FailOn.HIGH, ("RLS001",), (), 1),
        (FailOn.HIGH, ("RLS005",), (), 1),
        (FailOn.HIGH, ("FKY003",), (), 0),
        (FailOn.MEDIUM, ("FKY003",), (), 1),
        (FailOn.CRITICAL, ("RLS005",), (), 0),
        (FailOn.HIGH, (), ("RLS001",), 3),
        (FailOn.HIGH, (), ("FKY003",), 0),
        (FailOn.HIGH, ("FKY003",), ("RLS001",), 3),
        (FailOn.HIGH, ("RLS005",), ("RLS001",), 1),
        (FailOn.LOW, (), ("FUN002",), 3),
        (FailOn.NONE, ("RLS001",), ("RLS005",), 0),
        (FailOn.INFO, (), (), 0),
    ],
)
def test_failures_say_no_and_unknowns_say_cannot_tell(
    fail_on: FailOn, failing: tuple[str, ...], unknown: tuple[str, ...], expected: int
) -> None:
    results = [result(code) for code in failing] + [result(code, ResultOutcome.UNKNOWN) for code in unknown]
    assert exit_code(report(*results), fail_on) == expected
