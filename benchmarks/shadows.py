"""Shadow databases beside `pg_restore` of the same schema, in the same run and on servers of the same settings.

    python -m benchmarks.shadows [--sizes 500,1000] [--rounds 5]

Makes catalogues of these sizes (`benchmarks.catalogue`), rebuilds each as a shadow and with `pg_restore`, and copies the shadow.
A figure is the median of its rounds; the first copy is counted as well. Ends with 1 when a shadow does not equal its target.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.catalogue import make_catalogue, prepare_server
from benchmarks.scan import SERVER_SETTINGS
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.remediation.shadows import ShadowServer
from platformkit_pipeline.sandbox.databases import create_database, drop_database
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.supabase import GrantRegime, install_supabase_shape

_TEMPLATE = "bench_template"
_COPIES = 5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="500,1000")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    faithful = True
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "targets", settings=SERVER_SETTINGS)
        server.ensure()
        try:
            install_supabase_shape(create_database(server.dsn(), _TEMPLATE), grants=GrantRegime.AUTOMATIC)
            prepare_server(server)
            print(f"PostgreSQL {server.binaries.version}, medians of {options.rounds} rounds, seconds")
            print(f"{'tables':>8} {'objects':>8} {'shadow':>8} {'of it build':>12} {'copy':>8} {'worst copy':>11} {'pg_restore':>11}")
            for size in map(int, options.sizes.split(",")):
                dsn = make_catalogue(server, _TEMPLATE, f"tables_{size}", size)
                faithful = _measure(server, dsn, size, options.rounds, Path(folder)) and faithful
        finally:
            server.destroy()
    return 0 if faithful else 1


def _measure(server: EmbeddedPostgres, dsn: Dsn, size: int, rounds: int, folder: Path) -> bool:
    target = observe(dsn)
    objects = sum(map(len, (target.relations, target.columns, target.constraints, target.indexes, target.policies, target.functions)))
    whole, built, copies, restored = [], [], [], []
    faithful = True
    dump = folder / f"{size}.dump"
    subprocess.run([server.binaries.bindir / "pg_dump", "-Fc", "--schema-only", "--file", dump, dsn.reveal()], check=True)
    for number in range(rounds):
        with ShadowServer(parent=folder / "shadows") as shadows:
            marks: list[float] = []
            started = time.perf_counter()
            template = shadows.template(target, progress=partial(_mark, marks))
            whole.append(time.perf_counter() - started)
            built.append(marks[2] - marks[1])
            copies += [_seconds(shadows.fresh) for _ in range(_COPIES)]
            faithful = faithful and template.faithful
        name = f"restored_{size}_{number}"
        into = create_database(server.dsn(), name)
        command = [server.binaries.bindir / "pg_restore", "--dbname", into.reveal(), dump]
        restored.append(_seconds(partial(subprocess.run, command, capture_output=True, check=False)))
        drop_database(server.dsn(), name)
    middle = statistics.median
    print(
        f"{size:>8} {objects:>8} {middle(whole):>8.2f} {middle(built):>12.2f} {middle(copies):>8.3f} {max(copies):>11.3f} "
        f"{middle(restored):>11.2f}{'' if faithful else '  the shadow differs from its target'}"
    )
    return faithful


def _mark(marks: list[float], _: str) -> None:
    marks.append(time.perf_counter())


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
