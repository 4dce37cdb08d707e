"""The acceptance suite passes what is right, and fails what is broken for exactly the reason for which it is broken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from platformkit_pipeline.connectors.acceptance.plugin import ConnectorAcceptance
from platformkit_pipeline.connectors.acceptance.suite import CHECKS, accept, bench_of
from platformkit_pipeline.connectors.acceptance.trial import Limits
from platformkit_pipeline.connectors.acceptance.workbench import Workbench
from platformkit_pipeline.connectors.examples import broken_answers, broken_consumers, broken_publishers
from platformkit_pipeline.connectors.examples.well_kept import WellKeptConnector
from platformkit_pipeline.connectors.github import GithubConnector
from platformkit_pipeline.connectors.http_service import HttpServiceConnector
from platformkit_pipeline.connectors.interface import Connector
from platformkit_pipeline.connectors.postgres_outbox import PostgresOutboxConnector
from platformkit_pipeline.model.connector import ContractTestResult
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.result import Outcome

pytest_plugins = ["platformkit_pipeline.connectors.acceptance.plugin"]

BROKEN: dict[type[Connector], set[str]] = {
    broken_answers.Incomplete: {"interface.complete"},  # type: ignore[type-abstract]  # that is what is broken
    broken_answers.UnstableInventory: {"inventory.stable"},
    broken_answers.RepeatedObjects: {"inventory.well_formed"},
    broken_answers.SlowHealth: {"health.answers_in_time"},
    broken_answers.AlwaysUp: {"health.tells_down"},
    broken_answers.RaisingHealth: {"health.tells_down"},
    broken_answers.FailingContractTests: {"contract_tests.pass"},
    broken_answers.ContractTestsOfNothing: {"contract_tests.pass"},
    broken_answers.UpUnlessTheBenchIsDown: {"health.tells_down"},
    broken_answers.SentInItsPlace: {"interface.complete"},
    broken_answers.ChangedForTheBench: {"interface.complete"},
    broken_answers.CapabilityLie: {"replay.delivers"},
    broken_answers.EmptySchema: {"schema.valid"},
    broken_consumers.NoEffect: {"receive.takes_effect"},
    broken_consumers.NoMemory: {"receive.idempotent"},
    broken_consumers.MemoryOfTheProcess: {"receive.idempotent"},
    broken_consumers.MemoryBesideTheEffect: {"receive.one_transaction"},
    broken_consumers.MemoryAfterTheEffect: {"receive.one_transaction"},
    broken_consumers.AskedBeforeWritten: {"receive.concurrent"},
    broken_publishers.PublishesNothing: {"publish.delivers"},
    broken_publishers.PublishesAtOnce: {"publish.delivers"},
    broken_publishers.OutboxOfTheProcess: {"crash.nothing_lost", "queue_depth.true"},
    broken_publishers.PublishedTwice: {"publish.idempotent"},
    broken_publishers.NoRetry: {"retry.tries_again"},
    broken_publishers.ConstantRetry: {"retry.back_off"},
    broken_publishers.NoJitter: {"retry.back_off"},
    broken_publishers.NewKeyForEachAttempt: {"retry.same_key"},
    broken_publishers.NewKeyAfterARestart: {"crash.one_effect"},
    broken_publishers.DeafToRetryAfter: {"retry.honours_retry_after"},
    broken_publishers.EndlessRetry: {"dead_letters.after_attempts"},
    broken_publishers.SwallowedError: {"retry.tries_again", "dead_letters.refused_at_once"},
    broken_publishers.RefusalTriedAgain: {"dead_letters.refused_at_once"},
    broken_publishers.DeadLetterWithoutReason: {"dead_letters.reason"},
    broken_publishers.BlindQueue: {"queue_depth.true"},
    broken_publishers.LosesOrder: {"ordering.per_key"},
    broken_publishers.PoisonBlocks: {"ordering.other_keys_go_on", "poison.does_not_block"},
    broken_publishers.MarksBeforeSending: {"crash.nothing_lost"},
}
"""The checks that each fails; all others say PASS, or UNKNOWN because they rest on one that failed."""

HASTY = Limits(settle_seconds=3.0)


@pytest.fixture(scope="session")
def connector_bench_server(admin_dsn: Dsn) -> Dsn:
    return admin_dsn


class TestWellKept(ConnectorAcceptance):
    connector = WellKeptConnector


class TestPostgresOutbox(ConnectorAcceptance):
    connector = PostgresOutboxConnector
    options = {"dsn_env": "SHOP_DATABASE_URL", "url_env": "SHOP_EVENTS_URL"}  # noqa: RUF012 - as an author writes it


class TestHttpService(ConnectorAcceptance):
    connector = HttpServiceConnector
    options = {"url": "https://shop.example.com", "dsn_env": "SHOP_DATABASE_URL"}  # noqa: RUF012 - as an author writes it


class TestGithub(ConnectorAcceptance):
    connector = GithubConnector
    options = {"repositories": ["acme/shop"], "token_env": "GITHUB_TOKEN", "dsn_env": "SHOP_DATABASE_URL"}  # noqa: RUF012 - as an author writes it


@pytest.fixture(scope="module")
def bench(admin_dsn: Dsn) -> Iterator[Workbench]:
    with bench_of(WellKeptConnector, admin_dsn) as opened:
        yield opened


def failed(results: tuple[ContractTestResult, ...]) -> set[str]:
    assert all(result.message for result in results if result.outcome is not Outcome.PASS), results
    return {result.name for result in results if result.outcome is Outcome.FAIL}


def named(connector_class: type[Connector]) -> str:
    return connector_class.__name__


@pytest.mark.parametrize("broken", BROKEN, ids=named)
def test_a_broken_connector_fails_the_check_it_breaks(broken: type[Connector], bench: Workbench) -> None:
    assert failed(accept(broken, {}, bench, BROKEN[broken], limits=HASTY)) == BROKEN[broken]


@pytest.mark.exhaustive
@pytest.mark.parametrize("broken", BROKEN, ids=named)
def test_a_broken_connector_fails_no_other_check(broken: type[Connector], bench: Workbench) -> None:
    results = accept(broken, {}, bench, limits=HASTY)
    assert failed(results) == BROKEN[broken]
    assert len(results) == len(CHECKS)
    # "too little to see": one event at a time, on a busy machine, drowns the delays between attempts
    reasons = ("it rests on", "not registered", "too little to see a pattern in")
    assert all(any(reason in r.message for reason in reasons) for r in results if r.outcome is Outcome.UNKNOWN)


def test_every_check_is_failed_by_some_broken_connector() -> None:
    assert set().union(*BROKEN.values()) == {check.name for check in CHECKS}


def test_what_is_not_declared_is_not_tried(bench: Workbench) -> None:
    results = accept(broken_publishers.MarksBeforeSending, {}, bench, ["ordering.per_key", "schema.valid"])
    assert [(r.outcome, r.message) for r in results] == [
        (Outcome.NOT_APPLICABLE, "the capability schema is not declared"),
        (Outcome.NOT_APPLICABLE, "the capability ordered is not declared"),
    ]


def test_what_rests_on_something_that_failed_is_unknown_and_not_passed(bench: Workbench) -> None:
    back_off, tries_again = "retry.back_off", "retry.tries_again"
    results = {r.name: r for r in accept(broken_publishers.NoRetry, {}, bench, [back_off, tries_again])}
    assert results[tries_again].outcome is Outcome.FAIL
    assert results[back_off].outcome is Outcome.UNKNOWN
    assert tries_again in results[back_off].message


def test_a_check_that_does_not_exist_is_refused(bench: Workbench) -> None:
    with pytest.raises(ConfigurationError, match=r"no check retry\.often"):
        accept(WellKeptConnector, {}, bench, ["retry.often"])


def test_every_check_says_what_it_demands_and_by_which_clause() -> None:
    assert all(check.clause in ("9.1", "9.2") and len(check.demand) > 20 for check in CHECKS)


def test_the_page_for_authors_has_every_check_with_its_demand() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "connectors.md").read_text(encoding="utf-8")
    missing = [c.name for c in CHECKS if f"| `{c.name}` | {c.demand} | {c.needs or 'always'} | {c.clause} |" not in page]
    assert missing == []
