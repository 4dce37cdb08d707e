"""PostgreSQL as a source of events: the outbox of a database, delivered to a destination or handed to a consumer (clauses 9.1 and 9.2).

Also looks after logical replication, by which Debezium and others read the same outbox: publications and slots are part of the
inventory, and a slot that nobody reads makes the health worse before it fills the disk.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from typing import Any

import psycopg

from platformkit_pipeline.connectors.class_path import ClassNotFound, class_of
from platformkit_pipeline.connectors.delivery.http import HttpSender
from platformkit_pipeline.connectors.environment import value_of_variable
from platformkit_pipeline.connectors.event_connector import EventConnector
from platformkit_pipeline.connectors.interface import Bench
from platformkit_pipeline.introspection.postgres.connection import connect
from platformkit_pipeline.locations import read_sql
from platformkit_pipeline.model.connector import ConnectorObject, ContractTestResult, Health, HealthStatus
from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.errors import ConfigurationError, ObservationError, PlatformkitError
from platformkit_pipeline.model.event import Event
from platformkit_pipeline.model.result import Outcome

Consumer = Callable[[Event], None]

_CONNECT_SECONDS = 5
_STATEMENT_SECONDS = 5
_TABLES = ("dead_letters", "inbox", "outbox")


class PostgresOutboxConnector(EventConnector):
    """Options: `dsn_env` (variable with the database), `schema` of the delivery tables, and the destination: `url_env` (variable with
    the address that events are posted to) and, where it wants one, `token_env` (sent as bearer token); or `handler`, the class path
    of a function of this installation that takes an event, and raises DeliveryFailed or DeliveryRefused.

    `most_lag_bytes` is how far a replication slot may be behind before the connector counts as degraded.
    """

    def __init__(
        self,
        dsn_env: str,
        url_env: str | None = None,
        token_env: str | None = None,
        handler: str | None = None,
        schema: str = "ops",
        most_lag_bytes: int = 1_000_000_000,
        timeout_seconds: float = 10.0,
    ) -> None:
        super().__init__(dsn_env=dsn_env, schema=schema)
        if most_lag_bytes < 0 or not 0 < timeout_seconds <= 25:
            raise ConfigurationError("most_lag_bytes must not be negative, timeout_seconds must be above 0 and at most 25")
        if url_env is not None and handler is not None:
            raise ConfigurationError("url_env and handler are two destinations: give one")
        self._url_env, self._token_env, self._handler = url_env, token_env, handler
        self._on_bench: HttpSender | None = None
        self._most_lag, self._timeout_seconds = most_lag_bytes, timeout_seconds

    def use_bench(self, bench: Bench) -> None:
        """The bench takes the place of the destination; a handler is not called there."""
        self._on_bench = self._sender(f"{bench.url}/events", {})

    # ---------------------------------------------------------------- clause 9.1

    def inventory(self) -> Iterable[ConnectorObject]:
        """Delivery tables, publications and replication slots of the database. Raises TargetUnreachable, ObservationError."""
        with self._looking() as connection:
            rows = connection.execute(_statement("outbox_objects"), {"schema": self.tables, "tables": list(_TABLES)}).fetchall()
        return [ConnectorObject(kind, name, attributes) for kind, name, attributes in rows]

    def health(self) -> Health:
        """The time of a round trip; DEGRADED where a slot lags or is lost, or the delivery tables are not there."""
        began = time.monotonic()
        try:
            with self._looking() as connection:
                asked = time.monotonic()
                connection.execute("select 1")
                latency = time.monotonic() - asked
                worries = list(self._worries(connection))
        except (PlatformkitError, psycopg.Error) as error:
            return Health(HealthStatus.DOWN, time.monotonic() - began, redact(" ".join(str(error).split())))
        return Health(HealthStatus.DEGRADED if worries else HealthStatus.UP, latency, "; ".join(worries))

    def contract_tests(self) -> Sequence[ContractTestResult]:
        """The delivery tables have the columns that are read and written, this login may do both, and there is a destination."""
        try:
            with self._looking() as connection:
                rows = connection.execute(_statement("outbox_contract"), {"schema": self.tables}).fetchall()
        except (PlatformkitError, psycopg.Error) as error:
            why = redact(" ".join(str(error).split()))
            return [ContractTestResult("delivery tables can be used", Outcome.UNKNOWN, why), self._destination_test()]
        results = [
            ContractTestResult(f"{self.tables}.{table} can be used", Outcome.FAIL if fault else Outcome.PASS, fault or "")
            for table, fault in rows
        ]
        return [*results, self._destination_test()]

    def _destination_test(self) -> ContractTestResult:
        try:
            self.ready_to_send()
        except ConfigurationError as error:
            return ContractTestResult("there is a destination", Outcome.FAIL, str(error))
        return ContractTestResult("there is a destination", Outcome.PASS)

    def _worries(self, connection: psycopg.Connection[Any]) -> Iterable[str]:
        for table, fault in connection.execute(_statement("outbox_contract"), {"schema": self.tables}).fetchall():
            if fault:
                yield f"{self.tables}.{table}: {fault}"
        for name, active, status, lag in connection.execute(_statement("slot_lag")).fetchall():
            if status in ("lost", "unreserved"):
                yield f"replication slot {name}: the server no longer keeps the log that it needs ({status})"
            elif lag is not None and lag > self._most_lag:
                yield f"replication slot {name} is {lag} bytes behind{'' if active else ', and nobody reads it'}"

    def _looking(self) -> closing[psycopg.Connection[Any]]:
        connection = connect(self.database(), connect_timeout=_CONNECT_SECONDS)
        try:
            # a set instead of startup options: poolers refuse those
            connection.execute("select set_config('statement_timeout', %s, false)", [f"{_STATEMENT_SECONDS}s"])
        except psycopg.Error as error:
            connection.close()
            raise ObservationError(redact(" ".join(str(error).split()))) from None
        return closing(connection)

    # ---------------------------------------------------------------- clause 9.2

    def ready_to_send(self) -> None:
        _ = self._destination

    def send(self, event: Event) -> None:
        self._destination(event)

    @cached_property
    def _destination(self) -> Consumer:
        if self._on_bench is not None:
            return self._on_bench
        if self._handler is not None:
            return _handler_at(self._handler)
        if self._url_env is None:
            raise ConfigurationError("the connector has no destination: give the option url_env or handler")
        headers = {}
        if self._token_env is not None:
            headers["Authorization"] = f"Bearer {value_of_variable(self._token_env, 'a token')}"
        url = value_of_variable(self._url_env, "the URL that events are posted to")
        return self._sender(url, headers)

    def _sender(self, url: str, headers: Mapping[str, str]) -> HttpSender:
        sender = HttpSender(url, headers, timeout_seconds=self._timeout_seconds)
        self.on_close.callback(sender.close)
        return sender


def _handler_at(class_path: str) -> Consumer:
    try:
        found = class_of(class_path)
    except ClassNotFound as fault:
        raise ConfigurationError(f"handler: {fault}") from None
    if not callable(found):
        raise ConfigurationError(f"handler: {class_path} cannot be called with an event")
    return found


def _statement(name: str) -> bytes:
    return read_sql(f"connectors/{name}.sql").encode()
