"""`platformkit parity` from file to exit code, on a real database with an outbox: honoured, violated, compared, kept."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import psycopg
import pytest
from jsonschema import Draft202012Validator

from platformkit_pipeline.connectors.delivery.tables import create_delivery_tables
from platformkit_pipeline.control_plane import targets
from platformkit_pipeline.control_plane.connection import DATABASE_URL, Connection
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.target import Environment, Target, TargetKind
from platformkit_pipeline.reporting.schemas import parity_schema
from platformkit_pipeline_tests.cli.conftest import Program

OUTBOX = "outbox: {schema: events, key: [id, destination], inbox: inbox, dead_letters: dead_letters, limits: {pending: 0}}\n"
LOW = "severity: {pending: medium, outbox columns: low, outbox key: low, inbox key: low, dead letters table: low}\n"


@pytest.fixture
def outbox(blank_database: Dsn, monkeypatch: pytest.MonkeyPatch) -> Dsn:
    """A database with an outbox that nothing waits in; its DSN stands in SHOP_URL."""
    with psycopg.connect(blank_database.reveal()) as connection:
        create_delivery_tables(connection, "events")
    monkeypatch.setenv("SHOP_URL", blank_database.reveal())
    return blank_database


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    folder = tmp_path / "contracts"
    (folder / "event").mkdir(parents=True)
    (folder / "event" / "orders.yaml").write_text(OUTBOX + LOW, encoding="utf-8")
    return folder


@pytest.fixture
def kept(outbox: Dsn, contracts: Path, pipeline_dsn: Dsn, pipeline: Connection, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings of the project `shop` with those contracts, and a control plane that knows it."""
    monkeypatch.setenv(DATABASE_URL, pipeline_dsn.reveal())
    with pipeline.transaction():
        targets.sync(pipeline, [Target(TargetKind.SUPABASE_PROJECT, "shop", Environment.STAGING, ("team:shop",))])
    file = contracts.parent / "platformkit.yaml"
    file.write_text(
        "projects: [{name: shop, environment: staging, owners: [team:shop], database: {dsn_env: SHOP_URL}, contracts: contracts}]\n",
        encoding="utf-8",
    )
    return file


def leave_one_event_waiting(dsn: Dsn) -> None:
    with psycopg.connect(dsn.reveal()) as connection:
        connection.execute("insert into events.outbox (id, aggregatetype, aggregateid, type) values (gen_random_uuid(), 'order', '1', 'x')")


def document(program: Program, contracts: Path, *options: str) -> dict[str, Any]:
    ran = program("parity", "--dsn-env", "SHOP_URL", "--contracts", str(contracts), "--format", "json", *options)
    found: dict[str, Any] = json.loads(ran.stdout)
    return {**found, "exit": ran.code}


def test_a_contract_that_is_honoured_scores_100(program: Program, outbox: Dsn, contracts: Path) -> None:
    found = document(program, contracts)
    assert found["exit"] == 0
    assert found["schema_version"] == 1
    assert found["parity"]["score"] == {"raw": 100.0, "effective": 100.0, "raw_exact": "100/1", "effective_exact": "100/1"}
    assert [d["dimension"] for d in found["parity"]["dimensions"]] == ["event"]
    assert found["summary"]["pass"] == len(found["results"]) >= 5


def test_a_contract_that_is_violated_says_which_check_and_ends_with_1(program: Program, outbox: Dsn, contracts: Path) -> None:
    leave_one_event_waiting(outbox)
    (contracts / "event" / "orders.yaml").write_text(OUTBOX, encoding="utf-8")
    ran = program("parity", "--dsn-env", "SHOP_URL", "--contracts", str(contracts))
    assert ran.code == 1
    assert re.search(r"^high +event/orders/pending$", ran.stdout, re.MULTILINE)
    assert program("parity", "--dsn-env", "SHOP_URL", "--contracts", str(contracts), "--fail-on", "critical").code == 0


