"""Facts are what stands in the text; how often a call is evaluated is what the server does."""

from __future__ import annotations

import contextlib

import psycopg
import pytest

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.sandbox.databases import create_database
from platformkit_pipeline.sqltext.expression_facts import facts_of, facts_of_query
from platformkit_pipeline.sqltext.functions import facts_of_function
from platformkit_pipeline.sqltext.parser import SqlSyntaxError

TOKEN = "( SELECT auth.jwt() AS jwt)"
CLAIM = f"(({TOKEN} ->> 'tenant_id'::text))::uuid"


@pytest.mark.parametrize(
    ("expression", "claims"),
    [
        (f"tenant_id = {CLAIM}", {("tenant_id",)}),
        ("((auth.jwt() -> 'app_metadata'::text) ->> 'role'::text) = 'x'::text", {("app_metadata", "role")}),
        ("(auth.jwt() #>> '{user_metadata,role}'::text[]) = 'x'::text", {("user_metadata", "role")}),
        ("jsonb_extract_path_text(auth.jwt(), VARIADIC ARRAY['a'::text, 'b'::text]) = 'x'::text", {("a", "b")}),
        ("(auth.jwt())['a'::text]['b'::text] = 'null'::jsonb", {("a", "b")}),
        ("COALESCE(NULLIF(current_setting('request.jwt.claims'::text, true), ''::text), '{}'::text)::jsonb ? 'x'::text", {()}),
        ("(NULLIF(current_setting('request.jwt.claims'::text, true), ''::text))::json ->> 'a'::text = 'x'::text", {("a",)}),
        ("current_setting('request.jwt.claim.sub'::text, true) = 'x'::text", {("sub",)}),
        ("current_setting('app.tenant'::text, true) = 'x'::text", set()),
        ("(profile -> 'user_metadata'::text) = '1'::jsonb", set()),
        ("(auth.jwt() ->> name) = 'x'::text", {("*",)}),
    ],
)
def test_claims_are_paths_below_the_token(expression: str, claims: set[tuple[str, ...]]) -> None:
    assert facts_of(expression).claims == claims


def test_a_path_below_what_a_helper_returns_is_the_helpers() -> None:
    facts = facts_of("(public.claims() -> 'user_metadata'::text) ? 'admin'::text")
    assert facts.helper_paths == {(("public", "claims"), ("user_metadata",))}
    assert facts.json_keys == {"user_metadata", "admin"}


@pytest.mark.parametrize(
    ("expression", "compared"),
    [
        (f"(tenant_id = {CLAIM}) AND ((kind = 'a'::text) OR (created_at > now()))", {"tenant_id", "kind", "created_at"}),
        ("(SELECT auth.uid()) = owner_id", {"owner_id"}),
        ("kind = ANY (ARRAY['a'::text, 'b'::text])", {"kind"}),
        ("owner_id = ANY (ARRAY( SELECT m.id FROM public.m))", {"owner_id"}),
        ("owner_id IN ( SELECT m.id FROM public.m)", set()),
        ("amount BETWEEN 1 AND 2", {"amount"}),
        ("owner_id = author_id", set()),
        ("owner_id = ( SELECT m.id FROM public.m WHERE (m.x = orders.y))", set()),
        ("(owner_id)::text = 'x'::text", set()),
        ("lower(name) = 'x'::text", set()),
        ("NOT (owner_id = 1)", set()),
        ("owner_id <> 1", set()),
    ],
)
def test_compared_columns_are_those_that_an_index_could_serve(expression: str, compared: set[str]) -> None:
    assert facts_of(expression).compared_columns == compared


def test_a_column_compared_as_text_is_told_apart() -> None:
    facts = facts_of("((kind)::text = 'a'::text) AND ((tenant_id)::text = 'b'::text)")
    assert facts.compared_columns == set()
    assert facts.text_compared_columns == {"kind", "tenant_id"}


def test_columns_of_the_row_are_told_from_those_of_a_look_up() -> None:
    facts = facts_of("(kind = 'a') AND (EXISTS ( SELECT 1 FROM public.members m WHERE ((m.user_id = auth.uid()) AND (m.t = orders.t))))")
    assert facts.row_columns == {"kind"}
    assert facts.outer_columns == {("orders", "t")}
    assert facts.columns == {("kind",), ("m", "user_id"), ("m", "t"), ("orders", "t")}
    assert facts.relations == {("public", "members")}


