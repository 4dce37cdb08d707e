"""Rules that live on counters and logs: on real servers where a counter can be had, else on counters made up."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.introspection.supabase_platform import ADDRESS_VARIABLE
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
)
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.model.target import Declarations, ManagementApiAccess
from platformkit_pipeline.operations.observe_all import with_endpoints
from platformkit_pipeline.rules.database.query_performance import slow_share
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import Source, all_rules
from platformkit_pipeline.sandbox.management_api import PROJECT, TOKEN, Fault, serve_management_api
from platformkit_pipeline_tests.rules.conftest import run_sql

RULES = tuple(r for r in all_rules() if r.source in (Source.STATISTICS, Source.LOGS))
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LOGGED = Declarations(management_api=True)


def judged(snapshot: Snapshot, declarations: Declarations | None = None) -> list[Result]:
    return [r for r in evaluate(snapshot, declarations or Declarations(), RULES) if r.is_finding]


def told(results: list[Result]) -> set[tuple[str, str, Outcome]]:
    return {(r.rule, r.object.canonical, r.outcome) for r in results}


def statement(text: str, **more: Any) -> Statement:
    values: dict[str, Any] = {
        **{
            "digest": hashlib.sha256(text.encode()).hexdigest()[:16],
            "text": text,
            "roles": ("authenticated",),
            "top_level": True,
            "calls": 100,
        },
        **{"mean_ms": 2.0, "deviation_ms": 1.0, "max_ms": 9.0, "rows": 1, "blocks_hit": 1, "blocks_read": 0, "read_ms": 0.0},
    }
    return Statement(**values | more)


Counters = Callable[..., Snapshot]


@pytest.fixture(scope="module")
def observed(admin_dsn: Dsn, supabase_template: str) -> Iterator[Snapshot]:
    """The well-kept schema with 20,000 orders, and an index that statements may or may not use."""
    from platformkit_pipeline.sandbox.databases import drop_database
    from platformkit_pipeline.sandbox.supabase import copy_supabase_database
    from platformkit_pipeline_tests.rules.conftest import WELL_KEPT

    dsn = copy_supabase_database(admin_dsn, "performance_rules", template=supabase_template)
    run_sql(dsn, WELL_KEPT)
    run_sql(
        dsn,
        """
        alter table public.orders add column status text, add column paid boolean, add column customer uuid;
        alter table public.orders add foreign key (customer) references public.tenants (id) on delete cascade;
        create index orders_status_idx on public.orders (status, total);
        insert into public.tenants (id, name) values ('00000000-0000-0000-0000-000000000001', 'one');
        insert into public.orders (tenant_id, total) select '00000000-0000-0000-0000-000000000001', n from generate_series(1, 20000) as n;
        analyze public.orders;
        """,
    )
    yield observe(dsn)
    drop_database(admin_dsn, "performance_rules")


@pytest.fixture
def counters(observed: Snapshot) -> Counters:
    """The observed schema with counters of the test's own, a month old unless it says otherwise."""

    def with_activity(*statements: Statement, since: datetime = NOW - timedelta(days=30), **more: Any) -> Snapshot:
        statistics = StatementStatistics(since, more.pop("evicted", 0), more.pop("hidden", 0), more.pop("hidden_slow", 0), statements)
        return replace(observed, activity=replace(Activity(observed_at=NOW, counting_since=since, statements=statistics), **more))

    return with_activity


# -- what is not known ------------------------------------------------------------------------------------------------


def test_without_counters_every_rule_says_why_once(observed: Snapshot) -> None:
    results = judged(replace(observed, activity=None))
    database = f"database {observed.server.database}"
    assert told(results) == {(r.code, database, Outcome.UNKNOWN) for r in RULES if r.source is Source.STATISTICS}
    assert all(r.message.startswith("not judged: ") for r in results)


def test_old_complete_counters_without_a_fault_pass(counters: Counters) -> None:
    assert judged(counters(statement("select * from public.orders where tenant_id = $1"))) == []


@pytest.mark.parametrize(
    ("gap", "rules", "word"),
    [
        ({"since": NOW - timedelta(hours=23)}, {"PRF001", "PRF003", "IDX002", "IDX004"}, "since 2026-11-19 13:00:00 UTC"),
        ({"since": NOW - timedelta(days=13)}, {"IDX004"}, "14 are needed"),
        ({"evicted": 3}, {"PRF001", "PRF003", "IDX002"}, "pg_stat_statements.max"),
        ({"hidden": 3}, {"IDX002"}, "pg_read_all_stats"),
        ({"hidden": 3, "hidden_slow": 1}, {"PRF001", "PRF003", "IDX002"}, "pg_read_all_stats"),
    ],
)
def test_counters_with_a_gap_are_no_all_clear(counters: Counters, gap: dict[str, Any], rules: set[str], word: str) -> None:
    results = judged(counters(**gap))
    assert {r.rule for r in results} == rules
    assert all(r.outcome is Outcome.UNKNOWN and word in r.message for r in results)


