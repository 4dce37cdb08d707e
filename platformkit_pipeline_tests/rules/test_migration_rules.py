"""Rules about migrations beyond their own examples: what must be found, next to what must not."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from platformkit_pipeline.model.migration import MigrationFile, MigrationSet, SquawkReport
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.operations.self_test_migrations import complaints_about, judged_example
from platformkit_pipeline.rules.breaking_changes import widens
from platformkit_pipeline.rules.migration_subject import MigrationSubject
from platformkit_pipeline.rules.registry import Rule, rules_about_files
from platformkit_pipeline.sqltext.migration_actions import Action, FunctionCalled

ROOT = Path(__file__).resolve().parent.parent.parent
SECRET = "sbp_" + hashlib.sha1(b"a token of nobody").hexdigest()  # noqa: S324 - the form of a token is wanted, no digest
ON = "alter table public.{} enable row level security;"
NOTES = f"create table public.notes (id bigint primary key, body text, size int, name varchar(20));\n{ON.format('notes')}\n"
APPLIED = f"-- applied: 20240101000000_notes.sql\n{NOTES}"
CHANGE = f"{APPLIED}-- file: 20240102000000_change.sql\n"


def found(example: str, code: str) -> list[Result]:
    return [r for r in judged_example(example) if r.rule == code and r.is_finding]


def acts(text: str) -> tuple[Action, ...]:
    """Of one file, with those of the functions that it calls."""
    file = MigrationFile("1_a.sql", "1", "a", text)
    return MigrationSubject(MigrationSet(files=(file,)), SquawkReport()).migrations[0].actions


def outcomes(example: str, code: str) -> list[Outcome]:
    return [r.outcome for r in found(example, code)]


@pytest.mark.parametrize("rule", rules_about_files(), ids=lambda rule: rule.code)
def test_every_rule_does_what_its_examples_say(rule: Rule) -> None:
    assert list(complaints_about(rule)) == []


def test_a_scan_of_a_database_neither_loads_nor_applies_rules_about_files() -> None:
    code = (
        "import sys\nfrom platformkit_pipeline.rules.registry import Scope, rules_for\n"
        "rules = rules_for(Scope.PROJECT)\nassert rules\nassert not [r for r in rules if r.code.startswith('MIG')]\n"
        "assert not [name for name in sys.modules if 'rules.migration' in name]"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


# -- data ------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "statement",
    [
        "drop table public.notes;",
        "drop table if exists notes cascade;",
        "alter table notes drop column body;",
        "truncate notes;",
        "drop schema public cascade;",
        "alter table notes alter column size type smallint;",
        "alter table notes alter column name type varchar(10);",
        "drop owned by someone;",
        "drop type mood cascade;",
        "do $$ begin drop table public.notes; end $$;",
        "do $$ begin if true then execute 'drop table public.notes'; end if; end $$;",
        "do $$ begin execute format('drop table %I', 'notes'); end $$;",
        "insert into other select * from elsewhere; drop table notes;",
        "drop table notes; create table other as select * from notes;",
        "insert into other (body) select body from notes; alter table notes drop column size;",
    ],
)
def test_loss_of_data_that_nothing_copied_is_found(statement: str) -> None:
    assert outcomes(CHANGE + statement, "MIG110") == [Outcome.FAIL]


@pytest.mark.parametrize(
    "statement",
    [
        "insert into other select * from notes; drop table notes;",
        "create table other as select * from notes; drop table notes;",
        "update other set body = n.body from notes n where n.id = other.id; alter table notes drop column body;",
        "insert into other (body) select body from public.notes; alter table notes drop column body;",
        "insert into other select n.* from notes n; truncate notes;",
        "create table tmp (id int); drop table tmp;",
        "create temp table tmp (id int); drop table tmp;",
        "alter table notes alter column size type bigint;",
        "alter table notes alter column name type text;",
        "alter table notes alter column name type varchar(30);",
        "insert into other select * from notes; alter table notes rename to notes_old; drop table notes_old;",
        "drop policy if exists p on notes; drop index if exists i; drop trigger if exists t on notes;",
        "do $$ begin insert into other select * from notes; drop table notes; end $$;",
    ],
)
def test_what_was_copied_before_or_loses_nothing_is_no_loss(statement: str) -> None:
    assert outcomes(CHANGE + statement, "MIG110") == []


def test_a_copy_in_an_earlier_new_file_counts_and_one_in_an_applied_file_does_not() -> None:
    copy, drop = "insert into other select * from notes;", "drop table notes;"
    assert outcomes(f"{APPLIED}-- file: 20240102000000_a.sql\n{copy}\n-- file: 20240103000000_b.sql\n{drop}", "MIG110") == []
    assert outcomes(f"{APPLIED}{copy}\n-- file: 20240103000000_b.sql\n{drop}", "MIG110") == [Outcome.FAIL]


def test_a_type_that_no_file_tells_is_unknown_and_not_fine() -> None:
    assert outcomes("alter table elsewhere alter column a type int;", "MIG110") == [Outcome.UNKNOWN]
    assert outcomes("alter table elsewhere alter column a type text;", "MIG110") == []


@pytest.mark.parametrize(
    ("old", "new", "wider"),
    [
        ("int4", "int8", True),
        ("int8", "int4", False),
        ("varchar(10)", "varchar(20)", True),
        ("varchar(20)", "varchar(10)", False),
        ("varchar(20)", "varchar", True),
        ("varchar", "varchar(20)", False),
        ("text", "varchar(20)", False),
        ("text", "varchar", False),
        ("numeric(5,2)", "numeric(7,2)", True),
        ("numeric(5,2)", "numeric(5,3)", False),
        ("numeric(5,2)", "numeric", True),
        ("numeric", "numeric(5,2)", False),
        ("int4", "numeric(5,2)", False),
        ("timestamptz", "date", False),
        ("uuid", "text", True),
        ("text", "uuid", False),
        (None, "int4", False),
    ],
)
def test_which_types_hold_every_value_of_another(old: str | None, new: str, wider: bool) -> None:
    assert widens(old, new) is wider


# -- NOT NULL ----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("alter table notes add column a int not null;", 1),
        ("alter table notes add column a int not null default null;", 1),
        ("alter table notes alter column body set not null;", 1),
        ("alter table notes alter column body set not null; update notes set body = '' where body is null;", 1),
        ("alter table notes add column a int not null default 0;", 0),
        ("alter table notes add column a bigint generated always as identity;", 0),
        ("alter table notes add column a int; update notes set a = 1 where a is null; alter table notes alter column a set not null;", 0),
        ("alter table notes add column a int default 0; alter table notes alter column a set not null;", 0),
        ("create table fresh (a int); alter table fresh alter column a set not null; alter table fresh add column b int not null;", 0),
        ("alter table notes add column a int;", 0),
    ],
)
def test_not_null_needs_values_for_the_rows_that_are_there(statement: str, expected: int) -> None:
    assert len(found(CHANGE + statement, "MIG111")) == expected


# -- rollback and approval -----------------------------------------------------------------------------------------------------
DROP = "insert into other select * from notes; drop table notes;\n"


@pytest.mark.parametrize(
    ("rest", "missing"),
    [
        ("", True),
        ("-- rollback: 20240102000000_change.sql\ncreate table notes (id bigint);", False),
        ("-- rollback: 20240109000000_other.sql\ncreate table notes (id bigint);", True),
        ("-- rollback: 20240102000000_change.sql\ncreate tabel notes;", True),
        ("-- rollback: 20240102000000_change.sql\n-- nothing", True),
        ("-- platformkit:rollback\n-- create table notes (id bigint);\n", False),
        ("-- platformkit:rollback\n-- just restore the backup\n", True),
        ("-- platformkit:rollback\n", True),
    ],
)
def test_a_breaking_change_needs_a_rollback_that_parses(rest: str, missing: bool) -> None:
    assert bool(found(CHANGE + DROP + rest, "MIG112")) is missing
    assert len(found(CHANGE + DROP + rest, "MIG114")) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "create or replace view v as select 1; drop view v; create view v as select 2;",
        "drop function if exists f(int); create function f(a int, b int) returns int language sql as 'select 1';",
        "alter table notes add column a text;",
        "create index i on notes (body);",
        "alter table notes enable row level security;",
    ],
)
def test_what_breaks_nobody_needs_no_approval(statement: str) -> None:
    assert found(CHANGE + statement, "MIG114") == []


# -- rows ------------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("update notes set body = 'x';", 1),
        ("delete from notes;", 1),
        ("delete from notes where true;", 1),
        ("update notes set body = 'x' where 1 = 1;", 1),
        ("do $$ begin delete from notes; end $$;", 1),
        ("delete from notes where id = 1;", 0),
        ("create function f() returns void language sql as 'delete from notes';", 0),
    ],
)
def test_a_write_of_every_row_is_found(statement: str, expected: int) -> None:
    assert len(found(CHANGE + statement, "MIG113")) == expected


# -- what is opened ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("grant all on notes to anon;", 1),
        ("grant insert (body) on notes to anon;", 1),
        ("grant update on all tables in schema public to public;", 1),
        ("alter default privileges in schema public grant all on tables to anon;", 1),
        ("do $$ begin execute format('grant all on %I to anon', 'notes'); end $$;", 1),
        ("grant select on notes to anon;", 0),
        ("grant all on notes to authenticated, service_role;", 0),
        ("grant usage on schema public to anon; grant execute on function f() to anon; grant all on sequence s to anon;", 0),
        ("revoke all on notes from anon;", 0),
    ],
)
def test_grants_that_let_strangers_write_are_found(statement: str, expected: int) -> None:
    assert len(found(CHANGE + statement, "MIG120")) == expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("create policy p on notes using (true);", [Outcome.FAIL]),
        ("create policy p on notes for select to anon using ((select true));", [Outcome.FAIL]),
        ("create policy p on notes for insert to authenticated with check (1 = 1);", [Outcome.FAIL]),
        ("create policy p on notes for update to authenticated using (id = 1) with check (true);", [Outcome.FAIL]),
        ("create policy p on notes to authenticated using (id = 1); alter policy p on notes using (true);", [Outcome.FAIL]),
        ("alter policy q on notes using (true);", [Outcome.UNKNOWN]),
        ("create policy p on notes to service_role using (true);", []),
        ("create policy p on notes as restrictive to anon using (true);", []),
        ("create policy p on notes to authenticated using (id = 1); alter policy p on notes rename to q;", []),
        ("create policy p on notes for select to anon using (true); comment on table notes is 'platformkit:public-read menu';", []),
        ("create policy p on notes for select to anon using (true); comment on table notes is 'platformkit:public-read';", [Outcome.FAIL]),
        ("create policy p on notes to anon using (true); comment on table notes is 'platformkit:public-read menu';", [Outcome.FAIL]),
    ],
)
def test_policies_that_let_every_row_through_are_found(statement: str, expected: list[Outcome]) -> None:
    assert outcomes(CHANGE + statement, "MIG121") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("create table a (id int);", [Outcome.FAIL]),
        (f"create table a (id int); {ON.format('a')}", []),
        ("create table a (id int); alter table a disable row level security;", [Outcome.FAIL]),
        ("create table private.a (id int);", []),
        ("create temp table a (id int);", []),
        ("set search_path = private; create table a (id int);", []),
        ("select pg_catalog.set_config('search_path', '', false); create table public.a (id int);", [Outcome.FAIL]),
        ("create table a as select 1 as id;", [Outcome.FAIL]),
        ("create table a (id int); drop table a;", []),
        (f"create table a (id int); alter table a rename to b; {ON.format('b')}", []),
        ("create table a (id int); alter table a set schema private;", []),
        ("create table private.a (id int); alter table private.a set schema public;", [Outcome.FAIL]),
        (f"create table a (id int) partition by list (id); {ON.format('a')} create table a1 partition of a default;", [Outcome.FAIL]),
        ("do $$ begin create table a (id int); end $$;", [Outcome.FAIL]),
        (f"create table a (id int); do $$ begin {ON.format('a')} end $$;", []),
        (f"create table a (id int); do $$ begin if random() > 1 then {ON.format('a')} end if; end $$;", [Outcome.UNKNOWN]),
        (
            "create table a (id int); do $$ declare t text; begin for t in select 'a' loop "
            "execute format('alter table public.%I enable row level security', t); end loop; end $$;",
            [Outcome.UNKNOWN],
        ),
        ("create table a (id int); do $$ begin execute 'alter table ' || x || ' enable row level security'; end $$;", [Outcome.UNKNOWN]),
        ("create table a (id int); do $$ begin execute 'comment on ' || x; end $$;", [Outcome.FAIL]),
        ("create table a (id int); do language plpython3u $$ import x $$;", [Outcome.FAIL]),
        (
            "create function rls() returns void language plpgsql as $$ begin execute 'alter table a enable row level security'; end $$; "
            "create table a (id int); select rls();",
            [],
        ),
        (
            "create function rls() returns void language plpgsql as "
            "$$ begin execute format('alter table %s enable row level security', 'a'); end $$; "
            "create table a (id int); select rls();",
            [Outcome.UNKNOWN],
        ),
        (
            "create function rls() returns event_trigger language plpgsql as "
            "$$ begin execute format('alter table %s enable row level security', 'x'); end $$; "
            "create event trigger rls on ddl_command_end execute function rls(); create table a (id int);",
            [Outcome.UNKNOWN],
        ),
        ("create schema shop create table a (id int);", []),
        (f"create table a (id int); {ON.format('a')} create table if not exists a (id int);", []),
    ],
)
def test_a_table_is_judged_by_what_it_is_at_the_end(text: str, expected: list[Outcome]) -> None:
    assert outcomes(text, "MIG123") == expected


def test_a_later_file_may_switch_row_level_security_on() -> None:
    assert (
        outcomes(f"-- file: 20240101000000_a.sql\ncreate table a (id int);\n-- file: 20240102000000_b.sql\n{ON.format('a')}", "MIG123")
        == []
    )


# -- functions, views, extensions ----------------------------------------------------------------------------------------------
FUNCTION = "create or replace function f(a int) returns int language sql {} as 'select 1';\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (FUNCTION.format("security definer"), 1),
        (FUNCTION.format("security definer set search_path = ''"), 0),
        (FUNCTION.format("security definer set search_path to public"), 0),
        (FUNCTION.format(""), 0),
        (FUNCTION.format("security definer") + "alter function f(int) set search_path = '';", 0),
        (FUNCTION.format("security definer") + "alter function f set search_path = '';", 0),
        (FUNCTION.format("security definer") + "alter function f(text) set search_path = '';", 1),
        (FUNCTION.format("security definer") + "drop function f(int);", 0),
        (FUNCTION.format("") + "alter function f(int) security definer;", 1),
        (FUNCTION.format("security definer set search_path = ''") + "alter function f(int) reset search_path;", 1),
        ("create function f() returns int language sql security definer begin atomic select 1; end;", 0),
        ("do $$ begin create function f() returns int language sql security definer as 'select 1'; end $$;", 1),
    ],
)
def test_a_definer_function_needs_a_fixed_search_path_in_the_end(text: str, expected: int) -> None:
    assert len(found(text, "MIG124")) == expected


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (FUNCTION.format("set search_path = ''"), FUNCTION.format(""), 1),
        (FUNCTION.format("set search_path = ''"), FUNCTION.format("set search_path = public"), 0),
        (FUNCTION.format("set search_path = ''"), FUNCTION.format("") + "alter function f(int) set search_path = '';", 0),
        (FUNCTION.format("") + "alter function f(int) set search_path = '';", FUNCTION.format(""), 1),
        (FUNCTION.format("set search_path = ''"), FUNCTION.format("").replace("a int", "a text"), 0),
        ("create view v with (security_invoker = true) as select 1;", "create or replace view v as select 2;", 1),
        ("create view v as select 1; alter view v set (security_invoker = on);", "create or replace view v as select 2;", 1),
        ("create view v with (security_invoker) as select 1;", "create or replace view v with (security_invoker) as select 2;", 0),
        ("create view v with (security_invoker) as select 1;", "create or replace view v with (security_invoker = off) as select 2;", 1),
        ("create view v as select 1;", "create or replace view v as select 2;", 0),
    ],
)
def test_a_new_text_must_not_lose_what_protected_the_old_one(first: str, second: str, expected: int) -> None:
    files = f"-- applied: 20240101000000_a.sql\n{first}\n-- file: 20240102000000_b.sql\n{second}"
    assert len(found(files, "MIG125")) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("create extension pg_trgm;", 1),
        ("create extension pg_trgm with schema public;", 1),
        ("create extension pg_trgm with schema extensions;", 0),
        ("create extension pg_trgm; alter extension pg_trgm set schema extensions;", 0),
        ("create extension pg_cron;", 0),
    ],
)
def test_extensions_belong_into_a_schema_of_their_own(text: str, expected: int) -> None:
    assert len(found(text, "MIG126")) == expected


# -- files ------------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("create table if not exists a (id int); create index on a (id);", 1),
        ("drop table if exists a; create table a (id int); create index i on a (id);", 0),
        ("create policy p on notes using (false);", 1),
        ("drop policy if exists p on notes; create policy p on notes using (false);", 0),
        ("drop policy p on notes;", 1),
        ("do $$ begin create type mood as enum ('a'); exception when duplicate_object then null; end $$;", 0),
        ("do $$ begin if not exists (select from pg_type) then create type mood as enum ('a'); end if; end $$;", 0),
        ("do $$ begin if to_regtype('mood') is not null then return; end if; create type mood as enum ('a'); end $$;", 0),
        ("do $$ begin create type mood as enum ('a'); end $$;", 1),
        ("do $$ begin create type mood as enum ('a'); return; end $$;", 1),
        ("insert into notes values (1);", 1),
        ("insert into notes values (1) on conflict do nothing;", 0),
        ("insert into notes select 1 where not exists (select from notes);", 0),
        ("create or replace function f() returns int language sql as 'select 1';", 0),
        ("create trigger t before insert on notes for each row execute function f();", 1),
        ("create or replace trigger t before insert on notes for each row execute function f();", 0),
        ("alter type mood add value 'x';", 1),
        ("alter table notes add column a int; alter table notes drop column b;", 2),
        ("alter table notes add column if not exists a int; alter table notes drop column if exists b;", 0),
    ],
)
def test_what_cannot_be_run_again_is_found(statement: str, expected: int) -> None:
    assert len(found(CHANGE + statement, "MIG115")) == expected


def test_settings_of_newer_servers_and_psql_commands_of_a_dump_are_told_apart_from_syntax_errors() -> None:
    dump = (
        "\\restrict abc\nset transaction_timeout = 0;\nselect pg_catalog.set_config('search_path', '', false);\n"
        "grant maintain on notes to me;"
    )
    assert [r.evidence["line"] for r in found(dump, "MIG107")] == [3, 5]  # a line of timeouts stands before
    assert len(found(dump, "MIG102")) == 1
    assert found(dump, "MIG101") == []


def test_a_secret_is_named_by_kind_and_line_and_never_repeated() -> None:
    results = judged_example(f"select 1;\nselect set_config('app.token', '{SECRET}', false);")
    assert [r.rule for r in results if r.is_finding and r.rule == "MIG127"] == ["MIG127"]
    assert SECRET not in repr(results)


def test_a_secret_in_a_text_that_does_not_parse_is_not_repeated_either() -> None:
    results = judged_example(f"create tabel {SECRET};\nselect {SECRET} from from {SECRET};")
    assert any(r.rule == "MIG101" for r in results if r.is_finding)
    assert SECRET not in repr(results)


def test_files_with_dashes_and_shared_dates_are_found() -> None:
    example = "-- file: 20240101000000-a.sql\nselect 1;\n-- file: 20240102_b.sql\nselect 1;\n-- file: 20240102_c.sql\nselect 1;"
    assert [r.object.name for r in found(example, "MIG103")] == ["20240101000000-a.sql"]
    assert [r.object.name for r in found(example, "MIG104")] == ["20240102_b.sql", "20240102_c.sql"]


def test_the_same_fault_twice_is_two_findings_with_identities_of_their_own() -> None:
    twice = found(CHANGE + "delete from notes;\ndelete from notes;", "MIG113")
    assert len({r.object.canonical for r in twice}) == 2


@pytest.mark.parametrize(
    "statement",
    [
        "select " + "1 + " * 20_000 + "1;",
        "select " + "(" * 3_000 + "1" + ")" * 3_000 + ";",
        "update notes set body = 'x' where " + " or ".join(["true"] * 20_000) + ";",
        "do $$ begin perform " + "1 + " * 20_000 + "1; end $$;",
    ],
    ids=["sum", "parentheses", "or", "block"],
)
def test_a_statement_of_any_depth_is_judged_or_said_to_be_too_deep(statement: str) -> None:
    results = judged_example(CHANGE + statement + "\ndelete from notes;")
    assert [r.evidence["line"] for r in results if r.rule == "MIG113" and r.outcome is Outcome.FAIL][-1] == 3 or any(
        r.rule == "MIG101" for r in results if r.is_finding
    )


# -- statements inside of statements ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "statement",
    [
        "with gone as (delete from notes returning *) select count(*) from gone;",
        "with gone as (delete from notes returning *) insert into other select * from gone;",
        "explain (analyze) delete from notes;",
        "prepare p as delete from notes; execute p;",
        "copy (delete from notes returning *) to stdout;",
        "merge into notes n using other o on true when matched then delete;",
    ],
)
def test_a_delete_of_every_row_inside_of_another_statement_is_found(statement: str) -> None:
    assert outcomes(CHANGE + statement, "MIG113") == [Outcome.FAIL]


@pytest.mark.parametrize(
    "statement",
    [
        "explain delete from notes;",
        "with gone as (delete from notes where size < 0 returning *) select count(*) from gone;",
        "merge into notes n using other o on n.id = o.id when matched then delete;",
        "create temp table t as select * from notes; update t set size = 1; delete from t;",
    ],
)
def test_what_is_not_run_or_filtered_or_temporary_is_no_write_of_every_row(statement: str) -> None:
    assert outcomes(CHANGE + statement, "MIG113") == []


def test_a_table_made_by_select_into_has_no_row_level_security() -> None:
    assert outcomes(f"{CHANGE}select * into public.copy from notes;", "MIG123") == [Outcome.FAIL]
    assert outcomes(f"{CHANGE}select * into temp copy from notes;", "MIG123") == []


def test_a_temporary_table_is_not_the_table_of_its_name() -> None:
    assert outcomes(f"{CHANGE}create temp table notes (id int); drop table public.notes;", "MIG110") == [Outcome.FAIL]
    assert outcomes(f"{CHANGE}create temp table notes (id int); drop table notes;", "MIG110") == []


# -- names and types that hide what happens --------------------------------------------------------------------------------
def test_a_table_made_only_if_it_was_not_there_may_hold_rows_of_before() -> None:
    assert outcomes(f"{CHANGE}create table if not exists public.other (id int); drop table public.other;", "MIG110") == [Outcome.FAIL]
    assert outcomes(f"{CHANGE}create table public.other (id int); drop table public.other;", "MIG110") == []


@pytest.mark.parametrize("using", ["null", "left(body, 3)", "'x'"])
def test_a_type_changed_by_an_expression_may_lose_values_whatever_the_type(using: str) -> None:
    assert outcomes(f"{CHANGE}alter table notes alter column body type text using {using};", "MIG110") == [Outcome.UNKNOWN]


@pytest.mark.parametrize("using", ["size", "size::bigint", "(notes.size)::bigint", "size::text::bigint"])
def test_a_cast_of_the_value_itself_loses_nothing(using: str) -> None:
    assert outcomes(f"{CHANGE}alter table notes alter column size type bigint using {using};", "MIG110") == []


def test_a_serial_column_is_an_integer_that_may_become_wider() -> None:
    made = f"-- applied: 20240101000000_a.sql\ncreate table public.a (id serial primary key);\n{ON.format('a')}\n"
    assert outcomes(f"{made}-- file: 20240102000000_b.sql\nalter table a alter column id type bigint;", "MIG110") == []


@pytest.mark.parametrize(
    "statement",
    [
        "alter view public.v rename to w;",
        "alter function public.f() rename to g;",
        "alter function public.f() set schema private;",
        "alter schema public rename to old;",
        "alter type public.mood rename value 'a' to 'b';",
        "alter type public.mood rename to moods;",
    ],
)
def test_a_new_name_for_what_clients_use_needs_approval(statement: str) -> None:
    assert outcomes(CHANGE + statement, "MIG114") == [Outcome.FAIL]


def test_an_attribute_dropped_from_a_composite_type_is_lost() -> None:
    assert outcomes(f"{CHANGE}alter type public.pair drop attribute a cascade;", "MIG110") == [Outcome.FAIL]


def test_a_view_altered_as_a_table_loses_its_protection_too() -> None:
    view = "create view public.v with (security_invoker = true) as select 1 as one;"
    change = "-- file: 20240102000000_b.sql\nalter table public.v {}"
    for statement in ("set (security_invoker = false);", "reset (security_invoker);"):
        assert outcomes(f"-- applied: 20240101000000_a.sql\n{view}\n{change.format(statement)}", "MIG125") == [Outcome.FAIL]


def test_the_file_that_moves_a_table_within_reach_answers_for_its_row_level_security() -> None:
    made = "-- applied: 20240101000000_a.sql\ncreate table private.secrets (id uuid primary key);\n-- file: 20240102000000_b.sql\n"
    move = "alter table private.secrets set schema public;"
    assert outcomes(made + move, "MIG123") == [Outcome.FAIL]
    assert outcomes(f"{made}alter table private.secrets enable row level security; {move}", "MIG123") == []


def test_the_clock_of_the_catalogue_is_no_volatile_default_and_attaching_goes_with_building() -> None:
    add = "alter table notes add column if not exists at timestamptz not null default {};"
    assert outcomes(CHANGE + add.format("pg_catalog.now()"), "MIG004") == []
    assert outcomes(CHANGE + add.format("pg_catalog.clock_timestamp()"), "MIG004") == [Outcome.FAIL]
    build = "create index concurrently if not exists p_i on public.p (id);"
    assert outcomes(f"{CHANGE}{build} alter index public.i attach partition public.p_i;", "MIG024") == []
    assert outcomes(f"{CHANGE}{build} drop table public.p;", "MIG024") == [Outcome.FAIL]


def test_what_the_cli_never_ran_may_be_edited_and_renamed() -> None:
    never_run = "-- applied: {0}\nselect 1;\n-- file: {0}\nselect 2;"
    assert outcomes(never_run.format("20240101000000-notes.sql"), "MIG106") == []
    assert outcomes(never_run.format("20240101000000_notes.sql"), "MIG106") == [Outcome.FAIL]


def test_a_rollback_section_may_have_the_line_ends_of_windows() -> None:
    section = (
        "alter table notes rename column body to content;\n-- platformkit:rollback\n-- alter table notes rename column content to body;\n"
    )
    assert outcomes(CHANGE + section, "MIG112") == []
    assert outcomes(CHANGE + section.replace("\n", "\r\n"), "MIG112") == []


# -- roles -----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "statement",
    [
        "grant service_role to anon;",
        "grant postgres to authenticated with inherit true;",
        "alter role authenticated bypassrls;",
        "create role helper role anon;",
        "alter group service_role add user anon;",
        "alter table notes owner to authenticated;",
        "alter function public.f() owner to anon;",
        "reassign owned by postgres to anon;",
        "grant create on schema public to anon;",
        "grant all on schema public to authenticated;",
        "do $$ begin execute 'grant service_role to anon'; end $$;",
    ],
)
def test_rights_of_others_for_client_roles_are_found(statement: str) -> None:
    assert outcomes(CHANGE + statement, "MIG128") == [Outcome.FAIL]


@pytest.mark.parametrize(
    "statement",
    [
        "grant anon to authenticator;",
        "grant anon, authenticated to postgres;",
        "revoke service_role from anon;",
        "alter role anon nobypassrls;",
        "alter role anon set statement_timeout = '3s';",
        "create role worker bypassrls;",
        "alter table notes owner to postgres;",
        "grant usage on schema public to anon, authenticated;",
        "grant all on schema private to service_role;",
        "revoke create on schema public from public;",
    ],
)
def test_roles_of_the_server_side_and_usage_are_fine(statement: str) -> None:
    assert outcomes(CHANGE + statement, "MIG128") == []


# -- functions that a file calls -------------------------------------------------------------------------------------------
DROPS = "create function public.clear(a int) returns void language {} as $$ {} $$;\n"


@pytest.mark.parametrize("call", ["select public.clear(1);", "select clear(1);", "do $$ begin perform public.clear(1); end $$;"])
@pytest.mark.parametrize(
    ("language", "body"),
    [("sql", "drop table public.notes"), ("plpgsql", "begin if a > 0 then a := 2; end if; drop table public.notes; end")],
)
def test_what_a_called_function_of_the_set_does_counts_where_it_is_called(language: str, body: str, call: str) -> None:
    change = CHANGE + DROPS.format(language, body)
    assert outcomes(change, "MIG110") == []
    assert outcomes(change + call, "MIG110") == [Outcome.FAIL]


def test_a_function_of_an_earlier_file_and_a_procedure_are_followed_too() -> None:
    earlier = APPLIED + DROPS.format("sql", "delete from public.notes") + "-- file: 20240102000000_b.sql\n"
    assert outcomes(f"{earlier}select public.clear(1);", "MIG113") == [Outcome.FAIL]
    assert outcomes(f"{earlier}select private.clear(1);", "MIG113") == []
    off = "create procedure public.off() language plpgsql as $$ begin alter table public.notes disable row level security; end $$;"
    assert outcomes(f"{CHANGE}{off} call public.off();", "MIG122") == [Outcome.FAIL]


def test_functions_that_call_each_other_are_followed_once() -> None:
    a = "create function public.a() returns void language plpgsql as $$ begin perform public.b(); end $$;"
    b = "create function public.b() returns void language plpgsql as $$ begin truncate public.notes; perform public.a(); end $$;"
    assert outcomes(f"{CHANGE}{a}{b} select public.a();", "MIG110") == [Outcome.FAIL]


def test_a_called_body_that_cannot_be_followed_is_unknown() -> None:
    change = CHANGE + DROPS.format("plpgsql", "begin execute current_setting('a.b'); end")
    assert outcomes(change, "MIG117") == []
    assert outcomes(f"{change}select public.clear(1);", "MIG117") == [Outcome.UNKNOWN]


def test_sql_that_is_given_to_a_function_that_executes_it_is_read() -> None:
    assert outcomes(f"{CHANGE}select dblink_exec('dbname=postgres', 'drop table public.notes');", "MIG110") == [Outcome.FAIL]
    assert outcomes(f"{CHANGE}select query_to_xml('delete from ' || 'x', true, true, '');", "MIG117") == [Outcome.UNKNOWN]
    assert outcomes(f"{CHANGE}select cron.schedule('n', '0 3 * * *', 'delete from public.notes');", "MIG113") == []


@pytest.mark.parametrize(
    "block",
    [
        "declare r record; begin for r in execute 'delete from public.notes returning 1' loop null; end loop; end",
        "declare r record; begin for r in delete from public.notes returning 1 loop null; end loop; end",
        "declare c refcursor; begin open c for execute 'delete from public.notes returning 1'; end",
        "declare i int; begin i := public.empty(); end",
        "declare i int := public.empty(); begin null; end",
        "begin if public.empty() > 0 then null; end if; end",
    ],
)
def test_a_write_in_a_loop_a_cursor_or_an_expression_of_a_block_is_found(block: str) -> None:
    made = "create function public.empty() returns int language sql as $$ delete from public.notes returning 1 $$;"
    assert outcomes(f"{CHANGE}{made} do $x$ {block} $x$;", "MIG113") == [Outcome.FAIL]


def test_a_function_that_an_insert_calls_is_followed_at_the_line_of_the_call() -> None:
    made = "create function public.empty() returns int language sql as $$ delete from public.notes returning 1 $$;\n"
    assert [r.evidence["line"] for r in found(f"{CHANGE}{made}insert into other select public.empty();", "MIG113")] == [3]


@pytest.mark.parametrize(
    "statement",
    ["create schema s authorization anon;", "grant select on auth.users to anon;", "grant select on all tables in schema vault to public;"],
)
def test_schemas_of_client_roles_and_tables_of_accounts_are_found(statement: str) -> None:
    assert outcomes(CHANGE + statement, "MIG128") == [Outcome.FAIL]


def test_functions_that_call_each_other_in_many_ways_are_followed_once_each() -> None:
    body = "create function public.f{}() returns void language plpgsql as $$ begin perform public.f{}(); perform public.f{}(); end $$;\n"
    made = "".join(body.format(n, n - 1, n - 2) for n in range(2, 60))
    assert len([a for a in acts(f"{made}select public.f59();") if isinstance(a, FunctionCalled)]) == 1 + 2 * 58
