"""Which policy expressions confine rows to the caller's tenant, which leak, and which cannot be told."""

from __future__ import annotations

import pytest

from platformkit_pipeline.sqltext.calls import CallShape
from platformkit_pipeline.sqltext.confinement import Confinement, HelperFunction, TenantTerms, judge_expression

_PLPGSQL = "create function public.f() returns uuid language plpgsql as $$ {} $$"
HELPERS = {
    "current_tenant_id": HelperFunction("sql", "select (auth.jwt() ->> 'tenant_id')::uuid", None),
    "tenant_of_atomic": HelperFunction("sql", "RETURN ((auth.jwt() ->> 'tenant_id'::text))::uuid", None),
    "tenant_by_return": HelperFunction("plpgsql", None, _PLPGSQL.format("begin return (auth.jwt() ->> 'tenant_id')::uuid; end")),
    "tenant_by_assignment": HelperFunction(
        "plpgsql", None, _PLPGSQL.format("declare t uuid; begin t := (auth.jwt() ->> 'tenant_id')::uuid; return t; end")
    ),
    "tenant_by_select": HelperFunction(
        "plpgsql", None, _PLPGSQL.format("declare t uuid; begin select (auth.jwt() ->> 'tenant_id')::uuid into t; return t; end")
    ),
    "tenant_by_branch": HelperFunction(
        "plpgsql",
        None,
        _PLPGSQL.format("begin if now() > '2020-01-01' then return null; end if; return (auth.jwt() ->> 'tenant_id')::uuid; end"),
    ),
    "tenant_by_loop": HelperFunction(
        "plpgsql",
        None,
        _PLPGSQL.format(
            "declare n integer; begin for n in 1..2 loop return (auth.jwt() ->> 'tenant_id')::uuid; end loop; return null; end"
        ),
    ),
    "helper_of_helper": HelperFunction("sql", "select public.current_tenant_id()", None),
    "endless": HelperFunction("sql", "select public.endless()", None),
    "my_tenants": HelperFunction("sql", "select tenant_id from public.memberships where user_id = auth.uid()", None),
    "is_mine": HelperFunction("sql", "select t = (auth.jwt() ->> 'tenant_id')::uuid", None, ("t",)),
    "is_mine_by_number": HelperFunction("sql", "select $1 = (auth.jwt() ->> 'tenant_id')::uuid", None, ("",)),
    "is_member": HelperFunction(
        "sql", "select exists (select from public.memberships m where m.user_id = auth.uid() and m.tenant_id = t)", None, ("t",)
    ),
    "always": HelperFunction("sql", "select true", None, ("t",)),
    "first_tenant": HelperFunction("sql", "select tenant_id from public.tenants limit 1", None),
    "compiled": HelperFunction("c", None, None),
    "ping": HelperFunction("sql", "select public.pong(t)", None, ("t",)),
    "pong": HelperFunction("sql", "select public.ping(t)", None, ("t",)),
    "many": HelperFunction("sql", "select " + " and ".join(["public.many(t)"] * 40), None, ("t",)),
}


def _named(shape: CallShape, _inside: HelperFunction | None) -> tuple[HelperFunction, ...]:
    return (HELPERS[shape.name[-1]],) if shape.name[-1] in HELPERS else ()


def _judge(expression: str, *, membership: frozenset[str] = frozenset({"public.memberships", "memberships"})) -> Confinement:
    terms = TenantTerms(
        "orders",
        "tenant_id",
        "tenant_id",
        membership,
        _named,
    )
    return judge_expression(expression, terms).confinement


@pytest.mark.parametrize(
    "expression",
    [
        "tenant_id = (auth.jwt() ->> 'tenant_id')::uuid",
        "(tenant_id = ((( SELECT auth.jwt() AS jwt) ->> 'tenant_id'::text))::uuid)",
        "(select (auth.jwt() ->> 'tenant_id')::uuid) = orders.tenant_id",
        "tenant_id::text = (auth.jwt() -> 'app_metadata' ->> 'tenant_id')",
        "tenant_id = (auth.jwt() #>> '{app_metadata,tenant_id}'::text[])::uuid",
        "tenant_id = ((auth.jwt())['tenant_id'])::uuid",
        "tenant_id = (current_setting('request.jwt.claims', true)::jsonb ->> 'tenant_id')::uuid",
        "tenant_id = nullif(current_setting('request.jwt.claim.tenant_id', true), '')::uuid",
        "tenant_id = jsonb_extract_path_text(auth.jwt(), 'app_metadata', 'tenant_id')::uuid",
        "tenant_id = public.current_tenant_id()",
        "tenant_id = (select public.current_tenant_id())",
        "tenant_id = public.tenant_of_atomic()",
        "tenant_id = public.tenant_by_return()",
        "tenant_id = public.tenant_by_assignment()",
        "tenant_id = public.tenant_by_select()",
        "tenant_id = public.tenant_by_branch()",
        "tenant_id = public.helper_of_helper()",
        "tenant_id in (select public.my_tenants())",
        "tenant_id in (select t from public.my_tenants() t)",
        "tenant_id = any (array(select public.my_tenants()))",
        "tenant_id in (select m.tenant_id from public.memberships m where m.user_id = (select auth.uid()))",
        "exists (select 1 from memberships m where m.tenant_id = orders.tenant_id and m.user_id = auth.uid())",
        "public.is_mine(tenant_id)",
        "public.is_mine_by_number(orders.tenant_id)",
        "public.is_member(tenant_id)",
        "tenant_id = public.current_tenant_id() and status = 'open'",
        "coalesce(tenant_id = public.current_tenant_id(), false)",
        "(tenant_id = public.current_tenant_id()) is true",
        "false",
        "tenant_id = public.current_tenant_id() or false",
    ],
)
def test_confined(expression: str) -> None:
    assert _judge(expression) is Confinement.CONFINED


