"""What is particular to the three connectors that ship with the product; what all connectors have to do is in `test_acceptance`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from platformkit_pipeline.connectors.acceptance.wire import Wire, open_wire
from platformkit_pipeline.connectors.delivery.tables import create_delivery_tables
from platformkit_pipeline.connectors.errors import DeliveryFailed, DeliveryRefused
from platformkit_pipeline.connectors.github import GithubConnector
from platformkit_pipeline.connectors.http_service import HttpServiceConnector
from platformkit_pipeline.connectors.interface import Turn
from platformkit_pipeline.connectors.postgres_outbox import PostgresOutboxConnector
from platformkit_pipeline.model.connector import HealthStatus
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.event import Event
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.github.faults import Fault, too_many_requests
from platformkit_pipeline.sandbox.github.serve import TOKEN, Github, serve_github
from platformkit_pipeline.sandbox.github.state import READER
from platformkit_pipeline_tests.conftest import FAST_SETTINGS

PAID = Event(str(uuid.uuid4()), "order", "1", "order.paid", {"amount": 12})
handled: list[str] = []


def handle(event: Event) -> None:
    """A destination within the installation, named by its class path."""
    handled.append(event.type)


# ---------------------------------------------------------------- postgres-outbox


@pytest.fixture
def outbox_database(blank_database: Dsn, monkeypatch: pytest.MonkeyPatch) -> Dsn:
    monkeypatch.setenv("SHOP_URL", blank_database.reveal())
    with psycopg.connect(blank_database.reveal()) as connection:
        create_delivery_tables(connection, "ops")
    return blank_database


def test_an_outbox_is_handed_to_a_function_of_the_installation(outbox_database: Dsn) -> None:
    connector = PostgresOutboxConnector("SHOP_URL", handler=f"{__name__}:handle")
    connector.publish([PAID])
    assert connector.relay_turn() == Turn(delivered=1)
    connector.close()
    assert handled == ["order.paid"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "no destination"),
        ({"url_env": "NOT_SET_ANYWHERE"}, "NOT_SET_ANYWHERE is not set"),
        ({"handler": "no_such_package:handle"}, "there is no module no_such_package"),
        ({"handler": f"{__name__}:PAID"}, "cannot be called"),
    ],
)
def test_an_outbox_without_a_destination_uses_up_no_attempts(outbox_database: Dsn, options: dict[str, str], message: str) -> None:
    connector = PostgresOutboxConnector("SHOP_URL", **options)  # type: ignore[arg-type]  # all of them are texts
    connector.publish([PAID])
    with pytest.raises(ConfigurationError, match=message):
        connector.relay_turn()
    with psycopg.connect(outbox_database.reveal()) as connection:
        assert connection.execute("select attempts from ops.outbox").fetchall() == [(0,)]
    assert message in next(test.message for test in connector.contract_tests() if test.outcome is Outcome.FAIL)


def test_two_destinations_of_an_outbox_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="two destinations"):
        PostgresOutboxConnector("SHOP_URL", url_env="EVENTS_URL", handler=f"{__name__}:handle")


@pytest.mark.exhaustive
def test_a_replication_slot_that_nobody_reads_makes_an_outbox_degraded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = EmbeddedPostgres(tmp_path / "logical", settings={**FAST_SETTINGS, "wal_level": "logical"})
    server.ensure()
    try:
        monkeypatch.setenv("SHOP_URL", server.dsn().reveal())
        with psycopg.connect(server.dsn().reveal(), autocommit=True) as connection:
            create_delivery_tables(connection, "ops")
            connection.execute("select pg_create_logical_replication_slot('shop_events', 'pgoutput')")
            patient = PostgresOutboxConnector("SHOP_URL", handler=f"{__name__}:handle", most_lag_bytes=100_000_000)
            strict = PostgresOutboxConnector("SHOP_URL", handler=f"{__name__}:handle", most_lag_bytes=100_000)
            connection.execute("create table filler as select repeat('x', 1000) as x from generate_series(1, 1000)")
        assert patient.health().status is HealthStatus.UP
        health = strict.health()
        assert health.status is HealthStatus.DEGRADED
        assert "replication slot shop_events is" in health.message
        assert "and nobody reads it" in health.message
        assert ("replication_slot", "shop_events") in [(item.kind, item.name) for item in strict.inventory()]
    finally:
        server.destroy()


# ---------------------------------------------------------------- http-service


@pytest.fixture
def service() -> Iterator[Wire]:
    with open_wire() as wire:
        yield wire


def test_the_operations_of_a_service_are_its_inventory(service: Wire) -> None:
    connector = HttpServiceConnector(service.url)
    assert [(item.name, item.attributes) for item in connector.inventory()] == [
        ("POST /events", {"operationId": "takeEvent"}),
        ("GET /health", {"operationId": "health"}),
    ]
    assert connector.schema()["openapi"] == "3.1.0"


def test_an_operation_that_is_used_and_not_described_fails_a_contract_test(service: Wire) -> None:
    connector = HttpServiceConnector(service.url, events_path="/hooks", dsn_env="SHOP_URL")
    assert {test.name: test.outcome for test in connector.contract_tests()} == {
        "the document can be read": Outcome.PASS,
        "the document is OpenAPI": Outcome.PASS,
        "GET /health is described": Outcome.PASS,
        "POST /hooks is described": Outcome.FAIL,
    }


def test_a_service_that_is_down_leaves_its_contract_unknown() -> None:
    with open_wire() as wire:
        url = wire.url
    connector = HttpServiceConnector(url)
    assert [test.outcome for test in connector.contract_tests()] == [Outcome.UNKNOWN]
    assert connector.health().status is HealthStatus.DOWN


@pytest.mark.parametrize("url", ["shop.example.com", "ftp://shop.example.com", "https://", "https://shop:port"])
def test_an_address_that_is_none_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError, match="the option url is not") as refused:
        HttpServiceConnector(url)
    assert url not in str(refused.value)


# ---------------------------------------------------------------- github


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[Github]:
    with serve_github() as served:
        monkeypatch.setenv("PLATFORMKIT_GITHUB_API_URL", served.address)
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        yield served


@pytest.fixture
def connector(github: Github) -> Iterator[GithubConnector]:
    made = GithubConnector(["acme/shop"], "GITHUB_TOKEN", dsn_env="SHOP_URL")
    yield made
    made.close()


def test_an_event_becomes_a_repository_dispatch_with_its_id(github: Github, connector: GithubConnector) -> None:
    connector.send(PAID)
    dispatch = github.repository.dispatches[0]
    assert dispatch.event_type == "order.paid"
    assert (dispatch.client_payload["id"], dispatch.client_payload["payload"]) == (PAID.id, {"amount": 12})


def test_github_does_not_know_an_event_again(github: Github, connector: GithubConnector) -> None:
    connector.send(PAID)
    connector.send(PAID)
    assert [dispatch.client_payload["id"] for dispatch in github.repository.dispatches] == [PAID.id, PAID.id]


def test_a_rate_limit_postpones_for_as_long_as_github_asks(github: Github, connector: GithubConnector) -> None:
    github.faults = [too_many_requests("7")]
    with pytest.raises(DeliveryFailed) as failed:
        connector.send(PAID)
    assert failed.value.retry_after_seconds == 7


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_what_somebody_can_mend_is_tried_again(github: Github, connector: GithubConnector, status: int) -> None:
    github.faults = [Fault(status)]
    with pytest.raises(DeliveryFailed, match=str(status)):
        connector.send(PAID)


@pytest.mark.parametrize("status", [404, 422])
def test_what_github_refuses_for_good_is_not_tried_again(github: Github, connector: GithubConnector, status: int) -> None:
    github.faults = [Fault(status)]
    with pytest.raises(DeliveryRefused, match=str(status)):
        connector.send(PAID)


@pytest.mark.parametrize("event", [replace(PAID, type="x" * 101), replace(PAID, payload={"text": "x" * 65_536})])
def test_an_event_that_github_cannot_take_is_refused_before_it_is_sent(github: Github, connector: GithubConnector, event: Event) -> None:
    with pytest.raises(DeliveryRefused, match="GitHub takes"):
        connector.send(event)
    assert github.asked == []


def test_a_token_that_may_only_read_fails_a_contract_test(github: Github, connector: GithubConnector) -> None:
    assert {test.outcome for test in connector.contract_tests()} == {Outcome.PASS}
    github.tokens[TOKEN] = READER
    assert {test.name: test.outcome for test in connector.contract_tests()} == {
        "acme/shop can be seen": Outcome.PASS,
        "acme/shop accepts repository_dispatch from this token": Outcome.FAIL,
    }


def test_a_connector_to_github_without_its_token_sends_nothing(github: Github, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    connector = GithubConnector(["acme/shop"], "GITHUB_TOKEN", dsn_env="SHOP_URL")
    assert connector.health().status is HealthStatus.DOWN
    with pytest.raises(ConfigurationError, match="GITHUB_TOKEN is not set"):
        connector.relay_turn()