def test_messages_do_not_depend_on_when_somebody_looks(counters: Counters) -> None:
    snapshot = counters(statement("select 1 from public.orders", mean_ms=2000.0, max_ms=2500.0), since=NOW - timedelta(hours=1))
    assert snapshot.activity is not None
    later = replace(snapshot, activity=replace(snapshot.activity, observed_at=NOW + timedelta(minutes=7)))
    assert judged(later) == judged(snapshot)


# -- slow statements --------------------------------------------------------------------------------------------------


def slow_ones(snapshot: Snapshot) -> list[str]:
    return [r.evidence["statement"] for r in judged(snapshot) if r.rule == "PRF001" and r.outcome is Outcome.FAIL]


def test_a_statement_is_slow_by_its_mean(counters: Counters) -> None:
    slow = statement("select slow from orders", mean_ms=1001.0, max_ms=3000.0, calls=3)
    assert slow_ones(counters(slow)) == [slow.text]
    assert slow_ones(counters(replace(slow, calls=2))) == []
    assert slow_ones(counters(replace(slow, mean_ms=1000.0))) == []


def test_a_statement_is_slow_by_its_spread_only_when_that_is_certain(counters: Counters) -> None:
    """Ten of a hundred calls took 5 s; against one outlier of 60 s among a thousand calls."""
    sometimes = statement("select sometimes from orders", mean_ms=509.0, deviation_ms=1497.0, max_ms=5000.0)
    outlier = statement("select once from orders", mean_ms=61.0, deviation_ms=1895.0, max_ms=60_000.0, calls=1000)
    assert slow_ones(counters(sometimes, outlier)) == [sometimes.text]
    assert 0.09 < slow_share(sometimes) < 0.101
    assert slow_share(outlier) < 0.002
    assert slow_share(replace(sometimes, max_ms=None)) == 0.0


def test_what_belongs_to_the_platform_is_not_judged(counters: Counters) -> None:
    texts = (
        "select * from pg_class",
        "select realtime.list_changes($1)",
        "select * from auth.users, storage.objects",
        "select * from pg_catalog.pg_proc",
        "select * from information_schema.tables",
    )
    assert slow_ones(counters(*(statement(t, mean_ms=5000.0) for t in texts))) == []
    ours = ("select * from public.orders, pg_class", "select my_function()", "select pg_sleep($1)", "select broken from from")
    assert sorted(slow_ones(counters(*(statement(t, mean_ms=5000.0) for t in ours)))) == sorted(ours)


def test_statements_inside_of_functions_are_part_of_the_call(counters: Counters) -> None:
    assert slow_ones(counters(statement("select slow from orders", mean_ms=5000.0, top_level=False))) == []


# -- table scans ------------------------------------------------------------------------------------------------------

SCAN = (
    '{"Node Type": "Limit", "Total Cost": 9.5, '
    '"Plans": [{"Node Type": "Seq Scan", "Schema": "public", "Relation Name": "%s", "Filter": "(a = $1)"}]}'
)


@pytest.mark.parametrize(
    ("plan", "outcome", "word"),
    [
        ({"plan": SCAN % "orders"}, Outcome.FAIL, "reads the whole of public.orders for (a = $1)"),
        ({"plan": SCAN % "tenants"}, None, ""),
        ({"plan": '{"Node Type": "Index Scan", "Relation Name": "orders"}'}, None, ""),
        ({"unavailable": "permission denied for table orders"}, Outcome.UNKNOWN, "permission denied"),
    ],
)
def test_a_slow_statement_may_scan_a_small_table(counters: Counters, plan: dict[str, Any], outcome: Outcome | None, word: str) -> None:
    slow = statement("select slow from elsewhere", mean_ms=5000.0)
    results = [r for r in judged(counters(slow, plans=(StatementPlan(slow.digest, **plan),))) if r.rule == "PRF003"]
    assert [r.outcome for r in results] == ([outcome] if outcome else [])
    assert all(word in r.message for r in results)
    if outcome is Outcome.FAIL:
        assert results[0].evidence["plan"]["Plans"][0]["Relation Name"] == "orders"
        assert (results[0].evidence["cost"], results[0].evidence["tables"]) == (9.5, ["public.orders"])


