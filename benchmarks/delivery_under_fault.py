"""Delivery while everything is killed: does every event take effect exactly once, in the order of its key?

    python -m benchmarks.delivery_under_fault [--events 100000] [--keys 500] [--relays 4] [--seed N]

A publisher writes events to an outbox; relays send them over HTTP to a consumer, which remembers them in an inbox in a database of
its own and writes one row for each that takes effect, into a table without any constraint that could hide a second one. Every second,
at random moments, one relay and the consumer are ended with SIGKILL and started anew. PostgreSQL is restarted twice: once in good
order, once by SIGQUIT ("immediate": no checkpoint, recovery from the log). Everything is on its defaults of durability.

Ends with status 1 when an event took effect never or twice, out of order, was lost or given up, or a process ended by itself.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from platformkit_pipeline.connectors.delivery.http import HttpSender
from platformkit_pipeline.connectors.delivery.inbox import Inbox
from platformkit_pipeline.connectors.delivery.outbox import Outbox
from platformkit_pipeline.connectors.delivery.relay import Relay
from platformkit_pipeline.connectors.delivery.retry import RetryPolicy
from platformkit_pipeline.connectors.delivery.tables import create_delivery_tables
from platformkit_pipeline.connectors.delivery.wire import event_of
from platformkit_pipeline.logs import configure_logging
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import SandboxError
from platformkit_pipeline.model.event import Event
from platformkit_pipeline.sandbox.databases import create_database
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres

SCHEMA = "delivery"
STUBBORN = RetryPolicy(first_delay_seconds=0.02, longest_delay_seconds=0.1, attempts=100_000)
"""A destination that is killed every second is no reason to give an event up."""
PUBLISHED_AT_ONCE = 500
BATCH = 32
"""Small, for a relay that lives for a second: what is in hand when it dies is sent again."""
_FORK = multiprocessing.get_context("fork")
_LOST = (psycopg.Error, OSError)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--keys", type=int, default=500)
    parser.add_argument("--relays", type=int, default=4)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--minutes", type=float, default=15, help="give up after so long")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}, {arguments.events} events of {arguments.keys} keys, {arguments.relays} relays", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder))
        server.ensure()
        try:
            violations = Run(server, arguments).play()
        finally:
            server.destroy()
    for violation in violations:
        print(f"VIOLATION: {violation}")
    print("every event took effect exactly once, each key in its order" if not violations else f"{len(violations)} violations")
    sys.exit(1 if violations else 0)


def events(count: int, keys: int) -> Iterator[Event]:
    """Number n of its key is the n-th that is published of it."""
    for number in range(count):
        yield Event(str(UUID(int=number + 1)), "account", f"account {number % keys}", "account.changed", {"number": number // keys})


# ---------------------------------------------------------------- the processes that are killed


def publish_all(source: Dsn, count: int, keys: int) -> None:
    """Writes again what it does not know to be committed: the same ids again are nothing."""
    outbox, pending = Outbox(SCHEMA), list(events(count, keys))
    while pending:
        with suppress(*_LOST), psycopg.connect(source.reveal()) as connection:
            while pending:
                outbox.publish(connection, pending[:PUBLISHED_AT_ONCE])
                connection.commit()
                del pending[:PUBLISHED_AT_ONCE]
        time.sleep(0.05)


def relay_events(source: Dsn, url: str) -> None:
    configure_logging("ERROR")  # of every loss of a connection there would be a line
    relay = Relay(lambda: psycopg.connect(source.reveal()), HttpSender(url), schema=SCHEMA, policy=STUBBORN, poll_seconds=0.05, batch=BATCH)
    relay.run(threading.Event())


def consume(destination: Dsn, port: int) -> None:
    server = _Server(("127.0.0.1", port), _Consumer)
    server.dsn = destination
    server.serve_forever()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    dsn: Dsn

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A relay that was killed hangs up: no news here."""


class _Consumer(BaseHTTPRequestHandler):
    """One connection of HTTP has one connection to the database."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    database: psycopg.Connection[tuple[Any, ...]] | None = None

    def do_POST(self) -> None:
        event = event_of(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            if self.database is None:
                self.database = psycopg.connect(self.server.dsn.reveal(), autocommit=True)  # type: ignore[attr-defined]  # the server carries the consumer
            new = Inbox(SCHEMA).receive(self.database, "benchmark", event, _effect(event))
            if not new:
                self.database.execute("insert into repeated values (%s)", [event.id])
            self._answer(200)
        except psycopg.Error:
            self.database = None
            self._answer(503)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is written to standard error."""


