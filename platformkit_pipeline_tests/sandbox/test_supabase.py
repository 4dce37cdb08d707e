"""The Supabase-shaped database: roles, grants in both regimes, the auth helpers, and that it can be installed again."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import psycopg
import pytest

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.sandbox.databases import connect, with_user
from platformkit_pipeline.sandbox.supabase import OBSERVER_ROLE, GrantRegime, install_supabase_shape
from platformkit_pipeline_tests.conftest import DatabaseFactory

INSTALL = """
import sys
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.sandbox.supabase import GrantRegime, install_supabase_shape
install_supabase_shape(Dsn(sys.argv[1]), grants=GrantRegime.EXPLICIT)
"""


def ask(dsn: Dsn, query: str) -> Any:
    with connect(dsn) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def as_postgres(dsn: Dsn, statements: str) -> None:
    with connect(with_user(dsn, "postgres")) as connection:
        connection.execute(statements.encode())


def test_the_owner_role_is_not_superuser_as_customers_have_it(supabase_database: Dsn) -> None:
    attributes = "select array[rolsuper, rolcreaterole, rolbypassrls, rolcanlogin] from pg_roles where rolname = 'postgres'"
    assert ask(supabase_database, attributes) == [False, True, True, True]
    assert ask(supabase_database, "select pg_get_userbyid(datdba) from pg_database where datname = current_database()") == "postgres"


def test_api_roles_cannot_log_in_and_only_service_role_bypasses_row_security(supabase_database: Dsn) -> None:
    api_roles = "rolname in ('anon', 'authenticated', 'service_role')"
    assert ask(supabase_database, f"select bool_or(rolcanlogin or rolsuper) from pg_roles where {api_roles}") is False
    assert ask(supabase_database, f"select array_agg(rolname::text) from pg_roles where rolbypassrls and {api_roles}") == ["service_role"]


def test_the_observer_connects_and_reads_catalogues_but_no_data(supabase_database: Dsn) -> None:
    observer = with_user(supabase_database, OBSERVER_ROLE)
    assert ask(observer, "select count(*) > 0 from pg_catalog.pg_policies") is False
    assert ask(observer, "select count(*) > 0 from pg_catalog.pg_class where relname = 'users'") is True
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(observer, "select count(*) from auth.users")
    powers = f"select rolsuper or rolbypassrls or rolcreaterole from pg_roles where rolname = '{OBSERVER_ROLE}'"
    assert ask(supabase_database, powers) is False
    assert ask(supabase_database, f"select count(*) from pg_auth_members where member = '{OBSERVER_ROLE}'::regrole") == 0


def test_new_tables_are_granted_to_the_api_roles_under_the_automatic_regime(supabase_database: Dsn) -> None:
    as_postgres(supabase_database, "create table public.t (id int); create function public.f() returns int language sql return 1")
    assert ask(supabase_database, "select has_table_privilege('anon', 'public.t', 'select, insert')") is True
    assert ask(supabase_database, "select has_function_privilege('anon', 'public.f()', 'execute')") is True


def test_new_tables_are_not_granted_to_the_api_roles_under_the_explicit_regime(supabase_database: Dsn) -> None:
    install_supabase_shape(supabase_database, grants=GrantRegime.EXPLICIT)
    as_postgres(supabase_database, "create table public.t (id int); create function public.f() returns int language sql return 1")
    for role in ("anon", "authenticated", "service_role"):
        assert ask(supabase_database, f"select has_table_privilege('{role}', 'public.t', 'select, insert, update, delete')") is False
        assert ask(supabase_database, f"select has_function_privilege('{role}', 'public.f()', 'execute')") is False
    # what the platform leaves behind, and what a rule looks for
    assert ask(supabase_database, "select has_table_privilege('anon', 'public.t', 'truncate')") is True


def test_a_later_change_of_regime_leaves_existing_grants_alone(supabase_database: Dsn) -> None:
    as_postgres(supabase_database, "create table public.before_the_change (id int)")
    install_supabase_shape(supabase_database, grants=GrantRegime.EXPLICIT)
    assert ask(supabase_database, "select has_table_privilege('anon', 'public.before_the_change', 'select')") is True
    install_supabase_shape(supabase_database, grants=GrantRegime.AUTOMATIC)
    as_postgres(supabase_database, "create table public.back_again (id int)")
    assert ask(supabase_database, "select has_table_privilege('anon', 'public.back_again', 'select')") is True


@pytest.mark.parametrize("grants", list(GrantRegime))
def test_installing_again_changes_nothing(blank_database: Dsn, grants: GrantRegime) -> None:
    everything = """
        with ours (nsp) as (select oid from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'),
        lines (line) as (
          select format('%s %s %s', relnamespace::regnamespace, relname, relacl) from pg_class where relnamespace in (select nsp from ours)
          union all select format('%s %s', p.oid::regprocedure, p.proacl) from pg_proc as p where pronamespace in (select nsp from ours)
          union all select format('%s %s %s', defaclrole::regrole, defaclobjtype, defaclacl) from pg_default_acl
          union all select format('%s %s', s.setrole, s.setconfig)
                    from pg_db_role_setting as s left join pg_database as d on d.oid = s.setdatabase
                    where s.setdatabase = 0 or d.datname = current_database()
          union all select format('%s %s', nspname, nspacl) from pg_namespace
        )
        select md5(string_agg(line, E'\n' order by line)) from lines
    """
    install_supabase_shape(blank_database, grants=grants)
    first = ask(blank_database, everything)
    install_supabase_shape(blank_database, grants=grants)
    assert ask(blank_database, everything) == first


def test_several_processes_may_install_into_databases_of_one_server_at_once(make_blank_database: DatabaseFactory) -> None:
    databases = [make_blank_database() for _ in range(4)]
    installers = [subprocess.Popen([sys.executable, "-c", INSTALL, dsn.reveal()], stderr=subprocess.PIPE, text=True) for dsn in databases]
    complaints = [installer.communicate(timeout=60)[1] for installer in installers]
    assert [installer.returncode for installer in installers] == [0, 0, 0, 0], complaints
    assert all(ask(dsn, "select to_regclass('auth.users') is not null") for dsn in databases)


def test_exposed_schemas_are_set_for_the_database_and_not_for_the_role(make_blank_database: DatabaseFactory) -> None:
    one, other = make_blank_database(), make_blank_database()
    install_supabase_shape(one, grants=GrantRegime.EXPLICIT)
    install_supabase_shape(other, grants=GrantRegime.EXPLICIT, exposed_schemas=("public", "api"))
    setting = """
        select (select option_value from pg_options_to_table(s.setconfig) where option_name = 'pgrst.db_schemas')
        from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
        where d.datname = current_database() and s.setrole = 'authenticator'::regrole
    """
    assert (ask(one, setting), ask(other, setting)) == ("public, graphql_public", "public, api")


def test_a_copy_of_a_shaped_database_has_owner_and_exposed_schemas_of_its_own(supabase_database: Dsn) -> None:
    assert ask(supabase_database, "select pg_get_userbyid(datdba) from pg_database where datname = current_database()") == "postgres"
    assert ask(with_user(supabase_database, "authenticator"), "show pgrst.db_schemas") == "public, graphql_public"


def test_claims_of_the_request_reach_policies_through_the_auth_helpers(supabase_database: Dsn) -> None:
    as_postgres(
        supabase_database,
        """
        create table public.notes (owner uuid, body text);
        alter table public.notes enable row level security;
        create policy own on public.notes for select to authenticated using (owner = (select auth.uid()));
        insert into public.notes values
          ('00000000-0000-0000-0000-00000000000a', 'mine'),
          ('00000000-0000-0000-0000-00000000000b', 'theirs');
        """,
    )
    with connect(with_user(supabase_database, "authenticator"), autocommit=False) as connection:
        connection.execute("set local role authenticated")
        connection.execute("""select set_config('request.jwt.claims', '{"sub": "00000000-0000-0000-0000-00000000000a"}', true)""")
        assert connection.execute("select body from public.notes").fetchall() == [("mine",)]


def test_objects_in_storage_are_not_deleted_directly(supabase_database: Dsn) -> None:
    as_postgres(supabase_database, "insert into storage.buckets (id, name) values ('b', 'b')")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="Storage API"):
        as_postgres(supabase_database, "delete from storage.buckets")
