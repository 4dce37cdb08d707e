"""What must hold for any database: Hypothesis makes small odd ones on a real server, and all rules judge them.

Deterministic: the same examples on every run, printed when one fails.
"""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.target import Declarations, Environment, Target, TargetKind
from platformkit_pipeline.operations.clock import Clock
from platformkit_pipeline.operations.scan import scan_database
from platformkit_pipeline.reporting.scan_document import scan_json
from platformkit_pipeline.rules.registry import all_rules
from platformkit_pipeline.sandbox.databases import create_database, drop_database, rename_database
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.supabase import DEFAULT_EXPOSED_SCHEMAS, copy_supabase_database
from platformkit_pipeline_tests.rules.conftest import run_sql

NAMES = (
    "orders", "Customers", "two words", 'quo"te', "it's", "líneas", "表", "😀", "new\nline", "user", "select", "order_items",
    "per%cent", "back\\slash", "semi;colon", "dash-ed", "x" * 63, "$dollar$", "tab\there", "invoices",
)  # fmt: skip
COLUMNS = ("tenant_id", "order_id", "userId", "amount", "password", "E mail", "note\n2", "tags", "valid_until", "created_by")
TYPES = (
    "uuid",
    "text",
    "bigint",
    "numeric(12,2)",
    "timestamptz",
    "timestamp",
    "jsonb",
    "text[]",
    "regclass",
    "regproc",
    "boolean",
    "short",
)
CONDITIONS = (
    "true", "false", "1 = 1", "id = id", "(select true)", "id is not null", "true or id is null",
    "(select auth.uid()) is not null", "auth.uid() is null or id is not null", "id = (select auth.uid())", "id = auth.uid()",
    "id = ((select auth.jwt()) ->> 'tenant_id')::uuid", "id = (select auth.jwt() ->> 'tenant_id')::uuid",
    "(auth.jwt() -> 'user_metadata' ->> 'role') = 'admin'", "coalesce(id = auth.uid(), true)",
    "id is not distinct from auth.uid()", "current_setting('request.jwt.claims', true) is not null",
    "exists (select 1 from public.tenants t where t.id = id)", "(id::text ~ $re$^[a-f]$re$) = (not false)",
    "case when auth.role() = 'authenticated' then true else false end", "id in (select id from public.tenants)",
    "id = any (array[(select auth.uid()), null])", "lower(id::text) = lower('ABC''d') and now() > '2020-01-01'",
)  # fmt: skip
ROLES = ("public", "anon", "authenticated", "anon, authenticated", "service_role")
COMMANDS = ("all", "select", "insert", "update", "delete")
PRIVILEGES = ("select", "insert, update", "all", "delete", "truncate", "select (id)", "references, trigger")
COMMENTS = (
    "", "platformkit:public-read", "platformkit:public-read the same for all", "platformkit:not-tenant-scoped one for all",
    "line\nbreak 'quoted' \\ and a tab\t", "platformkit:definer because",
)  # fmt: skip
BODIES = (
    "select 1", "select count(*) from public.tenants", "select 'sb_secret_' || 'x'", "selec broken", "select * from nowhere where a = $1",
)  # fmt: skip
PLPGSQL = (
    "begin execute 'select ' || a; end", "begin execute format('select %I', a); end", "begin perform 1; end", "begin if", "begin null; end",
)  # fmt: skip


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "E'" + text.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n").replace("\t", "\\t") + "'"


@st.composite
def databases(draw: st.DrawFn) -> tuple[str, ...]:
    """Statements that make a small database on top of a Supabase-shaped one; each runs whatever was drawn."""
    statements = [
        "set check_function_bodies = off",
        "create schema app",
        "create schema \"Odd 'one'\"",
        "grant usage on schema app, \"Odd 'one'\" to anon, authenticated",
        "create domain public.short as varchar(7) check (value <> '')",
        "create domain public.shorter as public.short",
        "create table public.tenants (id uuid primary key, name text)",
    ]
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    made: list[str] = ["public.tenants"]
    for name in names:
        schema = draw(st.sampled_from(("public", "public", "app", "\"Odd 'one'\"")))
        table = f"{schema}.{identifier(name)}"
        statements += draw(tables(table, made[-1]))
        made.append(table)
    for number, name in enumerate(draw(st.lists(st.sampled_from(NAMES), max_size=2, unique=True))):
        statements += draw(views(f"app.{identifier(name[:50] + ' v')}", made[-1], made[0]))
        statements += draw(functions(f"public.{identifier(name[:50] + str(number))}"))
    return tuple(statements)


