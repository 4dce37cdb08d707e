"""The isolation probe on many tables, beside `pg_dump --schema-only` of the same database and one transaction per trial.

    python -m benchmarks.isolation_probe [--tables 500] [--rounds 3]

Makes a catalogue (`benchmarks.catalogue`), whose tables are empty, and probes all of it at both levels. The second peer is what a script
does that goes table by table as the issue's readers would: a transaction, a role and claims for each command of each role. Ends with 1
when level read takes more than ten seconds for 500 tables, in proportion, or when a table without policies is not told as a leak.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path

from psycopg import Error, sql

from benchmarks.catalogue import make_catalogue, prepare_server
from benchmarks.introspection import best, report
from benchmarks.scan import SERVER_SETTINGS
from platformkit_pipeline.introspection.postgres.connection import connect
from platformkit_pipeline.introspection.postgres.isolation.doors import doors_of
from platformkit_pipeline.introspection.postgres.isolation_probe import probe_isolation
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.isolation import Answer, ProbeLevel
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.rules.database.catalog import CLIENT_ROLES, COMMANDS, Catalog
from platformkit_pipeline.sandbox.databases import create_database
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.supabase import GrantRegime, install_supabase_shape

SECONDS_PER_TABLE = 10 / 500
TENANT = "00000000-0000-4000-8000-00000000000a"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="platformkit-bench-") as folder:
        Path(folder).chmod(0o755)  # the server's account must reach its data
        server = EmbeddedPostgres(Path(folder) / "server", settings=SERVER_SETTINGS)
        server.ensure()
        try:
            install_supabase_shape(create_database(server.dsn(), "template"), grants=GrantRegime.AUTOMATIC)
            prepare_server(server)
            return measure(server, make_catalogue(server, "template", "bench", options.tables), options.rounds)
        finally:
            server.destroy()


def measure(server: EmbeddedPostgres, dsn: Dsn, rounds: int) -> int:
    snapshot = observe(dsn)
    doors = len(list(doors_of(Catalog(snapshot, Declarations()))))
    sys.stdout.write(f"{doors} tables and views of tenants, PostgreSQL {snapshot.server.version}, best of {rounds} rounds\n")
    taken = {}
    for level in (ProbeLevel.READ, ProbeLevel.WRITE):
        probed = partial(probe_isolation, dsn, snapshot, Declarations(), level=level)
        answers = [table.answer for table in probed().tables]
        taken[level] = best(rounds, probed)
        counts = ", ".join(f"{answers.count(answer)} {answer.value}" for answer in Answer)
        report(f"probe, level {level.value}", taken[level])
        sys.stdout.write(f"    {counts}; {taken[level] / doors * 500:.2f} s for 500\n")
    naive = best(1, partial(one_by_one, dsn, snapshot))
    report("one transaction per trial", naive)
    sys.stdout.write(f"    level read takes {taken[ProbeLevel.READ] / naive:.2f} times as long\n")
    dump = [str(server.binaries.bindir / "pg_dump"), "--schema-only", "--file", os.devnull, "--dbname", dsn.reveal()]
    dumped = best(rounds, partial(subprocess.run, dump, check=True))
    report("pg_dump --schema-only", dumped)
    sys.stdout.write(f"    level read takes {taken[ProbeLevel.READ] / dumped:.2f} times as long\n")
    return 0 if taken[ProbeLevel.READ] <= doors * SECONDS_PER_TABLE else 1


def one_by_one(dsn: Dsn, snapshot: Snapshot) -> None:
    """A SELECT for each command, role and table, each in a transaction of its own; it shows nothing about tables without rows."""
    claims = json.dumps({"role": "authenticated", "tenant_id": TENANT, "app_metadata": {"tenant_id": TENANT}})
    with connect(dsn) as connection:
        for door in doors_of(Catalog(snapshot, Declarations())):
            table = sql.Identifier(door.table.schema, door.table.name)
            for role in CLIENT_ROLES:
                for _ in COMMANDS:
                    connection.execute("begin read only")
                    connection.execute("select set_config('request.jwt.claims', %s, true)", [claims])
                    connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
                    with suppress(Error):  # no grant
                        connection.execute(sql.SQL("select exists (select from {})").format(table))
                    connection.execute("rollback")


if __name__ == "__main__":
    sys.exit(main())
