"""Catalogues made to break a scanner: odd names, huge texts, deep and wide structures, cycles, bodies that do not parse.

Nothing may crash, in any form of report; what cannot be judged is UNKNOWN; and work grows as the catalogue does. Growth is
counted in calls, not in seconds: a busy machine changes the one and not the other.
"""

from __future__ import annotations

import cProfile
import json
import pstats
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import psycopg
import pytest

from platformkit_pipeline.cli.output import render
from platformkit_pipeline.cli.scan_table import scan_table
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.scan import ScanReport
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.model.target import Declarations, Environment, Target, TargetKind
from platformkit_pipeline.operations.clock import Clock
from platformkit_pipeline.operations.judge import judge
from platformkit_pipeline.operations.scan import scan_database
from platformkit_pipeline.reporting.junit import junit_xml
from platformkit_pipeline.reporting.markdown import scan_markdown
from platformkit_pipeline.reporting.sarif import sarif_json
from platformkit_pipeline.reporting.scan_document import scan_json
from platformkit_pipeline.rules.registry import all_rules
from platformkit_pipeline.sandbox.databases import drop_database
from platformkit_pipeline.sandbox.supabase import copy_supabase_database
from platformkit_pipeline_tests.conftest import DatabaseFactory

TENANT = "((select auth.jwt()) ->> 'tenant_id')::uuid"
COLUMNS = "id uuid primary key, tenant_id uuid not null"
TARGET = Target(TargetKind.SUPABASE_PROJECT, "hostile", Environment.DEVELOPMENT)
STARTED = datetime(2026, 1, 1, tzinfo=UTC)
ODD_NAMES = (
    'with "quotes"',
    "with 'apostrophes'",
    "line\nbreak",
    "carriage\rreturn\ttab",
    "x" * 63,
    "é" * 31,
    "漢字" * 10,
    "😀🔥",
    "select",
    "a.b.c",
    "$$",
    "--comment",
    "/* comment */",
    "<script>&amp;",
    "[link](javascript:x)|pipe|",
    " leading and trailing ",
    "\u202eright to left",
    "{braces} %s %(name)s",
    "back\\slash\\",
    "nul like \x01\x1f",
)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def odd_objects() -> Iterator[str]:
    """Every kind of object with every odd name."""
    yield "set check_function_bodies = off"
    for number, name in enumerate(ODD_NAMES):
        n, short = quoted(name), quoted(name[:10] + str(number))
        yield f"create schema {short}"
        for schema in ("public", short):
            table = f"{schema}.{n}"
            yield f"create table {table} (id uuid primary key, {short} text constraint {n} check ({short} <> ''), tenant_id uuid)"
            yield f"create index {short} on {table} ({short})"
            yield f"create policy {n} on {table} to authenticated using ({short} = current_setting('a.b', true))"
            yield f"grant select ({short}) on {table} to anon"
            yield f"comment on table {table} is $c$platformkit:public-read {name}$c$"
            yield (
                f"create view {schema}.{quoted('v' + name[:9] + str(number))} as select {short} as {n} from {table}"
                if schema == "public"
                else "select 1"
            )
            yield f"create function {schema}.{n}({short} text, out {n} text) language sql security definer as $f$ select '{number}' $f$"
            yield (
                f"create function {schema}.{short}() returns trigger language plpgsql as "
                f"$f$ begin execute 'x' || {short}; return new; end $f$"
            )
            yield f"create trigger {n} before update on {table} for each row execute function {schema}.{short}()"
        yield f"alter table {short}.{n} add constraint {short} foreign key (id) references public.{n} (id)"
        label = name.replace("'", "''")
        yield f"create type public.{quoted('t' + name[:20] + str(number))} as enum ('{label}')"


def broken_functions() -> Iterator[str]:
    yield "set check_function_bodies = off"
    bodies = (
        "begin execute a",
        "begin execute 'x' || a; end loop",
        "selec 1",
        "",
        ";;;",
        "select $1 from (",
        "\\",
        "begin",
        "$x",
        "select '",
        "/* never closed",
        "-- only a comment",
        "é" * 5000,
    )
    for number, body in enumerate(bodies):
        for language in ("sql", "plpgsql"):
            yield (
                f"create function public.broken_{language}_{number}(a text) returns text language {language} security definer "
                f"as $broken${body}$broken$"
            )
            yield f"create table public.guarded_{language}_{number} ({COLUMNS})"
            yield f"alter table public.guarded_{language}_{number} enable row level security"
            yield (
                f"create policy p on public.guarded_{language}_{number} to authenticated "
                f"using (public.broken_{language}_{number}(id::text) = 'x' and tenant_id = {TENANT})"
            )
            yield f"grant select on public.guarded_{language}_{number} to authenticated"