# -- endpoints --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endpoint", "missed"),
    [
        (EndpointLatency("GET", "/rest/v1/orders", 100, 500, 2000), None),
        (EndpointLatency("GET", "/rest/v1/orders", 20, 501, 501), "p95 is above 500 ms"),
        (EndpointLatency("GET", "/rest/v1/orders", 100, 400, 2001), "p99 is above 2000 ms"),
        (EndpointLatency("GET", "/rest/v1/orders", 99, 400, 2001), None),
    ],
)
def test_budgets_of_endpoints(counters: Counters, endpoint: EndpointLatency, missed: str | None) -> None:
    results = judged(counters(endpoints=(endpoint,)), LOGGED)
    assert [r.message for r in results] == ([f"GET /rest/v1/orders: {missed}"] if missed else [])
    assert judged(counters(endpoints=(endpoint,))) == []


def test_too_few_requests_are_no_all_clear(counters: Counters) -> None:
    [result] = judged(counters(endpoints=(EndpointLatency("GET", "/", 19, 9000, 9000),)), LOGGED)
    assert (result.outcome, "too few" in result.message) == (Outcome.UNKNOWN, True)


def test_logs_from_the_stand_in(counters: Counters, monkeypatch: pytest.MonkeyPatch) -> None:
    access = ManagementApiAccess(PROJECT, "A_TOKEN")
    with serve_management_api() as api:
        monkeypatch.setenv("A_TOKEN", TOKEN)
        monkeypatch.setenv(ADDRESS_VARIABLE, api.address)
        api.log([{"method": "GET", "path": "/rest/v1/orders", "status": 200, "milliseconds": 900, "requests": 100}])
        snapshot = counters()
        assert snapshot.activity is not None
        slow = replace(snapshot, activity=with_endpoints(snapshot.activity, access))
        assert told(judged(slow, LOGGED)) == {("PRF002", 'endpoint "GET /rest/v1/orders"', Outcome.FAIL)}
        api.faults = [Fault(403)]
        refused = replace(snapshot, activity=with_endpoints(snapshot.activity, access))
        [result] = judged(refused, LOGGED)
        assert "analytics_logs_read" in result.message


# -- sizes ------------------------------------------------------------------------------------------------------------

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("space", "outcome"),
    [
        (TableSpace("public", "orders", 200 * MIB, 90 * MIB, True), Outcome.FAIL),
        (TableSpace("public", "orders", 200 * MIB, 110 * MIB, True), None),
        (TableSpace("public", "orders", 60 * MIB, 20 * MIB, True), None),
        (TableSpace("public", "orders", 200 * MIB, None, True), Outcome.UNKNOWN),
        (TableSpace("public", "orders", 0, None, False), Outcome.UNKNOWN),
        (TableSpace("auth", "users", 200 * MIB, 1 * MIB, True), None),
    ],
)
def test_bloat_is_a_factor_and_a_size(counters: Counters, space: TableSpace, outcome: Outcome | None) -> None:
    assert told(judged(counters(large_tables=(space,)))) == ({("PRF004", "table public.orders", outcome)} if outcome else set())


# -- indexes that are missing -------------------------------------------------------------------------------------------


def recommended(snapshot: Snapshot) -> list[str]:
    return [r.evidence["index"] for r in judged(snapshot) if r.rule == "IDX002" and r.outcome is Outcome.FAIL]


def test_one_index_for_each_way_of_looking(counters: Counters) -> None:
    texts = (
        "select * from public.orders where total = $1",
        "select * from orders where total = $1 and created_at > $2",
        "select * from orders order by updated_at desc limit $1",
    )
    assert recommended(counters(*map(statement, texts))) == [
        "create index concurrently on public.orders (total, created_at)",
        "create index concurrently on public.orders (updated_at)",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "select * from orders where id = $1 and total = $2",
        "select * from orders where tenant_id = $1 order by total limit $2",
        "select * from orders where status = $1 and updated_at = $2",
        "select * from orders where customer = $1 and total = $2",
        "select * from orders where paid = $1",
        "select * from tenants where name = $1",
        "select * from orders join tenants on tenants.id = orders.tenant_id where tenants.id = $1",
        "insert into orders (total) values ($1)",
    ],
    ids=["primary key", "policy", "index", "FKY003 asks for it", "boolean", "small table", "join", "insert"],
)
def test_look_ups_that_have_an_index_or_need_none(counters: Counters, text: str) -> None:
    assert recommended(counters(statement(text))) == []


