"""What one poll for a changed schema costs, beside a whole observation with its fingerprint and `pg_dump --schema-only`.

    python -m benchmarks.change_marker [--tables 1000] [--rounds 15]

Database time is planning and execution as pg_stat_statements has them, of polls on connections of their own: EXPLAIN ANALYZE would
count rows at every node, and the counting with them. The limit is 20 ms for 1,000 tables. The ratios hardly depend on the
machine. Not a test: nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.introspection import best, fill
from platformkit_pipeline.introspection.postgres.change_marker import change_marker
from platformkit_pipeline.introspection.postgres.connection import connect
from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.sandbox.databases import create_database
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres

_SETTINGS = {"fsync": "off", "shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track_planning": "on"}
_MEASURED = """
select s.total_plan_time, s.total_exec_time
from pg_stat_statements as s join pg_database as d on d.oid = s.dbid
where s.query like %s and d.datname = current_database()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="platformkit-bench-") as folder:
        Path(folder).chmod(0o755)  # the server's account must reach its data
        server = EmbeddedPostgres(Path(folder) / "server", settings=_SETTINGS)
        server.ensure()
        try:
            measure(server, options.tables, options.rounds)
        finally:
            server.destroy()


def measure(server: EmbeddedPostgres, tables: int, rounds: int) -> None:
    """Prints milliseconds and ratios."""
    dsn = create_database(server.dsn(), "bench")
    fill(dsn, tables)
    with connect(dsn) as connection:
        connection.execute("create extension pg_stat_statements")
        connection.commit()
    marker = change_marker(dsn)
    times = [database_milliseconds(dsn) for _ in range(rounds)]
    planned, executed = (min(part) for part in zip(*times, strict=True))
    poll = best(rounds, lambda: change_marker(dsn)) * 1000
    scan = best(3, lambda: catalog_fingerprint(observe(dsn, counters=False))) * 1000
    dumped = best(3, lambda: dump(server, dsn)) * 1000
    assert change_marker(dsn) == marker, "nothing was changed"
    load = f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    sys.stdout.write(f"{tables} tables, {load}\n")
    sys.stdout.write(
        f"database time of a poll     {planned + executed:7.1f} ms  ({planned:.1f} to plan, {executed:.1f} to execute; best of {rounds})\n"
    )
    sys.stdout.write(f"    the median              {statistics.median(map(sum, times)):7.1f} ms\n")
    sys.stdout.write(f"poll with its connection    {poll:7.1f} ms\n")
    sys.stdout.write(f"observation and fingerprint {scan:7.1f} ms  {scan / poll:6.1f} times a poll\n")
    sys.stdout.write(f"pg_dump --schema-only       {dumped:7.1f} ms  {dumped / poll:6.1f} times a poll\n")


def database_milliseconds(dsn: Dsn) -> tuple[float, float]:
    """Planning and execution of one poll."""
    with connect(dsn) as connection:
        connection.execute("select pg_stat_statements_reset()")
        change_marker(dsn)
        row = connection.execute(_MEASURED, ("%as marker%from part%",)).fetchone()
    assert row is not None
    return float(row[0]), float(row[1])


def dump(server: EmbeddedPostgres, dsn: Dsn) -> None:
    """The whole schema as text, thrown away."""
    program = server.binaries.bindir / "pg_dump"
    subprocess.run([program, "--schema-only", "--dbname", dsn.reveal()], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
