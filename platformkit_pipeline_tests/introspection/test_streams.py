"""Streams by themselves: what the server says last is what is raised, and what waits behind the socket is not waited for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from platformkit_pipeline.introspection.postgres.streams import Stream, Streams
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.sandbox.databases import connect
from platformkit_pipeline_tests.introspection.backends import await_end_of_all


def read(stream: Stream, results: int) -> list[Any]:
    return [row for _ in range(results) for _, rows in stream.rows() for row in rows]


def test_the_reason_that_a_server_gives_before_it_hangs_up_is_raised_with_its_sqlstate(blank_database: Dsn) -> None:
    """Some reasons, such as a conflict with recovery (40001), are worth another attempt; a lost connection is not."""
    with psycopg.connect(blank_database.reveal(), autocommit=True) as connection, connect(blank_database) as other:
        backend = connection.info.backend_pid
        with pytest.raises(psycopg.errors.AdminShutdown), Streams(lambda: False) as streams:
            read(streams.send(connection, ["select 1", f"select pg_terminate_backend({backend})", "select 2"]), 3)
        await_end_of_all(other, f"pid = {backend}")


class _OlderLibpq:
    """Holds back what it took off the socket until it is asked once more, as older ones do with half an encrypted record."""

    def __init__(self, pgconn: Any) -> None:
        self._pgconn = pgconn
        self._asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pgconn, name)

    def consume_input(self) -> None:
        self._pgconn.consume_input()
        self._asked = 0 if self._pgconn.is_busy() else self._asked + 1

    def is_busy(self) -> bool:
        return self._asked < 2 or bool(self._pgconn.is_busy())


def test_what_was_decrypted_already_is_not_waited_for_at_the_socket(blank_database: Dsn) -> None:
    waits = []

    def nothing_to_do() -> bool:
        waits.append(1)
        return False

    with psycopg.connect(blank_database.reveal(), autocommit=True) as connection, Streams(nothing_to_do) as streams:
        stream = streams.send(connection, ["select 1 from pg_sleep(0.2)"])
        older: Any = SimpleNamespace(pgconn=_OlderLibpq(connection.pgconn), fileno=connection.fileno)
        stream.connection = older
        assert read(stream, 1) == [(1,)]
    assert len(waits) == 1
