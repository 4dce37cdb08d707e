from __future__ import annotations

import pytest

from platformkit_pipeline.sqltext.parser import SqlSyntaxError
from platformkit_pipeline.sqltext.schema_scripts import DeclaredSchema


def declared(*scripts: str) -> DeclaredSchema:
    schema = DeclaredSchema()
    for script in scripts:
        schema.read(script)
    return schema


def test_a_table_has_the_columns_and_keys_of_all_statements_about_it() -> None:
    found = declared(
        "create table a (id int primary key, t text unique, unique (t, id))",
        "alter table public.a add column z uuid, add constraint k unique (z, id); create unique index on a (z);"
        "create unique index on a (t, z) where t <> ''",
    ).tables[("public", "a")]
    assert list(found.columns) == ["id", "t", "z"]
    assert found.primary_key == ("id",)
    assert found.keys == {frozenset(key) for key in ({"id"}, {"t"}, {"t", "id"}, {"z", "id"}, {"z"})}


def test_what_is_renamed_or_dropped_is_followed() -> None:
    found = declared(
        "create schema s; create table s.a (id int primary key, t text); create table b (id int)",
        "alter table s.a rename to c; alter table s.c rename column id to code; alter table s.c drop column t; drop table b",
    )
    assert list(found.tables) == [("s", "c")]
    assert found.tables[("s", "c")].primary_key == ("code",)
    assert list(found.tables[("s", "c")].columns) == ["code"]
    gone = declared("create schema s; create table s.a (); create type s.m as enum (); drop schema s cascade")
    assert (gone.schemas, gone.tables, gone.types) == ({"public"}, {}, set())


def test_if_not_exists_keeps_the_first_table() -> None:
    found = declared("create table a (id int)", "create table if not exists a (other int)")
    assert list(found.tables[("public", "a")].columns) == ["id"]


def test_functions_and_types_are_known_by_name() -> None:
    found = declared(
        "create type mood as enum ('good'); create domain private.word as text; create type pair as (a int);"
        "create function private.f() returns int language sql as 'select 1';",
        "create or replace function private.f() returns int language sql as 'select 2'",
    )
    assert found.types == {("public", "mood"), ("private", "word"), ("public", "pair")}
    assert found.functions[("private", "f")].endswith("'select 2'")


def test_a_script_that_cannot_be_parsed_leaves_no_trace() -> None:
    schema = DeclaredSchema()
    with pytest.raises(SqlSyntaxError):
        schema.read("create table a (id int); create tabel b (id int)")
    assert schema.tables == {}
