"""The whole `platformkit scan` with every rule, beside `pg_dump --schema-only`, pgrls and the Supabase advisors, in one run.

    python -m benchmarks.scan [--sizes 100,1000,10000] [--rounds 5] [--without-peers] [--write]

Starts a throw-away server, makes catalogues of these sizes with planted faults (`benchmarks.catalogue`), and runs each program
as a process of its own. Programs take turns, so that a busy minute of the machine falls on all of them; a figure is the median
of its rounds. CPU is what the process itself used, user and system; the server's share is in the wall time alone. Ends with 1
when the findings of a scan are not exactly the planted faults. Peers are looked for in `.oracle/`, where `make oracle` installs
them, and are left out, with a line that says so, when they are not there. `--write` puts what was printed into
docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.catalogue import Truth, expected_findings, make_catalogue, prepare_server, schemas, shape_of
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.rules.registry import Rule, Scope, Source, rules_for
from platformkit_pipeline.sandbox.databases import connect, create_database, set_role_password, with_database, with_user
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.supabase import GrantRegime, install_supabase_shape

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / ".oracle"
DOCUMENT = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
SERVER_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "8GB",
    "autovacuum": "off",
    "max_locks_per_transaction": "1024",
}
TEMPLATE = "bench_template"
READER = "supabase_read_only_user"
"""The platform's own role for looking: it reads storage.buckets as well, so that nothing has to stay unknown."""
LARGEST_FOR_PEER_ROUNDS = 1000
"""Above this size the peers run once."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One process, from start to end."""

    wall: float
    cpu: float
    peak_mib: float
    exit_code: int
    output: Path


