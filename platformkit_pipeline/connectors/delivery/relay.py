"""The relay (clause 9.2): takes due events from the outbox and hands them to `send`, at least once each, in the order of each key.

A key in hand is held by a row lock, in one transaction that lasts until its events are sent and marked; not by a lease. A lock goes
the moment its relay dies, so nobody waits for a lease to run out, no two clocks have to agree, and it works behind a pooler in
transaction mode. Its price is a transaction that stays open while a destination is waited for, hence bounded twice: a turn begins
no attempt after `hold_seconds`, and the server ends the session of a relay that hangs for three times as long. `send` must have a
time-out below `hold_seconds`.

Between sending and marking a relay can die: then the event is sent again, with the same id. That is what the inbox is for. The
order in effect survives that as well: a later event of a key is sent only after the earlier one was acknowledged.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from platformkit_pipeline.connectors.delivery.attempts import Send, attempt_all
from platformkit_pipeline.connectors.delivery.claims import Claims
from platformkit_pipeline.connectors.delivery.outbox import CHANNEL
from platformkit_pipeline.connectors.delivery.retry import RetryPolicy
from platformkit_pipeline.connectors.interface import Turn
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.dsn import redact

_LOG = get_logger("connectors.delivery")
_RECONNECT = RetryPolicy(first_delay_seconds=0.1, factor=2, longest_delay_seconds=15, jitter=1)
_LISTEN_SLICE_SECONDS = 0.25
"""How long a stop can go unnoticed while nothing is to be done."""
_PAUSE_OF_A_LOOK, _LONGEST_PAUSE_SECONDS = 9, 60.0
"""A relay that has nothing to do keeps its database busy for a tenth of the time at most."""
_LOST = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.TransactionTimeout,
    psycopg.errors.ReadOnlySqlTransaction,
)
"""Ended, out of reach, in the way of others, or for now a standby, as during a failover; the last three are no OperationalError."""


def pause_after(idle_turn_seconds: float, poll_seconds: float) -> float:
    """Seconds until the next look after one that found nothing due.

    A look costs a step for each key that waits: with 100,000 keys behind a destination that is down it takes seconds, and one every
    second would be all that the database does.
    """
    return max(poll_seconds, min(idle_turn_seconds * _PAUSE_OF_A_LOOK, _LONGEST_PAUSE_SECONDS))


class Relay:
    """Delivers the events of one destination of one outbox. Any number of relays may run at once, each in its own thread or process.

    `connect` opens a connection for the relay alone, fresh and outside a transaction; it is called again after a loss, and raises
    psycopg's errors. `send` raises DeliveryFailed or DeliveryRefused; any other error counts as failed.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        send: Send,
        *,
        schema: str = "ops",
        policy: RetryPolicy | None = None,
        batch: int = 100,
        destination: str = "",
        hold_seconds: float = 30.0,
        poll_seconds: float = 1.0,
    ) -> None:
        if batch < 1:
            raise ValueError("a batch has at least one event")
        self._connect, self._send, self._schema, self._destination = connect, send, schema, destination
        self._policy = policy or RetryPolicy()
        self._batch, self._hold_seconds, self._poll_seconds = batch, hold_seconds, poll_seconds
        self._claims = Claims(schema, destination)
        self._connection: Connection | None = None
        self._stop = threading.Event()

    def turn(self) -> Turn:
        """Deliver what is due, up to a batch. A destination that fails is no error here; a database that does is psycopg's."""
        try:
            with self._open().transaction() as transaction:
                return self._deliver(transaction.connection)
        except psycopg.Error:
            self.close()
            raise

    def run(self, stop: threading.Event) -> None:
        """Deliver until `stop` is set; then finish the attempt in hand, mark what was done, and return.

        Woken by NOTIFY where it arrives, else every `poll_seconds`, or less often where looking takes long (`pause_after`). A lost
        connection is opened again with growing delay; an error of psycopg that no time mends, such as a missing table, passes through.
        """
        self._stop = stop
        failures = 0
        try:
            while not stop.is_set():
                try:
                    self._listen()
                    began = time.monotonic()
                    while not stop.is_set() and not self.turn().idle:
                        failures, began = 0, time.monotonic()
                    failures = 0
                    self._wait(stop, pause_after(time.monotonic() - began, self._poll_seconds))
                except _LOST as error:
                    failures += 1
                    self.close()
                    _LOG.warning("relay lost its database", attempt=failures, reason=redact(" ".join(str(error).split())))
                    stop.wait(_RECONNECT.delay(failures))
        finally:
            self.close()

    def close(self) -> None:
        """Give the connection back; the next turn opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                connection.close()

    # ---------------------------------------------------------------- one turn

    def _deliver(self, connection: Connection) -> Turn:
        with connection.cursor(row_factory=tuple_row) as cursor:
            limit = f"{self._hold_seconds * 3 * 1000:.0f}"
            cursor.execute("select set_config('idle_in_transaction_session_timeout', %s, true)", (limit,))
            events = self._claims.take(cursor, self._batch)
            if not events:
                return Turn()
            outcomes = attempt_all(events, self._send, self._policy, seconds=self._hold_seconds, stopped=self._stop.is_set)
            outcomes.write(cursor, self._schema, self._destination)
        return outcomes.turn

    # ---------------------------------------------------------------- the connection

    def _open(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
            self._connection.autocommit = True
            self._connection.prepare_threshold = None  # behind a pooler the next transaction may be on a server that knows none of them
            self._connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED  # `Claims` needs it, whatever the default is
        return self._connection

    def _listen(self) -> None:
        self._open().execute(sql.SQL("listen {}").format(sql.Identifier(CHANNEL)))

    def _wait(self, stop: threading.Event, seconds: float) -> None:
        """Until somebody notifies, so long, or until `stop` is set. What arrived during the last turn counts: psycopg kept it."""
        waited = 0.0
        while waited < seconds and not stop.is_set():
            slice_seconds = min(_LISTEN_SLICE_SECONDS, seconds - waited)
            for notice in self._open().notifies(timeout=slice_seconds, stop_after=1):
                if notice.payload == self._schema:
                    return
            waited += slice_seconds
