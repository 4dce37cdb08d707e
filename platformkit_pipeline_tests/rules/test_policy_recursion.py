"""What RLS019 says is what the server does: every set of policies is tried by the roles that they are for."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
import pytest

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.rules.database.policy_recursion import MAX_READS
from platformkit_pipeline_tests.rules.conftest import judge, run_each, run_sql

TABLES = """
create table public.a (id integer, owner_id uuid);
create table public.b (id integer, owner_id uuid);
insert into public.a values (1, null), (2, null);
insert into public.b values (1, null), (2, null);
alter table public.a enable row level security;
alter table public.b enable row level security;
grant all on public.a, public.b to authenticated;
"""
STATEMENTS = (
    "select * from public.{t}",
    "insert into public.{t} values (3)",
    "update public.{t} set id = id + 10",
    "delete from public.{t}",
)
DEFINER = "language sql stable security definer set search_path = ''"


@dataclass(frozen=True)
class Planted:
    """`recursive` are the policies that lead back to themselves; the server refuses some statement on their tables."""

    name: str
    sql: tuple[str, ...]
    recursive: frozenset[str] = frozenset()
    superuser: bool = False


def planted(name: str, *sql: str, recursive: str = "", superuser: bool = False) -> Planted:
    return Planted(name, sql, frozenset(recursive.split()), superuser)


CASES = [
    planted("its own table", "create policy p on public.a to authenticated using (id in (select x.id from public.a x))", recursive="a.p"),
    planted(
        "two tables that read each other",
        "create policy p on public.a to authenticated using (exists (select 1 from public.b where b.id = a.id))",
        "create policy q on public.b to authenticated using (exists (select 1 from public.a where a.id = b.id))",
        recursive="a.p b.q",
    ),
    planted(
        "one table that reads another",
        "create policy p on public.a to authenticated using (exists (select 1 from public.b where b.id = a.id))",
        "create policy q on public.b to authenticated using (owner_id is null)",
    ),
    planted(
        "the other table's policy is for somebody else",
        "create policy p on public.a to authenticated using (exists (select 1 from public.b where b.id = a.id))",
        "create policy q on public.b to anon using (exists (select 1 from public.a where a.id = b.id))",
    ),
    planted(
        "policies that read alike, of which the first one is for a role that nothing binds",
        "create policy p on public.a to service_role using (exists (select 1 from public.b x where x.id = 1))",
        "create policy q on public.b to authenticated using (exists (select 1 from public.b x where x.id = 1))",
        recursive="b.q",
    ),
    planted(
        "the other table's policy is for another command",
        "create policy p on public.a to authenticated using (exists (select 1 from public.b where b.id = a.id))",
        "create policy q on public.b for delete to authenticated using (exists (select 1 from public.a where a.id = b.id))",
        "create policy r on public.b for select to authenticated using (true)",
        recursive="",
    ),
    planted(
        "a check that counts the rows of its own table",
        "create policy p on public.a for insert to authenticated with check ((select count(*) from public.a x) < 5)",
        "create policy q on public.a for select to authenticated using (owner_id is null)",
    ),
    planted(
        "a check that counts the rows of its own table, which are read through a policy with a sub-select",
        "create policy p on public.a for insert to authenticated with check ((select count(*) from public.a x) < 5)",
        "create policy q on public.a for select to authenticated using (owner_id = (select auth.uid()))",
        recursive="a.p",
    ),
    planted(
        "a restrictive policy",
        "create policy p on public.a to authenticated using (true)",
        "create policy q on public.a as restrictive to authenticated using (id in (select x.id from public.a x))",
        recursive="a.q",
    ),
    planted(
        "through a function of the caller's rights",
        "create function public.f() returns setof integer language sql stable set search_path = '' as 'select id from public.a'",
        "create policy p on public.a to authenticated using (id in (select public.f()))",
        recursive="a.p",
    ),
    planted(
        "through a function in PL/pgSQL that calls another",
        "create function public.g() returns bigint language plpgsql stable as 'begin return (select count(*) from public.a); end'",
        "create function public.f() returns bigint language plpgsql stable as 'declare n bigint; begin n := public.g(); return n; end'",
        "create policy p on public.a to authenticated using (public.f() > 0)",
        recursive="a.p",
    ),
    planted(
        "through a BEGIN ATOMIC body",
        "create function public.f() returns bigint language sql stable begin atomic select count(*) from public.a; end",
        "create policy p on public.a to authenticated using (public.f() > 0)",
        recursive="a.p",
    ),
    planted(
        "through the overload that the type of a column leads to",
        "create function public.f(n integer) returns boolean language sql stable as 'select exists (select from public.a where id = n)'",
        "create function public.f(u uuid) returns boolean language sql stable as 'select u is null'",
        "create policy p on public.a to authenticated using (public.f(id))",
        "create policy q on public.b to authenticated using (public.f(owner_id))",
        recursive="a.p",
    ),
    planted(
        "past an overload with fewer arguments",
        "create function public.f(n integer) returns boolean language sql stable as 'select exists (select from public.a where id = n)'",
        "create function public.f(n integer, m integer) returns boolean language sql stable as 'select n = m'",
        "create policy p on public.a to authenticated using (public.f(id, 1))",
    ),
    planted(
        "past a function that is called like one of pg_catalog",
        "create function public.abs(n integer) returns integer language sql stable as 'select count(*)::integer from public.a'",
        "create policy p on public.a to authenticated using (abs(id) > 0)",
    ),
    planted(
        "past a function that the path of another one does not lead to",
        "create function public.h() returns bigint language sql stable as 'select count(*) from public.a'",
        "create schema other",
        "grant usage on schema other to authenticated",
        "create function other.h() returns bigint language sql stable as 'select 1::bigint'",
        "create function public.g() returns bigint language sql stable set search_path = other, public as 'select h()'",
        "create policy p on public.a to authenticated using (public.g() > 0)",
    ),
    planted(
        "a definer helper of the table's owner",
        f"create function public.f() returns setof integer {DEFINER} as 'select id from public.a'",
        "create policy p on public.a to authenticated using (id in (select public.f()))",
    ),
    planted(
        "a definer helper, but the owner is bound as well",
        f"create function public.f() returns setof integer {DEFINER} as 'select id from public.a'",
        "alter function public.f() owner to plain_owner",
        "alter table public.a owner to plain_owner",
        "alter table public.a force row level security",
        "create policy p on public.a using (id in (select public.f()))",
        recursive="a.p",
        superuser=True,
    ),
    planted(
        "a definer helper of a role that the policy is not for",
        f"create function public.f() returns setof integer {DEFINER} as 'select id from public.a'",
        "alter function public.f() owner to plain_owner",
        "grant select on public.a to plain_owner",
        "create policy p on public.a to authenticated using (id in (select public.f()))",
        superuser=True,
    ),
    planted(
        "a view with the caller's rights",
        "create view public.v with (security_invoker = true) as select id from public.a",
        "grant select on public.v to authenticated",
        "create policy p on public.a to authenticated using (id in (select v.id from public.v))",
        recursive="a.p",
    ),
    planted(
        "a view with its owner's rights",
        "create view public.v as select id from public.a",
        "grant select on public.v to authenticated",
        "create policy p on public.a to authenticated using (id in (select v.id from public.v))",
    ),
    planted(
        "a circle of three, and somebody who reads it",
        "create table public.c (id integer)",
        "alter table public.c enable row level security",
        "grant all on public.c to authenticated",
        "create policy p on public.a to authenticated using (id in (select b.id from public.b))",
        "create policy q on public.b to authenticated using (id in (select c.id from public.c))",
        "create policy r on public.c to authenticated using (id in (select b.id from public.b))",
        recursive="b.q c.r",
    ),
    planted(
        "a name that WITH defines is no table",
        "create policy p on public.a to authenticated using (id in (with a as (select 1 as id) select a.id from a))",
    ),
    planted(
        "row level security is off",
        "create policy p on public.a to authenticated using (id in (select b.id from public.b))",
        "create policy q on public.b to authenticated using (id in (select a.id from public.a))",
        "alter table public.b disable row level security",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_recursion_is_told_where_the_server_sees_it(supabase_database: Dsn, case: Planted) -> None:
    role = "supabase_admin" if case.superuser else "postgres"
    run_sql(supabase_database, TABLES)
    if case.superuser:
        run_sql(supabase_database, "do $$ begin create role plain_owner; exception when duplicate_object then null; end $$", role)
        run_sql(supabase_database, "grant usage, create on schema public, auth to plain_owner", role)
    try:
        run_each(supabase_database, case.sql, role)
        found = {
            ".".join(r.object.canonical.split(".")[1:])
            for r in judge(supabase_database)
            if r.rule == "RLS019" and r.outcome is Outcome.FAIL
        }
        refused = {table for table in ("a", "b", "c") if _server_refuses(supabase_database, table)}
    finally:
        if case.superuser:
            run_sql(supabase_database, "drop owned by plain_owner cascade; drop role plain_owner", role)
    assert found == case.recursive
    assert {policy.split(".")[0] for policy in case.recursive} <= refused
    if not case.recursive:
        assert refused == set()


def test_a_way_back_by_a_doubtful_call_is_told_even_where_the_call_leads_to_more_tables_than_are_followed(supabase_database: Dsn) -> None:
    """No matter which of the tables is judged first."""
    run_sql(supabase_database, TABLES)
    many = [f"public.t{number}" for number in range(MAX_READS)]
    run_sql(supabase_database, "".join(f"create table {name} (); alter table {name} enable row level security;" for name in many))
    body = f"select count(*) from {', '.join(('public.a', 'public.b', *many))}"
    run_sql(supabase_database, f"create function public.f(n integer) returns bigint language sql stable as '{body}'")
    run_sql(supabase_database, "create function public.f(t text) returns bigint language sql stable as 'select 1::bigint'")
    for table in ("a", "b"):
        run_sql(supabase_database, f"create policy p on public.{table} to authenticated using (public.f(id + 0) > 0)")
    said = {r.object.canonical: r.message for r in judge(supabase_database) if r.rule == "RLS019" and r.outcome is Outcome.UNKNOWN}
    assert set(said) == {"policy public.a.p", "policy public.b.p"}
    assert all("if a call means one of several functions" in message for message in said.values())


def _server_refuses(dsn: Dsn, table: str) -> bool:
    with psycopg.connect(dsn.reveal()) as connection:
        if connection.execute("select to_regclass(%s)", [f"public.{table}"]).fetchone() == (None,):
            return False
        connection.execute("set local max_stack_depth = '200kB'")
        connection.execute("set local role authenticated")
        for statement in STATEMENTS:
            try:
                with connection.transaction(force_rollback=True):
                    connection.execute(statement.format(t=table).encode())
            except psycopg.errors.InsufficientPrivilege:
                pass  # a check that refuses the row has been evaluated
            except (psycopg.errors.InvalidObjectDefinition, psycopg.errors.StatementTooComplex):
                return True
    return False
