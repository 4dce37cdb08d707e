"""User journeys on a live database: honoured, violated, and taken back."""

from __future__ import annotations

import json
from collections.abc import Sequence

import psycopg
import pytest

from platformkit_pipeline.model.contract import CheckResult
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.parity.contract_files import read_contracts
from platformkit_pipeline.parity.surroundings import DataApiAccess
from platformkit_pipeline.sandbox.data_api.serve import PUBLISHABLE_KEY, serve_data_api
from platformkit_pipeline.sandbox.databases import with_user
from platformkit_pipeline.sandbox.supabase import OBSERVER_ROLE
from platformkit_pipeline_tests.parity.behavior.conftest import Bench, Shop

TENANT = "f8244e39-eb85-9729-6505-e1038eaac46e"


def outcomes(results: Sequence[CheckResult]) -> dict[str, str]:
    return {r.check: r.outcome.value for r in results}


def one(results: Sequence[CheckResult]) -> CheckResult:
    [result] = results
    return result


def journey(*steps: str) -> str:
    return "version: 1\nsteps:\n" + "".join(steps)


def step(name: str, sql: str, more: str = "", role: str = "authenticated") -> str:
    claims = f", claims: {{tenant_id: {TENANT}}}" if role == "authenticated" else ""
    return f"  - name: {name}\n    as: {{role: {role}{claims}}}\n    sql: {json.dumps(sql)}\n" + "".join(
        f"    {line}\n" for line in more.splitlines()
    )


def counted(dsn: Dsn) -> object:
    with psycopg.connect(dsn.reveal()) as connection:
        return connection.execute("select (select count(*) from public.orders), (select count(*) from public.customers)").fetchone()


# -- the samples ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "checks"), [("reading-orders", 4), ("placing-an-order", 5), ("tenants-stay-apart", 5)])
def test_the_well_kept_shop_honours_its_journeys_and_is_left_as_it_was(samples: Bench, shop: Dsn, name: str, checks: int) -> None:
    before = counted(shop)
    results = samples.results(name, shop, writes=True)
    assert [(r.outcome, r.message) for r in results] == [(Outcome.PASS, "")] * checks
    assert counted(shop) == before


def test_a_policy_for_anybody_violates_what_depends_on_it(samples: Bench, broken_shop: Shop) -> None:
    dsn = broken_shop("alter policy tenant_isolation on public.orders using (true)")
    found = outcomes(samples.results("reading-orders", dsn)) | outcomes(samples.results("tenants-stay-apart", dsn))
    assert {name for name, outcome in found.items() if outcome != "PASS"} == {
        "a clerk sees orders of their own merchant",
        "the order has items",
        "a clerk of another merchant does not see it",
        "tenants stay apart: public.orders",
    }
    leak = samples.results("tenants-stay-apart", dsn)[0]
    assert (leak.severity, leak.outcome, leak.evidence["trials"]["authenticated SELECT"]) == (Severity.CRITICAL, Outcome.FAIL, "leak")


def test_a_refused_write_fails_its_step_and_leaves_open_what_depends_on_it(samples: Bench, broken_shop: Shop) -> None:
    dsn = broken_shop("revoke insert on public.customers from authenticated")
    assert outcomes(samples.results("placing-an-order", dsn, writes=True)) == {
        "a clerk adds a customer": "FAIL",
        "the clerk writes down an order of that customer": "UNKNOWN",
        "nobody adds orders to another merchant": "UNKNOWN",
        "the order is placed": "UNKNOWN",
        "a customer with orders stays": "UNKNOWN",
    }


def test_nothing_is_written_where_the_settings_allow_no_writes(samples: Bench, shop: Dsn) -> None:
    results = samples.results("placing-an-order", shop)
    assert {r.outcome for r in results} == {Outcome.UNKNOWN}
    assert "probe_writes" in results[0].message


def test_a_login_that_may_only_observe_is_told_what_to_grant(samples: Bench, shop: Dsn) -> None:
    results = samples.results("reading-orders", with_user(shop, OBSERVER_ROLE))
    assert {r.outcome for r in results} == {Outcome.UNKNOWN}
    assert "grant authenticated to platformkit_observer" in results[0].message


def test_requests_go_to_the_data_api_and_saved_values_along(samples: Bench, shop: Dsn) -> None:
    with serve_data_api(shop) as api:
        results = samples.results("products-over-http", None, data_api=DataApiAccess(api.url, PUBLISHABLE_KEY))
    assert [(r.outcome, r.message) for r in results] == [(Outcome.PASS, "")] * 3


