"""Statements of user journeys."""

from __future__ import annotations

import pytest

from platformkit_pipeline.sqltext.journeys import StepFacts, step_facts


@pytest.mark.parametrize(
    ("sql", "reads_only", "parameters"),
    [
        ("select 1", True, 0),
        ("values (1), (2)", True, 0),
        ("select * from t where a = $1 and b = $2", True, 2),
        ("select * from t for update", False, 0),
        ("with gone as (delete from t returning 1) select * from gone", False, 0),
        ("insert into t select $1", False, 1),
        ("update t set a = 1", False, 0),
        ("delete from t", False, 0),
        ("merge into t using s on t.a = s.a when matched then delete", False, 0),
        ("call p($1)", False, 1),
    ],
)
def test_what_may_stand_in_a_journey(sql: str, reads_only: bool, parameters: int) -> None:
    assert step_facts(sql) == StepFacts(None, reads_only, parameters)


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("", "expected one statement, found 0"),
        ("select 1; commit", "expected one statement, found 2"),
        ("begin", "may not stand in a journey"),
        ("select pg_catalog.set_config('role', 'x', true)", "set_config may not be called"),
        ("insert into t values (nextval('s'))", "nextval may not be called"),
        ("select 1 where exists (select pg_try_advisory_lock(1))", "outlives the rollback"),
        ("select ('s'::regclass).nextval", "nextval may not be called"),
        ("select (x.pid).pg_cancel_backend from pg_stat_activity as x", "pg_cancel_backend may not be called"),
        ("select * from ts_stat('select set_config(1, 2, 3)')", "SQL that is not read here"),
        ("select pg_stat_reset()", "outside of the transaction"),
        ("select extensions.http_get('http://169.254.169.254/')", "requests"),
        ("select a into b from t", "SELECT INTO makes a table"),
        ("with a as (select 1 into b) select 1", "SELECT INTO makes a table"),
    ],
)
def test_what_may_not(sql: str, why: str) -> None:
    assert why in (step_facts(sql).refusal or "")


def test_locks_that_end_with_the_transaction_may_be_taken() -> None:
    assert step_facts("select pg_advisory_xact_lock(1)").refusal is None