def test_a_report_kept_as_a_file_is_the_base_of_the_next(program: Program, outbox: Dsn, contracts: Path, tmp_path: Path) -> None:
    base = tmp_path / "base.json"
    options = ("parity", "--dsn-env", "SHOP_URL", "--contracts", str(contracts))
    assert program(*options, "--format", "json", "--output", str(base)).code == 0
    unchanged = program(*options, "--base", str(base), "--format", "json")
    assert unchanged.code == 0
    for report in (base.read_text(encoding="utf-8"), unchanged.stdout):
        assert list(Draft202012Validator(parity_schema()).iter_errors(json.loads(report))) == []
    leave_one_event_waiting(outbox)
    ran = program(*options, "--base", str(base), "--format", "markdown")
    assert ran.code == 1
    assert ran.stdout.startswith("# NO: ")
    assert "is below 95 % of the base's 100" in ran.stdout
    assert "| event | 20 | 100.0 | 91.1 |" in ran.stdout
    assert "| `event/orders/pending` | medium | " in ran.stdout
    (contracts / "event" / "orders.yaml").write_text(OUTBOX + LOW.replace("medium", "low"), encoding="utf-8")
    small = program(*options, "--base", str(base), "--format", "markdown")
    assert (small.code, small.stdout[:6]) == (0, "# YES:")
    assert "the score 96.8 is lower than the base's 100, within the 5 % that may be lost" in small.stdout
    (contracts / "event" / "orders.yaml").write_text(OUTBOX + LOW, encoding="utf-8")
    cases = ElementTree.fromstring(program(*options, "--base", str(base), "--format", "junit").stdout)  # noqa: S314 - written by the program under test
    assert (cases.get("failures"), cases.get("errors")) == ("2", "0")


def test_a_removed_check_is_named_for_the_reviewer(program: Program, outbox: Dsn, contracts: Path, tmp_path: Path) -> None:
    base = tmp_path / "base.json"
    options = ("parity", "--dsn-env", "SHOP_URL", "--contracts", str(contracts))
    program(*options, "--format", "json", "--output", str(base))
    (contracts / "event" / "orders.yaml").write_text(OUTBOX.replace(", limits: {pending: 0}", ""), encoding="utf-8")
    ran = program(*options, "--base", str(base), "--format", "markdown")
    assert ran.code == 0
    assert "## Removed by this change (1)" in ran.stdout
    assert "| `event/orders/pending` | medium | PASS |" in ran.stdout


def test_a_selection_is_compared_with_the_same_part_of_the_base(program: Program, outbox: Dsn, contracts: Path, tmp_path: Path) -> None:
    base = tmp_path / "base.json"
    options = ("parity", "--dsn-env", "SHOP_URL", "--contracts", str(contracts))
    program(*options, "--format", "json", "--output", str(base))
    (contracts / "drift").mkdir()
    (contracts / "drift" / "twin.yaml").write_text("against: twin\n", encoding="utf-8")
    gate = json.loads(program(*options, "--base", str(base), "--select", "drift", "--format", "json").stdout)["gate"]
    assert gate["removed"] == []
    assert [d["dimension"] for d in gate["head"]["dimensions"]] == ["drift"]


