"""Plans of slow and frequent statements: asked for in a read-only transaction, without running what must not run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from platformkit_pipeline.introspection.postgres import plans
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.activity import Activity, StatementPlan
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.sandbox.binaries import Binaries
from platformkit_pipeline.sandbox.databases import create_database, with_user
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres

_DEBIAN = Path("/usr/lib/postgresql/15/bin")


def run(dsn: Dsn, *statements: str) -> None:
    with psycopg.connect(dsn.reveal(), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def fill(dsn: Dsn) -> Dsn:
    run(
        dsn,
        "create extension pg_stat_statements",
        "select pg_stat_statements_reset()",
        "create table orders (id int primary key, total int, status int)",
        "insert into orders select n, n, n % 3 from generate_series(1, 20000) as n",
        "create view all_orders as select * from orders",
        "analyze orders",
    )
    return dsn


@pytest.fixture
def counted(blank_database: Dsn) -> Dsn:
    return fill(blank_database)


def activity_of(dsn: Dsn, *, explain_analyze: bool = False) -> Activity:
    activity = observe(dsn, clock_ahead=timedelta(days=30), explain_analyze=explain_analyze).activity
    assert activity is not None
    return activity


def plan_of(activity: Activity, text: str) -> StatementPlan:
    assert activity.statements is not None
    [digest] = [s.digest for s in activity.statements.statements if s.text == text]
    return next(p for p in activity.plans if p.digest == digest)


def nodes(plan: StatementPlan) -> list[dict[str, Any]]:
    assert plan.plan is not None, plan.unavailable
    waiting, found = [json.loads(plan.plan)], []
    while waiting:
        found.append(waiting.pop())
        waiting.extend(found[-1].get("Plans", ()))
    return found


@pytest.mark.parametrize("generic_plan", [True, False], ids=["generic_plan", "prepared"])
def test_slow_statements_are_planned_for_unknown_parameters(counted: Dsn, generic_plan: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "_GENERIC_PLAN_SINCE", 160000 if generic_plan else 990000)
    run(
        counted,
        *(f"select pg_sleep(1.01) from orders where total = {n}" for n in range(3)),
        *["update orders set status = 1 where total = 5"] * 100,
    )
    activity = activity_of(counted)
    slow = nodes(plan_of(activity, "select pg_sleep($1) from orders where total = $2"))
    [scan] = [n for n in slow if n["Node Type"] == "Seq Scan"]
    assert (scan["Schema"], scan["Relation Name"], scan["Filter"]) == ("public", "orders", "(orders.total = $2)")
    frequent = nodes(plan_of(activity, "update orders set status = $1 where total = $2"))
    assert frequent[0]["Node Type"] == "ModifyTable"


def test_nothing_is_asked_where_nothing_stands_out(counted: Dsn) -> None:
    run(counted, "select * from orders where total = 5")
    activity = activity_of(counted)
    assert (activity.plans, activity.spreads, activity.trials) == ((), (), ())


def test_a_plan_that_the_role_may_not_have_is_a_reason(counted: Dsn) -> None:
    run(
        counted,
        "create role onlooker login in role pg_read_all_stats",
        *["select pg_sleep(1.01) from orders where id = 1"] * 3,
    )
    try:
        plan = plan_of(activity_of(with_user(counted, "onlooker")), "select pg_sleep($1) from orders where id = $2")
        assert plan.plan is None
        assert "permission denied for table orders" in str(plan.unavailable)
    finally:
        run(counted, "drop owned by onlooker", "drop role onlooker")


def test_a_statement_is_planned_as_the_role_that_ran_it(counted: Dsn) -> None:
    run(
        counted,
        "create role client",
        "create schema own authorization client",
        "alter role client set search_path = own",
        "create table own.things as select n as a from generate_series(1, 20000) as n",
        "grant all on own.things to client",
        "analyze own.things",
    )
    with psycopg.connect(counted.reveal(), autocommit=True) as connection:
        connection.execute("set role client")
        connection.execute("set search_path = own")
        for _ in range(3):
            connection.execute("select pg_sleep(1.01) from things where a = 1")
    try:
        [scan] = nodes(plan_of(activity_of(counted), "select pg_sleep($1) from things where a = $2"))
        assert (scan["Schema"], scan["Relation Name"]) == ("own", "things")
    finally:
        run(counted, "drop owned by client cascade", "drop role client")


def test_a_superuser_does_not_plan_what_calls_functions_of_others(counted: Dsn) -> None:
    """The planner evaluates an immutable function: this one would turn the superuser's rights against the server."""
    run(
        counted,
        "create role attacker",
        "grant create on schema public to attacker",
        "grant select on orders to attacker",
        "set role attacker; create function trap() returns int immutable language plpgsql as "
        "$$ begin if current_setting('is_superuser') = 'on' then raise exception 'sprung'; end if; return 5; end $$",
        "set role attacker; create view baited as select * from orders where id = trap()",
    )
    with psycopg.connect(counted.reveal(), autocommit=True) as connection:
        connection.execute("set role attacker")
        for _ in range(3):
            connection.execute("select pg_sleep(1.01) from orders where id = trap()")
            connection.execute("select pg_sleep(1.01) from baited right join (select 1) as one on true")
    try:
        activity = activity_of(counted)
        assert len(activity.plans) == 2
        assert all("a superuser must not do" in str(p.unavailable) for p in activity.plans)
    finally:
        run(counted, "drop owned by attacker cascade", "drop role attacker")


