"""Streams by themselves: what the server says last is what is raised."""

from __future__ import annotations

import psycopg
import pytest

from platformkit_pipeline.introspection.postgres.streams import Streams
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.sandbox.databases import connect


def test_the_reason_that_a_server_gives_before_it_hangs_up_is_raised_with_its_sqlstate(blank_database: Dsn) -> None:
    """Some reasons, such as a conflict with recovery (40001), are worth another attempt; a lost connection is not."""
    with psycopg.connect(blank_database.reveal(), autocommit=True) as connection, connect(blank_database) as other:
        backend = connection.info.backend_pid
        with pytest.raises(psycopg.errors.AdminShutdown), Streams(lambda: False) as streams:
            stream = streams.send(connection, ["select 1", f"select pg_terminate_backend({backend})", "select 2"])
            for _ in range(4):
                for _ in stream.rows():
                    pass
        [(left,)] = other.execute("select count(*) from pg_stat_activity where pid = %s", [backend])
    assert left == 0
