"""`platformkit scan --probe`."""

from __future__ import annotations

import json

import psycopg
import pytest

from platformkit_pipeline.locations import read_sql
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.rules.registry import find_rule
from platformkit_pipeline.sandbox.databases import with_user
from platformkit_pipeline.sandbox.supabase import OBSERVER_ROLE
from platformkit_pipeline_tests.cli.conftest import Program

TEN005 = find_rule("TEN005")
assert TEN005 is not None


@pytest.fixture
def leaking_database(supabase_database: Dsn) -> Dsn:
    """Two tenants with an order each, and a policy that shows them to anybody who is signed in."""
    assert TEN005 is not None
    with psycopg.connect(with_user(supabase_database, "postgres").reveal(), autocommit=True) as connection:
        connection.execute((read_sql("sandbox/well_kept.sql") + TEN005.violating).encode())
    return supabase_database


def scanned(program: Program, dsn: Dsn, *arguments: str) -> tuple[int, list[tuple[str, str, str]]]:
    done = program("scan", "--dsn", dsn.reveal(), "--select", "TEN005", "--format", "json", *arguments)
    return done.code, [(f["rule"], f["outcome"], f["object"]["name"]) for f in json.loads(done.stdout)["findings"]]


def test_nothing_is_probed_unless_it_is_asked_for(program: Program, leaking_database: Dsn) -> None:
    assert scanned(program, leaking_database) == (0, [])


@pytest.mark.parametrize("level", ["read", "write"])
def test_a_leak_is_a_finding(program: Program, leaking_database: Dsn, level: str) -> None:
    assert scanned(program, leaking_database, "--probe", level) == (1, [("TEN005", "FAIL", "orders")])


def test_a_role_that_cannot_try_is_no_all_clear(program: Program, leaking_database: Dsn) -> None:
    observer = with_user(leaking_database, OBSERVER_ROLE)
    assert scanned(program, observer, "--probe", "read") == (3, [("TEN005", "UNKNOWN", "orders")])


def test_production_is_not_written_to(program: Program, leaking_database: Dsn) -> None:
    done = program("scan", "--dsn", leaking_database.reveal(), "--environment", "production", "--probe", "write")
    assert (done.code, done.stdout) == (2, "")
    assert "its environment is production" in done.stderr


def test_a_probe_that_no_chosen_rule_judges_is_wrong_input(program: Program, leaking_database: Dsn) -> None:
    done = program("scan", "--dsn", leaking_database.reveal(), "--select", "RLS", "--probe", "read")
    assert done.code == 2
    assert "TEN005" in done.stderr