def huge_texts() -> Iterator[str]:
    yield f"create table public.huge ({COLUMNS}, note text default '', empty text default null, {quoted('e' * 63)} text)"
    yield "create table public.nothing ()"
    yield "alter table public.nothing enable row level security"
    yield "create policy p on public.nothing using (true)"
    yield "alter table public.huge enable row level security"
    yield "grant all on public.huge to anon, authenticated"
    values = ", ".join(f"'{'v' * 40}{n}'" for n in range(2500))
    yield f"create policy long_list on public.huge using (note in ({values}))"
    yield f"create policy long_literal on public.huge for select using (note <> '{'x' * 100_000}')"
    ands = " and ".join(f"id is not null and {n} = {n}" for n in range(1500))
    yield f"create policy many_ands on public.huge for insert with check ({ands})"
    yield f"create policy many_ors on public.huge for update using ({' or '.join(f'note = {chr(39)}{n}{chr(39)}' for n in range(1500))})"
    yield f"create policy parentheses on public.huge for delete using ({'(' * 400}true{')' * 400})"
    yield f"create policy negations on public.huge for delete using ({'not (' * 300}note is null{')' * 300})"
    yield f"create policy calls on public.huge for select using ({'lower(' * 300}note{')' * 300} = 'x')"
    nested = "true"
    for n in range(150):
        nested = f"(case when note = '{n}' then {nested} else tenant_id = {TENANT} end)"
    yield f"create policy cases on public.huge for insert with check ({nested})"
    subselects = "true"
    for n in range(60):
        subselects = f"exists (select 1 from public.huge h{n} where h{n}.id = huge.id and {subselects})"
    yield f"create policy subselects on public.huge for select using ({subselects})"
    yield f"comment on table public.huge is '{'platformkit:public-read ' * 40_000}'"
    body = "\n".join(f"  perform {n}; execute 'select ' || {n}::text;" for n in range(3000))
    yield f"create function public.long_body(a text) returns void language plpgsql security definer as $f$begin\n{body}\nend$f$"
    deep = "select 1"
    for n in range(120):
        deep = f"select * from ({deep}) as s{n}"
    yield f"create function public.deep_body() returns integer language sql security definer as $f$ {deep} $f$"
    yield "create domain public.d0 as text"
    for n in range(1, 40):
        yield f"create domain public.d{n} as public.d{n - 1} check (value <> '{n}')"
    yield "create table public.of_domain (id public.d39 primary key, tenant_id public.d20)"
    arguments = ", ".join(f'"a, {n}" public.d{n % 40}' for n in range(100))
    yield f"create function public.hundred_arguments({arguments}) returns void language sql as ''"


def wide_tables() -> Iterator[str]:
    """PostgreSQL's maximum of 1,600 columns, and 5,000 in all."""
    for table, count in (("widest", 1600), ("wide_1", 1400), ("wide_2", 1200), ("wide_3", 800)):
        columns = ", ".join(f"c{n}_id uuid" if n % 2 else f"password_{n} text" for n in range(count))
        yield f"create table public.{table} ({columns})"
        yield f"grant select ({', '.join(f'password_{n}' for n in range(0, count, 2))}) on public.{table} to anon"


def view_chain(depth: int) -> Iterator[str]:
    yield "create view public.chain_0 as select id, email from auth.users"
    for n in range(1, depth):
        invoker = " with (security_invoker = true)" if n % 3 == 0 else ""
        yield f"create view public.chain_{n}{invoker} as select id, email from public.chain_{n - 1}"
    yield f"grant select on public.chain_{depth - 1} to anon"


def view_lattice(depth: int) -> Iterator[str]:
    """Each view reads the one below twice: paths double with every level, views do not."""
    yield "create view public.lattice_0 as select id from auth.users"
    yield "create view public.lattice_0b as select id from auth.users"
    for n in range(1, depth):
        for side in ("", "b"):
            yield (
                f"create view public.lattice_{n}{side} as select a.id from public.lattice_{n - 1} as a "
                f"join public.lattice_{n - 1}b as b using (id)"
            )
    yield f"grant select on public.lattice_{depth - 1} to anon"


def policy_cycle(count: int) -> Iterator[str]:
    for n in range(count):
        yield f"create table public.ring_{n} ({COLUMNS})"
        yield f"alter table public.ring_{n} enable row level security"
        yield f"grant select on public.ring_{n} to authenticated"
    for n in range(count):
        yield (
            f"create policy around on public.ring_{n} for select to authenticated "
            f"using (tenant_id = {TENANT} and exists (select 1 from public.ring_{(n + 1) % count} as o where o.id = ring_{n}.id))"
        )


