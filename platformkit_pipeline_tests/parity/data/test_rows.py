"""Rules about rows, on a real server. One file, because Great Expectations takes seconds to import."""

from __future__ import annotations

import json
import logging
import re
import socket
from pathlib import Path
from typing import Any, NoReturn

import dagster as dg
import jsonschema
import pytest
import yaml

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.contract import Dimension
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError, TargetUnreachable
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.parity.contract_files import read_contracts
from platformkit_pipeline.parity.contract_schemas import contract_schemas
from platformkit_pipeline.parity.data.expectations import IN_SQL, rows_of
from platformkit_pipeline.parity.data.row_checks import Expectation
from platformkit_pipeline.parity.data.run import refused_unless_sound, run
from platformkit_pipeline.parity.run_contracts import run_contracts
from platformkit_pipeline.reporting.parity_checks import shown_checks
from platformkit_pipeline.sandbox import sample_platform as sandbox
from platformkit_pipeline.sandbox.databases import with_user
from platformkit_pipeline_tests.parity.data.conftest import Hold, Read, of_table, ours, surroundings
from platformkit_pipeline_tests.rules.conftest import run_sql

SAMPLE_CONTRACTS = Path(sandbox.__file__).parent / "sample_contracts"
SECRET, SHOWN = "Wilhelmina-4711", "visible-word"

_TABLE = f"""
create extension if not exists citext schema extensions;
create domain public.amount as numeric;
create table public.measured (
  id int primary key, word text, twin int, price public.amount, email extensions.citext, secret text, personal text, big text
);
insert into public.measured
select
  n, case when n % 10 > 0 then 'word ' || n end, n / 2, n, 'a' || n || '@example.org', '{SECRET}', '{SECRET}' || n,
  '{SHOWN}' || repeat('x', 500)
from generate_series(1, 100) as n;
create table public.emptied (id int, word text);
"""


