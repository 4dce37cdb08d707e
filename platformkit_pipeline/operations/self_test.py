"""Put the rule book to the test: every rule against its own examples, on a throw-away server where it judges a database.

Each example is run on a fresh copy of a Supabase-shaped database with a schema that keeps every rule, and *all* rules judge
what comes of it: the violating example must make its rule fail and no other, the clean one none.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg import sql

from platformkit_pipeline.introspection.postgres.isolation_probe import probe_isolation
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.introspection.supabase_platform import ADDRESS_VARIABLE, endpoint_latencies
from platformkit_pipeline.locations import read_sql
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.activity import EndpointLatency
from platformkit_pipeline.model.dsn import Dsn, redact
from platformkit_pipeline.model.isolation import ProbeLevel
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.model.target import Declarations, ManagementApiAccess
from platformkit_pipeline.operations.self_test_connectors import ConnectorBench, complaints_about_connector_rule
from platformkit_pipeline.operations.self_test_control_plane import ControlPlaneBench, complaints_about_control_plane_rule
from platformkit_pipeline.operations.self_test_history import complaints_about_history_rule
from platformkit_pipeline.operations.self_test_migrations import complaints_about
from platformkit_pipeline.operations.self_test_repositories import RepositoryBench, complaints_about_repository_rule
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import REPOSITORY_SOURCES, Rule, Scope, Source, rules_for
from platformkit_pipeline.sandbox.binaries import find_binaries
from platformkit_pipeline.sandbox.databases import connect, create_database, drop_database, with_user
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.management_api import PROJECT, TOKEN, serve_management_api
from platformkit_pipeline.sandbox.supabase import GrantRegime, copy_supabase_database, install_supabase_shape
from platformkit_pipeline.sqltext.parser import SqlSyntaxError
from platformkit_pipeline.sqltext.scripts import split_statements

_TEMPLATE = "well_kept"
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "50",
    "autovacuum": "off",
    "pg_stat_statements.max": "20000",
}
"""Nothing here need survive a power cut, and statistics must not change in the middle of a test."""

_ENOUGH_AGE = timedelta(days=90)
"""Counters are pretended to be so old for the rules that judge them: age is the one thing that this server cannot have."""
_PATIENCE_SECONDS = 20
"""For each statement of an example."""


_log = get_logger("operations.self_test")

BenchT = TypeVar("BenchT")
Progress = Callable[[str], None]
"""Told what is going on, in a few words."""


@dataclass(frozen=True, slots=True)
class RuleTest:
    """What came of one rule's examples. `complaints` are sentences; there are none when the rule does what it says."""

    code: str
    name: str
    complaints: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.complaints


@dataclass(frozen=True, slots=True)
class SelfTest:
    """One run of the self-test; rules in the order of their codes. No server where only rules about files were tested."""

    server_version: str | None
    server_source: str | None
    rules: tuple[RuleTest, ...]

    @property
    def failed(self) -> tuple[RuleTest, ...]:
        return tuple(r for r in self.rules if not r.passed)


def self_test(rules: Sequence[Rule], progress: Progress = lambda _: None) -> SelfTest:
    """Test each of `rules`, judging by the whole book. Nothing is left behind, however it ends.

    Raises SandboxError when there is no server to be had.
    """
    without_server = (Source.FILES, *REPOSITORY_SOURCES)
    of_databases = [rule for rule in rules if rule.source not in (*without_server, Source.CONNECTOR, Source.PLATFORM)]
    needs_server = any(rule.source not in without_server for rule in rules)
    binaries = find_binaries() if needs_server else None  # before the work of minutes that a missing server would waste
    tested = [_tested(rule, complaints_about(rule)) for rule in rules if rule.source is Source.FILES]
    of_repositories = [rule for rule in rules if rule.source in REPOSITORY_SOURCES]
    tested += _on_bench(of_repositories, RepositoryBench.set_up, complaints_about_repository_rule, progress)
    of_connectors = [rule for rule in rules if rule.source is Source.CONNECTOR]
    tested += _on_bench(of_connectors, ConnectorBench.set_up, complaints_about_connector_rule, progress)
    of_the_platform = [rule for rule in rules if rule.source is Source.PLATFORM]
    tested += _on_bench(of_the_platform, ControlPlaneBench.set_up, complaints_about_control_plane_rule, progress)
    if of_databases and binaries is not None:
        progress(f"starting PostgreSQL {binaries.version}")
        tested += _on_bench(of_databases, Bench.set_up, complaints_about_database_rule, progress)
    in_order = tuple(sorted(tested, key=lambda test: test.code))
    return SelfTest(binaries.version, binaries.source, in_order) if binaries is not None else SelfTest(None, None, in_order)


