"""Our outbox and relay beside procrastinate, in the same run on the same server.

    python -m benchmarks.delivery_throughput [--events 2000] [--rounds 3]

Both sides write the same number of events (jobs), 500 in a transaction, with the same payload, and let one process hand each to a
function in that process that does nothing; both are at least once: a row is committed as done after its handler returned, with the
server's defaults of durability. What differs is how each is made to be used: the relay marks up to 100 events in one transaction
(and sends those again when it dies meanwhile), procrastinate fetches and finishes each job by itself, many at a time. So procrastinate
is given its best of several concurrencies, and is measured without its locks, though only with them it keeps an order as the relay
always does; a relay with batches of 1, whose promise is as fine as procrastinate's, is printed beside.

Medians of several rounds, the sides taking turns. Ends with status 1 when the relay is slower than the best of procrastinate.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import procrastinate
import psycopg

from platformkit_pipeline.connectors.delivery.outbox import Outbox
from platformkit_pipeline.connectors.delivery.relay import Relay
from platformkit_pipeline.connectors.delivery.tables import create_delivery_tables
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.event import Event
from platformkit_pipeline.sandbox.databases import create_database, drop_database
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres

KEYS = 50
WRITTEN_AT_ONCE = 500
CONCURRENCIES = (1, 8, 32)


@dataclass(frozen=True)
class Rates:
    """Events per second."""

    written: float
    handled: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)  # it would log several lines for each job
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder))
        server.ensure()
        try:
            slower = _compare(server, arguments.events, arguments.rounds)
        finally:
            server.destroy()
    sys.exit(1 if slower else 0)


def _compare(server: EmbeddedPostgres, count: int, rounds: int) -> bool:
    sides: dict[str, Callable[[Dsn], Rates]] = {
        "relay, batches of 100": lambda dsn: _relayed(dsn, count, 100),
        "relay, batches of 1": lambda dsn: _relayed(dsn, count, 1),
        **{
            f"procrastinate, {n} at a time": lambda dsn, n=n: asyncio.run(_procrastinated(dsn, count, n, locked=False))  # type: ignore[misc]  # mypy cannot tell the type of the default
            for n in CONCURRENCIES
        },
        f"procrastinate, {CONCURRENCIES[1]} at a time, locks": lambda dsn: asyncio.run(
            _procrastinated(dsn, count, CONCURRENCIES[1], locked=True)
        ),
    }
    measured: dict[str, list[Rates]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            dsn = create_database(server.dsn(), "throughput")
            measured[name].append(side(dsn))
            drop_database(server.dsn(), "throughput")
    print(f"{count} events of {KEYS} keys, medians of {rounds} rounds, events per second")
    print(f"{'':38}{'written':>10}{'handled':>10}")
    handled: dict[str, float] = {}
    for name, rates in measured.items():
        handled[name] = statistics.median(r.handled for r in rates)
        print(f"{name:38}{statistics.median(r.written for r in rates):10.0f}{handled[name]:10.0f}")
    best = max(rate for name, rate in handled.items() if name.startswith("procrastinate"))
    ratio = handled["relay, batches of 100"] / best
    print(f"relay / best of procrastinate: {ratio:.1f}; with batches of 1: {handled['relay, batches of 1'] / best:.1f}")
    return ratio < 1


def _relayed(dsn: Dsn, count: int, batch: int) -> Rates:
    outbox, handled = Outbox("delivery"), 0

    def handle(_: Event) -> None:
        nonlocal handled
        handled += 1

    with psycopg.connect(dsn.reveal()) as connection:
        create_delivery_tables(connection, "delivery")
        connection.commit()
        started = time.perf_counter()
        for first in range(0, count, WRITTEN_AT_ONCE):
            numbers = range(first, min(first + WRITTEN_AT_ONCE, count))
            events = [Event(str(UUID(int=n)), "account", str(n % KEYS), "account.changed", {"number": n}) for n in numbers]
            outbox.publish(connection, events)
            connection.commit()
        written = time.perf_counter() - started
    relay = Relay(lambda: psycopg.connect(dsn.reveal()), handle, schema="delivery", batch=batch)
    started = time.perf_counter()
    while not relay.turn().idle:
        pass
    seconds = time.perf_counter() - started
    relay.close()
    assert handled == count, f"{handled} of {count} events were handled"
    return Rates(count / written, count / seconds)


async def _procrastinated(dsn: Dsn, count: int, concurrency: int, *, locked: bool) -> Rates:
    connector = procrastinate.PsycopgConnector(conninfo=dsn.reveal(), min_size=concurrency + 1, max_size=concurrency + 1)
    app, handled = procrastinate.App(connector=connector), 0

    @app.task(name="changed")
    async def changed(number: int) -> None:
        nonlocal handled
        handled += 1

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        started = time.perf_counter()
        for first in range(0, count, WRITTEN_AT_ONCE):
            numbers = range(first, min(first + WRITTEN_AT_ONCE, count))
            if locked:
                jobs = [changed.configure(lock=str(n % KEYS)).job.evolve(task_kwargs={"number": n}) for n in numbers]
                await app.job_manager.batch_defer_jobs_async(jobs)
            else:
                arguments: list[dict[str, Any]] = [{"number": n} for n in numbers]
                await changed.batch_defer_async(*arguments)
        written = time.perf_counter() - started
        started = time.perf_counter()
        await app.run_worker_async(wait=False, concurrency=concurrency, install_signal_handlers=False)
        seconds = time.perf_counter() - started
    assert handled == count, f"{handled} of {count} jobs were handled"
    return Rates(count / written, count / seconds)


if __name__ == "__main__":
    main()