@pytest.fixture
def database(supabase_database: Dsn) -> Dsn:
    """With the table `measured`, for the login that owns it."""
    run_sql(supabase_database, _TABLE)
    return with_user(supabase_database, "postgres")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver of PostgreSQL has sockets of its own; nothing else has business with any."""

    def refuse(*_: object) -> NoReturn:
        raise AssertionError("somebody called home")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def _custom(expectation: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": "custom", "engine": "greatExpectations", "implementation": {"type": expectation, "kwargs": kwargs}}


def _column(name: str, *rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "quality": list(rules), **more}


_QUERY = r"select sum(price)::int from ${table} where word is null or word like 'w%' and word ~ '^\w+ \d+$' and word <> ':id';"
"""Signs that mean something to drivers stand for themselves."""


def test_each_metric_counts_what_it_says(hold: Hold, database: Dsn) -> None:
    few = {"metric": "nullValues", "name": "few", "unit": "percent", "mustBeLessThan": 10}
    results = hold(
        database,
        of_table(
            "public.measured",
            properties=[
                _column(
                    "word",
                    {"metric": "nullValues", "mustBe": 10},
                    few,
                ),
                _column(
                    "twin",
                    {"metric": "duplicateValues", "mustBe": 98},
                    {"metric": "invalidValues", "arguments": {"validValues": [1, 2, 3]}, "mustBe": 94},
                ),
                _column("big", {"metric": "invalidValues", "arguments": {"pattern": "^x"}, "mustBeLessOrEqualTo": 100, "unit": "percent"}),
                _column("email", {"metric": "missingValues", "arguments": {"missingValues": ["a1@example.org", "n/a"]}, "mustBe": 1}),
                _column("price", {"metric": "missingValues", "arguments": {"missingValues": [None]}}),
            ],
            quality=[
                {"metric": "rowCount", "mustBeBetween": [100, 100]},
                {"metric": "duplicateValues", "arguments": {"properties": ["twin", "secret"]}, "mustBeLessThan": 98},
                {"type": "sql", "query": _QUERY, "mustBe": 5050},
                {"type": "custom", "engine": "soda", "implementation": "checks: []"},
            ],
        ),
    )
    rows = {name: (r.outcome, r.message, r.evidence.get("figure")) for name, r in results.items() if "rows: " in name}
    assert rows == {
        "word/rows: nullValues": (Outcome.PASS, "", 10),
        "word/rows: few": (Outcome.FAIL, "nullValues is 10 of 100 rows; it must be less than 10 percent", 10),
        "twin/rows: duplicateValues": (Outcome.PASS, "", 98),
        "twin/rows: invalidValues": (Outcome.PASS, "", 94),
        "big/rows: invalidValues": (Outcome.PASS, "", 100),
        "email/rows: missingValues": (Outcome.PASS, "", 1),
        "price/rows: missingValues": (Outcome.PASS, "", 0),
        "rows: rowCount": (Outcome.PASS, "", 100),
        "rows: duplicateValues(twin,secret)": (Outcome.FAIL, "duplicateValues is 98 of 100 rows; it must be less than 98", 98),
        "rows: sql": (Outcome.PASS, "", None),
        "rows: soda": (Outcome.UNKNOWN, "rules of the engine soda are not run here", None),
    }


_KWARGS: dict[str, dict[str, Any]] = {
    "expect_column_max_to_be_between": {"column": "id", "max_value": 100},
    "expect_column_mean_to_be_between": {"column": "price", "min_value": 50, "max_value": 51},
    "expect_column_median_to_be_between": {"column": "id", "min_value": 50, "max_value": 51},
    "expect_column_min_to_be_between": {"column": "id", "min_value": 1},
    "expect_column_pair_values_a_to_be_greater_than_b": {"column_A": "id", "column_B": "twin"},
    "expect_column_pair_values_to_be_equal": {"column_A": "id", "column_B": "id"},
    "expect_column_proportion_of_non_null_values_to_be_between": {"column": "word", "min_value": 0.9},
    "expect_column_proportion_of_unique_values_to_be_between": {"column": "twin", "max_value": 0.6},
    "expect_column_stdev_to_be_between": {"column": "id", "min_value": 29, "max_value": 30},
    "expect_column_sum_to_be_between": {"column": "id", "min_value": 5050, "max_value": 5050},
    "expect_column_unique_value_count_to_be_between": {"column": "secret", "max_value": 1},
    "expect_column_value_lengths_to_be_between": {"column": "word", "max_value": 8},
    "expect_column_value_lengths_to_equal": {"column": "secret", "value": len(SECRET)},
    "expect_column_values_to_be_between": {"column": "price", "min_value": 1, "max_value": 100},
    "expect_column_values_to_be_in_set": {"column": "secret", "value_set": [SECRET]},
    "expect_column_values_to_be_null": {"column": "word", "mostly": 0.1},
    "expect_column_values_to_be_unique": {"column": "id"},
    "expect_column_values_to_match_like_pattern": {"column": "word", "like_pattern": "word%"},
    "expect_column_values_to_match_like_pattern_list": {"column": "word", "like_pattern_list": ["word%"]},
    "expect_column_values_to_match_regex": {"column": "word", "regex": "^word"},
    "expect_column_values_to_match_regex_list": {"column": "word", "regex_list": ["^word"]},
    "expect_column_values_to_not_be_in_set": {"column": "id", "value_set": [0]},
    "expect_column_values_to_not_be_null": {"column": "word", "mostly": 0.9},
    "expect_column_values_to_not_match_like_pattern": {"column": "word", "like_pattern": "w_"},
    "expect_column_values_to_not_match_like_pattern_list": {"column": "word", "like_pattern_list": ["w_"]},
    "expect_column_values_to_not_match_regex": {"column": "word", "regex": "x"},
    "expect_column_values_to_not_match_regex_list": {"column": "word", "regex_list": ["x"]},
    "expect_compound_columns_to_be_unique": {"column_list": ["id", "twin"]},
    "expect_multicolumn_sum_to_equal": {"column_list": ["id", "twin"], "sum_total": 1},
    "expect_select_column_values_to_be_unique_within_record": {"column_list": ["word", "secret"]},
    "expect_table_row_count_to_be_between": {"min_value": 100, "max_value": 100},
    "expect_table_row_count_to_equal": {"value": 100},
}
_DOES_NOT_HOLD = {"expect_multicolumn_sum_to_equal"}


def test_every_expectation_that_is_run_is_worked_out_in_the_server(database: Dsn) -> None:
    from sqlalchemy import event

    assert set(_KWARGS) == IN_SQL
    fetched: dict[str, int] = {}
    with rows_of(database, 10) as rows:
        running = ""

        def count(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
            if "measured" in statement.split("pg_catalog", maxsplit=1)[0]:
                fetched[running] = max(fetched.get(running, 0), cursor.rowcount)

        event.listen(rows._engine, "after_cursor_execute", count)
        for running, kwargs in _KWARGS.items():
            measured = rows.expect("public", "measured", Expectation(running, kwargs), sample=5)
            assert measured.problem is None, running
            assert measured.success is (running not in _DOES_NOT_HOLD), running
    assert set(fetched) == IN_SQL
    assert {name: count for name, count in fetched.items() if count > 5} == {}


def test_no_value_leaves_but_a_bounded_sample_of_what_is_declared_public_or_internal(
    hold: Hold, database: Dsn, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    short = _custom("expect_column_value_lengths_to_be_between", max_value=3)
    pair = _custom("expect_column_pair_values_to_be_equal", column_A="big", column_B="secret")
    results = hold(
        database,
        of_table(
            "public.measured",
            properties=[
                _column("secret", short, classification="restricted"),
                _column("personal", short, {"metric": "duplicateValues", "mustBeGreaterThan": 0}),
                _column("price", _custom("expect_column_max_to_be_between", max_value=3)),
                _column("word", short, classification="internal", customProperties=ours(sensitive=True)),
                _column("big", short, pair, classification="public"),
                _column("id", _custom("expect_column_values_to_be_between", max_value=90), classification="internal"),
            ],
            quality=[
                {"type": "sql", "name": "leaks a value", "query": "select max(secret) from ${table}", "mustBe": "x"},
                {"type": "sql", "name": "leaks through an error", "query": "select max(secret::int) from ${table}", "mustBe": 1},
                _sql("select count(*) from ${table} where secret ~ ('(' || secret)", name="leaks through a regex"),
                _custom("expect_column_values_to_be_between", column="secret", max_value=3),
            ],
        ),
    )
    rows = {name: r for name, r in results.items() if "rows: " in name}
    assert {r.outcome for name, r in rows.items() if name != "personal/rows: duplicateValues"} == {Outcome.FAIL, Outcome.UNKNOWN}
    told = repr(results) + caplog.text + "".join(capfd.readouterr())
    assert SECRET not in told
    assert "word " not in told.replace("word'", "")
    assert rows["secret/rows: expect_column_value_lengths_to_be_between"].evidence["sample"] == "redacted"
    assert rows["price/rows: expect_column_max_to_be_between"].evidence["observed_value"] == "redacted"
    assert rows["id/rows: expect_column_values_to_be_between"].evidence["sample"] == [91, 92, 93, 94, 95]
    shown = rows["big/rows: expect_column_value_lengths_to_be_between"].evidence["sample"]
    assert len(shown) == 5
    assert all(value.startswith(SHOWN) and len(value) == 80 for value in shown)
    assert rows["rows: leaks through an error"].message == "cannot be computed on these values (SQLSTATE 22P02)"


def test_who_declares_all_public_still_shows_nothing_of_other_tables_and_no_credential(hold: Hold, database: Dsn) -> None:
    run_sql(database, f"create table public.listed (id int, api_key text); insert into public.listed values (7, '{SECRET}')")
    other = "(select max(secret) from public.measured)"
    results = hold(
        database,
        of_table(
            "public.emptied",
            properties=[_column("id", classification="public"), _column("word", classification="public")],
            quality=[
                _sql(f"select {other}", name="another table"),
                _sql(f"select {other}::regclass::oid::int", name="an error that quotes it"),
                _sql("select table_to_xml('public.measured', true, true, '')::text", name="a function that reads it"),
                _sql("select max(word) from ${table}", name="its own", mustBe="x"),
            ],
        ),
    ) | hold(
        database,
        of_table(
            "public.listed",
            properties=[_column("api_key", _custom("expect_column_value_lengths_to_equal", value=1), classification="public")],
            quality=[_sql("select max(api_key) from ${table}", name="one column of two is declared")],
        ),
    )
    asked = {name.partition("rows: ")[2]: r for name, r in results.items() if "rows: " in name}
    assert SECRET not in repr(asked)
    assert asked["another table"].evidence["value"] == "redacted"
    assert (
        asked["an error that quotes it"].message == "the server refused it (SQLSTATE 42P01)"
        or "42602" in asked["an error that quotes it"].message
    )
    assert asked["its own"].evidence["value"] is None
    assert asked["expect_column_value_lengths_to_equal"].evidence["sample"] == "redacted"


@pytest.mark.parametrize(
    "query", ["select set_config('role', 'x', true)", "select (1).pg_terminate_backend", "select nextval('s')", "select 1 into x"]
)
def test_a_query_that_acts_beyond_its_transaction_is_refused_before_anything_is_asked(read: Read, query: str) -> None:
    contract = read(json.dumps(of_table("public.measured", quality=[_sql(query, name="acting")])))
    with pytest.raises(ConfigurationError, match=r"may not be called here|only a SELECT"):
        refused_unless_sound(contract)


def test_results_are_asset_checks_of_dagster_with_their_samples_redacted(hold: Hold, database: Dsn) -> None:
    low = {**_custom("expect_column_values_to_be_between", max_value=99), "severity": "low"}
    results = hold(
        database,
        of_table(
            "public.measured",
            properties=[
                _column("secret", _custom("expect_column_values_to_be_in_set", value_set=["x"]), classification="personal"),
                _column("id", low, classification="internal"),
            ],
        ),
    )
    asset = dg.AssetKey(["parity", "data_contracts"])
    with dg.DagsterInstance.ephemeral() as instance:
        for shown in shown_checks(results.values()):
            instance.report_runless_asset_event(
                dg.AssetCheckEvaluation(
                    asset_key=asset,
                    check_name=shown.name,
                    passed=shown.passed,
                    severity=dg.AssetCheckSeverity(shown.severity),
                    description=shown.description,
                    metadata=dict(shown.metadata),
                )
            )
            (record,) = instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(asset, shown.name), limit=1)
            assert record.event is not None
            evaluation = record.event.asset_check_evaluation
            assert evaluation is not None
            assert evaluation.passed is shown.passed
            assert SECRET not in repr(evaluation)
            if shown.metadata["check"] == "public.measured.secret/rows: expect_column_values_to_be_in_set":
                assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.ERROR)
                assert evaluation.metadata["evidence_sample"].value == "redacted"
                assert evaluation.metadata["evidence_unexpected_count"].value == 100
            if shown.metadata["check"] == "public.measured.id/rows: expect_column_values_to_be_between":
                assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN)
                assert evaluation.metadata["evidence_sample"].value == "[100]"


def test_a_rule_that_no_row_was_held_against_passes_and_says_so(hold: Hold, database: Dsn) -> None:
    rules = [_custom("expect_column_values_to_not_be_null"), {"metric": "nullValues", "unit": "percent"}]
    results = hold(database, of_table("public.emptied", properties=[_column("word", *rules)]))
    vacuous = [r for name, r in results.items() if "rows: " in name]
    assert [(r.outcome, r.message) for r in vacuous] == [(Outcome.PASS, "the table has no rows: nothing was held against the rule")] * 2


def _sql(query: str, **more: Any) -> dict[str, Any]:
    return {"type": "sql", "query": query, "mustBe": 1, **more}


def test_what_the_server_refuses_is_unknown_with_its_reason(hold: Hold, database: Dsn) -> None:
    run_sql(
        database,
        """
        create function public.write() returns int language sql as 'insert into public.emptied values (1) returning id';
        create function public.slow(int) returns int language plpgsql as 'begin perform pg_sleep(9); return 1; end';
        """,
    )
    results = hold(
        database,
        of_table(
            "public.measured",
            properties=[
                _column("absent", {"metric": "nullValues"}),
                _column("id", _custom("expect_column_value_lengths_to_equal", value=1)),
            ],
            quality=[
                _sql("select public.slow(id) from ${table}", name="too long"),
                _sql("select public.write()", name="writes"),
                _sql("select id from ${table}", name="many values"),
                _sql("select nothing from ${table}", name="no such column"),
            ],
        ),
        seconds=0.3,
    )
    assert {name.partition("rows: ")[2]: (r.outcome, r.message) for name, r in results.items() if "rows: " in name} == {
        "nullValues": (Outcome.UNKNOWN, "public.measured has no column absent"),
        "expect_column_value_lengths_to_equal": (
            Outcome.UNKNOWN, "does not fit the database: function length(integer) does not exist",
        ),
        "too long": (Outcome.UNKNOWN, "did not finish within 0.3 s"),
        "writes": (Outcome.UNKNOWN, "would write; rows are only read here"),
        "many values": (Outcome.UNKNOWN, "the query does not give exactly one value"),
        "no such column": (Outcome.UNKNOWN, 'does not fit the database: column "nothing" does not exist'),
    }  # fmt: skip
    emptied = hold(database, of_table("public.emptied", quality=[{"metric": "rowCount", "mustBe": 0}]))
    assert emptied["rows: rowCount"].outcome is Outcome.PASS


def test_a_connection_that_is_lost_leaves_no_rule_without_an_answer(database: Dsn) -> None:
    lost = "the connection to the database was lost"
    never_null = Expectation("expect_column_values_to_not_be_null", {"column": "id"})
    with rows_of(database, 10) as rows:
        backend = rows.value("select pg_backend_pid()").figures["value"]
        run_sql(database, f"select pg_terminate_backend({backend}, 5000)")
        assert rows.value("select 1").problem == lost
        assert rows.hidden("public", "measured") == lost
        assert rows.expect("public", "measured", never_null, 0).problem is not None
        assert rows.value("select 1").problem == lost


def test_rows_that_row_level_security_hides_are_not_measured(hold: Hold, database: Dsn, admin_dsn: Dsn) -> None:
    run_sql(
        database,
        """
        create view public.through with (security_invoker = true) as select * from public.measured;
        grant select on public.measured, public.through to authenticator;
        alter table public.measured enable row level security;
        """,
    )
    rule = {"metric": "rowCount", "mustBeGreaterThan": 0}
    reasons = {}
    for login in ("postgres", "authenticator", "platformkit_observer"):
        for table in ("public.measured", "public.through"):
            reasons[login, table] = hold(with_user(database, login), of_table(table, quality=[rule]))["rows: rowCount"].message
    assert reasons == {
        ("postgres", "public.measured"): "",
        ("postgres", "public.through"): "",
        ("authenticator", "public.measured"): (
            "row level security hides rows of public.measured from the login authenticator: "
            "measure with a login that owns the table or has BYPASSRLS"
        ),
        ("authenticator", "public.through"): "the login may not read all that this needs, or row level security would hide rows from it",
        ("platformkit_observer", "public.measured"): "the login may not read public.measured: grant it SELECT, and USAGE of the schema",
        ("platformkit_observer", "public.through"): "the login may not read public.through: grant it SELECT, and USAGE of the schema",
    }


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (_custom("expect_column_values_to_be_nul", column="id"), "did you mean expect_column_values_to_be_null?"),
        (_custom("ExpectColumnValuesToBeOfType", column="id", type_="int"), "is not run here, because it would pull rows"),
        (_custom("unexpected_rows_expectation", unexpected_rows_query="select 1"), "write a rule of type sql"),
        (
            _custom("expect_column_values_to_be_null", colum="id"),
            "implementation.kwargs.colum: expect_column_values_to_be_null has",
        ),
        (_custom("expect_column_values_to_be_null", column="id", mostly=7), "implementation.kwargs.mostly: "),
        (_custom("expect_column_values_to_be_null"), "implementation.kwargs.column: field required"),
    ],
)
def test_a_wrong_expectation_is_refused_with_its_line_before_anything_is_asked(read: Read, rule: dict[str, Any], told: str) -> None:
    def look() -> NoReturn:
        raise AssertionError("the database was asked")

    contract = read(json.dumps(of_table("public.measured", quality=[{"metric": "rowCount", "mustBe": 1}, rule]), indent=1))
    line = next(n for n, text in enumerate(contract.document.text.splitlines(), 1) if '"custom"' in text)
    with pytest.raises(ConfigurationError) as refused:
        list(run(contract, surroundings(None, look)))
    assert told in str(refused.value)
    where = str(refused.value).removeprefix(str(contract.path)).split(":")[1]
    assert line - 2 <= int(where) <= line + 8


def test_the_connection_string_is_told_nowhere(
    hold: Hold, read: Read, database: Dsn, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    password = "hunter2-is-long"
    with_password = Dsn(database.reveal().replace("postgres@", f"postgres:{password}@", 1))
    assert password in with_password.reveal()
    document = of_table(
        "public.measured",
        quality=[
            _sql("select pg_sleep(5)"),
            _custom("expect_column_max_to_be_between", column="id", max_value=3),
            _sql("select x", name="wrong"),
        ],
    )
    results = hold(with_password, document, seconds=0.2)
    assert {r.outcome for r in results.values()} == {Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN}

    nowhere = Dsn(f"postgresql://postgres:{password}@127.0.0.1:1/postgres")
    with pytest.raises(TargetUnreachable) as unreachable:
        rows_of(nowhere, 1).__enter__()
    snapshot = observe(database, counters=False)
    refused = list(run(read(json.dumps(document)), surroundings(nowhere, lambda: snapshot)))
    assert {r.outcome for r in refused if "rows: " in r.check} == {Outcome.UNKNOWN}
    told = repr(results) + repr(refused) + str(unreachable.value) + caplog.text + "".join(capfd.readouterr())
    assert password not in told


def test_the_sample_contract_is_honoured_by_the_well_kept_project_and_broken_by_the_messy_one(sample_platform: dict[str, Dsn]) -> None:
    def outcomes(project: str, login: str) -> dict[str, Outcome]:
        dsn = with_user(sample_platform[project], login)
        around = surroundings(dsn, lambda: observe(dsn, counters=False))
        return {r.check: r.outcome for r in run_contracts(read_contracts(SAMPLE_CONTRACTS), around, [Dimension.DATA])}

    kept = outcomes("shop-production", "postgres")
    assert set(kept.values()) == {Outcome.PASS}
    assert sum("rows: " in check for check in kept) == 6

    messy = outcomes("clinic-messy", "postgres")
    assert messy.keys() == kept.keys()
    assert messy["public.invoices/tenant-confined"] is Outcome.FAIL
    assert messy["public.invoices.total/rows: larger invoices are approved by hand and never stored here"] is Outcome.FAIL

    observed = outcomes("shop-production", "platformkit_observer")
    assert {check for check, outcome in observed.items() if outcome is Outcome.UNKNOWN} == {check for check in kept if "rows: " in check}


def test_the_example_of_the_documentation_is_a_data_contract(read: Read) -> None:
    page = (Path(__file__).parents[3] / "docs" / "contracts-data.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```yaml$(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    checks, rules = refused_unless_sound(read(example))
    assert (len(checks), len(rules)) == (23, 5)
    schema = json.loads(dict(contract_schemas())["data.schema.json"])
    assert not list(jsonschema.Draft202012Validator(schema).iter_errors(yaml.safe_load(example)))