@st.composite
def tables(draw: st.DrawFn, table: str, other: str) -> list[str]:
    key = draw(st.sampled_from((" primary key", " primary key", "", " unique")))
    columns = [f"id uuid{key}"]
    for column in draw(st.lists(st.sampled_from(COLUMNS), max_size=4, unique=True)):
        columns.append(f"{identifier(column)} {draw(st.sampled_from(TYPES))}{draw(st.sampled_from(('', ' not null')))}")
    if draw(st.booleans()):
        columns += ["created_at timestamptz not null default now()", "updated_at timestamptz default now()"]
    partitioned = draw(st.integers(0, 4)) == 0 and not key
    statements = [f"create table {table} ({', '.join(columns)}){' partition by hash (id)' if partitioned else ''}"]
    if partitioned:
        child = table.rsplit('"', 2)[0] + identifier(table.rsplit('"', 2)[1][:40] + "_0")
        statements.append(f"create table {child} partition of {table} for values with (modulus 1, remainder 0)")
    if draw(st.booleans()):
        action = draw(st.sampled_from(("", " on delete cascade", " on delete set null")))
        statements.append(f"alter table {table} add column parent uuid references public.tenants (id){action}")
        if draw(st.booleans()):
            where = draw(st.sampled_from(("", " where parent is not null", " where id is null")))
            statements.append(f"create index on {table} (parent){where}")
            statements.append(f"create index on {table} (parent, id)")
    if draw(st.booleans()):
        statements.append(f"alter table {table} enable row level security")
    for number in range(draw(st.integers(0, 3))):
        statements.append(draw(policies(f"{identifier('p ' + str(number))} on {table}")))
    for privilege in draw(st.lists(st.sampled_from(PRIVILEGES), max_size=2, unique=True)):
        statements.append(f"grant {privilege} on {table} to {draw(st.sampled_from(ROLES))}")
    if comment := draw(st.sampled_from(COMMENTS)):
        statements.append(f"comment on table {table} is {literal(comment)}")
    return statements


@st.composite
def policies(draw: st.DrawFn, name_and_table: str) -> str:
    command = draw(st.sampled_from(COMMANDS))
    kind = draw(st.sampled_from(("permissive", "permissive", "restrictive")))
    parts = [f"create policy {name_and_table} as {kind} for {command} to {draw(st.sampled_from(ROLES))}"]
    if command != "insert":
        parts.append(f"using ({draw(st.sampled_from(CONDITIONS))})")
    if command == "insert" or (command in ("all", "update") and draw(st.booleans())):
        parts.append(f"with check ({draw(st.sampled_from(CONDITIONS))})")
    return " ".join(parts)


@st.composite
def views(draw: st.DrawFn, view: str, table: str, other: str) -> list[str]:
    options = draw(st.sampled_from(("", " with (security_invoker = true)", " with (security_barrier)")))
    source = draw(st.sampled_from((table, other, "auth.users", f"{table} as a cross join (select 1 as one) as b")))
    kind = draw(st.sampled_from(("view", "view", "materialized view")))
    made = f"create {kind} {view}{options if kind == 'view' else ''} as select * from {source}"
    granted = draw(st.sampled_from(ROLES))
    return [made.replace("select *", "select id") if "auth.users" in source else made, f"grant select on {view} to {granted}"]


@st.composite
def functions(draw: st.DrawFn, function: str) -> list[str]:
    language = draw(st.sampled_from(("sql", "plpgsql")))
    body = draw(st.sampled_from(BODIES if language == "sql" else PLPGSQL))
    security = draw(st.sampled_from(("", " security definer")))
    path = draw(st.sampled_from(("", " set search_path = ''", " set search_path = public, pg_temp", ' set search_path = "$user", public')))
    returns = "bigint" if language == "sql" else "void"
    head = f"create function {function}(a text, b integer[] default null) returns {returns} language {language}{security}{path}"
    return [f"{head} as $b$ {body} $b$", f"grant execute on function {function} to {draw(st.sampled_from(ROLES))}"]