def test_names_that_with_defines_are_no_relations() -> None:
    assert facts_of("id IN ( WITH t AS ( SELECT u.id FROM auth.users u) SELECT t.id FROM t)").relations == {("auth", "users")}


def test_statements_of_a_body_are_read_together() -> None:
    facts = facts_of_query("insert into public.log select * from public.a; delete from public.b where id = auth.uid()")
    assert facts.relations == {("public", "log"), ("public", "a"), ("public", "b")}
    assert [call.name for call in facts.calls] == [("auth", "uid")]


def test_every_branch_of_a_plpgsql_body_is_read() -> None:
    definition = """create function public.f() returns boolean language plpgsql as $$
      declare token jsonb := auth.jwt(); r record;
      begin
        token := token -> 'user_metadata';
        if exists (select 1 from public.a) then return true; end if;
        for r in select * from public.b loop perform public.g(r.id); end loop;
        return (select count(*) from public.c) > 0;
      end $$"""
    facts = facts_of_function("plpgsql", None, definition)
    assert facts is not None
    assert facts.relations == {("public", "a"), ("public", "b"), ("public", "c")}
    assert ("public", "g") in {call.name for call in facts.calls}
    assert facts.claims == {()}
    assert facts.json_keys == {"user_metadata"}


def test_a_body_in_another_language_has_no_facts() -> None:
    assert facts_of_function("plv8", "return true", None) is None


def test_text_that_does_not_parse_is_refused() -> None:
    with pytest.raises(SqlSyntaxError):
        facts_of("tenant_id = = 1")


def test_nesting_beyond_reason_is_refused_or_read_but_never_a_crash() -> None:
    expression = "(" * 3000 + "a" + " IS NULL)" * 3000
    with contextlib.suppress(SqlSyntaxError):
        facts_of(expression)


ROWS, LOOKED_UP = 400, 100
COUNTED = f"""
create sequence public.calls;
create function public.uid() returns integer language plpgsql stable as $$ begin perform nextval('public.calls'); return 1; end $$;
create table public.t (id integer, tenant integer, memo text);
insert into public.t select n, n % 10, 'a' from generate_series(1, {ROWS}) n;
create table public.m (u integer, tenant integer);
insert into public.m select n, n % 10 from generate_series(1, {LOOKED_UP}) n;
analyze public.t, public.m;
alter table public.t enable row level security;
grant select on public.t, public.m to authenticated;
grant all on sequence public.calls to authenticated;
"""


@pytest.fixture(scope="module")
def counting(admin_dsn: Dsn, supabase_template: str) -> Dsn:
    dsn = create_database(admin_dsn, "counting")
    with psycopg.connect(dsn.reveal(), autocommit=True) as connection:
        connection.execute(COUNTED.encode())
    return dsn


@pytest.mark.parametrize(
    "expression",
    [
        "memo = public.uid()::text",
        "memo = (select public.uid())::text",
        "memo = (select public.uid()::text || 'x')",
        "tenant in (select m.tenant from public.m where m.u = public.uid())",
        "tenant in (select m.tenant from public.m where m.u = (select public.uid()))",
        "tenant = any (array(select m.tenant from public.m where m.u = public.uid()))",
        "exists (select 1 from public.m where m.u = public.uid())",
        "public.uid() in (select m.u from public.m)",
        "tenant > (select max(m.tenant) from public.m where m.u < t.id and m.u = public.uid())",
        "tenant > (select max(m.tenant) from public.m where m.u < t.id and m.u = (select public.uid()))",
    ],
)
def test_the_server_evaluates_a_call_as_often_as_the_facts_say(counting: Dsn, expression: str) -> None:
    with psycopg.connect(counting.reveal(), autocommit=True) as connection:
        connection.execute("select setval('public.calls', 1, false)")
        connection.execute(b"drop policy if exists p on public.t")
        connection.execute(f"create policy p on public.t using ({expression})".encode())
        [(printed,)] = connection.execute("select pg_get_expr(polqual, polrelid) from pg_policy").fetchall()
        connection.execute("set role authenticated")
        connection.execute("select count(*) from public.t")
        [(last, called)] = connection.execute("select last_value, is_called from public.calls").fetchall()
    calls = [c for c in facts_of(printed).calls if c.name[-1] == "uid"]
    per_row = not all(call.once or call.in_lookup for call in calls)
    assert ((last if called else 0) >= ROWS) is per_row
