"""What TEN003 says is what the server does: every expression is tried with rows of two tenants and a caller of one.

A policy that shows the caller a row of another tenant must never pass; one of a common, right style must never fail.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import psycopg
import pytest

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.target import Declarations, Tenancy
from platformkit_pipeline_tests.rules.conftest import judge, run_each, run_sql

MINE, OTHER, CALLER = ("00000000-0000-0000-0000-00000000000" + digit for digit in "1f9")
CLAIMS = {
    "sub": CALLER,
    "role": "authenticated",
    "tenant_id": MINE,
    "tenant_ids": f"{MINE},{MINE}",
    "app_metadata": {"tenant_id": MINE, "tenants": [MINE]},
    "user_metadata": {"tenant_id": OTHER},
}
CLAIM = "((select auth.jwt()) ->> 'tenant_id')::uuid"
DECLARED = Declarations(tenancy=Tenancy(membership_tables=("public.memberships", "public.profiles")))

TABLES = f"""
create table public.orders
  (id uuid primary key default gen_random_uuid(), tenant_id uuid not null, owner_id uuid, open boolean default true);
create table public.tenants (id uuid primary key, parent_id uuid);
create table public.memberships (user_id uuid not null, tenant_id uuid not null, role text default 'admin');
create table public.profiles (id uuid primary key, auth_id uuid not null, tenant_id uuid not null, kind text default 'admin');
insert into public.orders (tenant_id) values ('{MINE}'), ('{OTHER}');
insert into public.tenants values ('{MINE}'), ('{OTHER}');
insert into public.memberships values ('{CALLER}', '{MINE}'), ('{OTHER}', '{OTHER}');
insert into public.profiles values ('{CALLER}', '{CALLER}', '{MINE}'), ('{OTHER}', '{OTHER}', '{OTHER}');
alter table public.orders enable row level security;
"""


@dataclass(frozen=True)
class Expression:
    """A USING expression, and the helpers it needs."""

    using: str
    helpers: tuple[str, ...] = ()


def sql_function(signature: str, returns: str, body: str) -> str:
    return f"create function public.{signature} returns {returns} language sql stable as $body${body}$body$"


def plpgsql_function(signature: str, returns: str, body: str) -> str:
    return f"create function public.{signature} returns {returns} language plpgsql stable as $body${body}$body$"


OVERLOADS = (
    sql_function("mine(t uuid)", "boolean", f"select t = {CLAIM}"),
    sql_function("mine(t text)", "boolean", "select t is not null"),
    sql_function("mine(t uuid, u boolean)", "boolean", "select u"),
)

LEAKS = [
    # look-ups that mention the caller and a membership table, and tie nothing
    Expression(
        "tenant_id in (select m.tenant_id from public.memberships m where m.user_id = auth.uid() union select t.id from public.tenants t)"
    ),
    Expression("tenant_id in (select m.tenant_id from public.memberships m where m.user_id = auth.uid() or true)"),
    Expression("tenant_id in (select m.tenant_id from public.memberships m where auth.uid() is not null)"),
    Expression("tenant_id in (select m.tenant_id from public.memberships m where m.user_id <> auth.uid())"),
    Expression(
        "tenant_id in (select t.id from public.tenants t left join public.memberships m on m.tenant_id = t.id and m.user_id = auth.uid())"
    ),
    Expression("tenant_id in (select t.id from public.tenants t, public.memberships m where m.user_id = auth.uid())"),
    Expression("tenant_id in (select orders.tenant_id from public.memberships m where m.user_id = auth.uid())"),
    Expression("tenant_id <> any (select m.tenant_id from public.memberships m where m.user_id = auth.uid())"),
    Expression("exists (select 1 from public.memberships m where m.user_id = auth.uid() and orders.tenant_id is not null)"),
    Expression("exists (select 1 from public.memberships m where m.tenant_id = orders.tenant_id or m.user_id = auth.uid())"),
    Expression("exists (select count(*) from public.memberships m where m.tenant_id = orders.tenant_id and m.user_id = auth.uid())"),
    Expression("(select count(*) from public.memberships m where m.tenant_id = orders.tenant_id and m.user_id = auth.uid()) >= 0"),
    Expression("(select count(*) >= 0 from public.memberships m where m.tenant_id = orders.tenant_id and m.user_id = auth.uid())"),
    Expression(
        "exists (select 1 from public.memberships m join public.memberships o on o.role = m.role "
        "where m.user_id = auth.uid() and m.tenant_id = orders.tenant_id) or open"
    ),
    Expression(
        "exists (with memberships as (select auth.uid() as u, id as t from tenants) select 1 from memberships m where m.t = tenant_id)"
    ),
    Expression(
        "exists (with memberships as (select auth.uid() as user_id, id as tenant_id from public.tenants) select 1 from public.profiles "
        "where exists (select 1 from memberships m where m.user_id = auth.uid() and m.tenant_id = orders.tenant_id))"
    ),
    Expression(
        "exists (select 1 from public.memberships m join public.profiles o on o.kind = m.role "
        "where m.user_id = auth.uid() and o.tenant_id = orders.tenant_id)"
    ),
    Expression("(select m.tenant_id = orders.tenant_id or open from public.memberships m where m.user_id = auth.uid())"),
    Expression(
        "exists (select 1 from public.memberships m left join public.profiles p using (tenant_id), public.tenants t "
        "where m.user_id = auth.uid() and t.id = orders.tenant_id)"
    ),
    Expression(
        "public.is_member(tenant_id)",
        (
            sql_function(
                "is_member(t uuid)",
                "boolean",
                "select m.tenant_id = t or t is not null from public.memberships m where m.user_id = auth.uid()",
            ),
        ),
    ),
    Expression(
        "public.is_member_of(tenant_id, owner_id)",
        (
            sql_function(
                "is_member_of(_team uuid, _user uuid)",
                "boolean",
                "select exists (select 1 from public.memberships m where m.tenant_id = _team and m.user_id = coalesce(_user, m.user_id))",
            ),
        ),
    ),
    Expression(
        "tenant_id in (select m.tenant_id from public.memberships m "
        "where m.user_id::varchar(1) = auth.uid()::varchar(1) or m.user_id is not null)"
    ),
    Expression(
        "exists (select 1 from public.tenants t left join (public.memberships m join public.profiles p "
        "on m.tenant_id = orders.tenant_id and m.user_id = auth.uid()) on true)"
    ),
    Expression("tenant_id in (select m.tenant_id from public.memberships m natural left join public.profiles p)"),
    # casts that make different values equal, operators and functions that are not what they are called
    Expression("tenant_id::varchar(1) = (auth.jwt() ->> 'tenant_id')::varchar(1)"),
    Expression(
        "tenant_id::text::public.initial = (auth.jwt() ->> 'tenant_id')::public.initial", ("create domain public.initial as varchar(1)",)
    ),
    Expression(
        "tenant_id operator(public.=) " + CLAIM,
        (
            sql_function("yes(uuid, uuid)", "boolean", "select true"),
            "create operator public.= (leftarg = uuid, rightarg = uuid, function = public.yes)",
        ),
    ),
    Expression(
        "tenant_id = current_setting(tenant_id)",
        (sql_function("current_setting(t uuid)", "uuid", "select t"),),
    ),
    Expression(
        "tenant_id = (select public.uid(orders.tenant_id) from public.memberships m where m.user_id = auth.uid())",
        (sql_function("uid(t uuid)", "uuid", "select t"),),
    ),
    Expression(
        "exists (select 1 from public.memberships m where m.tenant_id = orders.tenant_id and m.user_id = public.uid(m.user_id))",
        (sql_function("uid(u uuid)", "uuid", "select u"),),
    ),
    Expression(
        "tenant_id = ((public.jwt() ->> 'tenant_id'))::uuid",
        (sql_function("jwt()", "jsonb", f'select \'{{"tenant_id": "{OTHER}"}}\'::jsonb'),),
    ),
    # helpers
    Expression(
        "public.is_member(tenant_id)",
        (
            sql_function(
                "is_member(tenant_id uuid)",
                "boolean",
                "select exists (select 1 from public.memberships m where m.user_id = auth.uid() and m.tenant_id = tenant_id)",
            ),
        ),
    ),
    Expression(
        "public.is_member(tenant_id)",
        (
            plpgsql_function(
                "is_member(tenant_id uuid)",
                "boolean",
                "\n#variable_conflict use_column\nbegin return exists (select 1 from public.memberships m "
                "where m.user_id = auth.uid() and m.tenant_id = tenant_id); end",
            ),
        ),
    ),
    Expression(
        "tenant_id = public.same(tenant_id)",
        (plpgsql_function("same(t uuid)", "uuid", f"declare v uuid := {CLAIM}; begin return t; end"),),
    ),
    Expression(
        "public.mine(tenant_id)",
        (plpgsql_function("mine(t uuid)", "boolean", f"begin t := {CLAIM}; return t = {CLAIM}; end"),),
    ),
    Expression(
        "public.mine(tenant_id)",
        (plpgsql_function("mine(t uuid)", "boolean", f"declare t uuid := {CLAIM}; begin return t = {CLAIM}; end"),),
    ),
    Expression(
        "tenant_id = public.tenant(tenant_id)",
        (plpgsql_function("tenant(t uuid)", "uuid", f"begin if random() > 2 then return {CLAIM}; end if; return t; end"),),
    ),
    Expression(
        "tenant_id = public.tenant(tenant_id)",
        (
            plpgsql_function(
                "tenant(t uuid)", "uuid", f"declare n int; begin foreach n in array array[1] loop return t; end loop; return {CLAIM}; end"
            ),
        ),
    ),
    Expression(
        "tenant_id = public.tenant(tenant_id)",
        (plpgsql_function("tenant(t uuid)", "uuid", "begin return (1 / 0 || '')::uuid; exception when others then return t; end"),),
    ),
    Expression(
        "tenant_id = public.tenant(tenant_id)",
        (
            plpgsql_function(
                "tenant(t uuid)", "uuid", f"begin perform 1 / 0; return {CLAIM}; exception when division_by_zero then return t; end"
            ),
        ),
    ),
    Expression(
        "tenant_id in (select x.tenant from public.mine(tenant_id) x)",
        (
            sql_function(
                "mine(t uuid)",
                "table (of_caller uuid, tenant uuid)",
                "select m.tenant_id, t from public.memberships m where m.user_id = auth.uid()",
            ),
        ),
    ),
    Expression(
        "tenant_id in (select orders.tenant_id from public.my_tenants() t)",
        (sql_function("my_tenants()", "setof uuid", "select m.tenant_id from public.memberships m where m.user_id = auth.uid()"),),
    ),
    Expression(
        "public.mine(b => owner_id, a => tenant_id)",
        (sql_function("mine(b uuid, a uuid)", "boolean", f"select coalesce(b, {CLAIM}) = {CLAIM}"),),
    ),
    Expression("public.mine(tenant_id)", (sql_function("mine(out a boolean, t uuid)", "boolean", f"select t is not null or t = {CLAIM}"),)),
    Expression(
        "public.mine(tenant_id)",
        (sql_function(f"mine(t uuid, u uuid default '{MINE}')", "boolean", f"select u = {CLAIM}"),),
    ),
    # constants that fold differently on the server
    Expression("'01'::int = '1'::int or tenant_id = " + CLAIM),
    Expression("1.4::int = 1 or tenant_id = " + CLAIM),
    Expression("'9'::int < '10'::int or tenant_id = " + CLAIM),
    Expression("(1 between symmetric 2 and 0) or tenant_id = " + CLAIM),
    Expression("exists (select count(*) where false) or tenant_id = " + CLAIM),
    Expression("((owner_id <> owner_id) is not false) or tenant_id = " + CLAIM),
    # overloads
    Expression("public.mine(tenant_id::text)", OVERLOADS),
    Expression("public.mine(tenant_id, true)", OVERLOADS),
    Expression(
        "public.outer_mine(tenant_id)",
        (
            *OVERLOADS,
            "create function public.outer_mine(t uuid) returns boolean language sql stable set search_path = public "
            "as 'select mine(t::text)'",
        ),
    ),
    # arrays and JSON
    Expression(f"array[tenant_id] @> array_remove(array[{CLAIM}], {CLAIM})"),
    Expression(f"array[tenant_id, {CLAIM}] && array[{CLAIM}]"),
    Expression(f"array[tenant_id, {CLAIM}] @> array[{CLAIM}]"),
    Expression(f"tenant_id = all (array_remove(array[{CLAIM}], {CLAIM}))"),
    Expression(f"tenant_id <> all (array[{CLAIM}])"),
    Expression("tenant_id = json_value(auth.jwt(), '$.user_metadata.tenant_id' returning uuid)"),
    Expression(f"tenant_id = json_value(auth.jwt(), '$.nothing' returning uuid default '{OTHER}' on empty)"),
    Expression(f"tenant_id = json_value(auth.jwt(), '$.tenant_id ? (@ == \"x\")' returning uuid default '{OTHER}' on empty)"),
    Expression("auth.jwt() @> jsonb_build_object('user_metadata', jsonb_build_object('tenant_id', tenant_id))"),
    Expression("auth.jwt() @> jsonb_build_object('role', 'authenticated')"),
    Expression("tenant_id::text = any (string_to_array(auth.jwt() -> 'user_metadata' ->> 'tenant_id', ','))"),
    Expression(f"case tenant_id when {CLAIM} then true else open end"),
    Expression(f"(tenant_id = {CLAIM}) = false"),
    Expression(f"(tenant_id = {CLAIM}) is false"),
    Expression(f"tenant_id in (values ({CLAIM}), ('{OTHER}'))"),
    # plain ones
    Expression("tenant_id = (auth.jwt() -> 'user_metadata' ->> 'tenant_id')::uuid"),
    Expression(f"case when open then true else tenant_id = {CLAIM} end"),
    Expression(f"(tenant_id = {CLAIM}) is not false or open"),
    Expression(f"coalesce(nullif(tenant_id = {CLAIM}, false), true)"),
]

CONFINE = [
    Expression("public.mine(tenant_id)", OVERLOADS),
    Expression("public.mine(t => tenant_id)", OVERLOADS),
    Expression(
        "public.outer_mine(tenant_id)",
        (
            *OVERLOADS,
            "create function public.outer_mine(x uuid) returns boolean language sql stable set search_path = public as 'select mine(x)'",
        ),
    ),
    Expression("tenant_id = json_value(auth.jwt(), '$.tenant_id')::uuid"),
    Expression("tenant_id = (select json_value(auth.jwt(), '$.app_metadata.tenant_id' returning uuid))"),
    Expression("tenant_id = json_query(auth.jwt(), '$.tenant_id' omit quotes)::text::uuid"),
    Expression("tenant_id = any (string_to_array(auth.jwt() ->> 'tenant_id', ',')::uuid[])"),
    Expression("tenant_id::text = any (regexp_split_to_array(auth.jwt() ->> 'tenant_id', ','))"),
    Expression("tenant_id::text = lower(auth.jwt() ->> 'tenant_id')"),
    Expression(f"array[tenant_id] <@ array[{CLAIM}]"),
    Expression(f"array[tenant_id] && array[{CLAIM}]"),
    Expression(f"array[tenant_id] @> array[{CLAIM}]"),
    Expression("string_to_array(auth.jwt() ->> 'tenant_id', ',')::uuid[] @> array[tenant_id]"),
    Expression("(auth.jwt() -> 'tenant_id') ?| array[tenant_id::text]"),
    Expression("(auth.jwt() -> 'app_metadata' -> 'tenant_id') @> to_jsonb(tenant_id)"),
    Expression("auth.jwt() @> jsonb_build_object('app_metadata', jsonb_build_object('tenant_id', tenant_id))"),
    Expression(f"tenant_id in (values ({CLAIM}))"),
    Expression(f"(tenant_id, true) = ({CLAIM}, open)"),
    Expression(f"(tenant_id = {CLAIM}) = true"),
    Expression(f"(tenant_id <> {CLAIM}) is false"),
    Expression(f"case tenant_id when {CLAIM} then true else false end"),
    Expression(f"nullif(tenant_id = {CLAIM}, false)"),
    Expression(f"tenant_id = all (array[{CLAIM}])"),
    Expression(f"{CLAIM} in (tenant_id)"),
    Expression("(select m.role from public.memberships m where m.tenant_id = orders.tenant_id and m.user_id = auth.uid()) is not null"),
    Expression(
        "public.mine(tenant_id)",
        (plpgsql_function("mine(t uuid)", "boolean", f"begin if t is null then return false; end if; return t = {CLAIM}; end"),),
    ),
    Expression(
        "public.is_member(tenant_id)",
        (
            plpgsql_function(
                "is_member(t uuid)",
                "boolean",
                "begin perform 1 from public.memberships m where m.user_id = auth.uid() and m.tenant_id = t; return found; end",
            ),
        ),
    ),
    Expression(
        "tenant_id = public.tenant()",
        (plpgsql_function("tenant()", "uuid", f"begin return {CLAIM}; exception when invalid_text_representation then return null; end"),),
    ),
    Expression(f"tenant_id = {CLAIM}"),
    Expression("tenant_id = (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'tenant_id')::uuid"),
    Expression("tenant_id::text = coalesce((auth.jwt() -> 'app_metadata'), '{}'::jsonb) ->> 'tenant_id'"),
    Expression("auth.uid() in (select m.user_id from public.memberships m where m.tenant_id = orders.tenant_id)"),
    Expression("(tenant_id, (select auth.uid())) in (select m.tenant_id, m.user_id from public.memberships m)"),
    Expression("tenant_id = any (array(select m.tenant_id from public.memberships m where m.user_id = (select auth.uid())))"),
    Expression("tenant_id = any ((select array_agg(m.tenant_id) from public.memberships m where m.user_id = (select auth.uid()))::uuid[])"),
    Expression("(select m.role from public.memberships m where m.tenant_id = orders.tenant_id and m.user_id = auth.uid()) = 'admin'"),
    Expression("(select count(*) from public.memberships m where m.tenant_id = orders.tenant_id and m.user_id = auth.uid()) > 0"),
    Expression(
        "exists (select 1 from public.memberships m join public.tenants t on t.id = m.tenant_id "
        "where t.id = orders.tenant_id and m.user_id = (select auth.uid()) and m.role = any (array['admin', 'owner']))"
    ),
    Expression(
        "exists (select 1 from public.memberships m join public.profiles p on p.id = m.user_id "
        "where p.auth_id = auth.uid() and m.tenant_id = orders.tenant_id)"
    ),
    Expression(
        "tenant_id in (select m.tenant_id from public.memberships m where m.user_id = auth.uid() "
        "union select p.tenant_id from public.profiles p where p.auth_id = auth.uid())"
    ),
    Expression(f"exists (select 1 from public.tenants t where t.id = orders.tenant_id and t.id = {CLAIM})"),
    Expression("tenant_id = (select p.tenant_id from public.profiles p where p.auth_id = auth.uid() limit 1)"),
    Expression(
        "public.has_role_on_account(tenant_id)",
        (
            sql_function(
                "has_role_on_account(account_id uuid, account_role text default null)",
                "boolean",
                "select exists (select 1 from public.memberships wu where wu.user_id = (select auth.uid()) "
                "and wu.tenant_id = has_role_on_account.account_id and (wu.role = account_role or account_role is null))",
            ),
        ),
    ),
    Expression(
        "tenant_id in (select public.get_accounts_with_role('owner'))",
        (
            plpgsql_function(
                "get_accounts_with_role(passed_in_role text default null)",
                "setof uuid",
                "begin return query select wu.tenant_id from public.memberships wu where wu.user_id = auth.uid() "
                "and (wu.role = passed_in_role or passed_in_role is null); end",
            ),
        ),
    ),
    Expression(
        "tenant_id = (public.get_my_claim('tenant_id') #>> '{}'::text[])::uuid",
        (
            sql_function(
                "get_my_claim(claim text)",
                "jsonb",
                "select coalesce(nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'app_metadata' -> claim, null)",
            ),
        ),
    ),
    Expression(
        "tenant_id = public.claim_of('tenant_id')::uuid",
        (
            sql_function(
                "claim_of(claim text)",
                "text",
                "select coalesce(nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'app_metadata' ->> claim, null)",
            ),
        ),
    ),
    Expression(
        "tenant_id = public.my_tenant()",
        (
            plpgsql_function(
                "my_tenant()",
                "uuid",
                "declare v uuid; begin select p.tenant_id into v from public.profiles p where p.auth_id = auth.uid(); return v; end",
            ),
        ),
    ),
    Expression(
        "tenant_id in (select m.tenant_id from public.memberships m where m.user_id = public.me())",
        (sql_function("me()", "uuid", "select auth.uid()"),),
    ),
    Expression(
        "tenant_id = public.outer_tenant()",
        (
            sql_function("inner_tenant()", "uuid", "select (auth.jwt() ->> 'tenant_id')::uuid"),
            "create function public.outer_tenant() returns uuid language sql stable set search_path = public as 'select inner_tenant()'",
        ),
    ),
    Expression(
        "tenant_id in (select m.tenant_id from public.memberships m where m.user_id = public.me())",
        ("create function public.me() returns uuid language sql stable set search_path = auth as 'select uid()'",),
    ),
    Expression(
        "public.is_member(tenant_id)",
        (
            plpgsql_function(
                "is_member(p_tenant uuid)",
                "boolean",
                "declare ok boolean; begin select exists (select 1 from public.memberships m "
                "where m.user_id = auth.uid() and m.tenant_id = p_tenant) into ok; return ok; end",
            ),
        ),
    ),
    Expression(
        "public.is_member(t => tenant_id)",
        (
            "create function public.is_member(u integer default 1, t uuid default null) returns boolean language sql stable "
            "begin atomic select exists (select 1 from public.memberships where user_id = auth.uid() and memberships.tenant_id = t); end",
        ),
    ),
    Expression("(auth.jwt() -> 'app_metadata' -> 'tenant_id') ? tenant_id::text"),
    Expression(
        "tenant_id in (select public.teams_of_user((select auth.uid())))",
        (sql_function("teams_of_user(_user uuid)", "setof uuid", "select tenant_id from public.memberships where user_id = $1"),),
    ),
    Expression(
        "public.is_member_of((select auth.uid()), tenant_id)",
        (
            sql_function(
                "is_member_of(_user uuid, _team uuid)",
                "boolean",
                "select exists (select 1 from public.memberships m where m.tenant_id = _team and m.user_id = _user)",
            ),
        ),
    ),
    Expression(
        "tenant_id = (select auth.uid()) or public.has_role(tenant_id)",
        (
            sql_function(
                "has_role(account_id uuid, account_role varchar(50) default null)",
                "boolean",
                "select true from public.memberships m where m.user_id = (select auth.uid()) and m.tenant_id = has_role.account_id",
            ),
        ),
    ),
    Expression(
        "public.is_member(tenant_id)",
        (
            sql_function(
                "is_member(t uuid)",
                "boolean",
                "select exists (select 1 from public.memberships m where m.user_id = auth.uid() and m.tenant_id = t) "
                "where auth.uid() is not null",
            ),
        ),
    ),
    Expression(
        "tenant_id = public.first_of_mine()",
        (
            sql_function("my_tenants()", "setof uuid", "select tenant_id from public.memberships where user_id = auth.uid()"),
            sql_function("first_of_mine()", "uuid", "select my_tenants from public.my_tenants() order by 1 limit 1"),
        ),
    ),
    Expression(
        "exists (select 1 from public.memberships m join public.profiles p using (tenant_id) "
        "where m.user_id = auth.uid() and p.tenant_id = orders.tenant_id)"
    ),
]


NOBODY_CAN_TELL = [
    # they confine, if the claim holds the caller's tenants, or the function does what its name says
    Expression("tenant_id::text = any (string_to_array(auth.jwt() ->> 'tenant_ids', ','))"),
    Expression("(auth.jwt() -> 'app_metadata' -> 'tenants') ? tenant_id::text"),
    Expression("(auth.jwt() -> 'app_metadata' -> 'tenants') @> to_jsonb(tenant_id)"),
    Expression("tenant_id in (select jsonb_array_elements_text(auth.jwt() -> 'app_metadata' -> 'tenants')::uuid)"),
    Expression("tenant_id = (select (e ->> 0)::uuid from jsonb_build_array(auth.jwt() ->> 'tenant_id') e)"),
    Expression("tenant_id in (select t.tenant_id from jsonb_to_record(auth.jwt()) as t(tenant_id uuid))"),
    Expression("tenant_id in (select t.x from json_table(auth.jwt(), '$' columns (x uuid path '$.tenant_id')) t)"),
    Expression("tenant_id::text like (auth.jwt() ->> 'tenant_id')"),
    Expression(f"array_position(array[{CLAIM}], tenant_id) > 0"),
    Expression("starts_with(tenant_id::text, auth.jwt() ->> 'tenant_id')"),
    Expression("json_exists(auth.jwt(), '$ ? (@.tenant_id == $t)' passing tenant_id::text as t)"),
]


def _install(dsn: Dsn, expression: Expression) -> None:
    policy = f"create policy tried on public.orders for select to authenticated using ({expression.using})"
    run_each(dsn, (TABLES, *expression.helpers, policy))


def _tenants_seen(dsn: Dsn) -> set[str]:
    with psycopg.connect(dsn.reveal()) as connection:
        connection.execute("select set_config('request.jwt.claims', %s, true)", (json.dumps(CLAIMS),))
        connection.execute("set local role authenticated")
        seen = {str(row[0]) for row in connection.execute("select tenant_id from public.orders")}
        connection.rollback()
    return seen


def _outcome(dsn: Dsn) -> Outcome:
    """FAIL or UNKNOWN where the rule speaks about the table, else PASS: it must then have counted it."""
    judged = [r for r in judge(dsn, DECLARED) if r.rule == "TEN003"]
    about_orders = [r.outcome for r in judged if r.object.canonical == "table public.orders"]
    if about_orders:
        return about_orders[0]
    assert any(r.outcome is Outcome.PASS for r in judged)
    return Outcome.PASS


@pytest.mark.parametrize("expression", LEAKS, ids=lambda e: e.using[:60])
def test_a_policy_that_leaks_never_passes(supabase_database: Dsn, expression: Expression) -> None:
    _install(supabase_database, expression)
    assert OTHER in _tenants_seen(supabase_database)
    assert _outcome(supabase_database) is not Outcome.PASS


@pytest.mark.parametrize("expression", CONFINE, ids=lambda e: e.using[:60])
def test_a_right_policy_of_a_common_style_passes(supabase_database: Dsn, expression: Expression) -> None:
    _install(supabase_database, expression)
    assert _tenants_seen(supabase_database) <= {MINE}
    assert _outcome(supabase_database) is Outcome.PASS


@pytest.mark.parametrize("expression", NOBODY_CAN_TELL, ids=lambda e: e.using[:60])
def test_a_comparison_with_claims_that_is_not_followed_does_not_fail(supabase_database: Dsn, expression: Expression) -> None:
    _install(supabase_database, expression)
    assert _tenants_seen(supabase_database) <= {MINE}
    assert _outcome(supabase_database) is Outcome.UNKNOWN


@dataclass(frozen=True)
class Policies:
    """Whole policies, whose interplay decides."""

    name: str
    statements: tuple[str, ...]


LEAKING_POLICIES = [
    Policies(
        "a restrictive policy without USING narrows no SELECT",
        (
            "create policy p on public.orders to authenticated using (auth.uid() is not null)",
            f"create policy r on public.orders as restrictive to authenticated with check (tenant_id = {CLAIM})",
        ),
    ),
    Policies(
        "a restrictive policy for another command narrows no SELECT",
        (
            "create policy p on public.orders to authenticated using (auth.uid() is not null)",
            f"create policy r on public.orders as restrictive for update to authenticated using (tenant_id = {CLAIM})",
        ),
    ),
    Policies(
        "a restrictive policy for another role narrows nothing",
        (
            "create policy p on public.orders using (auth.uid() is not null)",
            f"create policy r on public.orders as restrictive to anon using (tenant_id = {CLAIM})",
        ),
    ),
    Policies(
        "the caller owns the table, and row level security is not forced",
        (f"create policy p on public.orders using (tenant_id = {CLAIM})", "alter table public.orders owner to authenticated"),
    ),
]


@pytest.mark.parametrize("policies", LEAKING_POLICIES, ids=lambda p: p.name)
def test_policies_that_leak_together_never_pass(supabase_database: Dsn, policies: Policies) -> None:
    run_sql(supabase_database, TABLES)
    run_each(supabase_database, policies.statements, "supabase_admin")
    assert OTHER in _tenants_seen(supabase_database)
    assert _outcome(supabase_database) is Outcome.FAIL


def test_a_check_that_leaks_fails_although_its_policy_shows_only_the_callers_rows(supabase_database: Dsn) -> None:
    run_sql(supabase_database, TABLES)
    run_sql(supabase_database, f"create policy p on public.orders to authenticated using (tenant_id = {CLAIM}) with check (true)")
    leaking = {c for r in judge(supabase_database, DECLARED) if r.rule == "TEN003" for c in r.evidence.get("commands", ())}
    assert leaking == {"INSERT", "UPDATE"}


READABLE_TENANTS = """
alter table public.tenants enable row level security;
grant select on public.tenants, public.memberships to authenticated;
"""
THROUGH_TENANTS = "create policy p on public.orders to authenticated using (tenant_id in (select t.id from public.tenants t))"

LOOK_UPS = [
    (
        "whose policy confines its rows to the claim",
        Outcome.PASS,
        (f"create policy own on public.tenants using (id = {CLAIM})", THROUGH_TENANTS),
    ),
    (
        "which is joined, and whose policy confines its rows to the claim",
        Outcome.PASS,
        (
            f"create policy own on public.tenants using (id = {CLAIM})",
            "create policy p on public.orders to authenticated using (exists (select 1 from public.memberships m join public.tenants t "
            "on t.id = m.tenant_id where m.tenant_id = orders.tenant_id))",
        ),
    ),
    (
        "in a helper with the caller's rights",
        Outcome.PASS,
        (
            f"create policy own on public.tenants using (id = {CLAIM})",
            "create function public.visible() returns setof uuid language sql stable set search_path = '' "
            "as 'select id from public.tenants'",
            "create policy p on public.orders to authenticated using (tenant_id in (select public.visible()))",
        ),
    ),
    (
        "whose policy looks up the caller's memberships",
        Outcome.PASS,
        (
            "create policy own on public.tenants using (id in (select m.tenant_id from public.memberships m where m.user_id = auth.uid()))",
            THROUGH_TENANTS,
        ),
    ),
    (
        "that maps users to tenants and shows callers their own rows",
        Outcome.PASS,
        (
            "alter table public.memberships enable row level security",
            "create policy own on public.memberships using (user_id = (select auth.uid()))",
            "create policy p on public.orders to authenticated using (tenant_id in (select m.tenant_id from public.memberships m))",
        ),
    ),
    (
        "of which a restrictive policy hides what the others show",
        Outcome.PASS,
        (
            "create policy own on public.tenants using (true)",
            f"create policy fence on public.tenants as restrictive using (id = {CLAIM})",
            THROUGH_TENANTS,
        ),
    ),
    ("that shows everything", Outcome.FAIL, ("create policy own on public.tenants using (true)", THROUGH_TENANTS)),
    (
        "whose policies confine for another role",
        Outcome.FAIL,
        (
            f"create policy own on public.tenants to anon using (id = {CLAIM})",
            "create policy all_of_them on public.tenants to authenticated using (true)",
            THROUGH_TENANTS,
        ),
    ),
    (
        "whose policies confine, but are not in force",
        Outcome.FAIL,
        (
            f"create policy own on public.tenants using (id = {CLAIM})",
            "alter table public.tenants disable row level security",
            THROUGH_TENANTS,
        ),
    ),
    (
        "whose policies do not bind the caller, who owns it",
        Outcome.FAIL,
        (
            f"create policy own on public.tenants using (id = {CLAIM})",
            "alter table public.tenants owner to authenticated",
            THROUGH_TENANTS,
        ),
    ),
    (
        "by another column than the one that its policy confines",
        Outcome.UNKNOWN,
        (
            f"create policy own on public.tenants using (parent_id is null or parent_id = {CLAIM})",
            THROUGH_TENANTS,
        ),
    ),
    (
        "in a helper with its owner's rights",
        Outcome.UNKNOWN,
        (
            f"create policy own on public.tenants using (id = {CLAIM})",
            "create function public.visible() returns setof uuid language sql stable security definer set search_path = '' "
            "as 'select id from public.tenants'",
            "create policy p on public.orders to authenticated using (tenant_id in (select public.visible()))",
        ),
    ),
]


@pytest.mark.parametrize(("name", "outcome", "statements"), LOOK_UPS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_look_up_finds_what_the_policies_of_its_table_show(
    supabase_database: Dsn, name: str, outcome: Outcome, statements: tuple[str, ...]
) -> None:
    run_sql(supabase_database, TABLES + READABLE_TENANTS)
    for statement in statements:
        run_sql(supabase_database, statement, role="supabase_admin" if "owner to" in statement else "postgres")
    assert (OTHER in _tenants_seen(supabase_database)) is (outcome is not Outcome.PASS)
    assert _outcome(supabase_database) is outcome


def test_look_ups_whose_policies_lead_back_are_unknown(supabase_database: Dsn) -> None:
    run_sql(supabase_database, TABLES + READABLE_TENANTS)
    run_sql(supabase_database, "create policy q on public.tenants using (id in (select o.tenant_id from public.orders o))")
    run_sql(supabase_database, THROUGH_TENANTS)
    assert _outcome(supabase_database) is Outcome.UNKNOWN


def test_a_policy_for_another_command_changes_no_reason_why_a_look_up_is_unknown(supabase_database: Dsn) -> None:
    run_sql(supabase_database, TABLES)
    run_sql(supabase_database, "create policy q on public.orders for select using (tenant_id in (select o.tenant_id from public.orders o))")
    alone = _reasons(supabase_database)
    run_sql(
        supabase_database,
        "create policy p on public.orders for update using (exists (select 1 from public.orders o where o.tenant_id = orders.tenant_id))",
    )
    assert _reasons(supabase_database) == alone


def _reasons(dsn: Dsn) -> set[str]:
    """Why TEN003 cannot tell."""
    unknown = [r for r in judge(dsn, DECLARED) if r.rule == "TEN003" and r.outcome is Outcome.UNKNOWN]
    return {reason for r in unknown for reason in r.message.split(" cannot be told: ")[1].split("; ")}


def test_a_partition_with_a_leaking_policy_of_its_own_fails(supabase_database: Dsn) -> None:
    run_sql(
        supabase_database,
        f"""
        create table public.events (tenant_id uuid not null, day date) partition by list (tenant_id);
        create table public.events_rest partition of public.events default;
        insert into public.events values ('{OTHER}', now());
        alter table public.events enable row level security;
        alter table public.events_rest enable row level security;
        create policy p on public.events to authenticated using (tenant_id = {CLAIM});
        create policy p on public.events_rest to authenticated using ((select auth.uid()) is not null);
        """,
    )
    failed = {r.object.canonical for r in judge(supabase_database, DECLARED) if r.rule == "TEN003" and r.outcome is Outcome.FAIL}
    assert failed == {"table public.events_rest"}
    run_sql(supabase_database, "comment on table public.events is 'platformkit:not-tenant-scoped a shared calendar'")
    assert not [r for r in judge(supabase_database, DECLARED) if r.rule == "TEN003" and r.outcome is Outcome.FAIL]
