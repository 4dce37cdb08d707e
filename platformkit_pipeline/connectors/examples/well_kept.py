"""A connector as the suite wants it: it tells a webhook of events, and writes what it receives to its database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import psycopg

from platformkit_pipeline.connectors.delivery.http import HttpSender
from platformkit_pipeline.connectors.delivery.retry import RetryPolicy
from platformkit_pipeline.connectors.event_connector import EventConnector
from platformkit_pipeline.connectors.http_probe import health_by_get
from platformkit_pipeline.connectors.interface import Bench
from platformkit_pipeline.model.connector import ConnectorObject, ContractTestResult, Health, HealthStatus
from platformkit_pipeline.model.event import Event
from platformkit_pipeline.model.result import Outcome


class WellKeptConnector(EventConnector):
    """`url` is where events are posted to."""

    retry = RetryPolicy(attempts=6)

    def __init__(self, url: str = "https://hooks.example.com", dsn_env: str = "EXAMPLE_DATABASE_URL") -> None:
        super().__init__(dsn_env=dsn_env)
        self.url = url

    def use_bench(self, bench: Bench) -> None:
        self.url = bench.url

    def inventory(self) -> Iterable[ConnectorObject]:
        return [ConnectorObject("webhook", "events"), ConnectorObject("table", f"{self.tables}.outbox")]

    def health(self) -> Health:
        return health_by_get(self.url, {}, seconds=2)

    def contract_tests(self) -> Sequence[ContractTestResult]:
        health = self.health()
        outcome = Outcome.PASS if health.status is HealthStatus.UP else Outcome.FAIL
        return [ContractTestResult("webhook answers", outcome, health.message)]

    @cached_property
    def sender(self) -> HttpSender:
        sender = HttpSender(self.url, timeout_seconds=5)
        self.on_close.callback(sender.close)
        return sender

    def send(self, event: Event) -> None:
        self.sender(event)

    def handle(self, connection: psycopg.Connection[Any], event: Event) -> None:
        """The effect would be a statement of this connector's own; on the bench the suite's row is all there is."""