def _on_bench(
    rules: Sequence[Rule],
    set_up: Callable[[], AbstractContextManager[BenchT]],
    complaints: Callable[[Rule, BenchT], Iterable[str]],
    progress: Progress,
) -> list[RuleTest]:
    """Rules of one kind on the bench that such rules need, which is set up only where there are any."""
    if not rules:
        return []
    tested = []
    with set_up() as bench:
        for number, rule in enumerate(rules, start=1):
            progress(f"{number}/{len(rules)} {rule.code}")
            tested.append(_tested(rule, complaints(rule, bench)))
    return tested


def _tested(rule: Rule, complaints: Iterable[str]) -> RuleTest:
    made = RuleTest(rule.code, rule.name, tuple(complaints))
    if made.complaints:
        _log.info("rule fails its own test", rule=made.code, complaints=made.complaints)
    return made


def test_of(rule: Rule, bench: Bench) -> RuleTest:
    """Try both examples of one rule."""
    return _tested(rule, complaints_about_database_rule(rule, bench))


def complaints_about_database_rule(rule: Rule, bench: Bench) -> Iterator[str]:
    """What is wrong with the examples of a rule that judges a database or a history."""
    return complaints_about_history_rule(rule) if rule.source is Source.REPLAY else _complaints(bench, rule)


# -- what is demanded of a rule ------------------------------------------------------------------------------------------


def _complaints(bench: Bench, rule: Rule) -> Iterator[str]:
    try:
        violating = _judged(bench, rule, rule.violating)
    except _ExampleRefusedError as refused:
        yield f"the violating example does not run: {refused}"
    else:
        yield from complaints_about_violating(rule, violating)
    try:
        clean = _judged(bench, rule, rule.clean)
    except _ExampleRefusedError as refused:
        yield f"the clean example does not run: {refused}"
    else:
        yield from complaints_about_clean(rule, clean)


def complaints_about_violating(rule: Rule, results: Sequence[Result]) -> Iterator[str]:
    """The rule fails at least one object, the rules of `also_fires` have findings, and nobody else has any."""
    if not any(r.rule == rule.code and r.outcome is Outcome.FAIL for r in results):
        yield f"violating: {rule.code} does not fail anything"
    firing = {r.rule for r in results if r.is_finding}
    yield from (f"violating: {code} does not fire, though also_fires names it" for code in rule.also_fires if code not in firing)
    yield from (f"violating: {_told(r)}" for r in results if r.is_finding and r.rule not in (rule.code, *rule.also_fires))


def complaints_about_clean(rule: Rule, results: Sequence[Result]) -> Iterator[str]:
    """Nobody has a finding; a rule that lives on statistics may say that they are too young."""
    for result in results:
        excused = rule.source is Source.STATISTICS and result.rule == rule.code and result.outcome is Outcome.UNKNOWN
        if result.is_finding and not excused:
            yield f"clean: {_told(result)}"


def _told(result: Result) -> str:
    return f"{result.rule} {result.outcome.value} {result.object.canonical}: {result.message}"


def _judged(bench: Bench, rule: Rule, example: str) -> tuple[Result, ...]:
    """What the book says after `example`, without what a fresh server cannot answer for rules that are not tested here.

    Statistics are young and nobody asked for logs or a probe: their rules say UNKNOWN, which is right and no news.
    """
    dsn = bench.fresh_database()
    declarations = Declarations(management_api=rule.source is Source.LOGS)
    if rule.source is not Source.LOGS:  # their examples are no SQL: they are what the logs say
        _run(with_user(dsn, rule.example_role), example)
    snapshot = observe(dsn, clock_ahead=_ENOUGH_AGE if rule.source is Source.STATISTICS else timedelta(0))
    if rule.source is Source.LOGS and snapshot.activity:
        snapshot = replace(snapshot, activity=replace(snapshot.activity, endpoints=_latencies(example)))
    if rule.source is Source.PROBE:
        snapshot = replace(snapshot, isolation=probe_isolation(dsn, snapshot, declarations, level=ProbeLevel.WRITE))
    results = evaluate(snapshot, declarations, bench.book)
    sources = {r.code: r.source for r in bench.book}
    return tuple(r for r in results if r.rule == rule.code or sources[r.rule] is Source.CATALOG or r.outcome is not Outcome.UNKNOWN)


