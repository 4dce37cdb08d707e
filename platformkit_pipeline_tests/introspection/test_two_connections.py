"""A large catalogue is read by two connections that see the same snapshot; where there is only one, it reads everything."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from platformkit_pipeline.introspection.postgres import observe as module
from platformkit_pipeline.introspection.postgres.connection import connect
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import TargetBusy
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.sandbox.databases import with_user
from platformkit_pipeline_tests.introspection.backends import await_end_of_all

TABLES = """
create table public.a (id integer primary key, at timestamptz, name varchar(9), amount integer);
create index a_newest on public.a (at desc, id);
create index a_odd on public.a (at desc nulls last, name nulls first) include (amount);
create index a_none on public.a (amount nulls first) where amount > 0;
alter table public.a enable row level security;
create policy p on public.a using (id > 0);
"""


@pytest.fixture
def database(blank_database: Dsn) -> Dsn:
    with connect(blank_database) as connection:
        connection.execute(TABLES.encode())
    return blank_database


@pytest.fixture
def _large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LARGE_CATALOGUE", 0)


def comparable(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, activity=None)


def test_orders_of_index_keys_are_printed_as_the_server_prints_them(database: Dsn) -> None:
    with connect(database) as connection:
        query = "select x.indexrelid::regclass::text, pg_get_indexdef(x.indexrelid) from pg_index as x where x.indrelid = 'a'::regclass"
        printed: dict[str, str] = dict(connection.execute(query).fetchall())
    assert {i.name: i.definition for i in observe(database).indexes} == printed


@contextmanager
def login(database: Dsn, name: str, attributes: str = "") -> Iterator[Dsn]:
    """The database as a role of its own: a server's roles outlive a test."""
    with connect(database) as connection:
        connection.execute(f"create role {name} login {attributes}".encode())
    try:
        yield with_user(database, name)
    finally:
        with connect(database) as connection:
            connection.execute(f"drop role {name}".encode())


def test_two_connections_see_what_one_sees(database: Dsn, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = observe(database)
    monkeypatch.setattr(module, "_LARGE_CATALOGUE", 0)
    opened = []

    def counting(dsn: Dsn) -> psycopg.Connection:
        opened.append(dsn)
        return connect(dsn)

    monkeypatch.setattr(module, "connect", counting)
    assert comparable(observe(database)) == comparable(alone)
    assert len(opened) == 2


@pytest.mark.usefixtures("_large")
def test_without_a_second_connection_the_first_reads_everything(database: Dsn) -> None:
    with login(database, "only_one", "connection limit 1") as only_one:
        assert {p.name for p in observe(only_one).policies} == {"p"}


@pytest.mark.usefixtures("_large")
def test_a_role_that_may_not_share_its_snapshot_reads_everything_with_one_connection(database: Dsn) -> None:
    with connect(database) as connection:
        connection.execute("revoke execute on function pg_export_snapshot() from public")
    with login(database, "lonely") as lonely:
        assert {p.name for p in observe(lonely).policies} == {"p"}


@pytest.mark.usefixtures("_large")
def test_nothing_is_asked_of_a_second_connection_that_has_nothing_to_read(database: Dsn) -> None:
    hidden = ("pg_constraint", "pg_proc", "pg_policy")
    with connect(database) as connection:
        for catalogue in hidden:
            connection.execute(f"revoke select on {catalogue} from public".encode())
    with login(database, "blind") as blind:
        seen = observe(blind)
    assert {"constraints", "functions", "policies"} <= {u.what for u in seen.unobserved}
    assert {r.name for r in seen.relations} >= {"a"}


@pytest.mark.usefixtures("_large")
def test_a_message_that_the_socket_takes_in_pieces_arrives_whole(database: Dsn, monkeypatch: pytest.MonkeyPatch) -> None:
    def narrow(dsn: Dsn) -> psycopg.Connection:
        connection = connect(dsn)
        with socket.socket(fileno=os.dup(connection.fileno())) as end:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        return connection

    alone = observe(database)
    monkeypatch.setattr(module, "connect", narrow)
    assert comparable(observe(database)) == comparable(alone)


@pytest.mark.usefixtures("_large")
def test_a_lock_that_only_the_second_connection_meets_is_reported(database: Dsn) -> None:
    with psycopg.connect(database.reveal()) as blocker:
        blocker.execute("lock table public.a in access exclusive mode")
        with pytest.raises(TargetBusy, match="lock"):
            observe(database, lock_timeout_seconds=0.2)
    assert {p.name for p in observe(database).policies} == {"p"}


@pytest.mark.usefixtures("_large")
def test_what_is_dropped_meanwhile_is_read_again(database: Dsn, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second connection's error ends the attempt, both connections are closed, and the next attempt succeeds."""
    real = module._collect
    calls: list[int] = []

    def dropping_first(*arguments: object) -> object:
        if not calls:
            calls.append(1)
            with connect(database) as connection:
                connection.execute("drop table public.a")
        return real(*arguments)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(module, "_collect", dropping_first)
    assert observe(database).policies == ()
    with connect(database) as connection:
        await_end_of_all(connection, "state <> 'idle'")


@pytest.mark.usefixtures("_large")
def test_ddl_that_comes_between_the_two_connections_is_no_obstacle(database: Dsn, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for one of them, and the other waits behind it; a single connection queues for no lock that it has."""
    waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    real = module._joined

    def ddl_begins(*arguments: Any) -> psycopg.Connection | None:
        """When the first connection has read the view over the table, and before the second reads its policy."""
        time.sleep(0.3)
        ddl.append(pool.submit(add_default, database))
        with connect(database) as looking:
            while looking.execute(waiting.encode()).fetchone() == (0,):
                assert not ddl[0].done()
        return real(*arguments)

    with connect(database) as connection:
        connection.execute("create view public.over_a as select id from public.a")
    monkeypatch.setattr(module, "_joined", ddl_begins)
    ddl: list[Future[None]] = []
    with ThreadPoolExecutor(1) as pool:
        assert {p.name for p in observe(database, lock_timeout_seconds=150).policies} == {"p"}
        ddl[0].result()
    assert len(ddl) == 1


def add_default(dsn: Dsn) -> None:
    with connect(dsn) as connection:
        connection.execute("alter table public.a alter name set default 'x'")
