"""Drift contracts: honoured, violated, and what cannot be told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.catalog_kind import CatalogKind
from platformkit_pipeline.model.contract import WHOLE_CONTRACT, CheckResult, Dimension
from platformkit_pipeline.model.drift import Difference, DifferenceKind
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import TargetUnreachable
from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.model.snapshot import Policy, Privilege, Relation, RelationKind, Schema, Server, Snapshot, Unobserved
from platformkit_pipeline.parity.drift.checks import SEVERITIES, checks_of
from platformkit_pipeline.parity.drift.document import Ignored
from platformkit_pipeline.parity.drift.run import _ignored
from platformkit_pipeline_tests.conftest import DatabaseFactory
from platformkit_pipeline_tests.parity.held_against import contract_at, results_of, surroundings_of

AGAINST = "against: shop-production\n"
ORDERS = Relation("public", "orders", RelationKind.TABLE, "postgres", row_security=True)
OWN = Policy("public", "orders", "own", "ALL", True, ("authenticated",), using="(owner = auth.uid())")
SHOP = Snapshot(
    Server("18.0", 18_00_00, "postgres", "postgres", False), schemas=(Schema("public", "postgres"),), relations=(ORDERS,), policies=(OWN,)
)


def held(folder: Path, here: Snapshot, there: Snapshot | Exception = SHOP, text: str = AGAINST) -> dict[str, CheckResult]:
    return results_of(contract_at(folder, Dimension.DRIFT, text), surroundings_of(here, {"shop-production": there}))


def not_passed(results: dict[str, CheckResult]) -> dict[str, Outcome]:
    return {name: r.outcome for name, r in results.items() if r.outcome is not Outcome.PASS}


def test_two_copies_of_a_database_are_the_same_until_one_is_changed(make_well_kept_database: DatabaseFactory, tmp_path: Path) -> None:
    staging, production = make_well_kept_database(), make_well_kept_database()
    there = observe(production)
    assert not_passed(held(tmp_path, observe(staging), there)) == {}
    table = _change(staging, "alter table {} disable row level security; grant truncate on {} to anon")
    results = held(tmp_path, observe(staging), there)
    assert not_passed(results) == {"row security": Outcome.FAIL, "grants": Outcome.FAIL}
    [shown] = results["row security"].evidence["objects"]
    assert shown["object"] == f"table {table}"
    assert shown["aspects"] == [{"aspect": "row_security", "there": "true", "here": "false"}]


def _change(dsn: Dsn, statements: str) -> str:
    with psycopg.connect(dsn.reveal()) as connection:
        row = connection.execute(
            "select c.oid::regclass::text, n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = relnamespace"
            " where relkind = 'r' and relrowsecurity and nspname = 'public' order by 1 limit 1"
        ).fetchone()
        assert row is not None
        connection.execute(statements.replace("{}", row[0]).encode())
        return str(row[1])


def test_every_check_is_told_once_in_every_run(tmp_path: Path) -> None:
    for here in (SHOP, replace(SHOP, relations=()), replace(SHOP, policies=())):
        results = held(tmp_path, here)
        assert {name: r.severity for name, r in results.items()} == dict(SEVERITIES)


def test_a_policy_that_reads_otherwise_is_a_high_failure_with_both_texts(tmp_path: Path) -> None:
    results = held(tmp_path, replace(SHOP, policies=(replace(OWN, using="true"),)))
    assert not_passed(results) == {"policies": Outcome.FAIL}
    assert results["policies"].severity is Severity.HIGH
    assert results["policies"].message == "1 not as in shop-production: policy public.orders.own (different)"
    assert results["policies"].evidence["objects"][0]["aspects"] == [{"aspect": "using", "there": OWN.using, "here": "true"}]


def test_a_table_that_is_missing_takes_its_policies_along(tmp_path: Path) -> None:
    results = held(tmp_path, replace(SHOP, relations=(), policies=()))
    assert not_passed(results) == {"tables and views": Outcome.FAIL, "policies": Outcome.FAIL}


def test_what_the_contract_ignores_is_counted_and_passes(tmp_path: Path) -> None:
    text = AGAINST + "ignore: [{object: policy public.orders.*, reason: under review}]"
    results = held(tmp_path, replace(SHOP, policies=()), text=text)
    assert not_passed(results) == {}
    assert results["policies"].evidence["ignored"] == 1


def test_what_one_side_cannot_show_is_unknown_unless_it_is_ignored_by_name(tmp_path: Path) -> None:
    blind = replace(SHOP, relations=(replace(ORDERS, privileges=(Privilege("anon", "SELECT"),)),))
    blind = replace(blind, unobserved=(Unobserved(CatalogKind.FUNCTIONS.value, "no right"),))
    results = held(tmp_path, blind)
    assert not_passed(results) == {"grants": Outcome.FAIL, "functions": Outcome.UNKNOWN, "function security": Outcome.UNKNOWN}
    assert results["functions"].message == "could not be compared: functions: shop-staging: no right"
    ignored = held(tmp_path, blind, text=AGAINST + "ignore: [{object: catalog functions, reason: another team's}]")
    assert not_passed(ignored) == {
        "grants": Outcome.FAIL,
        "functions": Outcome.NOT_APPLICABLE,
        "function security": Outcome.NOT_APPLICABLE,
    }


def test_an_environment_that_does_not_answer_leaves_every_check_unknown(tmp_path: Path) -> None:
    results = held(tmp_path, SHOP, TargetUnreachable("db:5432: no answer"))
    assert not_passed(results) == dict.fromkeys(SEVERITIES, Outcome.UNKNOWN)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("against: nowhere", "nowhere is no project"),
        ("against: shop-staging", "is this project itself"),
        (AGAINST + "severity: {polices: high}", "polices: no such check"),
        (AGAINST + "ignore: [{object: table a}]", "ignore[0].reason: is required"),
    ],
)
def test_a_contract_that_cannot_hold_is_unknown_as_a_whole_and_says_why(tmp_path: Path, text: str, told: str) -> None:
    [result] = held(tmp_path, SHOP, text=text).values()
    assert (result.check, result.outcome) == (WHOLE_CONTRACT, Outcome.UNKNOWN)
    assert told in result.message


def test_every_kind_that_is_compared_takes_checks_with_it_when_unseen() -> None:
    from platformkit_pipeline.introspection.postgres.differences import _KINDS

    for kind in (*_KINDS.values(), CatalogKind.STORAGE_BUCKETS):
        unseen = checks_of(Difference(DifferenceKind.UNKNOWN, ObjectIdentity("catalog", None, kind.value)))
        assert unseen, kind
        assert unseen <= SEVERITIES.keys(), kind


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("table public.a", "table public.a", True),
        ("table public.a", "table public.ab", False),
        ("table staging.*", "table staging.x", True),
        ("*", "", True),
        ("a*a", "a", False),
        ("a*b*a", "aba", True),
        ("a*b*a", "abab", False),
        ("*ab*ab", "xabab", True),
        ("*ab*ab", "xab", False),
        ("function f(*)", "function f(text[])", True),
        ("*a" * 40 + "*b", "table public." + "a" * 200, False),
    ],
)
def test_a_star_stands_for_any_text_however_many_there_are(pattern: str, name: str, matches: bool) -> None:
    difference = Difference(DifferenceKind.ONLY_LIVE, SimpleNamespace(canonical=name))  # type: ignore[arg-type]  # only its name is read
    assert _ignored(difference, (Ignored(object=pattern, reason="told"),)) is matches


def test_contracts_that_are_not_done_in_time_are_unknown_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformkit_pipeline.parity.run_contracts.LONGEST_SECONDS", 0.0)
    results = held(tmp_path, SHOP)
    assert (len(results), results[WHOLE_CONTRACT].outcome) == (2, Outcome.UNKNOWN)
    assert "took longer" in results[WHOLE_CONTRACT].message


def test_half_a_character_makes_a_contract_unreadable_and_no_report_impossible(tmp_path: Path) -> None:
    results = held(tmp_path, SHOP, text=AGAINST + 'description: "\\ud800"\n')
    assert (results[WHOLE_CONTRACT].outcome, len(results)) == (Outcome.UNKNOWN, 1)
    assert "surrogate" in results[WHOLE_CONTRACT].message or "character" in results[WHOLE_CONTRACT].message
