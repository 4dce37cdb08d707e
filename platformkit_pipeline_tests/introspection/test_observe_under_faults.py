"""An observation that meets locks, concurrent DDL and a server that goes away: one clear error, or a fresh start."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ObservationError, TargetBusy, TargetUnreachable
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.sandbox.databases import connect, drop_database, with_database
from platformkit_pipeline_tests.introspection.backends import await_end_of_all

Connection = psycopg.Connection[tuple[Any, ...]]


@contextmanager
def users_table_locked(dsn: Dsn) -> Iterator[Connection]:
    """A session in the middle of DDL on app.users; deparsing a view over it has to wait."""
    with connect(dsn, autocommit=False) as connection:
        connection.execute("lock table app.users in access exclusive mode")
        yield connection
        connection.rollback()


@contextmanager
def observation_that_waits(dsn: Dsn) -> Iterator[tuple[Future[Snapshot], int]]:
    """An observation in another thread, and the backend in which it now waits for a lock."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(observe, dsn, lock_timeout_seconds=60)
        with connect(dsn) as connection:
            yield future, _waiting_backend(connection, future)


def _waiting_backend(connection: Connection, future: Future[Snapshot]) -> int:
    waiting = (
        "select pid from pg_stat_activity"
        " where datname = current_database() and application_name = 'platformkit' and wait_event_type = 'Lock'"
    )
    while (row := connection.execute(waiting).fetchone()) is None:
        assert not future.done(), "the observation ended without waiting"
        time.sleep(0.01)
    return int(row[0])


def test_lock_of_concurrent_ddl_is_reported_as_busy(rich_copy: Dsn) -> None:
    with users_table_locked(rich_copy), pytest.raises(TargetBusy) as caught:
        observe(rich_copy, lock_timeout_seconds=0.1)
    assert "lock timeout" in str(caught.value)
    assert "rich_copy" in str(caught.value)


def test_statement_timeout_is_reported_as_busy(rich_copy: Dsn) -> None:
    with users_table_locked(rich_copy), pytest.raises(TargetBusy) as caught:
        observe(rich_copy, statement_timeout_seconds=0.3, lock_timeout_seconds=0)
    assert "statement timeout" in str(caught.value)


def test_backend_that_is_terminated_is_reported_as_unreachable(rich_copy: Dsn) -> None:
    with users_table_locked(rich_copy) as ddl, observation_that_waits(rich_copy) as (future, backend):
        ddl.execute("select pg_terminate_backend(%s)", [backend])
        with pytest.raises(TargetUnreachable) as caught:
            future.result()
    assert "connection was lost" in str(caught.value)


def test_view_that_is_dropped_meanwhile_leads_to_a_fresh_observation(rich_copy: Dsn) -> None:
    with users_table_locked(rich_copy) as ddl:
        ddl.execute("drop view app.from_function")
        with observation_that_waits(rich_copy) as (future, _):
            ddl.commit()
            snapshot = future.result()
    names = {r.name for r in snapshot.relations}
    assert "from_function" not in names
    assert not any(c.relation == "from_function" for c in snapshot.columns)
    assert "user_names" in names


def test_nothing_is_left_behind_by_an_observation_that_failed(rich_copy: Dsn) -> None:
    with users_table_locked(rich_copy), connect(rich_copy) as connection:
        with pytest.raises(TargetBusy):
            observe(rich_copy, lock_timeout_seconds=0.1)
        await_end_of_all(connection, "application_name = 'platformkit' and state <> 'idle'")


def test_catalogue_that_stays_inconsistent_is_given_up_after_some_attempts(rich_copy: Dsn) -> None:
    with connect(rich_copy) as connection:
        connection.execute("delete from pg_class where oid = 'app.tenants'::regclass")
    with pytest.raises(TargetBusy) as caught:
        observe(rich_copy)
    assert "3 attempts" in str(caught.value)


def test_text_that_the_encoding_does_not_allow_is_reported_in_one_sentence(admin_dsn: Dsn) -> None:
    """In a SQL_ASCII database nothing checks what is stored."""
    with connect(admin_dsn) as connection:
        connection.execute("create database unchecked_text template template0 encoding 'SQL_ASCII' locale 'C'")
    dsn = with_database(admin_dsn, "unchecked_text")
    try:
        with connect(dsn) as connection:
            connection.execute("set client_encoding = 'SQL_ASCII'")
            connection.pgconn.exec_(b"comment on schema public is 'caf\xe9'")
        with pytest.raises(ObservationError) as caught:
            observe(dsn)
    finally:
        drop_database(admin_dsn, "unchecked_text")
    assert "unchecked_text" in str(caught.value)
    assert "encoding" in str(caught.value)
