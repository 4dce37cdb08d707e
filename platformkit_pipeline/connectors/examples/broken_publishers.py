"""Connectors that publish, and deliver otherwise than they should, each in one way."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, ClassVar, LiteralString

import psycopg
from psycopg import sql

from platformkit_pipeline.connectors.delivery.attempts import Outcomes, attempt_all
from platformkit_pipeline.connectors.delivery.outbox import Outbox
from platformkit_pipeline.connectors.delivery.retry import RetryPolicy
from platformkit_pipeline.connectors.errors import DeliveryFailed, DeliveryRefused
from platformkit_pipeline.connectors.examples.well_kept import WellKeptConnector
from platformkit_pipeline.connectors.interface import Bench, Turn
from platformkit_pipeline.model.connector import Capability, QueueDepth
from platformkit_pipeline.model.event import Event


class PublishesNothing(WellKeptConnector):
    """Takes events, and leaves them where they are."""

    def publish(self, events: Sequence[Event]) -> None:
        return


class PublishesAtOnce(WellKeptConnector):
    """Does not leave the sending to the relay: what is published is sent before anybody turns it."""

    def publish(self, events: Sequence[Event]) -> None:
        super().publish(events)
        self.relay_turn()


class OutboxOfTheProcess(WellKeptConnector):
    """Keeps in the class what is published until the relay comes by: a new object has it, a new process does not."""

    _waiting: ClassVar[dict[str, list[Event]]] = {}

    def publish(self, events: Sequence[Event]) -> None:
        self._waiting.setdefault(self.tables, []).extend(events)

    def relay_turn(self) -> Turn:
        self._written()
        return super().relay_turn()

    def queue_depth(self) -> QueueDepth:
        self._written()
        return super().queue_depth()

    def _written(self) -> None:
        if events := self._waiting.pop(self.tables, None):
            super().publish(events)


class ConstantRetry(WellKeptConnector):
    """Every delay is the same."""

    retry = RetryPolicy(first_delay_seconds=25, factor=1, attempts=4)


class NoJitter(WellKeptConnector):
    """What failed together comes back together."""

    retry = RetryPolicy(attempts=6, first_delay_seconds=4, jitter=0)


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


class NewKeyAfterARestart(WellKeptConnector):
    """The key is made when the connector starts: what was under way in a crash comes again as something new."""

    _starts: ClassVar[Counter[str]] = Counter()

    def use_bench(self, bench: Bench) -> None:
        super().use_bench(bench)
        self._starts[bench.schema] += 1
        self._start = self._starts[bench.schema]

    def send(self, event: Event) -> None:
        key = event.id if self._start == 1 else str(uuid.uuid5(uuid.UUID(event.id), str(self._start)))
        super().send(replace(event, id=key))


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
    """Never says for how long something waits."""

    def queue_depth(self) -> QueueDepth:
        depth = super().queue_depth()
        return replace(depth, oldest_age_seconds=0.0)


class LosesOrder(WellKeptConnector):
    """Each event is on its own: later ones of a key overtake one that waits."""

    def publish(self, events: Sequence[Event]) -> None:
        super().publish([replace(e, aggregateid=e.id, headers={**e.headers, "key": e.aggregateid}) for e in events])


class PoisonBlocks(WellKeptConnector):
    """The queue is a queue: as long as the first event of all fails, nothing else is sent."""

    retry = RetryPolicy(attempts=4, first_delay_seconds=2)

    def relay_turn(self) -> Turn:
        with closing(self.connect()) as connection:
            event = _first(connection, self.tables, "true", "position")
            if event is None or event.headers["due"] != "true":
                return Turn()
            outcomes = attempt_all([event], self.send, self.policy, seconds=30, stopped=lambda: False)
            return _written(connection, self.tables, outcomes)


class MarksBeforeSending(WellKeptConnector):
    """Marks as delivered, sends, and takes the mark back when that failed, unless the process is gone by then."""

    retry = RetryPolicy(attempts=4, first_delay_seconds=5)

    def capabilities(self) -> frozenset[Capability]:
        return super().capabilities() - {Capability.ORDERED}

    def relay_turn(self) -> Turn:
        with closing(self.connect()) as connection:
            event = _first(connection, self.tables, "due_at <= clock_timestamp()", "due_at")
            if event is None:
                return Turn()
            mark = sql.SQL("update {} set delivered_at = {} where id = %s")
            table = sql.Identifier(self.tables, "outbox")
            connection.execute(mark.format(table, sql.SQL("now()")), [event.id])
            outcomes = attempt_all([event], self.send, self.policy, seconds=30, stopped=lambda: False)
            if not outcomes.delivered:
                connection.execute(mark.format(table, sql.SQL("null")), [event.id])
            return _written(connection, self.tables, outcomes)


def _first(connection: psycopg.Connection[Any], schema: str, condition: LiteralString, order: str) -> Event | None:
    """The first event that waits and meets the condition; the header `due` says whether its time has come."""
    waiting = sql.SQL(
        "select id::text, aggregatetype, aggregateid, type, payload, attempts, due_at <= clock_timestamp() from {}"
        " where delivered_at is null and dead_at is null and {} order by {} limit 1"
    ).format(sql.Identifier(schema, "outbox"), sql.SQL(condition), sql.Identifier(order))
    row = connection.execute(waiting).fetchone()
    if row is None:
        return None
    return Event(row[0], row[1], row[2], row[3], payload=row[4], headers={"due": str(row[6]).lower()}, attempt=row[5] + 1)


def _written(connection: psycopg.Connection[Any], schema: str, outcomes: Outcomes) -> Turn:
    with connection.transaction(), connection.cursor() as cursor:
        outcomes.write(cursor, schema, "")
    return outcomes.turn
