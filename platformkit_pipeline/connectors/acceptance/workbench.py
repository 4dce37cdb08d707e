"""The bench as the suite sees it: a real database that is its own, a real wire, and levers that a connector knows nothing of."""

from __future__ import annotations

import itertools
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import psycopg
from psycopg import sql

from platformkit_pipeline.connectors.acceptance.wire import Wire, closed_port, open_wire
from platformkit_pipeline.connectors.delivery.tables import create_delivery_tables
from platformkit_pipeline.connectors.interface import Bench, StandIn
from platformkit_pipeline.locations import home_directory, read_sql
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.sandbox.binaries import find_binaries
from platformkit_pipeline.sandbox.databases import connect, create_database, drop_database
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.shadow.folders import hold_new_folder, sweep

TIME_SCALE = 0.01
"""A first delay of a second is 10 ms on the bench, and eight attempts take some 1.3 s."""

BENCH_VARIABLE = "PLATFORMKIT_BENCH_DATABASE_URL"
"""A server whose login may create databases; each connector gets one, which is dropped again."""

_PREFIX = "platformkit_bench_"
"""Then the second in which the database was made and a random part, both in hexadecimal digits."""
_ABANDONED_SECONDS = 86_400

_SERVER_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off", "shared_buffers": "32MB"}


class Workbench:
    """Give each scenario a `fresh()` bench. `down` is a bench where nobody answers, neither the database nor the service."""

    def __init__(self, dsn: Dsn, wire: Wire, down: Bench, token: str) -> None:
        self.dsn, self.wire, self.down = dsn, wire, down
        self.on_close = ExitStack()
        """What is to be given back before the database goes."""
        self._token = token
        self._serial = itertools.count(1)

    def fresh(self, time_scale: float = TIME_SCALE) -> Bench:
        """A schema with empty delivery tables and effects, and a wire that answers like a healthy service."""
        self.wire.reset()
        schema = f"bench_{next(self._serial)}"
        with connect(self.dsn, autocommit=False) as connection:
            connection.execute(sql.SQL("create schema {}").format(sql.Identifier(schema)))
            create_delivery_tables(connection, schema)
            connection.execute(read_sql("connectors/bench.sql").replace("bench_schema", schema).encode())
        return Bench(self.dsn, schema, self.wire.url, time_scale, self._token)

    def effects(self, bench: Bench, event_id: str) -> int:
        """How often an event took effect."""
        return int(self._value(bench, "select count(*) from {} where event_id = %s", "effects", event_id))

    def dead_letter_reasons(self, bench: Bench) -> tuple[str, ...]:
        """What stands in the delivery tables about dead letters, one text each; empty for a connector that keeps them elsewhere."""
        from platformkit_pipeline.connectors.delivery.dead_letters import DeadLetters

        with connect(self.dsn) as connection:
            return tuple(letter.reason for letter in DeadLetters(bench.schema).listed(connection))

    def spoil_effect(self, bench: Bench, event_id: str, how: str) -> None:
        """Let the effect of an event fail (`refuse`), or let every later transaction of that session fail (`seal`)."""
        self._run(bench, "insert into {} (event_id, how) values (%s, %s)", "spoilt_effects", event_id, how)

    def mend_effects(self, bench: Bench) -> None:
        self._run(bench, "delete from {}", "spoilt_effects")

    def end_sessions(self) -> None:
        """What is left of a connector's connections when its process is killed: nothing."""
        with connect(self.dsn) as connection:
            connection.execute(
                "select pg_terminate_backend(pid, 5000) from pg_catalog.pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"
            )

    def _run(self, bench: Bench, statement: str, table: str, *values: Any) -> None:
        with connect(self.dsn) as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(bench.schema, table)), values)

    def _value(self, bench: Bench, statement: str, table: str, *values: Any) -> Any:
        with connect(self.dsn) as connection:
            row = connection.execute(sql.SQL(statement).format(sql.Identifier(bench.schema, table)), values).fetchone()
        return row[0] if row else 0


@contextmanager
def open_workbench(server: Dsn | None = None, *, service: StandIn | None = None) -> Iterator[Workbench]:
    """A bench in a new database on that server, which is dropped at the end; without one on a server of its own.

    The login has to be allowed to create databases. `service` stands behind the wire. Raises SandboxError, TargetUnreachable.
    """
    with server_of_its_own(server) as admin, closed_port() as closed, open_wire(service.url if service else None) as wire:
        _sweep_databases(admin)
        name = f"{_PREFIX}{int(time.time()):x}_{secrets.token_hex(4)}"
        dsn = create_database(admin, name)
        # in nothing but its port different from the others: health is to ask, and not to look at the name
        down = Bench(
            Dsn(f"postgresql://postgres@127.0.0.1:{closed}/{name}?connect_timeout=5", "the bench"),
            "bench_0",
            f"http://127.0.0.1:{closed}",
            TIME_SCALE,
            service.token if service else "bench",
        )
        try:
            workbench = Workbench(dsn, wire, down, down.token)
            with workbench.on_close:
                yield workbench
        finally:
            drop_database(admin, name)


@contextmanager
def server_of_its_own(given: Dsn | None = None) -> Iterator[Dsn]:
    """The server that is given, else one that lives as long as the block. Raises SandboxError.

    A server outlives a process that is killed; the next one that needs a server removes it.
    """
    if given is not None:
        yield given
        return
    place = home_directory() / "benches"
    sweep(place)
    binaries = find_binaries()
    held = hold_new_folder(place, binaries)
    try:
        server = EmbeddedPostgres(held.path, binaries=binaries, settings=_SERVER_SETTINGS)
        try:
            server.ensure()
            yield server.dsn()
        finally:
            server.destroy()
    finally:
        held.release()


def _sweep_databases(admin: Dsn) -> None:
    """Drop what killed processes left on a server that is not ours: benches that are too old for anybody to be at work there."""
    oldest = int(time.time()) - _ABANDONED_SECONDS
    with connect(admin) as connection:
        names = connection.execute("select datname from pg_catalog.pg_database where starts_with(datname, %s)", [_PREFIX]).fetchall()
        for (name,) in names:
            made = re.fullmatch(rf"{_PREFIX}([0-9a-f]{{8}})_[0-9a-f]{{8}}", name)
            if made is None or int(made[1], 16) > oldest:
                continue
            with suppress(psycopg.Error):  # in use after all, or somebody else's, or another was faster
                connection.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(name)))