def test_rare_statements_count_only_when_they_are_slow(counters: Counters) -> None:
    rare = statement("select * from orders where total = $1", calls=99)
    assert recommended(counters(rare)) == []
    assert len(recommended(counters(replace(rare, calls=3, mean_ms=1500.0)))) == 1


def test_few_values_need_no_index(counters: Counters) -> None:
    looked = statement("select * from orders where total = $1")
    assert recommended(counters(looked, spreads=(ColumnSpread("public", "orders", "total", 5.0),))) == []
    assert len(recommended(counters(looked, spreads=(ColumnSpread("public", "orders", "total", -0.5),)))) == 1


def test_a_partitioned_table_is_as_large_as_its_partitions(supabase_database: Dsn) -> None:
    run_sql(
        supabase_database,
        """
        create table public.events (id int, kind int) partition by hash (id);
        create table public.events_0 partition of public.events for values with (modulus 2, remainder 0);
        create table public.events_1 partition of public.events for values with (modulus 2, remainder 1);
        insert into public.events select n, n from generate_series(1, 12000) as n;
        analyze public.events_0;
        analyze public.events_1;
        """,
    )
    statistics = StatementStatistics(NOW, 0, 0, 0, (statement("select * from public.events where kind = $1"),))
    snapshot = replace(observe(supabase_database), activity=Activity(NOW, NOW, statistics))
    assert recommended(snapshot) == ["create index on public.events (kind)"]


def test_the_planner_has_the_last_word(counters: Counters) -> None:
    looked = statement("select * from orders where total = $1")
    trial = IndexTrial("public", "orders", ("total",), looked.digest, 100.0, 8.0, True)
    [result] = [r for r in judged(counters(looked, trials=(trial,))) if r.rule == "IDX002"]
    assert result.evidence["statements"][0]["hypothetical"] == {"cost_before": 100.0, "cost_after": 8.0}
    assert recommended(counters(looked, trials=(replace(trial, used=False, cost_after=100.0),))) == []
    index_scan = StatementPlan(looked.digest, '{"Node Type": "Index Scan", "Relation Name": "orders", "Schema": "public"}')
    assert recommended(counters(looked, plans=(index_scan,))) == []


# -- indexes that nobody uses -------------------------------------------------------------------------------------------


def test_unused_indexes_but_those_that_another_rule_asks_for(counters: Counters) -> None:
    unused = tuple(UnusedIndex("public", "orders", name, 16384) for name in ("orders_status_idx", "orders_tenant_id_idx", "orders_pkey"))
    assert told(judged(counters(unused_indexes=unused))) == {("IDX004", "index public.orders.orders_status_idx", Outcome.FAIL)}


def test_an_unused_index_that_makes_a_used_one_superfluous_stays(counters: Counters) -> None:
    snapshot = counters(unused_indexes=(UnusedIndex("public", "orders", "orders_status_idx", 16384),))
    wide = next(i for i in snapshot.indexes if i.name == "orders_status_idx")
    narrow = replace(wide, name="orders_status_only_idx", key_columns=("status",))
    both = replace(snapshot, indexes=(*snapshot.indexes, narrow))
    assert judged(both) == []
    assert both.activity is not None
    unused = (*both.activity.unused_indexes, UnusedIndex("public", "orders", narrow.name, 16384))
    assert len(judged(replace(both, activity=replace(both.activity, unused_indexes=unused)))) == 2


def test_a_standby_knows_its_own_reads_only(counters: Counters) -> None:
    snapshot = counters()
    [result] = judged(replace(snapshot, server=replace(snapshot.server, in_recovery=True)))
    assert (result.rule, result.outcome, "standby" in result.message) == ("IDX004", Outcome.UNKNOWN, True)


def test_a_real_server_judged_twice_says_the_same(supabase_database: Dsn) -> None:
    with psycopg.connect(supabase_database.reveal(), autocommit=True) as connection:
        connection.execute("create extension if not exists pg_stat_statements schema extensions")
        connection.execute("select extensions.pg_stat_statements_reset()")
        for _ in range(3):
            connection.execute("select pg_sleep(1.01)")
    first, second = (evaluate(observe(supabase_database, clock_ahead=timedelta(days=30)), Declarations(), RULES) for _ in range(2))
    assert first == second
    assert [r.message for r in first if r.outcome is Outcome.FAIL] == ["takes more than 1 s on average: select pg_sleep($1)"]
