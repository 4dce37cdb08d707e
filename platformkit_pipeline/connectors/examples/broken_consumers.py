"""Connectors that receive, and for which "at least once" becomes "sometimes twice" or "sometimes never", each in one way."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from typing import ClassVar

import psycopg
from psycopg import sql

from platformkit_pipeline.connectors.delivery.inbox import Inbox
from platformkit_pipeline.connectors.examples.well_kept import WellKeptConnector
from platformkit_pipeline.model.event import Event

_BETWEEN_SECONDS = 0.05
"""What other work lies between asking and writing."""


class NoEffect(WellKeptConnector):
    """Says that the event took effect, and does nothing."""

    def receive(self, event: Event) -> bool:
        return True


class NoMemory(WellKeptConnector):
    """Every arrival is a new event."""

    def receive(self, event: Event) -> bool:
        with closing(self.connect()) as connection, connection.transaction():
            self._take(connection, event)
        return True


class MemoryOfTheProcess(WellKeptConnector):
    """Remembers in the class what took effect: a new object knows it, a new process does not."""

    _seen: ClassVar[set[str]] = set()
    _one_at_a_time: ClassVar[threading.Lock] = threading.Lock()

    def receive(self, event: Event) -> bool:
        with self._one_at_a_time:
            if event.id in self._seen:
                return False
            with closing(self.connect()) as connection, connection.transaction():
                self._take(connection, event)
            self._seen.add(event.id)
        return True


class MemoryBesideTheEffect(WellKeptConnector):
    """The event is remembered in a transaction of its own, before the effect: what fails then is never done."""

    def receive(self, event: Event) -> bool:
        with closing(self.connect()) as connection:
            if not Inbox(self.tables).receive(connection, self.consumer, event, lambda within: None):
                return False
            with connection.transaction():
                self._take(connection, event)
        return True


class MemoryAfterTheEffect(WellKeptConnector):
    """The event is remembered in a transaction of its own, after the effect: a crash in between, and it is done twice."""

    def receive(self, event: Event) -> bool:
        with closing(self.connect()) as connection:
            connection.execute("select pg_advisory_lock(hashtext(%s))", [event.id])
            if _remembered(connection, self.tables, event):
                return False
            with connection.transaction():
                self._take(connection, event)
            Inbox(self.tables).receive(connection, self.consumer, event, lambda within: None)
        return True


class AskedBeforeWritten(WellKeptConnector):
    """Looks whether the event is remembered, and then acts on it, as others do at the same time."""

    def receive(self, event: Event) -> bool:
        with closing(self.connect()) as connection, connection.transaction():
            if _remembered(connection, self.tables, event):
                return False
            time.sleep(_BETWEEN_SECONDS)
            self._take(connection, event)
            remember = sql.SQL(
                "insert into {} (consumer, id, aggregatetype, aggregateid, type) values (%s, %s, %s, %s, %s) on conflict do nothing"
            ).format(sql.Identifier(self.tables, "inbox"))
            connection.execute(remember, [self.consumer, event.id, event.aggregatetype, event.aggregateid, event.type])
        return True


def _remembered(connection: psycopg.Connection, schema: str, event: Event) -> bool:
    asked = sql.SQL("select from {} where id = %s").format(sql.Identifier(schema, "inbox"))
    return connection.execute(asked, [event.id]).fetchone() is not None
