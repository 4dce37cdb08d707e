"""A policy opens when NULL claims make it true, and not when the row does."""

from __future__ import annotations

import pytest

from platformkit_pipeline.sqltext.absent_claims import RowTerms, WithoutClaims, judged_without_claims, without_claims
from platformkit_pipeline.sqltext.calls import CallShape
from platformkit_pipeline.sqltext.inlining import HelperFunction

CLAIM = "(((SELECT auth.jwt() AS jwt) ->> 'tenant_id'::text))::uuid"
SETTING = "(current_setting('app.tenant'::text, true))::uuid"

OPENS = [
    "(auth.uid() IS NULL) = true",
    "false = (auth.uid() IS NOT NULL)",
    "id IN (SELECT public.seen() AS seen)",
    "id IN (SELECT s.s FROM public.seen() s(s))",
    "id IN (SELECT public.seen_by_query() AS seen)",
    "EXISTS (SELECT 1 FROM public.seen() s(s) WHERE (s.s = orders.id))",
    "(JSON_VALUE(auth.jwt(), '$.tenant_id' RETURNING uuid) IS NULL) OR (tenant_id = JSON_VALUE(auth.jwt(), '$.tenant_id' RETURNING uuid))",
    "auth.uid() IS NULL",
    "(auth.uid() IS NULL) OR (owner_id = auth.uid())",
    "((SELECT auth.uid() AS uid) IS NULL) OR (owner_id = (SELECT auth.uid() AS uid))",
    f"({SETTING} IS NULL) OR (tenant_id = {SETTING})",
    "(NULLIF(current_setting('app.tenant'::text, true), ''::text) IS NULL) OR is_public",
    f"COALESCE({CLAIM}, tenant_id) = tenant_id",
    f"tenant_id = COALESCE({CLAIM}, tenant_id)",
    f"tenant_id IS NOT DISTINCT FROM {CLAIM}",
    f"NOT (tenant_id IS DISTINCT FROM {CLAIM})",
    f"(tenant_id = {CLAIM}) IS NOT FALSE",
    f"(tenant_id <> {CLAIM}) IS NOT TRUE",
    f"(tenant_id = {CLAIM}) IS UNKNOWN",
    f"COALESCE((tenant_id = {CLAIM}), true)",
    f"CASE WHEN ({CLAIM} IS NULL) THEN true ELSE (tenant_id = {CLAIM}) END",
    f"CASE WHEN (tenant_id <> {CLAIM}) THEN false ELSE true END",
    f"tenant_id = CASE WHEN ({CLAIM} IS NOT NULL) THEN {CLAIM} ELSE tenant_id END",
    "NOT ((auth.uid() IS NOT NULL) AND (owner_id <> auth.uid()))",
    "NOT (auth.uid() IS NOT NULL)",
    f"(deleted_at IS NULL) AND (({CLAIM} IS NULL) OR (tenant_id = {CLAIM}))",
    f"(deleted_at IS NULL) AND COALESCE((tenant_id = {CLAIM}), true)",
    "COALESCE(((auth.jwt() ->> 'is_admin'::text))::boolean, true)",
    "COALESCE((auth.jwt() ->> 'role'::text), 'admin'::text) = 'admin'::text",
    "(auth.jwt() ->> 'role'::text) IS DISTINCT FROM 'banned'::text",
    "owner_name ~~ (COALESCE((auth.jwt() ->> 'name'::text), ''::text) || '%'::text)",
    f"GREATEST({CLAIM}, tenant_id) = tenant_id",
    "NOT (EXISTS (SELECT 1 FROM public.banned WHERE (banned.user_id = auth.uid())))",
    "NOT (owner_id IN (SELECT banned.user_id FROM public.banned WHERE (banned.by_id = auth.uid())))",
    "owner_id <> ALL (SELECT banned.user_id FROM public.banned WHERE (banned.by_id = auth.uid()))",
    "owner_id <> ALL (ARRAY(SELECT banned.user_id FROM public.banned WHERE (banned.by_id = auth.uid())))",
    "(SELECT count(*) AS count FROM public.banned WHERE (banned.user_id = auth.uid())) = 0",
    "tenant_id IN (SELECT m.tenant_id FROM public.members m WHERE ((m.user_id = auth.uid()) OR (auth.uid() IS NULL)))",
    "EXISTS (SELECT 1 FROM public.members m WHERE ((m.tenant_id = orders.tenant_id) "
    "AND ((m.user_id = auth.uid()) OR (auth.uid() IS NULL))))",
    "COALESCE((SELECT p.visible FROM public.profiles p WHERE (p.id = auth.uid())), true)",
    "public.sees(tenant_id)",
    "public.tenant_or(tenant_id) = tenant_id",
    "(public.claim() IS NULL) OR (public.claim() = tenant_id)",
    "(public.branching() IS NULL) OR (owner_id = public.branching())",
    "public.strangers_welcome(tenant_id)",
    "public.no_member_needed(tenant_id)",
    "public.not_found_is_fine()",
    "public.default_true(tenant_id)",
    "public.case_else(tenant_id)",
    "public.error_is_no(tenant_id)",
    "is_public OR public.strangers_welcome(tenant_id)",
]

