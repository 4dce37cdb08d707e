"""Counters of real servers: read in the observation, never the reason why one fails."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.locations import read_sql
from platformkit_pipeline.model.activity import (
    Activity,
    ColumnSpread,
    EndpointLatency,
    IndexTrial,
    Statement,
    StatementPlan,
    StatementStatistics,
    TableSpace,
    UnusedIndex,
    activity_from_json,
    activity_to_json,
)
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.rules.database.index_usage import UNUSED_AFTER
from platformkit_pipeline.rules.database.table_bloat import BLOAT_BYTES
from platformkit_pipeline.sandbox.databases import create_database, with_user
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres

OLD = timedelta(days=30)


def run(dsn: Dsn, *statements: str) -> None:
    with psycopg.connect(dsn.reveal(), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def activity_of(dsn: Dsn, clock_ahead: timedelta = OLD) -> Activity:
    activity = observe(dsn, clock_ahead=clock_ahead).activity
    assert activity is not None
    return activity


def statements_of(dsn: Dsn) -> dict[str, Statement]:
    statistics = activity_of(dsn).statements
    assert statistics is not None
    return {s.text: s for s in statistics.statements}


@pytest.fixture
def counted(blank_database: Dsn) -> Dsn:
    """A database with the extension, somewhere off the search path, and a table."""
    run(
        blank_database,
        "create schema extensions",
        "create extension pg_stat_statements schema extensions",
        "select extensions.pg_stat_statements_reset()",
        "create table orders (id int primary key, total int)",
        "insert into orders select n, n from generate_series(1, 100) as n",
    )
    return blank_database


@pytest.fixture
def uncounted(counted: Dsn) -> Iterator[Dsn]:
    """A login without any grant."""
    run(counted, "create role uncounted login")
    yield with_user(counted, "uncounted")
    run(counted, "drop owned by uncounted", "drop role uncounted")


def test_statements_of_this_database_are_counted_by_text(counted: Dsn) -> None:
    run(counted, *(f"select total from orders where id = {n}" for n in range(1, 6)))
    statement = statements_of(counted)["select total from orders where id = $1"]
    assert (statement.calls, statement.rows, statement.top_level, statement.roles) == (5, 5, True, ("supabase_admin",))
    assert statement.max_ms is not None
    assert 0 < statement.mean_ms <= statement.max_ms
    assert statement.blocks_hit > 0


def test_other_databases_are_left_out(counted: Dsn, admin_dsn: Dsn) -> None:
    run(admin_dsn, "select 42 as elsewhere")
    assert not any("elsewhere" in text for text in statements_of(counted))


def test_secrets_in_statements_are_masked(counted: Dsn) -> None:
    run(counted, 'create table "sb_secret_abcdefghijklmnopqrstuv_12345678" (a int)', 'table "sb_secret_abcdefghijklmnopqrstuv_12345678"')
    assert not any("abcdefghijklmnop" in text for text in statements_of(counted))


def test_scans_do_not_change_what_is_reported(counted: Dsn) -> None:
    run(counted, *["select count(*) from orders"] * 5)
    first, second = (observe(counted, clock_ahead=OLD).activity for _ in range(2))
    assert first is not None and second is not None  # noqa: PT018 - for the type checker
    ours = [s for s in (first.statements.statements if first.statements else ()) if "orders" in s.text]
    assert ours == [s for s in (second.statements.statements if second.statements else ()) if "orders" in s.text]
    assert (first.counting_since, first.large_tables, first.unused_indexes) == (
        second.counting_since,
        second.large_tables,
        second.unused_indexes,
    )


def test_without_the_extension_there_is_a_reason(blank_database: Dsn) -> None:
    activity = activity_of(blank_database)
    assert activity.statements is None
    assert "create extension pg_stat_statements" in str(activity.statements_unavailable)


def test_a_role_without_rights_gets_a_reason(uncounted: Dsn) -> None:
    assert "grant it pg_read_all_stats" in str(activity_of(uncounted).statements_unavailable)


def test_a_role_that_sees_numbers_only_is_told_how_many(counted: Dsn, uncounted: Dsn) -> None:
    run(counted, "grant usage on schema extensions to uncounted", *["select pg_sleep(1.01)"] * 3)
    statistics = activity_of(uncounted).statements
    assert statistics is not None
    assert statistics.hidden > 0
    assert statistics.hidden_slow == 1
    assert not any("pg_sleep" in s.text for s in statistics.statements)
    run(counted, "grant pg_read_all_stats to uncounted")
    statistics = activity_of(uncounted).statements
    assert statistics is not None
    assert (statistics.hidden, statistics.hidden_slow) == (0, 0)
    run(counted, "revoke pg_read_all_stats from uncounted")


def test_a_refused_statement_does_not_fail_the_observation(counted: Dsn, uncounted: Dsn) -> None:
    run(counted, "revoke execute on function pg_stat_get_numscans(oid) from public")
    snapshot = observe(uncounted)
    assert snapshot.activity is None
    assert [(u.what, "pg_stat_get_numscans" in u.why) for u in snapshot.unobserved] == [("statistics", True)]
    assert snapshot.relations


def test_an_outdated_extension_is_a_reason(counted: Dsn) -> None:
    run(
        counted,
        "drop extension pg_stat_statements",
        "create extension pg_stat_statements schema extensions version '1.4'",
    )
    assert "alter extension pg_stat_statements update" in str(activity_of(counted).statements_unavailable)


def test_text_of_another_database_that_no_encoding_fits_is_a_reason(counted: Dsn, admin_dsn: Dsn) -> None:
    """The view converts the texts of all databases, or fails."""
    run(admin_dsn, "create database of_bytes encoding 'SQL_ASCII' locale 'C' template template0")
    try:
        of_bytes = Dsn(admin_dsn.reveal().replace("/postgres?", "/of_bytes?"), "test")
        with psycopg.connect(of_bytes.reveal(), autocommit=True) as connection:
            connection.execute("set client_encoding = 'SQL_ASCII'")
            connection.execute(b'select 1 as "\xff\x27"')
        activity = activity_of(counted)
        assert activity.statements is None
        assert "invalid byte sequence" in str(activity.statements_unavailable)
    finally:
        run(counted, "select extensions.pg_stat_statements_reset()")
        run(admin_dsn, "drop database of_bytes")


def test_an_extension_that_is_not_loaded_is_a_reason(tmp_path_factory: pytest.TempPathFactory) -> None:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("unloaded"), settings={"fsync": "off", "shared_preload_libraries": ""})
    server.ensure()
    try:
        dsn = create_database(server.dsn(), "unloaded")
        run(dsn, "create extension pg_stat_statements")
        assert "shared_preload_libraries" in str(activity_of(dsn).statements_unavailable)
    finally:
        server.destroy()


def test_indexes_are_unused_only_after_two_weeks(counted: Dsn) -> None:
    run(counted, "create index orders_total_idx on orders (total)", "create unique index orders_total_idx1 on orders (total)")
    assert activity_of(counted, UNUSED_AFTER - timedelta(days=1)).unused_indexes == ()
    assert [u.name for u in activity_of(counted, OLD).unused_indexes] == ["orders_total_idx"]
    run(counted, "drop index orders_total_idx1", "set enable_seqscan = off; select * from orders where total = 3")
    give_up = time.monotonic() + 10
    while activity_of(counted, OLD).unused_indexes and time.monotonic() < give_up:
        time.sleep(0.2)  # up to 14 a process of its own collects the counters
    assert activity_of(counted, OLD).unused_indexes == ()


def test_sizes_come_with_an_estimate_of_what_the_rows_need(blank_database: Dsn) -> None:
    run(
        blank_database,
        "create table wide (id int, note text)",
        "alter table wide alter column note set storage plain",
        "insert into wide select n, repeat('x', 3000) from generate_series(1, 16000) as n",
    )
    [space] = activity_of(blank_database).large_tables
    assert (space.name, space.analyzed, space.needed_bytes) == ("wide", False, None)
    run(blank_database, "analyze wide")
    [space] = activity_of(blank_database).large_tables
    assert space.analyzed
    assert space.bytes >= BLOAT_BYTES
    assert space.needed_bytes == pytest.approx(space.bytes, rel=0.05)
    run(blank_database, "delete from wide where id % 10 > 0", "analyze wide")
    [space] = activity_of(blank_database).large_tables
    assert space.needed_bytes == pytest.approx(space.bytes / 10, rel=0.1)


def test_sql_and_rules_speak_of_the_same_limits() -> None:
    text = read_sql("activity/server.sql")
    assert f"interval '{UNUSED_AFTER.days} days'" in text
    assert f">= {BLOAT_BYTES // 1024 // 1024} * 1024 * 1024" in text


def test_json_loses_nothing() -> None:
    moment = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
    activity = Activity(
        observed_at=moment,
        counting_since=moment - OLD,
        statements=StatementStatistics(moment, 1, 2, 3, (Statement("d", "select 1", ("a", "b"), True, 1, 2.5, 0.5, None, 3, 4, 5, 6.5),)),
        statements_unavailable=None,
        unused_indexes=(UnusedIndex("public", "t", "i", 8192),),
        large_tables=(TableSpace("public", "t", 10, None, False, None, "2026-11-20"),),
        plans=(StatementPlan("d", '{"Node Type": "Result"}'), StatementPlan("e", unavailable="why", executed=True)),
        spreads=(ColumnSpread("public", "t", "c", -0.5),),
        trials=(IndexTrial("public", "t", ("a", "b"), "d", 10.5, 1.25, True),),
        endpoints=(EndpointLatency("GET", "/", 20, 1, 2),),
        endpoints_unavailable=None,
    )
    assert activity_from_json(json.loads(json.dumps(activity_to_json(activity)))) == activity
    bare = dataclasses.replace(activity, statements=None, endpoints=None, statements_unavailable="why")
    assert activity_from_json(json.loads(json.dumps(activity_to_json(bare) | {"from_another_version": 1}))) == bare
