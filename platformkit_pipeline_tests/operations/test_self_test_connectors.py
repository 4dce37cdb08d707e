"""The self-test of rules about connectors, as `platformkit rules self-test` runs it."""

from __future__ import annotations

import os

import pytest

from platformkit_pipeline.connectors.acceptance.workbench import BENCH_VARIABLE
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.operations.self_test import self_test
from platformkit_pipeline.operations.self_test_connectors import DATABASE_VARIABLE
from platformkit_pipeline.rules.registry import find_rule
from platformkit_pipeline.sandbox.databases import connect


def test_a_rule_is_tested_without_noise_and_nothing_is_left_behind(
    admin_dsn: Dsn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(BENCH_VARIABLE, admin_dsn.reveal())
    monkeypatch.setenv(DATABASE_VARIABLE, "of somebody else")
    rule = find_rule("CON001")
    assert rule is not None
    said: list[str] = []
    [tested] = self_test([rule], said.append).rules
    assert (tested.code, tested.complaints) == ("CON001", ())
    assert said == ["1/1 CON001"]
    assert capsys.readouterr().err == "", "deliveries fail on the bench because the suite wants it"
    assert os.environ[DATABASE_VARIABLE] == "of somebody else"
    with connect(admin_dsn) as connection:
        assert connection.execute("select datname from pg_database where datname like 'platformkit_bench%'").fetchall() == []