def test_all_malformed_contracts_are_named_with_their_lines_before_anything_runs(
    program: Program, contracts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_URL", "postgresql://127.0.0.1:9/nobody")
    (contracts / "event" / "orders.yaml").write_text("outbox: {schema: events}\nlimit: 3\n", encoding="utf-8")
    (contracts / "event" / "torn.yaml").write_text("outbox: [\n", encoding="utf-8")
    ran = program("parity", "--dsn-env", "SHOP_URL", "--contracts", str(contracts))
    assert ran.code == 2
    assert "orders.yaml:2: limit" in ran.stderr
    assert "torn.yaml:" in ran.stderr
    assert ran.stdout == ""


def test_the_same_database_gives_the_same_bytes_but_for_ids_and_times(program: Program, outbox: Dsn, contracts: Path) -> None:
    options = ("parity", "--dsn-env", "SHOP_URL", "--contracts", str(contracts), "--format", "json")
    one, other = program(*options).stdout, program(*options).stdout
    changed = [line.strip().split(":")[0] for line, twin in zip(one.splitlines(), other.splitlines(), strict=True) if line != twin]
    assert set(changed) <= {'"parity_id"', '"started_at"', '"duration_seconds"'}
    assert '"parity_id"' in changed


def test_no_contract_is_no_score_and_never_fine(program: Program, outbox: Dsn, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ran = program("parity", "--dsn-env", "SHOP_URL", "--contracts", str(tmp_path / "empty"))
    assert ran.code == 3
    assert "No score: no contract is declared" in ran.stdout


def test_a_server_that_is_down_is_3(program: Program, contracts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_URL", "postgresql://127.0.0.1:9/nobody")
    (contracts / "event" / "orders.yaml").write_text(OUTBOX, encoding="utf-8")
    assert program("parity", "--dsn-env", "SHOP_URL", "--contracts", str(contracts)).code == 3


def test_nothing_is_stored_unless_asked_and_then_it_is_the_base_of_the_next(
    program: Program, kept: Path, outbox: Dsn, pipeline: Connection
) -> None:
    options = ("parity", "--target", "shop", "--settings", str(kept))
    assert program(*options).code == 0
    assert pipeline.execute("select count(*) from ops.parity_scores").fetchone() == (0,)
    assert program(*options, "--store").code == 0
    leave_one_event_waiting(outbox)
    head = ("--base-run", "latest", "--commit", "a" * 40, "--branch", "feature")
    ran = program(*options, *head, "--store", "--format", "json")
    assert (ran.code, ran.stderr) == (1, "")
    gate = json.loads(ran.stdout)["gate"]
    assert (gate["verdict"], gate["commit"]) == ("no", "a" * 40)
    rows = pipeline.execute(
        "select d.verdict, b.of_default_branch, p.head_branch from ops.gate_decisions d "
        "join ops.parity_scores p using (parity_id) join ops.parity_scores b on b.parity_id = d.base_parity_id"
    ).fetchall()
    assert rows == [("no", True, "feature")]
    assert pipeline.execute("select type, payload ->> 'owners' from ops.outbox").fetchall() == [("parity.regressed", '["team:shop"]')]
    assert program(*options, "--base-run", "a" * 40).code == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--dsn-env", "SHOP_URL"), "say with --contracts where the contracts lie"),
        (("--dsn-env", "SHOP_URL", "--contracts", "nowhere"), "no folder of contracts nowhere"),
        (("--target", "shop", "--contracts", "x"), "cannot be combined with --contracts"),
        (("--dsn-env", "SHOP_URL", "--contracts", ".", "--select", "dta"), "expected some of api, data, event"),
        (("--dsn-env", "SHOP_URL", "--contracts", ".", "--store"), "it needs --target"),
        (("--target", "shop", "--store", "--select", "api"), "whole runs only"),
        (("--dsn-env", "SHOP_URL", "--contracts", ".", "--base-run", "latest"), "it needs --target"),
        (("--dsn-env", "SHOP_URL", "--contracts", ".", "--commit", "abc"), "must be given in full"),
        (("--dsn-env", "SHOP_URL", "--contracts", ".", "--base", "pyproject.toml"), "is no report of `platformkit parity"),
        (("--dsn-env", "SHOP_URL", "--contracts", ".", "--data-api-url", "https://a:b@c.d"), "URL without a login"),
    ],
)
def test_wrong_input_is_said_before_anything_is_looked_at(
    program: Program, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], said: str
) -> None:
    monkeypatch.setenv("SHOP_URL", "postgresql://127.0.0.1:9/nobody")
    ran = program("parity", *options)
    assert ran.code == 2
    assert said in ran.stderr