def test_requests_to_a_shop_that_shows_orders_to_visitors_violate_it(samples: Bench, broken_shop: Shop) -> None:
    dsn = broken_shop("grant select on public.orders to anon; create policy open on public.orders for select to anon using (true)")
    with serve_data_api(dsn) as api:
        results = samples.results("products-over-http", None, data_api=DataApiAccess(api.url, PUBLISHABLE_KEY))
    assert outcomes(results)["orders are not for visitors"] == "FAIL"
    assert results[2].message == "status: expected 401, found 200"


def test_requests_that_write_are_not_sent_without_leave(bench: Bench, shop: Dsn) -> None:
    name = bench.write(journey("  - name: adding\n    http: {method: POST, path: /rest/v1/orders, json: {a: 1}}\n"))
    with serve_data_api(shop) as api:
        result = one(bench.results(name, None, data_api=DataApiAccess(api.url, PUBLISHABLE_KEY)))
        assert (result.outcome, api.asked) == (Outcome.UNKNOWN, [])


def test_without_a_database_or_an_api_every_check_is_unknown(samples: Bench) -> None:
    for name, checks in (("reading-orders", 4), ("products-over-http", 3), ("tenants-stay-apart", 5)):
        results = samples.results(name, None)
        assert [r.outcome for r in results] == [Outcome.UNKNOWN] * checks
        assert all(r.message for r in results)


# -- what steps may and may not do ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "commit",
        "rollback",
        "set role postgres",
        "reset role",
        "set local role postgres",
        "set session authorization postgres",
        "do $$ begin commit; end $$",
        "copy public.orders to program 'cat'",
        "select 1; select 2",
        "select set_config('role', 'postgres', true)",
        "select 1 from (select pg_catalog.set_config('role', 'postgres', true)) as x",
        "with w as (select nextval('s')) select * from w",
        "select pg_advisory_lock(1)",
        "select * from dblink('dbname=shop', 'select 1') as t (a int)",
        "select 1 into public.made",
        "create table public.made (a int)",
        "explain analyze delete from public.orders",
        "prepare p as select 1",
        "lock table public.orders",
        "selec 1",
    ],
)
def test_what_could_leave_the_transaction_is_refused_before_anything_runs(bench: Bench, sql: str) -> None:
    name = bench.write(journey(step("harmless", "select 1"), step("escaping", sql)))
    with pytest.raises(ConfigurationError, match=r"journey\.yaml:8: steps\[1\]\.sql: "):
        bench.results(name, None)


@pytest.mark.parametrize("body", ["perform set_config('role', 'postgres', false);", "reset role;", "set role postgres;"])
def test_a_function_that_changes_the_role_is_found_out_and_ends_the_journey(bench: Bench, broken_shop: Shop, body: str) -> None:
    dsn = broken_shop(
        f"create function public.escape() returns int language plpgsql as $f$ begin {body} return 1; end $f$;"
        "grant execute on function public.escape() to authenticated"
    )
    name = bench.write(journey(step("escaping", "select public.escape()"), step("afterwards", "select 1")))
    results = bench.results(name, dsn, writes=True)
    assert [(r.outcome, r.message) for r in results] == [
        (Outcome.FAIL, "the step changed the role that it ran as"),
        (Outcome.UNKNOWN, "an earlier step tampered with the transaction"),
    ]


def test_a_function_that_takes_the_time_limit_away_is_found_out_and_ends_the_journey(bench: Bench, broken_shop: Shop) -> None:
    dsn = broken_shop(
        "create function public.linger() returns text language sql as $f$ select set_config('statement_timeout', '0', true) $f$;"
        "grant execute on function public.linger() to authenticated"
    )
    name = bench.write(journey(step("lingering", "select public.linger()"), step("sleeping", "select pg_sleep(3)")))
    assert outcomes(bench.results(name, dsn, timeout=0.5)) == {"lingering": "FAIL", "sleeping": "UNKNOWN"}


def test_a_procedure_cannot_commit(bench: Bench, broken_shop: Shop) -> None:
    dsn = broken_shop(
        "create procedure public.settle() language plpgsql as $f$ begin insert into public.orders"
        f" select gen_random_uuid(), '{TENANT}', id from public.customers limit 1; commit; end $f$;"
        "grant execute on procedure public.settle() to authenticated"
    )
    before = counted(dsn)
    result = one(bench.results(bench.write(journey(step("settling", "call public.settle()"))), dsn, writes=True))
    assert (result.outcome, result.message) == (Outcome.FAIL, "expected no error, and it ended with SQLSTATE 2D000")
    assert counted(dsn) == before


