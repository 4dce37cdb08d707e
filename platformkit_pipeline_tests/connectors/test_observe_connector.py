"""An observation of a connector says what it answers, what it does not, and never a secret, whatever the connector does."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg
import pytest

from platformkit_pipeline.connectors.delivery.tables import create_delivery_tables
from platformkit_pipeline.connectors.interface import Bench, Connector
from platformkit_pipeline.connectors.observe import observe_connector
from platformkit_pipeline.model.connector import Capability, ConnectorObject, ContractTestResult, Health, HealthStatus
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.sandbox.github.serve import TOKEN, serve_github

HERE = __name__
OUTBOX = "platformkit_pipeline.connectors.postgres_outbox:PostgresOutboxConnector"
GITHUB = "platformkit_pipeline.connectors.github:GithubConnector"


class Shop(Connector):
    """As a connector somewhere else might be; tests make it worse."""

    def __init__(self, token_env: str = "") -> None:
        self.token_env = token_env

    @classmethod
    def on_bench(cls, bench: Bench, options: Mapping[str, Any]) -> Shop:
        return cls(**options)

    def inventory(self) -> Iterable[ConnectorObject]:
        return [ConnectorObject("shelf", "b"), ConnectorObject("shelf", "a")]

    def health(self) -> Health:
        return Health(HealthStatus.UP, 0.1)

    def capabilities(self) -> frozenset[Capability]:
        return frozenset()

    def contract_tests(self) -> Sequence[ContractTestResult]:
        return [ContractTestResult("shelves stand", Outcome.PASS)]


class Leaking(Shop):
    """Tells its token wherever it can."""

    def inventory(self) -> Iterable[ConnectorObject]:
        return [ConnectorObject("shelf", "a", {"urls": ["https://shop.example.com/s3cr3t-t0ken"]})]

    def health(self) -> Health:
        return Health(HealthStatus.DOWN, 0.1, "refused with s3cr3t-t0ken")

    def contract_tests(self) -> Sequence[ContractTestResult]:
        raise RuntimeError("s3cr3t-t0ken was refused")


class Hanging(Shop):
    """One of its answers never comes."""

    def health(self) -> Health:
        time.sleep(5)
        return super().health()


class Shapeless(Shop):
    """Answers something else."""

    def health(self) -> Health:
        return "fine"  # type: ignore[return-value]  # that is what is wrong with it

    def inventory(self) -> Iterable[ConnectorObject]:
        return [ConnectorObject("shelf", "a"), ConnectorObject("shelf", "a")]


class Wordless(Shop):
    """Where a text should be is none."""

    def health(self) -> Health:
        return Health(HealthStatus.UP, 0.1, None)  # type: ignore[arg-type]  # that is what is wrong with it

    def contract_tests(self) -> Sequence[ContractTestResult]:
        return [ContractTestResult("shelves stand", Outcome.PASS, None)]  # type: ignore[arg-type]  # that is wrong with it as well


class Untouchable:
    """Ends whoever looks at it."""

    def __repr__(self) -> str:
        raise SystemExit(3)


class Hostile(Shop):
    """What it answers fails when it is looked at."""

    def inventory(self) -> Iterable[ConnectorObject]:
        return [ConnectorObject(Untouchable(), "a")]  # type: ignore[arg-type]  # that is what is wrong with it

    def health(self) -> Health:
        raise type("Mute", (Exception,), {"__str__": lambda self: Untouchable().__repr__()})


class HostileCapabilities(Shop):
    def capabilities(self) -> frozenset[Capability]:
        return frozenset({Untouchable()})  # type: ignore[arg-type]  # that is what is wrong with it


class Endless(Shop):
    def inventory(self) -> Iterable[ConnectorObject]:
        return (ConnectorObject("shelf", str(number)) for number in itertools.count())


class Alike(Shop):
    """Names that differ in nothing that is kept."""

    def inventory(self) -> Iterable[ConnectorObject]:
        return [ConnectorObject("shelf", "a\x01b"), ConnectorObject("shelf", "a\x02b")]


class Unstorable(Shop):
    def inventory(self) -> Iterable[ConnectorObject]:
        return [ConnectorObject("shelf", "a", {"half": "\ud83d", "nul\x00": "a\x00b"})]


def test_everything_that_a_connector_answers_is_in_the_snapshot_and_sorted() -> None:
    seen = observe_connector("shop", f"{HERE}:Shop", {}, acceptance=False)
    assert [item.name for item in seen.objects] == ["a", "b"]
    assert seen.health == Health(HealthStatus.UP, 0.1)
    assert seen.contract_tests == (ContractTestResult("shelves stand", Outcome.PASS),)
    assert [(missed.what, missed.why) for missed in seen.unobserved] == [("acceptance", "the acceptance suite was not asked for")]
    assert seen.missing == ()


def test_no_secret_gets_into_the_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "s3cr3t-t0ken")
    seen = observe_connector("shop", f"{HERE}:Leaking", {"token_env": "SHOP_TOKEN"}, acceptance=False)
    assert "s3cr3t-t0ken" not in repr(seen)
    assert seen.objects[0].attributes == {"urls": ["https://shop.example.com/***"]}
    assert seen.health is not None
    assert seen.health.message == "refused with ***"
    assert ("contract_tests", "RuntimeError: *** was refused") in [(missed.what, missed.why) for missed in seen.unobserved]


def test_a_connector_that_hangs_costs_one_answer() -> None:
    seen = observe_connector("shop", f"{HERE}:Hanging", {}, acceptance=False, seconds=0.3)
    assert seen.health is None
    assert ("health", "NoAnswer: no answer within 0.3 seconds") in [(missed.what, missed.why) for missed in seen.unobserved]
    assert len(seen.objects) == 2


def test_answers_of_another_form_are_missing_and_left_out() -> None:
    seen = observe_connector("shop", f"{HERE}:Shapeless", {}, acceptance=False)
    assert seen.health is None
    assert seen.objects == ()
    assert seen.missing == (
        "health() answers a value of type str instead of Health",
        "inventory() yields 1 objects more than once, as shelf a",
    )


def test_a_class_that_is_not_there_is_an_observation_as_well() -> None:
    seen = observe_connector("shop", "no_such_package.shop:Shop", {}, acceptance=True)
    assert "there is no module no_such_package" in seen.missing[0]


def test_a_connector_that_may_not_be_asked_is_not_asked() -> None:
    seen = observe_connector("shop", f"{HERE}:Hanging", {}, acceptance=False, live=False)
    assert {missed.what for missed in seen.unobserved} == {"acceptance", "the real other side"}


def test_an_outbox_is_observed_with_its_tables_its_publications_and_its_queue(blank_database: Dsn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_URL", blank_database.reveal())
    monkeypatch.setenv("SHOP_EVENTS_URL", "https://shop.example.com/events")
    options = {"dsn_env": "SHOP_URL", "url_env": "SHOP_EVENTS_URL", "schema": "events"}
    with psycopg.connect(blank_database.reveal(), autocommit=True) as connection:
        create_delivery_tables(connection, "events")
        connection.execute("create publication shop_events for table events.outbox with (publish = 'insert')")
        connection.execute(
            "insert into events.outbox (id, aggregatetype, aggregateid, type) values (gen_random_uuid(), 'order', '1', 'paid')"
        )
    seen = observe_connector("shop", OUTBOX, options, acceptance=False)
    assert [(item.kind, item.name) for item in seen.objects] == [
        ("publication", "shop_events"),
        ("table", "events.dead_letters"),
        ("table", "events.inbox"),
        ("table", "events.outbox"),
    ]
    assert seen.objects[0].attributes["tables"] == ["events.outbox"]
    assert seen.health is not None
    assert seen.health.status is HealthStatus.UP
    assert {result.outcome for result in seen.contract_tests} == {Outcome.PASS}
    assert seen.queue is not None
    assert (seen.queue.pending, seen.queue.due) == (1, 1)


def test_an_outbox_without_its_tables_is_degraded_and_says_which(blank_database: Dsn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_URL", blank_database.reveal())
    seen = observe_connector("shop", OUTBOX, {"dsn_env": "SHOP_URL"}, acceptance=False)
    assert seen.health is not None
    assert seen.health.status is HealthStatus.DEGRADED
    assert "ops.outbox: the table is not there" in seen.health.message
    assert {result.outcome for result in seen.contract_tests} == {Outcome.FAIL}


def test_a_token_that_is_nearly_used_up_makes_github_degraded(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_github() as github:
        monkeypatch.setenv("PLATFORMKIT_GITHUB_API_URL", github.address)
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        github.repository.branches = {"release/1": "1" * 40}
        github.remaining = 100
        seen = observe_connector("github", GITHUB, {"repositories": ["acme/shop"], "token_env": "GITHUB_TOKEN"}, acceptance=False)
    assert [(item.kind, item.name) for item in seen.objects] == [
        ("branch", "acme/shop:main"),
        ("branch", "acme/shop:release/1"),
        ("repository", "acme/shop"),
    ]
    assert seen.health is not None
    assert seen.health.status is HealthStatus.DEGRADED
    assert "of 5000 requests are left" in seen.health.message


def test_a_message_that_is_no_text_is_said_and_breaks_nothing() -> None:
    seen = observe_connector("shop", f"{HERE}:Wordless", {}, acceptance=False)
    assert seen.missing == (
        "contract_tests() says of shelves stand nothing instead of a message",
        "health() answers with nothing as its message",
    )


def test_an_answer_that_fails_when_it_is_looked_at_costs_that_answer() -> None:
    seen = observe_connector("shop", f"{HERE}:Hostile", {}, acceptance=False)
    told = {missed.what: missed.why for missed in seen.unobserved}
    assert (told["inventory"], told["health"]) == ("SystemExit: 3", "Mute")
    assert seen.contract_tests == (ContractTestResult("shelves stand", Outcome.PASS),)
    refused = observe_connector("shop", f"{HERE}:HostileCapabilities", {}, acceptance=False)
    assert refused.missing == ("capabilities() raises SystemExit: 3",)


def test_an_inventory_without_end_is_not_read_to_its_end() -> None:
    seen = observe_connector("shop", f"{HERE}:Endless", {}, acceptance=False)
    assert seen.objects == ()
    assert seen.missing == ("inventory() yields more than 100000 objects",)


def test_objects_whose_names_are_one_when_they_are_kept_are_left_out() -> None:
    seen = observe_connector("shop", f"{HERE}:Alike", {}, acceptance=False)
    assert seen.objects == ()
    assert "shelf a b, as it is kept" in seen.missing[0]


def test_what_postgresql_cannot_store_is_replaced() -> None:
    seen = observe_connector("shop", f"{HERE}:Unstorable", {}, acceptance=False)
    assert seen.objects[0].attributes == {"half": "?", "nul?": "a?b"}
