"""Which columns of which relations a view hands on."""

from __future__ import annotations

import pytest

from platformkit_pipeline.sqltext.parser import SqlSyntaxError
from platformkit_pipeline.sqltext.view_sources import sources_of

CUSTOMERS = ("private", "customers")


def columns_of(query: str) -> list[set[str | int | None]]:
    return [{source.column for source in column} for column in sources_of(query)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT customers.id, customers.ssn AS reference FROM private.customers;", [{"id"}, {"ssn"}]),
        ("SELECT ssn FROM private.customers", [{"ssn"}]),
        ("SELECT ((COALESCE(lower(c.ssn), ''::text) || '.'::text))::varchar(9) AS x FROM private.customers c", [{"ssn"}]),
        ("SELECT c.* FROM private.customers c", [{None}]),
        ("SELECT row_to_json(c.*) AS j FROM private.customers c", [{None}]),
        ("SELECT x.b FROM private.customers x(a, b)", [{1}]),
        ("SELECT s.y FROM ( SELECT c.id, c.ssn FROM private.customers c) s(x, y)", [{"ssn"}]),
        ("SELECT s.y FROM private.a, LATERAL ( SELECT c.ssn AS y FROM private.customers c) s", [{"ssn"}]),
        ("WITH s AS ( SELECT c.ssn AS y FROM private.customers c) SELECT s.y FROM s", [{"ssn"}]),
        ("SELECT a.id FROM private.a UNION ALL SELECT c.ssn FROM private.customers c", [{"id", "ssn"}]),
        ("SELECT ( SELECT max(c.ssn) AS max FROM private.customers c) AS m", [{"ssn"}]),
        ("SELECT ARRAY( SELECT c.ssn FROM private.customers c) AS all_of_them", [{"ssn"}]),
        ("SELECT e.value FROM private.customers c, LATERAL jsonb_array_elements_text(c.numbers) e(value)", [{"numbers"}]),
        ("SELECT CASE WHEN c.a THEN c.ssn ELSE c.city END AS x FROM private.customers c", [{"ssn", "city"}]),
        ("SELECT j.ssn FROM (private.a JOIN private.customers c USING (id)) j", [{"ssn"}]),
        ("VALUES (1), (2)", [set()]),
    ],
)
def test_a_value_is_followed_whatever_it_is_called(query: str, expected: list[set[str | int | None]]) -> None:
    assert columns_of(query) == expected


@pytest.mark.parametrize(
    "target",
    [
        "count(ssn)",
        "md5(ssn)",
        "right(ssn, 4)",
        "ssn IS NOT NULL",
        "ssn = 'x'",
        "length(ssn)",
        "'x'::text",
        "EXISTS ( SELECT customers.ssn)",
    ],
)
def test_what_is_told_about_a_value_is_not_the_value(target: str) -> None:
    assert columns_of(f"SELECT {target} AS x FROM private.customers") == [set()]


def test_a_recursive_query_is_followed_until_nothing_is_added() -> None:
    query = (
        "WITH RECURSIVE t(a, b, c) AS ( SELECT c.id, c.city, c.ssn FROM private.customers c "
        "UNION ALL SELECT t_1.b, t_1.c, t_1.a FROM t t_1) SELECT t.a FROM t"
    )
    assert columns_of(query) == [{"id", "city", "ssn"}]


@pytest.mark.parametrize(
    "rest",
    [
        "WHERE c.owner = auth.uid()",
        "WHERE (c.tenant_id)::text = (( SELECT auth.jwt() AS jwt) ->> 'tenant_id'::text) AND c.city <> ''",
        "WHERE c.owner = (current_setting('request.jwt.claim.sub'::text, true))::uuid",
        "JOIN private.m ON m.org = c.org WHERE m.person = auth.uid()",
        "JOIN private.m USING (org) WHERE m.person = auth.uid()",
        "WHERE c.org IN ( SELECT m.org FROM private.m WHERE m.person = auth.uid())",
        "WHERE EXISTS ( SELECT 1 FROM private.m WHERE m.org = c.org AND m.person = auth.uid())",
    ],
)
def test_rows_that_belong_to_the_caller_are_left_out(rest: str) -> None:
    assert columns_of(f"SELECT c.ssn FROM private.customers c {rest}") == [set()]


@pytest.mark.parametrize(
    "rest",
    [
        "WHERE private.is_staff()",
        "WHERE auth.role() = 'authenticated'",
        "WHERE c.role = CURRENT_USER",
        "WHERE c.owner = auth.uid() OR c.listed",
        "WHERE c.tenant_id = ((auth.jwt() -> 'user_metadata'::text) ->> 'tenant_id'::text)",
        "LEFT JOIN private.m ON m.org = c.org AND m.person = auth.uid()",
        "WHERE EXISTS ( SELECT 1 FROM private.m WHERE m.person = auth.uid())",
        "WHERE NOT (EXISTS ( SELECT 1 FROM private.m WHERE m.org = c.org AND m.person = auth.uid()))",
        "WHERE c.org IN ( SELECT m.org FROM private.m WHERE m.city = c.city AND private.is_staff())",
    ],
)
def test_a_condition_that_asks_for_the_caller_otherwise_is_said(rest: str) -> None:
    [column] = sources_of(f"SELECT c.ssn FROM private.customers c {rest}")
    assert {(s.column, s.asked) for s in column} == {("ssn", True)}


def test_conditions_that_ask_for_nobody_are_no_doubt() -> None:
    [column] = sources_of("SELECT c.ssn FROM private.customers c WHERE c.city = 'Rome'::text AND c.at < now()")
    assert [s.asked for s in column] == [False]


def test_functions_and_grouping_are_told() -> None:
    masked, city, listed = sources_of(
        "SELECT private.mask(ssn) AS ssn, city, array_agg(id) AS ids FROM private.customers GROUP BY city, ssn"
    )
    assert {(s.through, s.grouped) for s in masked} == {(("private", "mask"), True)}
    assert {(s.through, s.grouped) for s in city | listed} == {(None, True)}
    [everything] = sources_of("SELECT json_agg(c.*) AS j FROM private.customers c")
    assert [s.grouped for s in everything] == [False]


@pytest.mark.parametrize("query", ["not even a query", "SELECT * FROM private.customers", "DELETE FROM private.customers", ""])
def test_what_cannot_be_read_is_said(query: str) -> None:
    with pytest.raises(SqlSyntaxError):
        sources_of(query)
