"""Overrides and recomputed decisions at the command line, on a real control plane."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import psycopg
import pytest

from platformkit_pipeline.control_plane import targets
from platformkit_pipeline.control_plane.connection import session
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.target import Target, TargetKind
from platformkit_pipeline.operations.decide_gate import decide_deploy_gate
from platformkit_pipeline_tests.cli.conftest import Program

SHOP = Target(TargetKind.SUPABASE_PROJECT, "shop-production")
ASK = ("override", "grant", "--target", SHOP.name, "--reason", "an outage", "--by", "ann")


@pytest.fixture
def ops(control_plane: Dsn, pipeline_dsn: Dsn, monkeypatch: pytest.MonkeyPatch) -> Dsn:
    """A control plane with one target."""
    monkeypatch.setenv("PLATFORMKIT_ADMIN_DATABASE_URL", control_plane.reveal())
    monkeypatch.setenv("PLATFORMKIT_DATABASE_URL", pipeline_dsn.reveal())
    with session(pipeline_dsn) as connection, connection.transaction():
        targets.sync(connection, [SHOP])
    return pipeline_dsn


def test_an_override_is_granted_listed_and_ended(program: Program, ops: Dsn) -> None:
    granted = program(*ASK, "--approved-by", "bob", "--hours", "3", "--format", "json")
    assert granted.code == 0, granted.stderr
    [one] = json.loads(granted.stdout)["overrides"]
    assert (one["requested_by"], one["approved_by"], one["reason"], one["ended_at"]) == ("ann", "bob", "an outage", None)
    listed = program("override", "list", "--target", SHOP.name)
    assert listed.stdout.splitlines()[1].split()[-4:] == ["ann", "bob", "an", "outage"]
    end = ("override", "end", "--target", SHOP.name, "--reason", "deployed", "--by", "bob")
    assert program(*end).stdout == f"ended {one['override_id']}\n"
    assert program(*end).code == 1
    [ended] = json.loads(program("override", "list", "--target", SHOP.name, "--format", "json").stdout)["overrides"]
    assert ended["ended_by"] == "bob"


def test_a_wrong_override_stores_nothing_and_says_what_to_do(program: Program, ops: Dsn) -> None:
    alone = program(*ASK, "--approved-by", "ANN")
    assert (alone.code, alone.stdout) == (2, "")
    assert "--approved-by names another person" in alone.stderr
    strange = program(*ASK[:3], "lost", *ASK[4:], "--approved-by", "bob")
    assert strange.code == 2
    assert "no target 'lost'" in strange.stderr
    assert json.loads(program("override", "list", "--target", SHOP.name, "--format", "json").stdout)["overrides"] == []


def test_decisions_that_differ_from_what_is_stored_are_listed_and_exit_1(program: Program, ops: Dsn, superuser: psycopg.Connection) -> None:
    with session(ops) as connection:
        decision = decide_deploy_gate(connection, SHOP, now=datetime(2026, 3, 1, tzinfo=UTC))
    assert program("db", "verify-decisions").stdout == "as stored: 1 same, 0 different, 0 not recomputable\n"
    superuser.execute("update ops.gate_decisions set reasons = array['because']")
    superuser.commit()
    found = program("db", "verify-decisions")
    assert found.code == 1
    assert found.stdout.splitlines()[-1] == "NOT AS STORED: 0 same, 1 different, 0 not recomputable"
    document = json.loads(program("db", "verify-decisions", "--target", SHOP.name, "--since", "2026-03-01", "--format", "json").stdout)
    assert [d["decision_id"] for d in document["different"]] == [decision.decision_id]
    later = program("db", "verify-decisions", "--since", "2026-03-02")
    assert (later.code, later.stdout) == (0, "as stored: 0 same, 0 different, 0 not recomputable\n")