CLOSED = [
    "(owner_id = auth.uid()) = true",
    "tenant_id IN (SELECT public.my_tenants() AS my_tenants)",
    "tenant_id IN (SELECT t.t FROM public.my_tenants() t(t))",
    "EXISTS (SELECT 1 FROM public.my_tenants() t(t) WHERE (t.t = orders.tenant_id))",
    "true",
    "owner_id = auth.uid()",
    f"tenant_id = {CLAIM}",
    f"(is_public OR (tenant_id = {CLAIM}))",
    f"(published_at IS NOT NULL) OR (tenant_id = {CLAIM})",
    "(auth.uid() IS NOT NULL) AND (owner_id = auth.uid())",
    "auth.uid() IS NOT NULL",
    "NOT (auth.uid() IS NULL)",
    f"NOT (tenant_id <> {CLAIM})",
    f"(tenant_id = {CLAIM}) IS TRUE",
    f"(tenant_id = {CLAIM}) IS NOT NULL",
    f"COALESCE((tenant_id = {CLAIM}), false)",
    "((auth.uid() IS NULL) AND is_public) OR (owner_id = auth.uid())",
    "is_public AND ((auth.uid() IS NULL) OR ((auth.jwt() ->> 'role'::text) = 'x'::text))",
    f"tenant_id = COALESCE({CLAIM}, '00000000-0000-0000-0000-000000000000'::uuid)",
    "COALESCE((auth.jwt() ->> 'role'::text), ''::text) = 'admin'::text",
    "(owner_id = auth.uid()) AND (COALESCE((auth.jwt() ->> 'aal'::text), 'aal1'::text) = 'aal1'::text)",
    "CASE WHEN ((auth.jwt() ->> 'role'::text) = 'admin'::text) THEN true ELSE (owner_id = auth.uid()) END",
    "CASE WHEN (auth.uid() IS NULL) THEN false ELSE (owner_id = auth.uid()) END",
    "CASE WHEN (auth.uid() IS NULL) THEN is_public ELSE (owner_id = auth.uid()) END",
    "tenant_id IN (SELECT m.tenant_id FROM public.members m WHERE (m.user_id = auth.uid()))",
    "EXISTS (SELECT 1 FROM public.members m WHERE ((m.tenant_id = orders.tenant_id) AND (m.user_id = auth.uid())))",
    "is_public AND (NOT (EXISTS (SELECT 1 FROM public.banned WHERE (banned.user_id = auth.uid()))))",
    "(SELECT count(*) AS count FROM public.members m WHERE (m.user_id = auth.uid())) > 0",
    "owner_id = ANY (ARRAY[auth.uid(), (auth.jwt() ->> 'sub'::text)::uuid])",
    "deleted_at IS NULL",
    "(current_setting('app.tenant'::text) IS NULL) OR (owner_id = auth.uid())",
    "public.is_mine(tenant_id)",
    "public.strict_sees(auth.uid())",
    "owner_id = public.branching()",
    "public.is_member(tenant_id)",
    "public.is_member_by_steps(tenant_id)",
    "public.member_or_public(tenant_id, is_public)",
    "public.refuses_strangers(tenant_id)",
    "tenant_id = public.branching()",
    "(owner_id = auth.uid()) AND public.strangers_welcome(tenant_id)",
    "public.by_loop(tenant_id) AND (owner_id = auth.uid())",
    "public.loop_without_caller(tenant_id)",
]


def plpgsql(signature: str, returns: str, body: str) -> str:
    return f"create function public.{signature} returns {returns} language plpgsql stable as $$ {body} $$"


