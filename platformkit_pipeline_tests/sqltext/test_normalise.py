"""One spelling for what servers of several majors, or a dump and its restore, print differently."""

from __future__ import annotations

import pytest

from platformkit_pipeline.sqltext.normalise import normalise_query


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("select good.id from public.good", "SELECT id\n   FROM public.good;", id="qualifier of the only relation"),
        pytest.param("select g.id as id from good g", "select id from good g", id="name that repeats the column"),
        pytest.param("select id from good good", "select id from good", id="alias that repeats the name"),
        pytest.param("select x.n from f(1) x(n)", "select n from f(1) x(n)", id="function as the only relation"),
        pytest.param("select s.n from (select t.n from t) s", "select n from (select n from t) s", id="nested levels"),
        pytest.param("select old_1.v from old old_1, old old_2", "select old.v from old, old old_1", id="relation called old"),
        pytest.param("select t.a from t tablesample system (1)", "select a from t tablesample system (1)", id="sample"),
        pytest.param(
            "select a from t where b = any ((array['x'::varchar, 'y'::varchar])::text[])",
            "select a from t where b = any (array[('x'::varchar)::text, ('y'::varchar)::text])",
            id="cast around an array",
        ),
    ],
)
def test_two_spellings_of_the_same_query_become_one(one: str, other: str) -> None:
    assert normalise_query(one) == normalise_query(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("select a.id from a, b", "select b.id from a, b", id="qualifier that decides"),
        pytest.param("select a.id from a join b using (k)", "select b.id from a join b using (k)", id="qualifier in a join"),
        pytest.param(
            "select 1 from a where exists (select 1 from b where b.x = a.x)",
            "select 1 from a where exists (select 1 from b where b.x = b.x)",
            id="reference to an outer level",
        ),
        pytest.param("select id as other from good", "select id from good", id="name that differs from the column"),
        pytest.param("select a from t where b = 'x  y'", "select a from t where b = 'x y'", id="space inside a literal"),
        pytest.param("select old.v from old, old old_1", "select old_1.v from old, old old_1", id="second relation called old"),
        pytest.param("select array[1]::bigint[]", "select array[1]::integer[]", id="another element type"),
    ],
)
def test_queries_that_differ_stay_different(one: str, other: str) -> None:
    assert normalise_query(one) != normalise_query(other)


def test_result_is_a_fixed_point() -> None:
    once = normalise_query("select g.id, (select max(b.x) from b where b.y = g.id) from good g where g.id > 1")
    assert normalise_query(once) == once


def test_text_that_does_not_parse_comes_back_with_white_space_folded() -> None:
    assert normalise_query("  not\n\tsql  at all ") == "not sql at all"


def test_nesting_beyond_the_parser_is_survived() -> None:
    deep = "select " + "(" * 3000 + "1" + " + 1)" * 3000
    assert normalise_query(deep)