def policy_mesh(count: int) -> Iterator[str]:
    """Every table's policy reads two others: many cycles."""
    for n in range(count):
        yield f"create table public.mesh_{n} ({COLUMNS})"
        yield f"alter table public.mesh_{n} enable row level security"
    for n in range(count):
        one, two = (n * 2 + 1) % count, (n * 3 + 2) % count
        yield (
            f"create policy across on public.mesh_{n} for select to authenticated "
            f"using (id in (select id from public.mesh_{one}) or id in (select id from public.mesh_{two}))"
        )


def many_policies(count: int) -> Iterator[str]:
    yield f"create table public.crowded ({COLUMNS}, note text)"
    yield "alter table public.crowded enable row level security"
    yield "grant select, insert, update, delete on public.crowded to authenticated"
    for n in range(count):
        command = ("select", "all", "delete", "update")[n % 4]
        restrictive = "as restrictive " if n % 10 == 9 else ""
        condition = f"tenant_id = {TENANT} and note <> '{n}'"
        yield f"create policy p{n} on public.crowded {restrictive}for {command} to authenticated using ({condition})"


def partitions(count: int) -> Iterator[str]:
    yield "create table public.tree (id integer primary key, tenant_id uuid not null, unique (id, tenant_id)) partition by range (id)"
    yield "alter table public.tree enable row level security"
    yield f"create policy of_tenant on public.tree to authenticated using (tenant_id = {TENANT})"
    yield "grant select on public.tree to authenticated"
    per_branch = 50
    for branch in range((count + per_branch - 1) // per_branch):
        first, last = branch * per_branch, min(count, (branch + 1) * per_branch)
        yield f"create table public.tree_{branch} partition of public.tree for values from ({first}) to ({last}) partition by range (id)"
        yield "; ".join(
            f"create table public.tree_{branch}_{n} partition of public.tree_{branch} for values from ({n}) to ({n + 1})"
            for n in range(first, last)
        )


def many_foreign_keys(count: int) -> Iterator[str]:
    yield "create table public.hub (id uuid primary key, tenant_id uuid not null)"
    for n in range(count):
        yield f"create table public.spoke_{n} ({COLUMNS}, hub_id uuid references public.hub (id), spoke_{n // 2}_id uuid)"


def many_functions(count: int) -> Iterator[str]:
    """Overloads of one name, each calling the next."""
    for n in range(count):
        yield f"create type public.kind_{n} as (a integer)"
        yield (
            f"create function public.overloaded(a public.kind_{n}) returns integer language plpgsql security definer as "
            f"$f$ begin execute 'select ' || {n}; return public.helper_{n + 1}(); end $f$"
        )
        yield f"create function public.helper_{n}() returns integer language sql as 'select {n}'"


def many_indexes(count: int) -> Iterator[str]:
    columns = ", ".join(f"c{n} integer" for n in range(count))
    yield f"create table public.indexed ({COLUMNS}, {columns})"
    for n in range(count):
        yield f"create index on public.indexed (c{n}, c{(n + 1) % count}) where c{n} > {n}"


def long_and(count: int) -> Iterator[str]:
    yield f"create table public.patient ({COLUMNS}, note text)"
    yield "alter table public.patient enable row level security"
    yield "grant select on public.patient to authenticated"
    terms = " and ".join(f"(note <> '{n}' or auth.uid() is not null)" for n in range(count))
    yield f"create policy long on public.patient for select to authenticated using (tenant_id = {TENANT} and {terms})"


def many_columns(count: int) -> Iterator[str]:
    yield f"create table public.sheet ({', '.join(f'c{n}_id uuid' for n in range(count))})"
    yield f"grant select ({', '.join(f'c{n}_id' for n in range(count))}) on public.sheet to anon"


def many_members(count: int) -> Iterator[str]:
    """Tables that client roles may read column by column."""
    for n in range(count):
        yield f"create table public.granted_{n} ({COLUMNS}, password text, email text)"
        yield f"grant select (password, email) on public.granted_{n} to anon, authenticated"


def make(dsn: Dsn, statements: Iterator[str]) -> None:
    with psycopg.connect(dsn.reveal(), autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")  # the platform's event triggers only cost time
        connection.execute("set role postgres")
        for statement in statements:
            connection.execute(statement.encode())


def report_of(dsn: Dsn) -> ScanReport:
    return scan_database(dsn, target=TARGET, declarations=Declarations(), rules=all_rules(), clock=Clock(seconds=lambda: 0.0))


HOSTILE: dict[str, Callable[[], Iterator[str]]] = {
    "odd names": odd_objects,
    "broken functions": broken_functions,
    "huge texts": huge_texts,
    "wide tables": wide_tables,
    "view chain": lambda: view_chain(50),
    "view lattice": lambda: view_lattice(25),
    "policy cycle": lambda: policy_cycle(20),
    "policy mesh": lambda: policy_mesh(60),
    "1,000 policies on a table": lambda: many_policies(1000),
    "2,000 partitions": lambda: partitions(2000),
}


_LARGE = ("2,000 partitions", "1,000 policies on a table")
"""Whole seconds each; smaller ones of their kind are among those whose work is counted below."""


@pytest.fixture(
    scope="module",
    params=[pytest.param(m, id=name, marks=pytest.mark.exhaustive if name in _LARGE else ()) for name, m in HOSTILE.items()],
)
def hostile(request: pytest.FixtureRequest, admin_dsn: Dsn, supabase_template: str) -> Iterator[ScanReport]:
    """What a scan says of one hostile catalogue."""
    dsn = copy_supabase_database(admin_dsn, "hostile", template=supabase_template)
    try:
        make(dsn, request.param())
        yield report_of(dsn)
    finally:
        drop_database(admin_dsn, "hostile")


def test_every_form_of_report_is_written_and_can_be_read(hostile: ScanReport) -> None:
    count = len(hostile.findings)
    assert count
    assert len(json.loads(scan_json(hostile))["findings"]) == count
    runs = json.loads(sarif_json(hostile, all_rules()))["runs"]
    assert len(runs[0]["results"]) == count
    assert ElementTree.fromstring(junit_xml(hostile)) is not None  # noqa: S314 - written by the line itself
    scan_markdown(hostile).encode()
    render(scan_table(hostile), plain=True).encode()


def test_no_object_is_named_twice_and_every_finding_has_a_message(hostile: ScanReport) -> None:
    seen = [(f.rule, f.object) for f in hostile.findings]
    assert len(seen) == len(set(seen))
    assert all(f.message for f in hostile.findings)


def test_what_a_function_that_does_not_parse_executes_is_unknown(supabase_database: Dsn) -> None:
    make(supabase_database, broken_functions())
    results = [r for r in report_of(supabase_database).results if r.rule == "FUN008" and r.is_finding]
    assert {(r.object.name, r.outcome) for r in results} == {(f"broken_plpgsql_{n}", Outcome.UNKNOWN) for n in (0, 1)}
    assert all("could not be read" in r.message for r in results)


GROWING: dict[str, tuple[Callable[[int], Iterator[str]], int]] = {
    "policies on a table": (many_policies, 60),
    "terms of a policy": (long_and, 150),
    "policies that read each other in a ring": (policy_cycle, 20),
    "policies that read each other in a mesh": (policy_mesh, 24),
    "views over views": (view_chain, 20),
    "views that read two views": (view_lattice, 10),
    "partitions": (partitions, 100),
    "foreign keys to a table": (many_foreign_keys, 40),
    "overloads of a function": (many_functions, 30),
    "indexes of a table": (many_indexes, 60),
    "columns of a table": (many_columns, 400),
    "tables with column grants": (many_members, 40),
}


@pytest.fixture(scope="module")
def base(admin_dsn: Dsn, supabase_template: str) -> int:
    """Calls that it takes to judge an empty project."""
    dsn = copy_supabase_database(admin_dsn, "empty_project", template=supabase_template, copy_files=True)
    try:
        return calls_of(observe(dsn))
    finally:
        drop_database(admin_dsn, "empty_project")


@pytest.mark.no_cover  # nothing that the other tests here do not run, many times over
@pytest.mark.parametrize("kind", GROWING)
def test_work_grows_as_the_catalogue_does(make_supabase_database: DatabaseFactory, base: int, kind: str) -> None:
    build, size = GROWING[kind]
    work = []
    for factor in (1, 2, 4):
        dsn = make_supabase_database()
        make(dsn, build(size * factor))
        work.append(calls_of(observe(dsn)) - base)
    # the first step may be small beside what each database costs once; the second shows the slope
    first, second = work[1] - work[0], work[2] - work[1]
    assert second < 2.7 * first, f"{kind}: {work[0]}, {work[1]} and {work[2]} calls for {size}, {2 * size} and {4 * size}"


def calls_of(snapshot: Snapshot) -> int:
    """How many calls it takes to judge a snapshot by all rules."""
    profile = cProfile.Profile()
    profile.enable()
    try:
        judge(snapshot, target=TARGET, declarations=Declarations(), rules=all_rules(), scan_id="x", started_at=STARTED)
    finally:
        profile.disable()
    statistics: Any = pstats.Stats(profile, stream=sys.stderr)
    return int(statistics.total_calls)