PROFILE = settings(
    max_examples=15,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
CLOCK = Clock(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), seconds=lambda: 0.0, new_scan_id=lambda: "00000000-0000-0000-0000-000000000000")
TARGET = Target(TargetKind.SUPABASE_PROJECT, "any", Environment.DEVELOPMENT)
RULES = all_rules()
_serial = itertools.count(1)


@contextmanager
def database(admin: Dsn, template: str, statements: tuple[str, ...]) -> Iterator[Dsn]:
    name = f"property_{next(_serial)}"
    dsn = copy_supabase_database(admin, name, template=template)
    try:
        with psycopg.connect(dsn.reveal(), autocommit=True) as connection:
            connection.execute("set role postgres")
            for statement in statements:
                connection.execute(statement.encode())
        yield dsn
    finally:
        drop_database(admin, name)


def scan(dsn: Dsn) -> str:
    return scan_json(scan_database(dsn, target=TARGET, declarations=Declarations(), rules=RULES, clock=CLOCK))


def document(dsn: Dsn) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(scan(dsn))
    return found


@PROFILE
@given(statements=databases())
def test_scanned_twice_any_database_gives_the_same_bytes(admin_dsn: Dsn, supabase_template: str, statements: tuple[str, ...]) -> None:
    with database(admin_dsn, supabase_template, statements) as dsn:
        assert scan(dsn) == scan(dsn)


UNRELATED = """
create schema elsewhere;
create type elsewhere.zz_stage as enum ('a', 'b');
create table elsewhere.zz_unrelated (zz integer primary key, yy text, xx elsewhere.zz_stage);
create index zz_unrelated_yy on elsewhere.zz_unrelated (yy);
create view elsewhere.zz_view with (security_invoker = true) as select yy from elsewhere.zz_unrelated;
create function elsewhere.zz_function() returns integer language sql set search_path = '' as 'select 1';
"""


@PROFILE
@given(statements=databases())
def test_an_unrelated_object_changes_no_other_finding(admin_dsn: Dsn, supabase_template: str, statements: tuple[str, ...]) -> None:
    with database(admin_dsn, supabase_template, statements) as dsn:
        before = document(dsn)["findings"]
        run_sql(dsn, UNRELATED)
        after = document(dsn)["findings"]
    assert [f for f in after if f["object"]["schema"] != "elsewhere" and f["object"]["name"] != "elsewhere"] == before


@PROFILE
@given(statements=databases())
def test_dump_and_restore_change_neither_findings_nor_fingerprints(
    postgres_server: EmbeddedPostgres, supabase_template: str, statements: tuple[str, ...]
) -> None:
    pg_dump, psql = (postgres_server.binaries.bindir / name for name in ("pg_dump", "psql"))
    if not (pg_dump.is_file() and psql.is_file()):
        pytest.skip("these binaries come without pg_dump and psql")
    admin = postgres_server.dsn()
    with database(admin, supabase_template, statements) as dsn:
        before = document(dsn)
        with psycopg.connect(dsn.reveal()) as connection:
            name = connection.info.dbname
        dumped = subprocess.run([str(pg_dump), "--dbname", dsn.reveal()], capture_output=True, check=True).stdout
        drop_database(admin, name)
        restored = create_database(admin, f"{name}_restored")
        try:
            command = [str(psql), "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", restored.reveal()]
            ended = subprocess.run(command, input=dumped, capture_output=True, check=False)
            assert ended.returncode == 0, ended.stderr.decode()[-2000:]
        finally:
            rename_database(admin, f"{name}_restored", name)  # findings about the database as a whole are named after it
        with psycopg.connect(dsn.reveal(), autocommit=True) as connection:  # what belongs to the server is not in a dump of a database
            setting = sql.SQL("alter role authenticator in database {} set pgrst.db_schemas = {}")
            connection.execute(setting.format(sql.Identifier(name), sql.Literal(", ".join(DEFAULT_EXPOSED_SCHEMAS))))
            connection.execute(sql.SQL("alter database {} owner to postgres").format(sql.Identifier(name)))
        after = document(dsn)
    assert {f["fingerprint"] for f in after["findings"]} == {f["fingerprint"] for f in before["findings"]}
    assert after["scan"]["catalog_fingerprint"] == before["scan"]["catalog_fingerprint"]