def test_statements_run_only_where_the_owner_asks_and_nothing_can_happen(counted: Dsn) -> None:
    run(
        counted,
        "create function slow() returns int stable language plpgsql as 'begin perform pg_sleep(1.01); return 1; end'",
        "create sequence numbers",
    )
    with psycopg.connect(counted.reveal(), autocommit=True) as connection:
        for _ in range(3):
            connection.execute("select slow()")
            connection.execute("select slow(), nextval('numbers')")
            connection.execute("select slow() from all_orders fetch first row only")
            connection.execute("with gone as (delete from orders where false returning id) select slow(), (select count(*) from gone)")
    careful, bold = activity_of(counted), activity_of(counted, explain_analyze=True)
    assert not any(p.executed for p in careful.plans)
    assert bold.statements is not None
    texts = {s.digest: s.text for s in bold.statements.statements}
    assert {texts[p.digest] for p in bold.plans if p.executed} == {"select slow()"}
    [ran] = [p for p in bold.plans if p.executed]
    assert nodes(ran)[0]["Actual Rows"] == 1
    with psycopg.connect(counted.reveal()) as connection:
        assert connection.execute("select last_value from numbers").fetchone() == (3,)


def test_secrets_in_plans_are_masked(counted: Dsn) -> None:
    secret = "sb_secret_abcdefghijklmnopqrstuv_12345678"
    run(
        counted,
        f"create view hidden as select pg_sleep(1.01)::text from orders where id = 1 and '{secret}' = status::text || id::text or id = 2",
        *["select * from hidden limit 1"] * 3,
    )
    assert not any("abcdefghijklmnop" in str(p.plan) for p in activity_of(counted).plans)


def test_how_many_values_a_column_has_is_known(counted: Dsn) -> None:
    run(counted, *["select id from orders where total = 5"] * 100, *["select id from orders where status = 2"] * 100)
    assert {(s.column, s.distinct) for s in activity_of(counted).spreads} == {("total", -1.0), ("status", 3.0)}


@pytest.fixture(scope="module")
def debian_with_hypopg(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    binaries = Binaries(_DEBIAN, "15", "Debian")
    if not (_DEBIAN.parent / "lib" / "hypopg.so").is_file():
        pytest.skip("Debian's PostgreSQL 15 with hypopg is not installed")
    server = EmbeddedPostgres(tmp_path_factory.mktemp("hypopg"), binaries=binaries, settings={"fsync": "off", "autovacuum": "off"})
    server.ensure()
    yield server
    server.destroy()


def test_recommended_indexes_are_tried_where_hypopg_is_installed(debian_with_hypopg: EmbeddedPostgres) -> None:
    dsn = fill(create_database(debian_with_hypopg.dsn(), "tried"))
    run(dsn, "create schema extensions", "create extension hypopg schema extensions")
    run(dsn, *["select id from orders where total = 5"] * 100)
    with psycopg.connect(dsn.reveal(), autocommit=True) as connection:
        connection.execute("select extensions.hypopg_create_index('create index on orders (status)')")
        [trial] = activity_of(dsn).trials
        kept = connection.execute("select count(*) from extensions.hypopg_list_indexes").fetchone()
    assert (trial.columns, trial.used) == (("total",), True)
    assert trial.cost_after < trial.cost_before / 10
    assert kept == (1,)
    with psycopg.connect(dsn.reveal()) as connection:
        assert connection.execute("select count(*) from pg_indexes where tablename = 'orders'").fetchone() == (1,)