def test_an_expected_error_takes_back_only_itself(bench: Bench, shop: Dsn) -> None:
    insert = "insert into public.customers (tenant_id, email, full_name) values ($1, 'kept@shop.example', 'K')"
    name = bench.write(
        journey(
            step("adding", insert, f"parameters: [{TENANT}]\nexpect: {{affected: 1}}"),
            step("adding again", insert, f'parameters: [{TENANT}]\nexpect: {{error: "23505"}}'),
            step("still there", "select email from public.customers where email = 'kept@shop.example'", "expect: {rows: 1}"),
        )
    )
    assert outcomes(bench.results(name, shop, writes=True)) == {"adding": "PASS", "adding again": "PASS", "still there": "PASS"}


def test_a_function_that_writes_in_a_reading_journey_says_nothing_about_the_contract(bench: Bench, broken_shop: Shop) -> None:
    dsn = broken_shop(
        "create function public.meddle() returns int language sql security definer as 'delete from public.orders returning 1';"
        "grant execute on function public.meddle() to authenticated"
    )
    before = counted(dsn)
    result = one(bench.results(bench.write(journey(step("meddling", "select public.meddle()"))), dsn))
    assert (result.outcome, counted(dsn)) == (Outcome.UNKNOWN, before)


def test_a_step_that_takes_too_long_is_unknown(bench: Bench, shop: Dsn) -> None:
    result = one(bench.results(bench.write(journey(step("sleeping", "select pg_sleep(30)"))), shop, timeout=0.2))
    assert (result.outcome, result.message) == (Outcome.UNKNOWN, "it took longer than 0.2 s")


def test_a_lost_connection_leaves_the_rest_unknown(bench: Bench, shop: Dsn, admin_dsn: Dsn, broken_shop: Shop) -> None:
    dsn = broken_shop(
        "create function public.fall() returns boolean language sql security definer as 'select pg_terminate_backend(pg_backend_pid())';"
        "grant execute on function public.fall() to authenticated"
    )
    name = bench.write(journey(step("before", "select 1"), step("falling", "select public.fall()"), step("after", "select 1")))
    assert outcomes(bench.results(name, dsn)) == {"before": "PASS", "falling": "UNKNOWN", "after": "UNKNOWN"}


# -- expectations ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "expect", "message"),
    [
        ("select 1 as a union all select 2", "{rows: 1}", "rows: expected 1, found 2"),
        ("select 1 as a", "{rows: {min: 2}}", "rows: expected 2 or more, found 1"),
        ("select 1 as a", "{columns: [b]}", "columns: expected b, found others"),
        ("select 'secret' as a", "{values: [{a: open}]}", 'row 1.a: expected "open", found another value'),
        ("select null as a", "{values: [{a: 0}]}", "row 1.a: expected 0, found null"),
        ("select 1 as a", "{values: [{b: 1}]}", "row 1.b: expected 1, found nothing of that name"),
        ("select 1 as a limit 0", "{values: [{a: 1}]}", "row 1: expected, found none"),
        ("select 1 as a", '{error: "42501"}', "expected SQLSTATE 42501, and it was run"),
        ("select 1 / 0", "{rows: 1}", "expected no error, and it ended with SQLSTATE 22012"),
        ("select 1 / 0", '{error: "42501"}', "expected SQLSTATE 42501, and it ended with SQLSTATE 22012"),
    ],
)
def test_a_difference_is_told_without_what_was_found(bench: Bench, shop: Dsn, sql: str, expect: str, message: str) -> None:
    result = one(bench.results(bench.write(journey(step("one", sql, f"expect: {expect}"))), shop))
    assert (result.outcome, result.message) == (Outcome.FAIL, message)
    assert "secret" not in json.dumps(result.evidence)