def _latencies(requests: str) -> tuple[EndpointLatency, ...]:
    """What a project answers through the management API that has these requests in its logs."""
    with serve_management_api() as api:
        try:
            api.log(json.loads(requests))
        except ValueError as error:
            raise _ExampleRefusedError(f"the logs are no JSON: {error}") from None
        environment = {"TOKEN": TOKEN, ADDRESS_VARIABLE: api.address}
        return endpoint_latencies(ManagementApiAccess(PROJECT, "TOKEN"), environment=environment)


# -- where it is tried -----------------------------------------------------------------------------------------------


class _ExampleRefusedError(Exception):
    """The server or the parser refused the text of an example."""


class Bench:
    """A server in a folder of its own, with the well-kept database to copy from."""

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedPostgres(folder, settings=_SETTINGS)
        self._made = 0

    @classmethod
    @contextmanager
    def set_up(cls) -> Iterator[Bench]:
        folder = Path(tempfile.mkdtemp(prefix="platformkit-self-test-"))
        bench = cls(folder)
        try:
            bench._start()
            yield bench
        finally:
            bench._server.destroy()
            shutil.rmtree(folder, ignore_errors=True)

    @cached_property
    def book(self) -> tuple[Rule, ...]:
        return rules_for(Scope.PROJECT)

    def fresh_database(self) -> Dsn:
        """A copy of the well-kept database, as superuser, on a server that no example has left a trace on."""
        if self._made:
            drop_database(self._server.dsn(), self._name)
            if not self._restore_roles():
                # Roles belong to the server, so whatever else an example did to them would be there for the next one.
                self._server.destroy()
                self._start()
        self._made += 1
        return copy_supabase_database(self._server.dsn(), self._name, template=_TEMPLATE, copy_files=True)

    @property
    def _name(self) -> str:
        return f"example_{self._made}"

    def _start(self) -> None:
        self._server.ensure()
        template = create_database(self._server.dsn(), _TEMPLATE)
        install_supabase_shape(template, grants=GrantRegime.AUTOMATIC)
        _run(with_user(template, "postgres"), read_sql("sandbox/well_kept.sql"))
        self._roles = self._roles_now()

    def _roles_now(self) -> dict[str, Any]:
        """By role, everything that is set on it; what is not in the databases dropped meanwhile."""
        with connect(self._server.dsn()) as connection:
            return dict(connection.execute(_ROLES.encode()).fetchall())

    def _restore_roles(self) -> bool:
        """Drop the roles that an example made. False when something else about roles is not as it was."""
        new = sorted(self._roles_now().keys() - self._roles.keys())
        with connect(self._server.dsn()) as connection:
            try:
                for role in new:
                    connection.execute(sql.SQL("drop owned by {}").format(sql.Identifier(role)))
                for role in new:
                    connection.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))
            except psycopg.Error:
                return False
        return self._roles_now() == self._roles


_ROLES = """
select
    r.rolname,
    to_jsonb(r) - array['oid', 'rolconfig'] || jsonb_build_object(
        'settings', (select s.setconfig from pg_db_role_setting as s where s.setrole = r.oid and s.setdatabase = 0),
        'memberships', (
            select jsonb_agg(to_jsonb(m) - array['oid', 'member'] order by m.roleid, m.grantor)
            from pg_auth_members as m
            where m.member = r.oid
        )
    )
from pg_roles as r
"""
"""One row: a role and all that is set on it, whatever attributes the server's version knows."""


def _run(dsn: Dsn, script: str) -> None:
    """Statement by statement, each a transaction of its own, as a person would. Raises _ExampleRefusedError."""
    try:
        with connect(dsn) as connection:
            connection.execute(f"set statement_timeout = '{_PATIENCE_SECONDS}s'".encode())
            for statement in split_statements(script):
                connection.execute(statement.encode())
    except SqlSyntaxError as error:
        raise _ExampleRefusedError(str(error)) from None
    except psycopg.Error as error:
        raise _ExampleRefusedError(redact(" ".join(str(error).split()))) from None
