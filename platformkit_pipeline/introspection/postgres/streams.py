"""Results of many queries, portion by portion, while the server works on the next ones.

What the rows mean is nobody's business here. Simple query protocol: one message for all queries of a connection.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from queue import SimpleQueue

import psycopg
from psycopg import generators
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from platformkit_pipeline.introspection.postgres.records import Row

ROWS_PER_PORTION = 4_000
"""Enough for a loop over a portion to cost little beside its rows, few enough to begin early and hold little."""


Piece = Callable[[], bool]
"""Does a little of some other work; False when nothing is left for now."""


class Stream:
    """The results of queries that were sent in one message: `rows` of the first, then of the second, and so on."""

    def __init__(self, connection: psycopg.Connection, results: Iterator[PGresult]) -> None:
        self._transformer = Transformer(connection)
        self._results = results

    def rows(self) -> Iterator[tuple[Sequence[str], list[Row]]]:
        """Names of columns and some rows, until the next query's results are ready to be read. Raises psycopg.Error."""
        for result in self._results:
            self._transformer.set_pgresult(result)
            columns = tuple(name.decode() for n in range(result.nfields) if (name := result.fname(n)) is not None)
            yield columns, self._transformer.load_rows(0, result.ntuples, tuple)
            if result.status == ExecStatus.TUPLES_OK:
                return


@contextmanager
def streamed(connection: psycopg.Connection, statements: Sequence[str], piece: Piece) -> Iterator[Stream]:
    """Send the statements and read their results as they are asked for. Left early, the connection is closed.

    `piece` is done as often as it says that more is left, before anything is read.
    """
    _send(connection, statements)
    while piece():
        pass
    results = _results(connection)
    try:
        yield Stream(connection, results)
        _drain(results)
    except BaseException:
        connection.close()  # in the middle of its results it can be used for nothing else
        raise


@contextmanager
def streamed_ahead(connection: psycopg.Connection, statements: Sequence[str], piece: Piece) -> Iterator[Stream]:
    """The same, but a thread fetches the results at once, so that the server never waits for the reader.

    `piece` is done whenever the reader would wait.
    """
    fetched: SimpleQueue[PGresult | BaseException | None] = SimpleQueue()
    thread = threading.Thread(target=_fetch, args=(connection, statements, fetched), name="platformkit-stream", daemon=True)
    thread.start()
    results = _taken(fetched, piece)
    try:
        yield Stream(connection, results)
        _drain(results)
    except BaseException:
        with suppress(psycopg.Error):
            connection.cancel_safe(timeout=5)
        thread.join()
        connection.close()
        raise
    thread.join()


def _send(connection: psycopg.Connection, statements: Sequence[str]) -> None:
    connection.pgconn.send_query(";\n".join(statements).encode())
    with suppress(psycopg.NotSupportedError):  # a libpq before 17 hands over whole results: more memory, the same rows
        connection.pgconn.set_chunked_rows_mode(ROWS_PER_PORTION)


def _results(connection: psycopg.Connection) -> Iterator[PGresult]:
    """Every portion of every result in order. The first error is raised when the server has said all it had to say."""
    failed: psycopg.Error | None = None
    while (result := connection.wait(generators.fetch(connection.pgconn))) is not None:
        if result.status in (ExecStatus.TUPLES_CHUNK, ExecStatus.TUPLES_OK):
            yield result
        elif failed is None:
            failed = psycopg.errors.error_from_result(result, encoding="utf-8")
    if failed is not None:
        raise failed


def _fetch(connection: psycopg.Connection, statements: Sequence[str], fetched: SimpleQueue[PGresult | BaseException | None]) -> None:
    try:
        _send(connection, statements)
        for result in _results(connection):
            fetched.put(result)
    except BaseException as error:  # whoever reads the results has to know
        fetched.put(error)
    else:
        fetched.put(None)


def _taken(fetched: SimpleQueue[PGresult | BaseException | None], piece: Piece) -> Iterator[PGresult]:
    while True:
        while fetched.empty() and piece():
            pass
        result = fetched.get()
        if result is None:
            return
        if isinstance(result, BaseException):
            raise result
        yield result


def _drain(results: Iterator[PGresult]) -> None:
    for _ in results:
        pass
