"""Definitions that are put together from catalogue columns are, to the letter, those that the server prints."""

from __future__ import annotations

import pytest

from platformkit_pipeline.introspection.postgres.connection import connect
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn

TABLE_NAME = 'public."Odd, ta""ble"'
TABLE = """
create extension if not exists citext;
create type public.mood as enum ('fine');
create domain public.code as text;
create domain public.own_order as text collate "C";
create domain public.counted as integer;
create function public.compared(public.counted, public.counted) returns integer language internal immutable strict as 'btint4cmp';
create operator class public.counted_ops default for type public.counted using btree as
  function 1 (public.counted, public.counted) public.compared(public.counted, public.counted);
create table public."Odd, ta""ble" (
  id uuid primary key, n integer, big bigint, at timestamptz, t text, v varchar(9), c char(3), ci citext, na name, o oid, r regclass,
  m public.mood, d public.code, w public.own_order, sorted text collate "C", a integer[], j jsonb, b bit(4),
  i inet, ci2 cidr, f float8, words tsvector, k public.counted
);
"""

KEYS = [
    "n",
    "big desc, at",
    "t",
    "t text_pattern_ops",
    't collate "C"',
    "sorted",
    'sorted collate "default"',
    "v",
    "v varchar_ops",
    "v varchar_pattern_ops",
    "c",
    "ci",
    "ci text_ops",
    "na",
    'na collate "default"',
    "o",
    "r",
    "r oid_ops",
    "m",
    "m desc nulls last",
    "d",
    'd collate "C"',
    "w",
    "a",
    "j",
    "b",
    "b varbit_ops",
    "i",
    "ci2",
    "ci2 cidr_ops",
    "k",
    "k public.counted_ops",
    "n, k public.counted_ops",
    "f, n, at desc",
    "f, n, at, big",
    "id, t, n nulls first",
    "lower(t)",
    "n) include (t",
    "n) where (m = 'fine' and t <> 'x'",
]
METHODS = [
    *("hash (n)", "hash (t)", "gin (a)", "gin (j jsonb_path_ops)", "gin (j)", "brin (at)"),
    *("brin (at timestamptz_minmax_multi_ops)", "gist (i inet_ops)", "gist (words)", "gist (words tsvector_ops (siglen=100))"),
]

TRIGGERS = [
    "before insert on {} for each row execute function public.touch()",
    "after insert or update or delete on {} for each statement execute function public.touch()",
    "after truncate on {} execute function public.touch()",
    "before update of n, t on {} for each row execute function public.touch()",
    "before update on {} for each row when (old.n is distinct from new.n) execute function public.touch()",
    "before update on {} for each row execute function public.touch('with', 'arguments')",
    "before update on {} for each row execute function pg_catalog.suppress_redundant_updates_trigger()",
    "after update on {} referencing old table as gone new table as come for each statement execute function public.touch()",
    'after delete on {} for each row execute function "Odd schema"."odd fun""ction"()',
]


@pytest.fixture
def database(blank_database: Dsn) -> Dsn:
    with connect(blank_database) as connection:
        connection.execute("set client_min_messages = error")
        connection.execute(TABLE.encode())
    return blank_database


def test_indexes_of_every_kind_of_key(database: Dsn) -> None:
    with connect(database) as connection:
        for number, keys in enumerate([*(f"btree ({keys})" for keys in KEYS), *METHODS]):
            connection.execute(f'create index "i {number}" on {TABLE_NAME} using {keys}'.encode())
        connection.execute("set search_path = pg_catalog")
        printed: dict[str, str] = dict(
            connection.execute("select relname, pg_get_indexdef(oid) from pg_class where relname like 'i %'").fetchall()
        )
    found = {index.name: index.definition for index in observe(database).indexes if index.name in printed}
    assert len(found) == len(KEYS) + len(METHODS)
    assert found == printed


def test_triggers_of_every_kind(database: Dsn) -> None:
    with connect(database) as connection:
        connection.execute("create function public.touch() returns trigger language plpgsql as 'begin return new; end'")
        connection.execute('create schema "Odd schema"')
        connection.execute('create function "Odd schema"."odd fun""ction"() returns trigger language plpgsql as $$begin return new; end$$')
        for number, definition in enumerate(TRIGGERS):
            text = definition.format(TABLE_NAME)
            connection.execute(f'create trigger "Trigger {number}" {text}'.encode())
        connection.execute(
            "create constraint trigger later after insert on " + TABLE_NAME + " deferrable initially deferred "
            "for each row execute function public.touch()"
        )
        connection.execute("set search_path = pg_catalog")
        printed: dict[str, str] = dict(
            connection.execute("select tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal").fetchall()
        )
    found = {trigger.name: trigger.definition for trigger in observe(database).triggers}
    assert len(found) == len(TRIGGERS) + 1
    assert found == printed
