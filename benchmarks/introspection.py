"""How long one observation takes, beside `pg_dump --schema-only` of the same database.

    python -m benchmarks.introspection [--tables 1000] [--rounds 3]

Starts a throw-away server, makes a schema of the size asked for, and prints the best of the rounds for each. The ratio is
what matters: it hardly depends on the machine. Not a test: nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from platformkit_pipeline.introspection.postgres.connection import connect
from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.snapshot_inventory import inventory_of, snapshot_of
from platformkit_pipeline.sandbox.databases import create_database
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres

TABLES_PER_TRANSACTION = 100
"""Keeps the locks of one transaction within the server's default lock table."""

SHARED_OBJECTS = """
create schema bench;
create function bench.stamp() returns trigger language plpgsql set search_path = '' as $f$ begin return new; end $f$;
create table bench.tenants (id uuid primary key);
"""

ONE_TABLE = """
create table bench.t_{n} (
    id bigint generated always as identity primary key,
    tenant_id uuid not null references bench.tenants (id) on delete cascade,
    name text not null, status text check (status in ('new', 'old')), amount numeric(12, 2), tags text[],
    created_at timestamptz not null default now(), updated_at timestamptz not null default now(),
    unique (tenant_id, name)
);
create index on bench.t_{n} (status) where status = 'new';
alter table bench.t_{n} enable row level security;
create policy own_rows on bench.t_{n} for select
    using (tenant_id = (current_setting('request.jwt.claims', true)::json ->> 'tenant_id')::uuid);
create policy own_inserts on bench.t_{n} for insert
    with check (tenant_id = (current_setting('request.jwt.claims', true)::json ->> 'tenant_id')::uuid);
create trigger stamp before update on bench.t_{n} for each row execute function bench.stamp();
create view bench.v_{n} as select id, name, amount from bench.t_{n} where status = 'new';
create function bench.f_{n}(wanted bigint) returns text language sql stable as 'select name from bench.t_{n} where id = wanted';
grant select, insert on bench.t_{n} to public;
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="platformkit-bench-") as folder:
        Path(folder).chmod(0o755)  # the server's account must reach its data
        server = EmbeddedPostgres(Path(folder) / "server", settings={"fsync": "off"})
        server.ensure()
        try:
            measure(server, options.tables, options.rounds)
        finally:
            server.destroy()


def measure(server: EmbeddedPostgres, tables: int, rounds: int) -> None:
    dsn = create_database(server.dsn(), "bench")
    fill(dsn, tables)
    snapshot = observe(dsn)
    objects = inventory_of(snapshot)
    sys.stdout.write(f"{tables} tables, {len(objects)} catalogue objects, PostgreSQL {snapshot.server.version}\n")
    observed = best(rounds, lambda: observe(dsn))
    report("observe", observed)
    report("catalog_fingerprint", best(rounds, lambda: catalog_fingerprint(snapshot)))
    report("inventory_of", best(rounds, lambda: inventory_of(snapshot)))
    report("snapshot_of", best(rounds, lambda: snapshot_of(snapshot.server, objects)))
    pg_dump = server.binaries.bindir / "pg_dump"
    if not pg_dump.is_file():
        sys.stdout.write("these binaries come without pg_dump: nothing to compare with\n")
        return
    environment = {**os.environ, "PGAPPNAME": "benchmark"}
    command = [str(pg_dump), "--schema-only", "--file", os.devnull, "--dbname", dsn.reveal()]
    dumped = best(rounds, lambda: subprocess.run(command, check=True, env=environment))
    report("pg_dump --schema-only", dumped)
    sys.stdout.write(f"observe takes {observed / dumped:.2f} times as long as pg_dump\n")


def fill(dsn: Dsn, tables: int) -> None:
    with connect(dsn) as connection:
        connection.execute(SHARED_OBJECTS)
        for first in range(0, tables, TABLES_PER_TRANSACTION):
            statements = "".join(ONE_TABLE.format(n=n) for n in range(first, min(first + TABLES_PER_TRANSACTION, tables)))
            connection.execute(statements.encode())
        connection.execute("vacuum analyze")


def best(rounds: int, action: Callable[[], object]) -> float:
    """Shortest of the rounds, in seconds."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return min(times)


def report(what: str, seconds: float) -> None:
    sys.stdout.write(f"{what:24} {seconds:8.3f} s\n")


if __name__ == "__main__":
    main()
