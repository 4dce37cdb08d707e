"""The isolation probe on tables with known answers: no leak missed, none invented, nothing left behind.

The answers stand beside the tables, in isolation_cases.sql.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import psycopg
import pytest

from platformkit_pipeline.introspection.postgres.isolation_probe import probe_isolation
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.isolation import Answer, IsolationProbe, ProbeLevel, Trial, Weakness
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.sandbox.databases import create_database, with_user
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.supabase import GrantRegime, install_supabase_shape
from platformkit_pipeline_tests.conftest import FAST_SETTINGS
from platformkit_pipeline_tests.remediation.conftest import binaries_in, every_server

CASES = Path(__file__).with_name("isolation_cases.sql").read_text()
COMMANDS = ("SELECT", "INSERT", "UPDATE", "DELETE")
LETTERS = {Answer.BLOCKED: "b", Answer.LEAK: "L", Answer.INCONCLUSIVE: "?"}
WEAK = {Weakness.UNFILTERED: "u", Weakness.FORGEABLE: "f", Weakness.SHARED: "s"}
NAMES = re.compile(r"^--= (\S+) (.*)$", re.MULTILINE)


@pytest.fixture(scope="module", params=every_server(), ids=str)
def cases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dsn]:
    """Those tables, all of them empty but for that of the members, on one server after the other. As superuser."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("cases"), binaries=binaries_in(request.param), settings=FAST_SETTINGS)
    server.ensure()
    dsn = create_database(server.dsn(), "cases")
    install_supabase_shape(dsn, grants=GrantRegime.AUTOMATIC)
    with psycopg.connect(dsn.reveal(), autocommit=True) as connection:
        connection.execute("set role postgres")
        connection.execute(CASES.encode())
        connection.execute("reset role")
        for table in ("owned", "owned_and_forced"):
            connection.execute(f"alter table public.{table} owner to authenticated".encode())
    yield dsn
    server.destroy()


def expected(level: ProbeLevel) -> dict[str, str]:
    """relation role → answers to the four commands."""
    found = {}
    for name, words in NAMES.findall(CASES):
        answers = words.split()
        place = 0 if level is ProbeLevel.READ else 1
        found[f"{name} authenticated"] = answers[place]
        shut = "".join("-" if letter == "-" else "b" for letter in answers[place])
        found[f"{name} anon"] = answers[place + 2] if len(answers) > 2 else shut
    return found


def letter(trial: Trial) -> str:
    return WEAK[trial.weakness] if trial.weakness else LETTERS[trial.answer]


def told(probe: IsolationProbe) -> dict[str, str]:
    found = {f"{name} {role}": "----" for name, _ in NAMES.findall(CASES) for role in ("authenticated", "anon")}
    for table in probe.tables:
        for role in ("authenticated", "anon"):
            letters = {t.command: letter(t) for t in table.trials if t.role == role}
            found[f"{table.schema}.{table.relation} {role}"] = "".join(letters.get(c, "-") for c in COMMANDS)
    return found


@cache
def probed(dsn: Dsn, level: ProbeLevel) -> IsolationProbe:
    return probe_isolation(dsn, observe(dsn), Declarations(), level=level)


def footprint(dsn: Dsn) -> object:
    """Rows of every table, positions of every sequence, prepared statements, locks of others, and open transactions."""
    with psycopg.connect(dsn.reveal()) as connection:
        tables = connection.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('public', 'private', 'auth') order by 1"
        ).fetchall()
        rows = [
            connection.execute(f"select %s::text, array_agg((x, x.xmin)::text) from only {t} as x".encode(), [t]).fetchone()
            for (t,) in tables
        ]
        sequences = connection.execute("select schemaname, sequencename, last_value from pg_sequences order by 1, 2").fetchall()
        locks = connection.execute(
            "select count(*) from pg_locks as l join pg_database as d on d.oid = l.database"
            " where l.pid <> pg_backend_pid() and d.datname = current_database()"
        ).fetchall()
        return rows, sequences, locks, connection.execute("select gid from pg_prepared_xacts").fetchall()


@pytest.mark.parametrize("level", [ProbeLevel.READ, ProbeLevel.WRITE])
def test_every_answer_is_the_known_one(cases: Dsn, level: ProbeLevel) -> None:
    assert told(probed(cases, level)) == expected(level)


@pytest.mark.parametrize("level", [ProbeLevel.READ, ProbeLevel.WRITE])
def test_an_ordinary_administrator_gets_the_same_answers(cases: Dsn, level: ProbeLevel) -> None:
    """But for what belongs to somebody else."""
    theirs = {f"public.{t} {r}" for t in ("owned", "owned_and_forced") for r in ("authenticated", "anon")}
    told_admin = told(probed(with_user(cases, "postgres"), level))
    assert {k: v for k, v in told_admin.items() if k not in theirs} == {k: v for k, v in expected(level).items() if k not in theirs}


@pytest.mark.parametrize("level", [ProbeLevel.READ, ProbeLevel.WRITE])
def test_nothing_is_left_behind(cases: Dsn, level: ProbeLevel) -> None:
    before = footprint(cases)
    probe = probe_isolation(cases, observe(cases), Declarations(), level=level)
    assert (footprint(cases), probe.moved_sequences) == (before, ())


def test_a_probe_may_be_told_its_tables(cases: Dsn) -> None:
    probe = probe_isolation(cases, observe(cases), Declarations(), level=ProbeLevel.READ, tables=[("public", "good")])
    assert [t.relation for t in probe.tables] == ["good"]
