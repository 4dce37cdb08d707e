"""Results of many queries over one or two connections, portion by portion, while the servers work on the next ones.

What the rows mean is nobody's business here. Simple query protocol: one message for all queries of a connection. No
threads: whoever takes a portion first takes off the wire what has arrived on all connections, so that none of them stands
still for long, and so that the process can be copied at any time.
"""

from __future__ import annotations

import select
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING

import psycopg
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

if TYPE_CHECKING:
    from platformkit_pipeline.introspection.postgres.records import Row


ROWS_PER_PORTION = 500
"""Enough for a loop over a portion to cost little beside its rows, few enough to begin early, hold little and look again soon."""

_LOOK_AGAIN_MILLISECONDS = 500
"""A socket says nothing of what an older libpq has decrypted and not taken; that is seldom left when all has been received."""

Piece = Callable[[], bool]
"""Does a little of some other work; False when nothing is left for now."""


class VanishedObject(Exception):
    """A deparse function returned nothing: the object was dropped after this transaction's snapshot was taken."""


class Stream:
    """The results of queries that were sent in one message: `rows` of the first, then of the second, and so on."""

    def __init__(self, connection: psycopg.Connection, statements: Sequence[str], wait_for: Callable[[Stream], None]) -> None:
        self.connection = connection
        self.ended = False
        self.unsent = True
        """Something of the message is waiting for the socket."""
        self._transformer = Transformer(connection)
        self._arrived: deque[PGresult] = deque()
        self._failed: psycopg.Error | None = None
        self._wait_for = wait_for
        self._readable = select.poll()
        self._readable.register(connection.fileno(), select.POLLIN)
        connection.pgconn.send_query(";\n".join(statements).encode())
        with suppress(psycopg.NotSupportedError):  # a libpq before 17 hands over whole results: more memory, the same rows
            connection.pgconn.set_chunked_rows_mode(ROWS_PER_PORTION)

    def rows(self) -> Iterator[tuple[Sequence[str], list[Row]]]:
        """Names of columns and some rows, until the next query's results are ready to be read.

        Raises psycopg.Error: the first error of the server, when it has said all it had to say.
        """
        while (result := self._next()) is not None:
            self._transformer.set_pgresult(result)
            columns = tuple(name.decode() for n in range(result.nfields) if (name := result.fname(n)) is not None)
            yield columns, self._transformer.load_rows(0, result.ntuples, tuple)
            if result.status == ExecStatus.TUPLES_OK:
                return

    def drain(self) -> None:
        """Read what is left and forget it."""
        while self._next() is not None:
            pass

    def receive(self) -> None:
        """Send what is left of the message, and take off the wire what has arrived. Never waits.

        A connection that is lost after the server said why has ended with that.
        """
        try:
            self._receive()
        except psycopg.OperationalError:
            if self._failed is None:
                raise
            self.ended = True

    def _receive(self) -> None:
        server = self.connection.pgconn
        if self.unsent:
            self.unsent = server.flush() == 1
        arriving = True
        while arriving and not self.ended:  # libpq takes a few pages at a time
            arriving = bool(self._readable.poll(0))
            server.consume_input()  # whatever the socket says: half a record of an encrypted connection may wait behind it
            self._take_results()

    def _take_results(self) -> None:
        server = self.connection.pgconn
        while not server.is_busy():
            result = server.get_result()
            if result is None:
                self.ended = True
                return
            if result.status in (ExecStatus.TUPLES_CHUNK, ExecStatus.TUPLES_OK):
                self._arrived.append(result)
            elif self._failed is None:
                self._failed = psycopg.errors.error_from_result(result, encoding="utf-8")

    @property
    def empty(self) -> bool:
        return not self._arrived and not self.ended

    def _next(self) -> PGresult | None:
        self._wait_for(self)
        if self._arrived:
            return self._arrived.popleft()
        if self._failed is not None:
            raise self._failed
        return None


class Streams:
    """Streams over one or several connections, which are read in any order.

    `piece` is done whenever the reader would wait. A context manager: left early, it closes the connections, because in the
    middle of their results they can be used for nothing else.
    """

    def __init__(self, piece: Piece) -> None:
        self._piece = piece
        self._streams: list[Stream] = []

    def send(self, connection: psycopg.Connection, statements: Sequence[str]) -> Stream:
        """Send statements, whose results are read from the stream. The connection must have nothing left to say."""
        stream = Stream(connection, statements, self._wait_for)
        self._streams.append(stream)
        return stream

    def __enter__(self) -> Streams:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None:
            self._close()
            return
        try:
            for stream in self._streams:
                stream.drain()
        except BaseException:
            self._close()
            raise

    def _close(self) -> None:
        for stream in self._streams:
            if not stream.ended:
                with suppress(psycopg.Error):
                    stream.connection.cancel_safe(timeout=5)
        for stream in self._streams:
            stream.connection.close()

    def _wait_for(self, wanted: Stream) -> None:
        """Look at every connection; wait, with a piece of other work if there is any, until `wanted` has something."""
        self._receive()
        while wanted.empty:
            if not self._piece():
                self._wait()
            self._receive()

    def _receive(self) -> None:
        for stream in self._streams:
            if not stream.ended:
                stream.receive()

    def _wait(self) -> None:
        poll = select.poll()
        for stream in self._streams:
            if not stream.ended:
                poll.register(stream.connection.fileno(), select.POLLIN | (select.POLLOUT if stream.unsent else 0))
        poll.poll(_LOOK_AGAIN_MILLISECONDS)