def test_a_saved_value_is_compared_and_never_told(bench: Bench, shop: Dsn) -> None:
    saving = "select 'hidden word' as a, '{\"x\": \"hidden word\"}'::jsonb as b"
    name = bench.write(
        journey(
            step("saving", saving, "save: {word: a, thing: b}"),
            step("same", saving, 'expect: {values: [{a: "${word}", b: "${thing}"}]}'),
            step("other", "select 'x' as a, '{\"x\": 1}'::jsonb as b", 'expect: {values: [{a: "${word}", b: "${thing}"}]}'),
        )
    )
    saved, same, other = bench.results(name, shop)
    assert [saved.outcome, same.outcome, other.outcome] == [Outcome.PASS, Outcome.PASS, Outcome.FAIL]
    assert other.message == 'row 1.a: expected "${word}", found another value; row 1.b: expected "${thing}", found another value'
    assert "hidden word" not in json.dumps(other.evidence)


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("select 1.50::numeric as a, true as b, null as c", "{a: 1.5, b: true, c: null}"),
        ("select '486b5806-f5af-d519-c026-2475a6e2b666'::uuid as a", "{a: 486b5806-f5af-d519-c026-2475a6e2b666}"),
        ("select date '2026-01-02' as a", "{a: 2026-01-02}"),
        ('select \'{"x": [1, 2], "y": 3}\'::jsonb as a', "{a: {x: [1, 2]}}"),
        ("select array['a', 'b'] as a", "{a: [a, b]}"),
    ],
)
def test_values_are_equal_as_a_person_reads_them(bench: Bench, shop: Dsn, sql: str, values: str) -> None:
    result = one(bench.results(bench.write(journey(step("one", sql, f"expect: {{values: [{values}]}}"))), shop))
    assert (result.outcome, result.message) == (Outcome.PASS, "")


@pytest.mark.parametrize(
    ("steps", "fault"),
    [
        ([step("one", "select 1"), step("one", "select 2")], "two steps are called 'one'"),
        ([step("one", "select $1::int", 'parameters: ["${later}"]')], "no step before it saves"),
        ([step("one", "select $1::int")], "it has 1 parameters, and 0 are given"),
        ([step("one", "select 1", 'expect: {error: "42501", rows: 1}')], "error stands alone"),
        ([step("one", "select 1", role="none")], "expected a role of the database"),
        (["  - name: one\n    isolation: {tables: [a.b, a.b]}\n"], "a table is named twice"),
        (["  - name: one\n    http: {path: /x, headers: {Authorization: Bearer x}}\n"], "headers are plain ones"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_with_its_line(bench: Bench, steps: list[str], fault: str) -> None:
    with pytest.raises(ConfigurationError, match=r"journey\.yaml:\d+: ") as refused:
        bench.results(bench.write(journey(*steps)), None)
    assert fault in str(refused.value)


@pytest.mark.parametrize("level", ["read", "write"])
def test_a_trial_without_tables_in_the_contract_tries_those_that_there_are(bench: Bench, shop: Dsn, level: str) -> None:
    name = bench.write(f"version: 1\nsteps:\n  - {{name: apart, isolation: {{level: {level}}}}}\n")
    found = outcomes(bench.results(name, shop, writes=True))
    assert {"apart", "apart: public.orders", "apart: public.order_events"} <= found.keys()
    assert (set(found.values()), len(found) > 10) == ({"PASS"}, True)


def test_tables_that_are_not_there_or_not_open_are_told_apart(bench: Bench, shop: Dsn) -> None:
    tables = "public.no_such_table, public.currencies, private.change_log"
    results = bench.results(bench.write(f"version: 1\nsteps:\n  - {{name: apart, isolation: {{tables: [{tables}]}}}}\n"), shop)
    assert [(r.check, r.outcome.value) for r in results][:2] == [
        ("apart: public.no_such_table", "FAIL"),
        ("apart: public.currencies", "UNKNOWN"),
    ]


def test_a_writing_trial_needs_leave(bench: Bench, shop: Dsn) -> None:
    name = bench.write("version: 1\nsteps:\n  - {name: apart, isolation: {level: write, tables: [public.orders]}}\n")
    assert one(bench.results(name, shop)).outcome is Outcome.UNKNOWN
    assert one(bench.results(name, shop, writes=True)).outcome is Outcome.PASS


def test_a_few_lines_of_aliases_do_not_unfold_to_billions_of_values(bench: Bench) -> None:
    bombs = "".join(f"    c{n}: &c{n} [{', '.join([f'*c{n - 1}' if n else 'x'] * 9)}]\n" for n in range(12))
    bench.write("version: 1\nsteps:\n- name: one\n  sql: select 1\n  as:\n   role: anon\n   claims:\n" + bombs)
    [unreadable] = read_contracts(bench.folder).unreadable
    assert unreadable.reason.endswith("unfolds to more than 500,000 values")
