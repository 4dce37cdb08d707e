"""Connectors that publish, and deliver otherwise than they should, each in one way."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import sql

from platformkit_pipeline.connectors.delivery.outbox import Outbox
from platformkit_pipeline.connectors.delivery.relay import Relay
from platformkit_pipeline.connectors.delivery.retry import RetryPolicy
from platformkit_pipeline.connectors.errors import DeliveryFailed, DeliveryRefused
from platformkit_pipeline.connectors.examples.well_kept import WellKeptConnector
from platformkit_pipeline.connectors.interface import Turn
from platformkit_pipeline.model.connector import Capability, QueueDepth
from platformkit_pipeline.model.event import Event


class ConstantRetry(WellKeptConnector):
    """Tries again after the same delay for ever the same."""

    retry = RetryPolicy(first_delay_seconds=8, factor=1, attempts=5)


class NoJitter(WellKeptConnector):
    """What failed together comes back together."""

    retry = RetryPolicy(attempts=6, first_delay_seconds=2, jitter=0)


class NoRetry(WellKeptConnector):
    """One failure, and the event is given up."""

    retry = RetryPolicy(attempts=1)


class EndlessRetry(WellKeptConnector):
    """Nothing is ever given up."""

    retry = RetryPolicy(attempts=1_000_000, longest_delay_seconds=10)


class SwallowedError(WellKeptConnector):
    """Whatever the destination says, the event counts as delivered."""

    def send(self, event: Event) -> None:
        try:
            super().send(event)
        except (DeliveryFailed, DeliveryRefused):
            return


class NewKeyForEachAttempt(WellKeptConnector):
    """The first attempt has the event's id for its key, every further one a new one."""

    def send(self, event: Event) -> None:
        super().send(event if event.attempt == 1 else replace(event, id=str(uuid.uuid4())))


class DeafToRetryAfter(WellKeptConnector):
    """The destination asks for a pause, and is not heard."""

    def send(self, event: Event) -> None:
        try:
            super().send(event)
        except DeliveryFailed as failure:
            raise DeliveryFailed(str(failure)) from None


class RefusalTriedAgain(WellKeptConnector):
    """What the destination refuses for good is sent again like what failed for now."""

    def send(self, event: Event) -> None:
        try:
            super().send(event)
        except DeliveryRefused as refusal:
            raise DeliveryFailed(str(refusal)) from None


class DeadLetterWithoutReason(WellKeptConnector):
    """Given up, and nobody knows why."""

    def send(self, event: Event) -> None:
        try:
            super().send(event)
        except DeliveryFailed as failure:
            raise DeliveryFailed("error", retry_after_seconds=failure.retry_after_seconds) from None


class PublishedTwice(WellKeptConnector):
    """The same id published again is a second event."""

    def publish(self, events: Sequence[Event]) -> None:
        with closing(self.connect()) as connection, connection.transaction():
            known = sql.SQL("select id::text from {} where id = any(%s::uuid[])").format(sql.Identifier(self.tables, "outbox"))
            seen = {row[0] for row in connection.execute(known, [[event.id for event in events]]).fetchall()}
            Outbox(self.tables).publish(connection, [replace(e, id=str(uuid.uuid4())) if e.id in seen else e for e in events])


class BlindQueue(WellKeptConnector):
    """Says that nothing waits as long as nothing is due."""

    def queue_depth(self) -> QueueDepth:
        depth = super().queue_depth()
        return replace(depth, oldest_age_seconds=0.0)


class LosesOrder(WellKeptConnector):
    """Each event is on its own: later ones of a key overtake one that waits."""

    def publish(self, events: Sequence[Event]) -> None:
        super().publish([replace(e, aggregateid=e.id, headers={**e.headers, "key": e.aggregateid}) for e in events])


class _OneByOne(WellKeptConnector):
    """Delivers with statements of its own, one event of the outbox after the other."""

    def relay_turn(self) -> Turn:
        return self.relay.turn()

    def _next(self, connection: psycopg.Connection[Any]) -> tuple[Event, bool] | None:
        """The first event that waits, and whether it is due."""
        waiting = sql.SQL(
            "select id::text, aggregatetype, aggregateid, type, payload, headers, attempts, due_at <= clock_timestamp() from {}"
            " where delivered_at is null and dead_at is null order by position limit 1"
        ).format(sql.Identifier(self.tables, "outbox"))
        row = connection.execute(waiting).fetchone()
        return None if row is None else (Event(row[0], row[1], row[2], row[3], row[4], row[5], attempt=row[6] + 1), row[7])


class PoisonBlocks(_OneByOne):
    """The queue is a queue: as long as the first event of all fails, nothing else is sent."""

    def relay_turn(self) -> Turn:
        with closing(self.connect()) as connection:
            first = self._next(connection)
        if first is None or not first[1]:
            return Turn()
        return _only(self, first[0]).turn()


class MarksBeforeSending(_OneByOne):
    """Marks as delivered, sends, and takes the mark back when that failed, unless the process is gone by then."""

    def capabilities(self) -> frozenset[Capability]:
        return super().capabilities() - {Capability.ORDERED}

    def relay_turn(self) -> Turn:
        outcome = [Turn()]
        with closing(self.connect()) as connection:
            first = self._first_due(connection)
            if first is None:
                return Turn()
            mark = sql.SQL("update {} set delivered_at = {} where id = %s")
            table = sql.Identifier(self.tables, "outbox")
            connection.execute(mark.format(table, sql.SQL("now()")), [first.id])
            try:
                self.send(first)
                outcome[0] = Turn(delivered=1)
            except (DeliveryFailed, DeliveryRefused) as error:
                connection.execute(mark.format(table, sql.SQL("null")), [first.id])
                outcome[0] = _only(self, first, _raising(error)).turn()
        return outcome[0]

    def _first_due(self, connection: psycopg.Connection[Any]) -> Event | None:
        due = sql.SQL(
            "select id::text, aggregatetype, aggregateid, type, payload, headers, attempts from {}"
            " where delivered_at is null and dead_at is null and due_at <= clock_timestamp() order by position limit 1"
        ).format(sql.Identifier(self.tables, "outbox"))
        row = connection.execute(due).fetchone()
        return None if row is None else Event(row[0], row[1], row[2], row[3], row[4], row[5], attempt=row[6] + 1)


def _raising(error: Exception) -> Callable[[Event], None]:
    def send(_: Event) -> None:
        raise error

    return send


def _only(connector: WellKeptConnector, event: Event, send: Callable[[Event], None] | None = None) -> Relay:
    """A relay that is let at one event."""

    def only(candidate: Event) -> None:
        if candidate.id != event.id:
            raise AssertionError("a relay with a batch of one took another event")
        (send or connector.send)(candidate)

    return Relay(connector.connect, only, schema=connector.tables, policy=connector.policy, batch=1)
