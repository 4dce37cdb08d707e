"""One spelling for what servers of several majors, or a dump and its restore, print differently."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platformkit_pipeline.sqltext import normalise
from platformkit_pipeline.sqltext.normalise import _plain_view, _reprinted, normalise_query


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


NAMES = st.sampled_from(
    ["id", "value", "json", "json_value", "merge_action", "name", "old_x", "text", "type", "data", "key", "user_id", "level", "zone", "t"]
)
CONDITIONS = st.sampled_from(
    [
        "deleted_at IS NULL",
        "n IS NOT NULL",
        "n > 18",
        "n <= (0)::numeric",
        "n >= (12)::numeric",
        "n = (1.5)::numeric",
        "s = 'new'::public.stage",
        "s <> '(7)::numeric'::text",
        "s = 'x'::pg_catalog.varchar",
        "s <> 'a.b t.x; FROM'::text",
        "d <= '2020-01-01'::date",
        """j = '{"a": 1}'::jsonb""",
        "u = '00000000-0000-0000-0000-000000000000'::uuid",
    ]
)


@st.composite
def plain_views(draw: st.DrawFn) -> str:
    relation = draw(st.sampled_from(["t", "app.t", "app.old_x", "app.value", "public.data", "app.old_1", "app.new"]))
    alias = draw(st.none() | NAMES)
    only = alias or relation.rpartition(".")[2]

    def qualifier() -> str:
        return draw(st.sampled_from(["", f"{only}.", f"{only}.", "elsewhere."]))

    names = st.sampled_from(["", " AS name", " AS other", " AS id"])
    items = ",\n    ".join(f"{qualifier()}{draw(NAMES)}{draw(names)}" for _ in range(draw(st.integers(1, 4))))
    tests = [f"({qualifier()}{draw(CONDITIONS)})" for _ in range(draw(st.integers(0, 3)))]
    condition = f"({' AND '.join(tests)})" if len(tests) > 1 else "".join(tests)
    where = f"\n  WHERE {condition}" if tests else ""
    return f" SELECT {items}\n   FROM {relation}{f' {alias}' if alias else ''}{where};"


@given(plain_views())
@settings(max_examples=500, deadline=None)
def test_the_short_way_for_plain_views_says_what_the_long_way_says(view: str) -> None:
    short = _plain_view(view)
    assert short is None or short == _reprinted(view)


def test_plain_views_take_the_short_way() -> None:
    view = " SELECT t.id,\n    t.name AS title\n   FROM app.t\n  WHERE (t.status = 'new'::text);"
    assert _plain_view(view) == "SELECT id, name AS title FROM app.t WHERE status = 'new'::text"
    view = " SELECT id\n   FROM app.t\n  WHERE ((t.stage <> 'done'::app.stage) AND (t.amount > (4)::numeric) AND (gone IS NULL));"
    assert _plain_view(view) == "SELECT id FROM app.t WHERE stage <> 'done'::app.stage AND amount > 4::numeric AND gone IS NULL"
    assert _plain_view(" SELECT count(*) AS count\n   FROM app.t;") is None


def test_a_name_that_became_a_keyword_is_spelled_alike_on_old_and_new_servers() -> None:
    assert normalise_query(" SELECT t.json\n   FROM app.t;") == normalise_query(' SELECT "json"\n   FROM app.t;')


@pytest.mark.parametrize(
    "view",
    [
        " SELECT o.id,\n    c.name AS customer,\n    count(*) AS n\n   FROM (app.orders o\n     JOIN app.customers c ON (true))"
        "\n  WHERE (o.at > (now() - '30 days'::interval))\n  GROUP BY o.id, c.name;",
        " SELECT DISTINCT lower(email) AS email\n   FROM app.users\n  ORDER BY (lower(email));",
        " SELECT g.n,\n    g.n + 1 AS next\n   FROM generate_series(1, 3) g(n);",
        " SELECT v.i AS i,\n    v.s\n   FROM ( VALUES (1,'a'::text), (2,'b'::text)) v(i, s);",
        " SELECT users.id\n   FROM app.users users;",
        ' SELECT "U".id\n   FROM app."U";',
        " SELECT old_1.id,\n    old_1.v\n   FROM app.old old_1;",
    ],
)
def test_leaving_out_the_walk_changes_nothing(view: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = _reprinted(view)
    monkeypatch.setattr(normalise, "_is_normal", lambda sql, tree: False)
    assert _reprinted(view) == quick