def _effect(event: Event) -> Callable[[psycopg.Connection[tuple[Any, ...]]], None]:
    def write(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        row = (event.id, event.aggregateid, event.payload["number"])
        connection.execute("insert into effects (event_id, key, number) values (%s, %s, %s)", row)

    return write


# ---------------------------------------------------------------- the run


@dataclass
class Worker:
    """A process that is started again whenever it was killed."""

    name: str
    start: Callable[[], BaseProcess]
    process: BaseProcess = field(init=False)

    def __post_init__(self) -> None:
        self.process = self.start()

    def kill(self) -> None:
        if self.process.pid is not None:
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.join()

    def restart(self) -> int | None:
        """Start again if it is not running; returns how it ended, None where it runs."""
        if self.process.is_alive():
            return None
        code = self.process.exitcode
        self.process = self.start()
        return code


@dataclass
class Run:
    server: EmbeddedPostgres
    arguments: argparse.Namespace
    kills: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    restarts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.arguments.seed)  # noqa: S311 - moments of kills, nothing secret
        self.source = create_database(self.server.dsn(), "source")
        self.destination = create_database(self.server.dsn(), "destination")
        for dsn in (self.source, self.destination):
            with psycopg.connect(dsn.reveal()) as connection:
                create_delivery_tables(connection, SCHEMA)
        with psycopg.connect(self.destination.reveal()) as connection:
            connection.execute(
                "create table effects (position bigint generated always as identity, event_id uuid, key text, number integer)"
            )
            connection.execute("create table repeated (event_id uuid)")

    def play(self) -> list[str]:
        port = _free_port()
        relay, consumer = (self.source, f"http://127.0.0.1:{port}/"), (self.destination, port)
        relays = [Worker("relay", lambda: _started(relay_events, *relay)) for _ in range(self.arguments.relays)]
        workers = [*relays, Worker("consumer", lambda: _started(consume, *consumer))]
        publisher = _started(publish_all, self.source, self.arguments.events, self.arguments.keys)
        started = time.monotonic()
        try:
            self._harm(relays, workers)
        finally:
            for process in [publisher, *(w.process for w in workers)]:
                process.kill()
                process.join()
        self._report(time.monotonic() - started)
        self._verify()
        return self.violations

    def _harm(self, relays: list[Worker], workers: list[Worker]) -> None:
        """Once a second a relay and the consumer, at a third and at two thirds the server, until all is done."""
        end = time.monotonic() + self.arguments.minutes * 60
        while (done := self._effects()) < self.arguments.events or self._pending():
            if time.monotonic() > end:
                self.violations.append(f"not done in {self.arguments.minutes:g} minutes: {done} events took effect")
                return
            if done >= (len(self.restarts) + 1) * self.arguments.events // 3 and len(self.restarts) < 2:
                self._restart_server()
            moments = sorted((self.chance.random(), victim) for victim in (self.chance.randrange(len(relays)), len(relays)))
            second = time.monotonic()
            for moment, victim in moments:
                time.sleep(max(0.0, second + moment - time.monotonic()))
                self._look_after(workers)
                workers[victim].kill()
                self.kills[workers[victim].name] += 1
                workers[victim].restart()
            time.sleep(max(0.0, second + 1 - time.monotonic()))
            self._look_after(workers)

    def _look_after(self, workers: list[Worker]) -> None:
        for worker in workers:
            if (code := worker.restart()) is not None:
                self.violations.append(f"a {worker.name} ended by itself, with status {code}")

    def _restart_server(self) -> None:
        if self.restarts:
            info = self.server.status()
            assert info is not None
            os.kill(info.pid, signal.SIGQUIT)
            while self.server.status() is not None:
                time.sleep(0.05)
            self.restarts.append("immediate")
        else:
            self.server.stop()
            self.restarts.append("fast")
        while True:
            with suppress(SandboxError):
                self.server.ensure()
                return

    def _effects(self) -> int:
        return self._ask(self.destination, "select count(*) from effects")

    def _pending(self) -> int:
        return self._ask(self.source, f"select count(*) from {SCHEMA}.outbox where delivered_at is null and dead_at is null")

    def _ask(self, dsn: Dsn, query: str) -> int:
        return int(self._rows(dsn, query)[0][0])

    def _rows(self, dsn: Dsn, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(dsn.reveal()) as connection:
            return connection.execute(query.encode()).fetchall()

    def _report(self, seconds: float) -> None:
        repeated = self._ask(self.destination, "select count(*) from repeated")
        print(f"took {seconds:.0f} s, {self.arguments.events / seconds:.0f} events/s while being killed")
        print(f"killed: {', '.join(f'{name} {count} times' for name, count in sorted(self.kills.items()))}")
        print(f"PostgreSQL restarted: {', '.join(self.restarts)}")
        print(f"delivered again over the wire, and known to the inbox: at least {repeated}")

    def _verify(self) -> None:
        count, keys = self.arguments.events, self.arguments.keys
        rows = self._rows(self.destination, "select event_id::text, key, number from effects order by position")
        times = Counter(row[0] for row in rows)
        wanted = {event.id for event in events(count, keys)}
        by_key: dict[str, list[int]] = {}
        for _, key, number in rows:
            by_key.setdefault(key, []).append(number)
        counts = {
            "events that took effect more than once": sum(n > 1 for n in times.values()),
            "events that never took effect": len(wanted - times.keys()),
            "effects of events that were never published": len(times.keys() - wanted),
            "keys out of order": sum(numbers != sorted(numbers) for numbers in by_key.values()),
            "dead letters": self._ask(self.source, f"select count(*) from {SCHEMA}.dead_letters"),
            "events missing in the outbox": count - self._ask(self.source, f"select count(*) from {SCHEMA}.outbox"),
            "events that still wait": self._pending(),
            "restarts of PostgreSQL that did not happen": 2 - len(self.restarts),
        }
        self.violations += [f"{what}: {number}" for what, number in counts.items() if number]
        print(f"effects {len(rows)}, of {len(times)} different events, of {len(by_key)} keys")


def _started(target: Callable[..., None], *arguments: Any) -> BaseProcess:
    process = _FORK.Process(target=target, args=arguments, daemon=True)
    process.start()
    return process


def _free_port() -> int:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return int(server.server_address[1])


if __name__ == "__main__":
    main()
