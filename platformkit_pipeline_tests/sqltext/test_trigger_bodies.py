"""What trigger functions do, read from their texts."""

from __future__ import annotations

import pytest

from platformkit_pipeline.sqltext.parser import SqlSyntaxError
from platformkit_pipeline.sqltext.trigger_bodies import Effects, effects_of_plpgsql, effects_of_sql


def effects(body: str, operation: str | None = None, declare: str = "") -> Effects:
    text = f"create function f() returns trigger language plpgsql as $f$ {declare} begin {body} end $f$"
    return effects_of_plpgsql(text, operation)


@pytest.mark.parametrize(
    "body",
    [
        "new.updated_at := now(); return new;",
        "NEW.Updated_At = now(); return new;",
        'new."updated_at" := now(); return new;',
        "new . updated_at := now(); return new;",
        "select now() into new.updated_at; return new;",
        "if new is distinct from old then new.updated_at := now(); end if; return new;",
        "begin new.updated_at := now(); exception when others then null; end; return new;",
        "case tg_op when 'UPDATE', 'INSERT' then new.updated_at := now(); else null; end case; return new;",
        "if tg_op in ('INSERT', 'UPDATE') and tg_level = 'ROW' then new.updated_at := now(); end if; return new;",
        "if not tg_op = 'DELETE' then new.updated_at := now(); end if; return new;",
    ],
)
def test_columns_of_new_that_are_set(body: str) -> None:
    assert effects(body, "UPDATE").sets == {"updated_at"}


@pytest.mark.parametrize(
    "body",
    [
        "if tg_op = 'INSERT' then new.updated_at := now(); end if; return new;",
        "case tg_op when 'INSERT' then new.updated_at := now(); else null; end case; return new;",
        "case when tg_op <> 'UPDATE' then new.updated_at := now(); else null; end case; return new;",
        "if tg_op = 'UPDATE' then return new; else new.updated_at := now(); end if; return new;",
        "return new; new.updated_at := now();",
        "old.updated_at := now(); return new;",
        "perform now() as updated_at; return new;",
    ],
)
def test_columns_that_are_not_set_for_this_operation(body: str) -> None:
    assert effects(body, "UPDATE").sets == frozenset()


def test_a_quoted_column_keeps_its_case() -> None:
    assert effects('new."updatedAt" := now(); new."a.b := c" := 1; return new;').sets == {"updatedAt", "a.b := c"}


@pytest.mark.parametrize(
    ("body", "remakes"),
    [
        ("new := jsonb_populate_record(new, '{}'); return new;", True),
        ("return jsonb_populate_record(new, '{}');", True),
        ("select t.* into new from t; return new;", True),
        ("return coalesce(new, old);", False),
        ("return case when tg_op = 'DELETE' then old else new end;", False),
        ("new.a := 1; return new;", False),
    ],
)
def test_rows_that_are_made_anew(body: str, remakes: bool) -> None:
    assert effects(body).remakes_row is remakes


def test_where_it_writes_and_what_it_calls() -> None:
    found = effects(
        """
        insert into audit.log values (old.id);
        with moved as (delete from a returning *) insert into "B c" select * from moved;
        update t set touched = now();
        for r in select * from audit.rows() loop perform ops.append(r); end loop;
        call notify_all();
        x := audit.last();
        return null;
        """,
        declare="declare r record; x bigint;",
    )
    assert found.inserts_into == {("audit", "log"), ("", "B c")}
    assert found.updates == {("", "t", "touched")}
    assert {("audit", "rows"), ("ops", "append"), ("", "notify_all"), ("audit", "last")} <= found.calls
    assert not found.runs_dynamic_sql


def test_only_branches_of_the_operation_write() -> None:
    body = """
        if tg_op = 'DELETE' then insert into log values (1);
        elsif tg_op = 'UPDATE' then insert into other values (1);
        end if;
        return null;
    """
    assert effects(body, "DELETE").inserts_into == {("", "log")}
    assert effects(body, "TRUNCATE").inserts_into == frozenset()
    assert effects(body).inserts_into == {("", "log"), ("", "other")}


@pytest.mark.parametrize(
    "body", ["execute format('insert into %I values (1)', tg_table_name); return new;", "return query execute 'select 1';"]
)
def test_sql_that_is_built_at_run_time_is_said_to_be(body: str) -> None:
    definition = f"create function f() returns setof integer language plpgsql as $f$ begin {body.replace('return new;', 'return;')} end $f$"
    assert effects_of_plpgsql(definition).runs_dynamic_sql


@pytest.mark.parametrize(
    ("body", "refuses", "lets_no_row_through"),
    [
        ("raise exception 'no';", True, True),
        ("raise insufficient_privilege using message = 'no'; return old;", True, True),
        ("raise notice 'hm'; return old;", False, False),
        ("return null;", False, True),
        ("if new.a then return null; end if; raise exception 'no';", False, True),
        ("if new.a then return new; end if; raise exception 'no';", False, False),
        ("begin raise exception 'no'; exception when others then null; end; return new;", False, False),
        ("case new.a when 1 then raise exception 'no'; end case; return new;", True, True),
        ("for r in select 1 loop raise exception 'no'; end loop; return new;", False, False),
    ],
)
def test_whether_every_path_stops_the_row(body: str, refuses: bool, lets_no_row_through: bool) -> None:
    found = effects(body, "UPDATE", declare="declare r record;")
    assert (found.refuses, found.lets_no_row_through) == (refuses, lets_no_row_through)


def test_sql_functions() -> None:
    assert effects_of_sql("insert into audit.log values (1); select f(1)").inserts_into == {("audit", "log")}
    assert effects_of_sql("BEGIN ATOMIC INSERT INTO audit.log VALUES (1); END").inserts_into == {("audit", "log")}


@pytest.mark.parametrize("body", ["new.a := ;", "if then", "insert into log valuess (1); return new;"])
def test_what_cannot_be_read_is_refused(body: str) -> None:
    with pytest.raises(SqlSyntaxError):
        effects(body)


def test_braces_in_texts_survive_the_repair_of_the_parsers_json() -> None:
    assert effects("insert into log values ('{{},{}},{}}'::text[], '\\\"{}},'); return new;").inserts_into == {("", "log")}