SEEN = "select o.id from public.orders o where auth.uid() is null or o.owner_id = auth.uid()"
MY_TENANTS = "select m.tenant_id from public.members m where m.user_id = auth.uid()"
BODIES = {
    "seen_by_query": ("", "setof integer", f"begin return query {SEEN}; end"),
    "branching": ("", "uuid", "begin if auth.uid() is null then return null; end if; return auth.uid(); end"),
    "strangers_welcome": ("t uuid", "boolean", "begin if auth.uid() is null then return true; end if; return t = public.claim(); end"),
    "no_member_needed": (
        "t uuid",
        "boolean",
        "declare v uuid := (auth.jwt() ->> 'tenant_id')::uuid; begin if v <> t then return false; else return true; end if; end",
    ),
    "not_found_is_fine": (
        "",
        "boolean",
        "begin perform 1 from public.banned b where b.user_id = auth.uid(); if found then return false; end if; return true; end",
    ),
    "default_true": (
        "t uuid",
        "boolean",
        "declare ok boolean := true; begin if public.claim() is not null then ok := t = public.claim(); end if; return ok; end",
    ),
    "case_else": ("t uuid", "boolean", "begin case when t <> public.claim() then return false; else return true; end case; end"),
    "error_is_no": (
        "t uuid",
        "boolean",
        "begin return public.claim() is null or t = public.claim(); exception when others then return false; end",
    ),
    "is_member": (
        "t uuid",
        "boolean",
        "begin return exists (select 1 from public.members m where m.user_id = auth.uid() and m.tenant_id = t); end",
    ),
    "is_member_by_steps": (
        "t uuid",
        "boolean",
        "declare v uuid; begin select m.user_id into v from public.members m where m.user_id = auth.uid() and m.tenant_id = t; "
        "if v is null then return false; end if; raise notice 'a member'; return true; end",
    ),
    "member_or_public": (
        "t uuid, p boolean",
        "boolean",
        "begin if p then return true; elsif auth.uid() is null then return false; end if; return t = public.claim(); end",
    ),
    "refuses_strangers": (
        "t uuid",
        "boolean",
        "begin if auth.uid() is null then raise exception 'sign in'; end if; return t is not distinct from public.claim(); end",
    ),
    "by_loop": (
        "t uuid",
        "boolean",
        "declare n integer; begin for n in 1..3 loop if auth.uid() is null then return true; end if; end loop; return false; end",
    ),
    "calls_by_loop": (
        "t uuid",
        "boolean",
        "declare n integer; begin for n in 1..3 loop if public.by_loop(t) then return true; end if; end loop; return false; end",
    ),
    "loop_without_caller": (
        "t uuid",
        "boolean",
        "declare n integer; begin for n in 1..3 loop if t is null then return true; end if; end loop; return false; end",
    ),
}
"""PL/pgSQL helpers: arguments, result and body."""
DEFINITIONS = {name: plpgsql(f"{name}({arguments})", returns, body) for name, (arguments, returns, body) in BODIES.items()}

HELPERS = {
    "sees": HelperFunction("sql", "select public.claim() is null or t = public.claim()", None, ("t",)),
    "seen": HelperFunction("sql", SEEN, None),
    "my_tenants": HelperFunction("sql", MY_TENANTS, None),
    "seen_by_query": HelperFunction("plpgsql", None, DEFINITIONS["seen_by_query"]),
    "tenant_or": HelperFunction("sql", "select coalesce((auth.jwt() ->> 'tenant_id')::uuid, t)", None, ("t",)),
    "claim": HelperFunction("sql", "select (auth.jwt() ->> 'tenant_id')::uuid", None),
    "is_mine": HelperFunction("sql", "select coalesce(t = public.claim(), false)", None, ("t",)),
    "strict_sees": HelperFunction("sql", "select t is null", None, ("t",), strict=True),
    "unread_sql": HelperFunction("sql", "select 1; select auth.uid() is null", None),
    "unread_python": HelperFunction("plpython3u", "return True", None),
    **{
        name: HelperFunction("plpgsql", None, DEFINITIONS[name], tuple(word.split()[0] for word in arguments.split(",") if word))
        for name, (arguments, _, _) in BODIES.items()
    },
}


def named(shape: CallShape, _inside: HelperFunction | None) -> tuple[HelperFunction, ...]:
    return (HELPERS[shape.name[-1]],) if shape.name[-1] in HELPERS else ()


TERMS = RowTerms(
    "orders",
    find_helper=named,
    columns_of=lambda _schema, _relation: frozenset(),
)


@pytest.mark.parametrize("expression", OPENS)
def test_a_null_claim_opens(expression: str) -> None:
    assert without_claims(expression, TERMS) is WithoutClaims.OPENS


@pytest.mark.parametrize("expression", CLOSED)
def test_a_null_claim_opens_nothing(expression: str) -> None:
    assert without_claims(expression, TERMS) is WithoutClaims.CLOSED


def test_a_column_that_cannot_be_null_is_distinct_from_an_absent_claim() -> None:
    terms = RowTerms("orders", not_null=frozenset({"tenant_id"}))
    assert without_claims(f"tenant_id IS NOT DISTINCT FROM {CLAIM}", terms) is WithoutClaims.CLOSED


def test_whether_a_function_that_cannot_be_read_returns_null_is_not_guessed() -> None:
    assert without_claims("(public.by_loop(owner_id) IS NULL) OR (owner_id = auth.uid())", TERMS) is WithoutClaims.UNDECIDABLE


@pytest.mark.parametrize("helper", ["by_loop(tenant_id)", "calls_by_loop(tenant_id)", "unread_sql()", "unread_python()"])
def test_whether_a_function_that_cannot_be_read_says_yes_to_a_caller_without_claims_is_not_guessed(helper: str) -> None:
    outcome, why = judged_without_claims(f"public.{helper}", TERMS)
    assert outcome is WithoutClaims.UNDECIDABLE
    assert [reason.startswith(f"public.{helper.partition('(')[0]} ") for reason in why] == [True]


def test_thousands_of_disjuncts_take_no_time() -> None:
    expression = " OR ".join(f"(owner_id = auth.uid() AND kind = {n})" for n in range(3000)) + " OR (auth.uid() IS NULL)"
    assert without_claims(expression, TERMS) is WithoutClaims.OPENS
