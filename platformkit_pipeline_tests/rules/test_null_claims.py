"""What RLS016 says is what the server does: the expressions of `test_absent_claims` are tried without claims and with a stranger's.

A policy that opens must show a caller without claims a row that a stranger does not see; one that is closed must not.
"""

from __future__ import annotations

import json

import psycopg
import pytest

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.sandbox.supabase import copy_supabase_database
from platformkit_pipeline_tests.rules.conftest import run_sql
from platformkit_pipeline_tests.sqltext.test_absent_claims import CLOSED, DEFINITIONS, MY_TENANTS, OPENS, SEEN

STRANGER = {
    "sub": "00000000-0000-0000-0000-00000000000e",
    "tenant_id": "00000000-0000-0000-0000-00000000000f",
    "role": "banned",
    "name": "nobody",
    "is_admin": "false",
    "aal": "aal0",
}
MEMBER = "00000000-0000-0000-0000-000000000001"

TABLES = f"""
create table public.orders (id serial, tenant_id uuid, owner_id uuid, owner_name text default 'somebody', is_public boolean default false,
  published_at timestamptz, deleted_at timestamptz);
create table public.banned (user_id uuid, by_id uuid);
create table public.members (user_id uuid, tenant_id uuid);
create table public.profiles (id uuid, visible boolean);
insert into public.orders (tenant_id, owner_id) values ('{MEMBER}', '{MEMBER}'), (null, null);
insert into public.banned values ('{MEMBER}', '{MEMBER}'), ('{STRANGER["sub"]}', null), ('{MEMBER}', '{STRANGER["sub"]}');
insert into public.members values ('{MEMBER}', '{MEMBER}');
insert into public.profiles values ('{STRANGER["sub"]}', false);
create function public.claim() returns uuid language sql stable as $$ select (auth.jwt() ->> 'tenant_id')::uuid $$;
create function public.sees(t uuid) returns boolean language sql stable as $$ select public.claim() is null or t = public.claim() $$;
create function public.tenant_or(t uuid) returns uuid language sql stable as $$ select coalesce((auth.jwt() ->> 'tenant_id')::uuid, t) $$;
create function public.seen() returns setof integer language sql stable as $$ {SEEN} $$;
create function public.my_tenants() returns setof uuid language sql stable as $$ {MY_TENANTS} $$;
create function public.is_mine(t uuid) returns boolean language sql stable as $$ select coalesce(t = public.claim(), false) $$;
create function public.strict_sees(t uuid) returns boolean language sql stable strict as $$ select t is null $$;
"""


@pytest.fixture(scope="module")
def orders(admin_dsn: Dsn, supabase_template: str) -> Dsn:
    dsn = copy_supabase_database(admin_dsn, "null_claims", template=supabase_template)
    run_sql(dsn, TABLES)
    for definition in DEFINITIONS.values():
        run_sql(dsn, definition)
    return dsn


def _visible(dsn: Dsn, expression: str, claims: dict[str, str]) -> set[int]:
    with psycopg.connect(dsn.reveal()) as connection:
        if claims:
            connection.execute("select set_config('request.jwt.claims', %s, true)", [json.dumps(claims)])
            connection.execute("select set_config('app.tenant', %s, true)", [claims["tenant_id"]])
        try:
            return {row[0] for row in connection.execute(f"select id from public.orders where {expression}".encode())}
        except psycopg.errors.RaiseException:
            return set()  # a helper that refuses the caller


@pytest.mark.parametrize("expression", OPENS)
def test_the_server_shows_a_row_to_a_caller_without_claims(orders: Dsn, expression: str) -> None:
    assert _visible(orders, expression, {}) - _visible(orders, expression, STRANGER)


@pytest.mark.parametrize("expression", [e for e in CLOSED if "current_setting('app.tenant'::text)" not in e])
def test_the_server_shows_nothing_more_to_a_caller_without_claims(orders: Dsn, expression: str) -> None:
    assert _visible(orders, expression, {}) <= _visible(orders, expression, STRANGER)
