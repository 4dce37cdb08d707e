from __future__ import annotations

import json

import psycopg
import pytest

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline_tests.cli.conftest import Program


@pytest.fixture
def control_plane(blank_database: Dsn, monkeypatch: pytest.MonkeyPatch) -> Dsn:
    """An empty database for the control plane, and the variables that name it."""
    monkeypatch.setenv("PLATFORMKIT_ADMIN_DATABASE_URL", blank_database.reveal())
    monkeypatch.setenv("PLATFORMKIT_DATABASE_URL", psycopg.conninfo.make_conninfo(blank_database.reveal(), user="platformkit_pipeline"))
    return blank_database


def test_migrations_are_pending_until_they_are_applied_and_then_there_is_nothing_to_do(program: Program, control_plane: Dsn) -> None:
    assert program("db", "status").code == 3
    assert program("db", "migrate").stdout.startswith("applied 0001_")
    assert program("db", "migrate").stdout == "nothing to apply\n"
    done = program("db", "status")
    assert done.code == 0
    assert done.stdout.endswith("current\n")


def test_the_state_is_there_for_machines(program: Program, control_plane: Dsn) -> None:
    before = json.loads(program("db", "status", "--format", "json").stdout)
    applied = json.loads(program("db", "migrate", "--format", "json").stdout)
    after = json.loads(program("db", "status", "--format", "json").stdout)
    assert (before["current"], after["current"]) == (False, True)
    assert before["pending"] == applied["applied"] == after["applied"]


def test_an_unbroken_audit_log_is_confirmed_with_the_hash_to_note(program: Program, control_plane: Dsn) -> None:
    program("db", "migrate")
    done = program("db", "verify-audit", "--format", "json")
    found = json.loads(done.stdout)
    assert (done.code, found["ok"]) == (0, True)
    assert program("db", "verify-audit", "--anchor", found["head_hash"]).code == 0
    assert program("db", "verify-audit").stdout.startswith("unbroken: ")


def test_an_anchor_that_is_not_in_the_chain_says_no(program: Program, control_plane: Dsn) -> None:
    program("db", "migrate")
    done = program("db", "verify-audit", "--anchor", "ab" * 32)
    assert done.code == 1
    assert "BROKEN" in done.stdout


def test_the_audit_log_of_a_database_without_migrations_cannot_be_read(
    program: Program, control_plane: Dsn, make_blank_database: object
) -> None:
    assert callable(make_blank_database)
    program("db", "migrate")
    empty: Dsn = make_blank_database()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLATFORMKIT_DATABASE_URL", psycopg.conninfo.make_conninfo(empty.reveal(), user="platformkit_pipeline"))
        done = program("db", "verify-audit")
    assert (done.code, done.stdout) == (3, "")
    assert "platformkit db migrate" in done.stderr


def test_decisions_about_a_target_that_never_was_are_not_called_the_same(program: Program, control_plane: Dsn) -> None:
    program("db", "migrate")
    assert program("db", "verify-decisions").code == 0
    done = program("db", "verify-decisions", "--target", "shop-prodution")
    assert (done.code, done.stdout) == (2, "")
    assert "never had a target 'shop-prodution'" in done.stderr


def test_without_a_control_plane_the_variable_is_named(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLATFORMKIT_DATABASE_URL", raising=False)
    monkeypatch.delenv("PLATFORMKIT_ADMIN_DATABASE_URL", raising=False)
    for command in ("migrate", "status", "verify-audit", "verify-decisions"):
        done = program("db", command)
        assert (done.code, done.stdout) == (3, "")
        assert "PLATFORMKIT_DATABASE_URL is not set" in done.stderr


def test_a_control_plane_that_is_away_is_reported_without_its_password(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORMKIT_ADMIN_DATABASE_URL", "postgresql://me:hunter2@127.0.0.1:1/ops")
    done = program("db", "status")
    assert done.code == 3
    assert "hunter2" not in done.stderr


def test_without_a_command_the_group_explains_itself(program: Program) -> None:
    assert "verify-audit" in program("db").stdout
