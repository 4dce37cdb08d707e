"""Contracts of an outbox on a real database: honoured, violated one by one, and what cannot be told."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import psycopg
import pytest

from platformkit_pipeline.connectors.delivery.tables import create_delivery_tables
from platformkit_pipeline.control_plane.connection import connect_admin
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.contract import WHOLE_CONTRACT, CheckResult, Dimension
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline_tests.parity.held_against import contract_at, results_of, surroundings_of

CONTRACT = """
outbox:
  schema: delivery
  key: [id, destination]
  inbox: inbox
  dead_letters: dead_letters
  limits: {pending: 2, oldest_age_seconds: 60, dead_letters: 0}
  trial: true
"""


@pytest.fixture
def shop(supabase_database: Dsn) -> Dsn:
    """A project with the tables of delivery."""
    with connect_admin(supabase_database) as connection:
        create_delivery_tables(connection, "delivery")
    return supabase_database


def held(folder: Path, dsn: Dsn, text: str = CONTRACT, *, writes_allowed: bool = True) -> Mapping[str, CheckResult]:
    contracts = contract_at(folder, Dimension.EVENT, text)
    return results_of(contracts, surroundings_of(observe(dsn), dsn=dsn, writes_allowed=writes_allowed))


def change(dsn: Dsn, statements: str) -> None:
    with psycopg.connect(dsn.reveal()) as connection:
        connection.execute(f"set search_path = delivery; {statements}".encode())


def not_passed(results: Mapping[str, CheckResult]) -> dict[str, Outcome]:
    return {name: r.outcome for name, r in results.items() if r.outcome is not Outcome.PASS}


PUBLISH = (
    "insert into outbox (id, aggregatetype, aggregateid, type, created_at) "
    "select gen_random_uuid(), 'order', n::text, 'order.paid', now() - interval '{age}' from generate_series(1, {count}) n;"
)


BURY = (
    "insert into dead_letters (id, position, aggregatetype, aggregateid, type, payload, headers, attempts, reason, published_at, died_at) "
    "values (gen_random_uuid(), 1, 'order', '1', 'order.paid', '{}', '{}', 8, 'gone', now(), now())"
)


def test_the_tables_of_delivery_honour_it_and_the_trial_leaves_nothing_behind(shop: Dsn, tmp_path: Path) -> None:
    change(shop, PUBLISH.format(age="1 second", count=2))
    results = held(tmp_path, shop)
    assert not_passed(results) == {}
    assert len(results) == 10
    assert results["pending"].evidence == {"count": 2, "limit": 2}
    assert results["same event twice"].evidence == {"second_write": "refused"}
    with psycopg.connect(shop.reveal()) as connection:
        assert connection.execute("select (select count(*) from delivery.outbox), (select count(*) from delivery.inbox)").fetchone() == (
            2,
            0,
        )


@pytest.mark.parametrize(
    ("harm", "failing", "told"),
    [
        ("alter table outbox alter payload type text", {"outbox columns"}, "payload is text"),
        (
            "alter table outbox drop constraint outbox_pkey",
            {"outbox key", "same event twice"},
            "the same event can stand there twice",
        ),
        (
            "alter table inbox drop constraint inbox_pkey; create unique index on inbox (consumer, id) where id is not null",
            {"inbox key"},
            "no primary key or unique index on (consumer, id)",
        ),
        ("drop table dead_letters cascade", {"dead letters table"}, "there is no table delivery.dead_letters"),
        (
            "grant usage on schema delivery to anon; grant insert (id) on inbox to anon; "
            "create policy all_in on inbox for insert to anon with check (true)",
            {"client roles"},
            "anon may INSERT delivery.inbox",
        ),
        (
            "grant usage on schema delivery to public; grant truncate on outbox to authenticated",
            {"client roles"},
            "authenticated may TRUNCATE",
        ),
        (PUBLISH.format(age="1 second", count=3), {"pending"}, "more than 2 events wait"),
        (PUBLISH.format(age="5 minutes", count=1), {"oldest age"}, "more than 60 s"),
        (
            BURY,
            {"dead letters"},
            "more than 0 dead letters are open",
        ),
    ],
)
def test_each_harm_fails_its_own_check(shop: Dsn, tmp_path: Path, harm: str, failing: set[str], told: str) -> None:
    change(shop, harm)
    results = held(tmp_path, shop)
    failed = {name for name, r in results.items() if r.outcome is Outcome.FAIL}
    assert failed == failing
    assert any(told in results[name].message for name in failing)


def test_grants_that_policies_let_nobody_use_do_no_harm(shop: Dsn, tmp_path: Path) -> None:
    change(shop, "grant usage on schema delivery to anon; grant select, insert on outbox to anon")
    assert held(tmp_path, shop)["client roles"].outcome is Outcome.PASS
    change(shop, "alter table outbox disable row level security")
    result = held(tmp_path, shop)["client roles"]
    assert (result.outcome, result.severity) == (Outcome.FAIL, Severity.CRITICAL)


def test_a_trial_where_no_writes_are_allowed_is_unknown(shop: Dsn, tmp_path: Path) -> None:
    results = held(tmp_path, shop, writes_allowed=False)
    assert not_passed(results) == {"same event twice": Outcome.UNKNOWN, "same receipt twice": Outcome.UNKNOWN}


def test_what_a_trigger_raises_is_told_by_its_code_alone(shop: Dsn, tmp_path: Path) -> None:
    for number, code in enumerate(("P0001", "42P01")):
        change(
            shop,
            f"create function delivery.shout{number}() returns trigger language plpgsql as"
            f" $f$ begin raise exception 'hidden word' using errcode = '{code}'; end $f$;"
            f"create trigger a{number} before insert on outbox for each row execute function delivery.shout{number}()",
        )
        result = held(tmp_path, shop)["same event twice"]
        change(shop, f"drop function delivery.shout{number}() cascade")
        assert (result.outcome, "hidden" in result.message, code in result.message) == (Outcome.UNKNOWN, False, True)


def test_a_login_that_policies_hide_rows_from_is_given_no_count(shop: Dsn, tmp_path: Path) -> None:
    change(shop, "grant usage on schema delivery to authenticated; grant select on outbox, dead_letters to authenticated;")
    change(shop, PUBLISH.format(age="5 minutes", count=9) + "create role looker login in role authenticated")
    from platformkit_pipeline.sandbox.databases import with_user

    contracts = contract_at(tmp_path, Dimension.EVENT, CONTRACT)
    results = results_of(contracts, surroundings_of(observe(shop), dsn=with_user(shop, "looker")))
    change(shop, "drop role looker")
    assert {results[name].outcome for name in ("pending", "oldest age", "dead letters")} == {Outcome.UNKNOWN}
    assert "row-level security" in results["pending"].message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("description: nothing else", "expected either connector or outbox"),
        ("outbox: {schema: delivery, key: [type]}", "outbox.key: expected a list with id"),
        ("outbox: {schema: delivery, limits: {dead_letters: 0}}", "limits.dead_letters needs dead_letters"),
        ("outbox: {schema: delivery}\nseverity: {pending: low}", "pending: not checked by this contract"),
        ("connector: nowhere", "nowhere is no connector"),
        ("connector: nowhere\nchecks: [publish.sometimes]", "publish.sometimes: no such check"),
    ],
)
def test_a_contract_that_cannot_hold_is_unknown_as_a_whole_and_says_why(shop: Dsn, tmp_path: Path, text: str, told: str) -> None:
    [result] = held(tmp_path, shop, text).values()
    assert (result.check, result.outcome) == (WHOLE_CONTRACT, Outcome.UNKNOWN)
    assert told in result.message


def test_the_sample_contract_holds_for_the_tables_of_delivery(shop: Dsn, tmp_path: Path) -> None:
    text = (files("platformkit_pipeline") / "sandbox" / "sample_contracts" / "event" / "shop-outbox.yaml").read_text()
    assert not_passed(held(tmp_path, shop, text)) == {}