@dataclass(frozen=True, slots=True)
class Program:
    """Something that reads a catalogue from outside."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    fine: tuple[int, ...]
    """Exit codes that mean it did its work."""
    is_peer: bool = False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="100,1000,10000", help="tables, separated by commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without-peers", action="store_true", help="leave pgrls and the Supabase advisors out")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/performance.md")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    with tempfile.TemporaryDirectory(prefix="platformkit-bench-") as folder:
        Path(folder).chmod(0o755)  # the server's account must reach its data
        server = EmbeddedPostgres(Path(folder) / "server", settings=SERVER_SETTINGS, tcp=True)
        server.ensure()
        try:
            right = _bench(server, Path(folder), sizes, options.rounds, with_peers=not options.without_peers)
        finally:
            server.destroy()
    if options.write:
        _write("\n".join(_said))
    return 0 if right else 1


_said: list[str] = []
"""What was printed, line by line, for the document."""


def say(line: str = "") -> None:
    print(line, flush=True)
    _said.append(line)


def _write(figures: str) -> None:
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n```\n{figures}\n```\n{END}{after}", encoding="utf-8")


def _bench(server: EmbeddedPostgres, folder: Path, sizes: Sequence[int], rounds: int, *, with_peers: bool) -> bool:
    password = secrets.token_hex(16)
    set_role_password(server.dsn(), server.superuser, password)
    install_supabase_shape(create_database(server.dsn(), TEMPLATE), grants=GrantRegime.AUTOMATIC)
    prepare_server(server)
    book = {rule.code: rule for rule in rules_for(Scope.PROJECT)}
    say(f"PostgreSQL {server.binaries.version}, {len(book)} rules, {os.cpu_count()} processors; one process after another")
    _say_what_is_not_planted(sizes[-1], book)
    cpu: dict[int, float] = {}
    right = True
    for size in sizes:
        started = time.perf_counter()
        database = f"bench_{size}"
        dsn = make_catalogue(server, TEMPLATE, database, size)
        say()
        say(f"{size} tables (made in {time.perf_counter() - started:.0f} s): {shape_of(dsn)}")
        tcp = server.tcp_dsn(database, user=server.superuser, password=password)
        programs = list(_programs(server, dsn, tcp, with_peers=with_peers))
        median = _measure(programs, rounds, folder, once=size > LARGEST_FOR_PEER_ROUNDS)
        if "pg_dump" in median and "scan" in median:
            say(f"  platformkit scan takes {median['scan'].wall / median['pg_dump'].wall:.2f} × the wall time of pg_dump --schema-only")
        cpu[size] = median["scan"].cpu
        say(f"  statements of one scan: {_count_statements(server, programs[0], folder)}")
        right &= _compare(median["scan"].output, _of_book(expected_findings(size, database), book))
    if len(sizes) > 1:
        say()
        say(f"CPU of the scan grows × {cpu[sizes[-1]] / cpu[sizes[-2]]:.1f} from {sizes[-2]} to {sizes[-1]} tables")
    return right


def _programs(server: EmbeddedPostgres, dsn: Dsn, tcp: Dsn, *, with_peers: bool) -> Iterator[Program]:
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", "/"), "LC_ALL": "C.UTF-8"}
    ours = {**environment, "PYTHONPATH": str(ROOT), "BENCH_DSN": with_user(dsn, READER).reveal()}
    scan = (
        sys.executable,
        "-m",
        "platformkit_pipeline.cli.main",
        "scan",
        "--dsn-env",
        "BENCH_DSN",
        "--format",
        "json",
        "--fail-on",
        "none",
    )
    yield Program("scan", scan, ours, (0,))
    pg_dump = server.binaries.bindir / "pg_dump"
    if pg_dump.is_file():
        yield Program("pg_dump", (str(pg_dump), "--schema-only", "--dbname", dsn.reveal()), environment, (0,))
    else:
        say("  these binaries come without pg_dump: nothing to compare with")
    if not with_peers:
        return
    pgrls = PEERS / "pgrls" / "bin" / "pgrls"
    if pgrls.is_file():
        command = (str(pgrls), "lint", "--schemas", ",".join(schemas()), "--format", "json")
        yield Program("pgrls", command, {**environment, "DATABASE_URL": tcp.reveal()}, (0, 1), is_peer=True)  # 1: it found something
    else:
        say("  pgrls is not installed (make oracle installs it): left out")
    advisors = PEERS / "node_modules" / ".bin" / "supabase"
    if advisors.is_file():
        ask = (str(advisors), "db", "advisors", f"--remote={tcp.reveal()}", "-o", "json", "--level", "info", "--fail-on", "none")
        yield Program("advisors", ask, {**environment, "SUPABASE_TELEMETRY_DISABLED": "1"}, (0,), is_peer=True)
    else:
        say("  the Supabase CLI is not installed (make oracle installs it): advisors left out")


def _measure(programs: Sequence[Program], rounds: int, folder: Path, *, once: bool) -> dict[str, Measured]:
    """Medians by program. Rounds are interleaved; the first one of each program that runs more than once warms up and is not counted."""
    found: dict[str, list[Measured]] = {program.name: [] for program in programs}
    for number in range(rounds + 1):
        for program in programs:
            if program.is_peer and number >= (1 if once else min(rounds, 3)):
                continue
            found[program.name].append(run(program, folder))
    say(f"  {'':10} {'wall s':>8} {'CPU s':>8} {'peak MiB':>9}  rounds")
    medians: dict[str, Measured] = {}
    for name, runs in found.items():
        counted = runs[1:] if len(runs) > 1 else runs
        medians[name] = Measured(
            statistics.median(r.wall for r in counted),
            statistics.median(r.cpu for r in counted),
            statistics.median(r.peak_mib for r in counted),
            counted[-1].exit_code,
            counted[-1].output,
        )
        m = medians[name]
        say(f"  {name:10} {m.wall:8.2f} {m.cpu:8.2f} {m.peak_mib:9.0f}  {len(counted)}")
    return medians


def run(program: Program, folder: Path) -> Measured:
    """Run a program to its end. Peak memory and CPU are what the kernel says of it and of its own children."""
    output = folder / f"{program.name}.out"
    with output.open("wb") as out, (folder / f"{program.name}.err").open("wb") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(program.command, env=dict(program.environment), stdout=out, stderr=errors, stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)  # reaped here, so that nobody waits for it again
    if process.returncode not in program.fine:
        text = (folder / f"{program.name}.err").read_text(errors="replace")[-2000:]
        raise SystemExit(f"{program.name} ended with {process.returncode}:\n{text}")
    return Measured(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, process.returncode, output)


def _count_statements(server: EmbeddedPostgres, scan: Program, folder: Path) -> str:
    """As the server counts them, each one of a string of several, in a run of its own that is not measured."""
    if not server.binaries.has_library("pg_stat_statements"):
        return "not counted, for this server has no pg_stat_statements"
    counter = with_database(server.dsn(), TEMPLATE)
    with connect(counter) as connection:
        connection.execute("select extensions.pg_stat_statements_reset()")
    run(scan, folder)
    with connect(counter) as connection:
        row = connection.execute(
            "select sum(calls) from extensions.pg_stat_statements where userid = %s::regrole and toplevel", [READER]
        ).fetchone()
    return str(row[0]) if row else "0"


def _of_book(truth: Truth, book: Mapping[str, Rule]) -> Truth:
    return frozenset((rule, found) for rule, found in truth if rule in book)


def _say_what_is_not_planted(size: int, book: Mapping[str, Rule]) -> None:
    planted = {rule for rule, _ in expected_findings(size, "any")}
    if missing := sorted(code for code, rule in book.items() if rule.source is Source.CATALOG and code not in planted):
        say(f"no fault is planted for {', '.join(missing)}")
    if unknown := sorted(planted - book.keys()):
        say(f"planted, but not in this book: {', '.join(unknown)}")


def _compare(document: Path, truth: Truth) -> bool:
    """Prints whether the findings of a scan are the planted ones."""
    findings = json.loads(document.read_text(encoding="utf-8"))["findings"]
    found = Counter((finding["rule"], _canonical(finding["object"])) for finding in findings)
    if set(found) == truth and found.total() == len(truth):
        say(f"  findings equal the truth list: {len(truth)} of {len(truth)}")
        return True
    missing, extra = truth - set(found), set(found) - truth
    say(f"  findings DIFFER from the truth list: {len(missing)} of {len(truth)} missing, {len(extra)} too many")
    for sign, some in (("-", missing), ("+", extra)):
        for rule, name in sorted(some)[:10]:
            say(f"    {sign} {rule} {name}")
    return False


def _canonical(identity: Mapping[str, object]) -> str:
    detail, schema = identity["detail"], identity["schema"]
    assert isinstance(detail, dict)
    return ObjectIdentity(
        str(identity["kind"]), None if schema is None else str(schema), str(identity["name"]), tuple(detail.items())
    ).canonical


if __name__ == "__main__":
    sys.exit(main())
