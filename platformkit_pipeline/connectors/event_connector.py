"""A connector that gets outbox, relay, inbox, dead letters and queue depth for free: its author writes `send`, or `handle`, or both."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar, Self

import psycopg

from platformkit_pipeline.connectors.delivery.dead_letters import DeadLetters
from platformkit_pipeline.connectors.delivery.inbox import Inbox
from platformkit_pipeline.connectors.delivery.outbox import Outbox
from platformkit_pipeline.connectors.delivery.relay import Relay
from platformkit_pipeline.connectors.delivery.retry import RetryPolicy
from platformkit_pipeline.connectors.environment import dsn_of_variable
from platformkit_pipeline.connectors.interface import Bench, Connector, Turn
from platformkit_pipeline.connectors.registration import unwritten_port
from platformkit_pipeline.introspection.postgres.connection import connect
from platformkit_pipeline.model.connector import Capability, QueueDepth
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import TargetUnreachable
from platformkit_pipeline.model.event import Event


class EventConnector(Connector):
    """Derive, write `send` and/or `handle`, the four questions, and `use_bench`.

    `dsn_env` names the variable that holds the database with the delivery tables (`connectors.delivery.tables`) in `schema`.
    """

    retry: ClassVar[RetryPolicy] = RetryPolicy()
    """How delays grow and when to give up; a class may have its own."""

    def __init__(self, *, dsn_env: str, schema: str = "ops") -> None:
        self.dsn_env, self._schema = dsn_env, schema
        self._bench: Bench | None = None
        self.on_close = ExitStack()
        """What a derived class opens and wants closed: `self.on_close.callback(client.close)`."""

    # ---------------------------------------------------------------- what an author writes

    @unwritten_port(Capability.PUBLISH)
    def send(self, event: Event) -> None:
        """Deliver one event, with `event.id` as idempotency key. Raises DeliveryFailed (try again) or DeliveryRefused (never)."""
        raise NotImplementedError

    @unwritten_port(Capability.CONSUME)
    def handle(self, connection: psycopg.Connection[Any], event: Event) -> None:
        """Let an event take effect within the transaction of `connection`; do nothing outside it that cannot be done twice."""
        raise NotImplementedError

    def ready_to_send(self) -> None:
        """Raise ConfigurationError where no event at all could be sent, as for want of a token.

        Asked before the first turn of the relay: what is wrong with the configuration must not use up the attempts of events.
        """

    @abstractmethod
    def use_bench(self, bench: Bench) -> None:
        """From now on talk to `bench.url` with `bench.token` instead of the real other side; the database is seen to."""

    # ---------------------------------------------------------------- what comes with it

    @classmethod
    def on_bench(cls, bench: Bench, options: Mapping[str, Any]) -> Self:
        connector = cls(**options)
        connector._bench = bench
        connector.use_bench(bench)
        return connector

    def capabilities(self) -> frozenset[Capability]:
        """By what is written: `send` publishes in order and can replay, `handle` consumes, `schema` describes."""
        written = type(self)
        found: set[Capability] = set()
        if written.send is not EventConnector.send:
            found |= {Capability.PUBLISH, Capability.ORDERED, Capability.REPLAY}
        if written.handle is not EventConnector.handle:
            found.add(Capability.CONSUME)
        if written.schema is not Connector.schema:
            found.add(Capability.SCHEMA)
        return frozenset(found)

    @property
    def consumer(self) -> str:
        """The name under which the inbox remembers what this connector took."""
        return f"{type(self).__module__}.{type(self).__qualname__}"

    @property
    def tables(self) -> str:
        """Schema of the delivery tables."""
        return self._bench.schema if self._bench else self._schema

    def database(self) -> Dsn:
        """Where the delivery tables are. Raises ConfigurationError when the variable is not set."""
        return self._bench.dsn if self._bench else dsn_of_variable(self.dsn_env)

    def connect(self) -> psycopg.Connection[Any]:
        """A connection to that database, in autocommit mode. Raises TargetUnreachable."""
        return connect(self.database())

    def close(self) -> None:
        self.on_close.close()

    def publish(self, events: Sequence[Event]) -> None:
        with closing(self.connect()) as connection, connection.transaction():
            Outbox(self.tables).publish(connection, events)

    def relay_turn(self) -> Turn:
        return self.relay.turn()

    def queue_depth(self) -> QueueDepth:
        with closing(self.connect()) as connection:
            return Outbox(self.tables).depth(connection)

    def replay_dead_letters(self) -> int:
        with closing(self.connect()) as connection, connection.transaction():
            return DeadLetters(self.tables).replay(connection)

    def receive(self, event: Event) -> bool:
        with closing(self.connect()) as connection:
            return Inbox(self.tables).receive(connection, self.consumer, event, lambda within: self._take(within, event))

    @cached_property
    def relay(self) -> Relay:
        """The relay of the outbox, for whoever wants to run it until it is told to stop. Raises ConfigurationError."""
        self.ready_to_send()
        relay = Relay(self._for_relay, self.send, schema=self.tables, policy=self.policy)
        self.on_close.callback(relay.close)
        return relay

    @property
    def policy(self) -> RetryPolicy:
        """The policy in the time of the bench, if there is one."""
        scale = self._bench.time_scale if self._bench else 1.0
        if scale == 1.0:
            return self.retry
        return replace(
            self.retry,
            first_delay_seconds=self.retry.first_delay_seconds * scale,
            longest_delay_seconds=self.retry.longest_delay_seconds * scale,
        )

    def _for_relay(self) -> psycopg.Connection[Any]:
        """A relay opens its connection again by itself, and knows only psycopg's errors."""
        try:
            return self.connect()
        except TargetUnreachable as error:
            raise psycopg.OperationalError(str(error)) from None

    def _take(self, connection: psycopg.Connection[Any], event: Event) -> None:
        self.handle(connection, event)
        if self._bench is not None:
            self._bench.record_effect(connection, self.consumer, event)