@pytest.mark.parametrize(
    "expression",
    [
        "true",
        "auth.uid() is not null",
        "auth.role() = 'authenticated'",
        "user_id = auth.uid()",
        "tenant_id = (auth.jwt() -> 'user_metadata' ->> 'tenant_id')::uuid",
        "tenant_id = (auth.jwt() ->> 'organisation')::uuid",
        "tenant_id <> public.current_tenant_id()",
        "not (tenant_id = public.current_tenant_id())",
        "tenant_id = public.current_tenant_id() or is_public",
        "tenant_id in (select tenant_id from public.memberships)",
        "exists (select 1 from memberships m where m.user_id = auth.uid())",
        "tenant_id = tenant_id",
        "other.tenant_id = public.current_tenant_id()",
        "public.always(tenant_id)",
        "tenant_id in (public.current_tenant_id(), '00000000-0000-0000-0000-000000000000'::uuid)",
        "tenant_id = coalesce(public.current_tenant_id(), tenant_id)",
    ],
)
def test_open(expression: str) -> None:
    assert _judge(expression) is Confinement.OPEN


@pytest.mark.parametrize(
    "expression",
    [
        "tenant_id = public.compiled()",
        "tenant_id = public.nobody_knows()",
        "tenant_id = public.tenant_by_loop()",
        "tenant_id = public.endless()",
        "exists (select 1 from accounts a where a.id = orders.account_id and a.owner_id = auth.uid())",
        "tenant_id = = 1",
        "public.ping(tenant_id)",
        "public.many(tenant_id)",
        "(a or (b and " * 2000 + "tenant_id = public.current_tenant_id()" + "))" * 2000,
    ],
)
def test_undecidable_is_said_so(expression: str) -> None:
    assert _judge(expression) is Confinement.UNDECIDABLE


def test_a_membership_table_that_nobody_declared_is_undecidable() -> None:
    expression = "tenant_id in (select m.tenant_id from public.memberships m where m.user_id = auth.uid())"
    assert _judge(expression, membership=frozenset()) is Confinement.UNDECIDABLE


@pytest.mark.parametrize(
    "expression",
    [
        "exists (select 1 from public.a tablesample system (1))",
        "exists (select 1 from rows from (public.f(), public.g()) x)",
        "exists (select 1 from xmltable('/a' passing x columns b text) y)",
        "exists (select a from public.a group by grouping sets ((), (a)))",
        "tenant_id in (values ('a'), ('b'))",
        "current_setting() = tenant_id",
        "(auth.jwt())[1:2] = tenant_id",
        "public.is_mine(zz => tenant_id)",
        "public.is_mine(variadic array[tenant_id])",
        "tenant_id = any (array[" + ", ".join(f"'{number}'" for number in range(10_000)) + "])",
    ],
    ids=lambda e: e[:40],
)
def test_unusual_expressions_are_judged_without_a_crash(expression: str) -> None:
    assert _judge(expression) is not Confinement.CONFINED


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("not (tenant_id is distinct from public.current_tenant_id())", Confinement.UNDECIDABLE),
        ("not (tenant_id <> public.current_tenant_id())", Confinement.CONFINED),
        ("not (tenant_id <> public.current_tenant_id() and open)", Confinement.OPEN),
        ("not (tenant_id <> public.current_tenant_id() or open)", Confinement.CONFINED),
        ("(select auth.role()) = 'service_role'", Confinement.CONFINED),
        ("(select auth.jwt() ->> 'role') = 'service_role'", Confinement.CONFINED),
        ("(select auth.role()) = 'anon'", Confinement.OPEN),
        ("not (auth.role() = 'service_role')", Confinement.OPEN),
        ("case when open then tenant_id = public.current_tenant_id() end", Confinement.CONFINED),
        ("case when open then true else tenant_id = public.current_tenant_id() end", Confinement.OPEN),
    ],
)
def test_negations_branches_and_the_service_role(expression: str, expected: Confinement) -> None:
    assert _judge(expression) is expected
