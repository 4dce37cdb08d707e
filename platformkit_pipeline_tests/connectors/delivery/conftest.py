"""A database with the tables of delivery, and short ways to write events and to relay them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from uuid import UUID

import psycopg
import pytest

from platformkit_pipeline.connectors.delivery.attempts import Send
from platformkit_pipeline.connectors.delivery.outbox import Outbox
from platformkit_pipeline.connectors.delivery.relay import Relay
from platformkit_pipeline.connectors.delivery.retry import RetryPolicy
from platformkit_pipeline.connectors.delivery.tables import create_delivery_tables
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.event import Event
from platformkit_pipeline.sandbox.databases import create_database, drop_database

AT_ONCE = RetryPolicy(first_delay_seconds=0.001, longest_delay_seconds=0.001, attempts=3)
LATER = RetryPolicy(first_delay_seconds=300, attempts=3)

_numbers = itertools.count(1)


def event(key: str = "a", number: int = 0, **payload: object) -> Event:
    """An event of one key with a payload of a number."""
    return Event(str(UUID(int=next(_numbers))), "order", key, "order.changed", {"number": number, **payload})


def numbers(events: Sequence[Event], key: str = "a") -> list[int]:
    return [int(e.payload["number"]) for e in events if e.aggregateid == key]


class Post:
    """One database with delivery tables: writes, relays, and asks."""

    def __init__(self, dsn: Dsn, schema: str) -> None:
        self.dsn, self.schema = dsn, schema
        self.outbox = Outbox(schema)
        self._relays: list[Relay] = []
        self.admin = self.connect()
        self.admin.autocommit = True

    def connect(self) -> Connection:
        return psycopg.connect(self.dsn.reveal())

    def publish(self, *events: Event, destination: str = "") -> int:
        with self.connect() as connection:
            return self.outbox.publish(connection, events, destination=destination)

    def relay(self, send: Send, connect: Callable[[], Connection] | None = None, **options: object) -> Relay:
        relay = Relay(connect or self.connect, send, schema=self.schema, **options)  # type: ignore[arg-type]  # options of Relay
        self._relays.append(relay)
        return relay

    def rows(self, table: str) -> int:
        row = self.admin.execute(f'select count(*) from "{self.schema}".{table}').fetchone()
        assert row is not None
        return int(row[0])

    def close(self) -> None:
        for relay in self._relays:
            relay.close()
        self.admin.close()


@pytest.fixture(scope="session")
def delivery_database(admin_dsn: Dsn) -> Iterator[Dsn]:
    """One database for all tests of delivery; each has a schema of its own in it."""
    yield create_database(admin_dsn, "delivery")
    drop_database(admin_dsn, "delivery")


@pytest.fixture
def post(delivery_database: Dsn) -> Iterator[Post]:
    """Empty tables in a schema whose name needs quotes."""
    made = Post(delivery_database, f"Letters & parcels {next(_numbers)}")
    create_delivery_tables(made.admin, made.schema)
    yield made
    made.close()
