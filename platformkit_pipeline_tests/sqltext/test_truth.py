"""Tautologies are found by what an expression means, not by how it is written."""

from __future__ import annotations

import psycopg
import pytest

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.sqltext.parser import SqlSyntaxError
from platformkit_pipeline.sqltext.truth import Truth, is_tautology, truth_of

ALWAYS_TRUE = [
    "true",
    "((true))",
    "1 = 1",
    "1 < 2",
    "'a'::text = 'a'::text",
    "tenant_id = tenant_id",
    "tenant_id IS NOT DISTINCT FROM tenant_id",
    "true OR owner_id = 1",
    "NOT false",
    "NOT (1 = 2)",
    "'t'::boolean",
    "1::boolean",
    "(SELECT true)",
    "( SELECT true AS bool)",
    "(SELECT (SELECT 1 = 1))",
    "x IS NULL OR x IS NOT NULL",
    "a = 1 OR NOT a = 1",
    "EXISTS (SELECT 1)",
    "EXISTS (SELECT 1 WHERE 1 = 1)",
    "COALESCE(true, owner_id = 1)",
    "COALESCE(NULL::boolean, true)",
    "CASE WHEN a THEN true ELSE true END",
    "CASE WHEN true THEN true ELSE false END",
    "id = ANY (ARRAY[id, other])",
    "id IN (1, id)",
    "(true AND 1 = 1) IS NOT FALSE",
    "true = true",
    "a BETWEEN a AND a",
    "name ~~ '%'::text",
    "NULL IS NULL",
    "name ~~ '%%'::text",
    "a OR (b OR NOT a)",
    "auth.uid() = auth.uid()",
    "auth.uid() IS NULL OR NOT auth.uid() IS NULL",
    "EXISTS (SELECT count(*) FROM public.members WHERE false)",
]
NOT_ALWAYS_TRUE = [
    "false",
    "NULL::boolean",
    "is_public",
    "auth.uid() = user_id",
    "auth.role() = 'authenticated'::text",
    "random() = random()",
    "true AND owner_id = 1",
    "EXISTS (SELECT 1 FROM public.members)",
    "COALESCE(is_public, true)",
    "created_at::date = created_at",
    "x NOT IN (x)",
    "CASE WHEN a THEN true ELSE false END",
    "CASE WHEN a THEN true END",
    "1 = 2",
    "NULL = NULL",
    "x OPERATOR(public.=) x",
    "public.lower(x) = public.lower(x)",
    "EXISTS (SELECT unnest('{}'::integer[]))",
    "EXISTS (SELECT count(*) FROM public.members GROUP BY team)",
]


@pytest.mark.parametrize("expression", ALWAYS_TRUE)
def test_always_true(expression: str) -> None:
    assert is_tautology(expression)


@pytest.mark.parametrize("expression", NOT_ALWAYS_TRUE)
def test_not_always_true(expression: str) -> None:
    assert not is_tautology(expression)


def test_text_that_does_not_parse_is_an_error_and_not_an_answer() -> None:
    with pytest.raises(SqlSyntaxError):
        truth_of("true or or false")


CONSTANT = [
    "true",
    "1 < 2",
    "NOT (1 = 2)",
    "'t'::boolean",
    "1::boolean",
    "(SELECT (SELECT 1 = 1))",
    "EXISTS (SELECT 1 WHERE 1 = 1)",
    "EXISTS (SELECT 1 WHERE NULL)",
    "COALESCE(NULL::boolean, true)",
    "CASE WHEN true THEN true ELSE false END",
    "CASE WHEN NULL THEN true END",
    "(true AND 1 = 1) IS NOT FALSE",
    "NULL IS NULL",
    "NULL = NULL",
    "NULL::boolean",
    "false AND NULL",
    "true OR NULL",
    "false OR NULL",
    "NOT NULL::boolean",
    "1 IN (2, 3)",
    "1 = ANY (ARRAY[1, 2])",
    "2 NOT IN (2, 3)",
    "1 BETWEEN 2 AND 3",
    "'a' LIKE '%'",
    "NULL IS DISTINCT FROM 1",
    "'1' = 1",
    "1 IS NOT DISTINCT FROM 1",
    "'1' IS NOT DISTINCT FROM 1",
    "NULL IS NOT DISTINCT FROM NULL",
    "1.5 <> 2",
    "'9'::integer < '10'::integer",
    "'01'::integer = '1'::integer",
    "'10' = 10.0",
    "'a'::text <> 'b'::text",
    "true <> false",
    "EXISTS (SELECT count(*) WHERE false)",
]
TYPE_DECIDES = [
    "1.4::integer = 1",
    "'a'::character(3) = 'a  '::character(3)",
    "'2024-01-01'::date = '2024-1-1'::date",
    "'b'::text < 'a'::text",
    "'ab'::character varying(1) = 'ac'::character varying(1)",
    "1 BETWEEN SYMMETRIC 2 AND 0",
    "'nan'::float8 = 1",
    "9007199254740993 <> 9007199254740992",
]


@pytest.mark.parametrize("expression", TYPE_DECIDES)
def test_a_comparison_that_its_types_decide_is_left_open(expression: str) -> None:
    assert truth_of(expression) is Truth.OPEN


@pytest.mark.parametrize("operand", ["x IS NULL", "NOT x", "x = 1"])
def test_thousands_of_disjuncts_are_folded(operand: str) -> None:
    parts = [operand.replace("x", f"x{number}") for number in range(3000)]
    assert truth_of(" OR ".join(parts)) is Truth.OPEN
    assert truth_of(" OR ".join([*parts, f"NOT ({parts[-1]})", "true"])) is Truth.TRUE


def test_an_expression_nested_too_deeply_is_an_error_and_not_a_crash() -> None:
    with pytest.raises(SqlSyntaxError, match="too deeply"):
        truth_of("(a OR (b AND " * 60 + "c" + "))" * 60)


@pytest.mark.parametrize("expression", CONSTANT)
def test_postgres_agrees_on_constant_expressions(admin_dsn: Dsn, expression: str) -> None:
    with psycopg.connect(admin_dsn.reveal()) as connection:
        row = connection.execute(f"select ({expression})".encode()).fetchone()
    expected = {Truth.TRUE: True, Truth.FALSE: False, Truth.NULL: None}[truth_of(expression)]
    assert row == (expected,)
