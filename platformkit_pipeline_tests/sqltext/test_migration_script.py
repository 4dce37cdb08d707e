from __future__ import annotations

import pytest

from platformkit_pipeline.sqltext.migration_script import (
    MetaCommand,
    Suppression,
    SyntaxFault,
    read_script,
    runs_outside_a_transaction,
    without_suppressions,
)


def lines_of(text: str) -> list[tuple[int, str]]:
    return [(s.line, s.text) for s in read_script(text).statements]


def test_a_statement_begins_at_its_first_word_and_not_at_the_comment_before_it() -> None:
    assert lines_of("-- é\n/* two\nlines */ select 1;\n\n\nselect 'ü';") == [(3, "select 1"), (6, "select 'ü'")]


def test_a_stray_word_hides_only_the_statement_it_stands_in() -> None:
    script = read_script("select 1;\n\nselct\n  2;\nselect 3;")
    assert [s.line for s in script.statements] == [1, 5]
    assert script.faults == (SyntaxFault(3, 'syntax error at or near "selct"'),)


@pytest.mark.parametrize(
    "text", ["create table t (id int);\n中 alter;\n", "create table t (\n", "select 'open;\n", "$$ begin", "create table t (a int,);"]
)
def test_unfinished_sql_is_a_fault_and_no_crash(text: str) -> None:
    assert len(read_script(text).faults) == 1


def test_the_line_of_a_fault_is_counted_in_characters_and_not_in_bytes() -> None:
    assert read_script("-- 中中中中中中中中\nselect 'é';\nselect from from;").faults[0].line == 3


def test_commands_of_psql_are_no_syntax_errors() -> None:
    script = read_script("\\restrict abc\nselect 1;\n  \\connect shop\nselect 2;")
    assert script.meta_commands == (MetaCommand(1, "\\restrict"), MetaCommand(3, "\\connect"))
    assert (script.faults, [s.line for s in script.statements]) == ((), [2, 4])


def test_a_backslash_in_a_string_a_body_or_a_comment_is_no_command() -> None:
    text = "select '\n\\restrict';\ndo $$ begin\n\\x\nend $$;\n/*\n\\y\n*/\nselect E'\\n';"
    assert read_script(text).meta_commands == ()


def test_rows_for_copy_are_told_and_passed_over() -> None:
    script = read_script("copy public.t (a) from stdin;\n1\tdrop table x;\nit's\n\\.\nselect 2;")
    assert script.meta_commands == (MetaCommand(1, "COPY"),)
    assert (script.faults, [(s.line, s.text) for s in script.statements]) == ((), [(5, "select 2")])


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("-- squawk-ignore ban-drop-table", ("ban-drop-table",)),
        ("-- squawk-ignore ban-drop-table, ban-drop-column", ("ban-drop-table", "ban-drop-column")),
        ("/* squawk-ignore ban-drop-table */", ("ban-drop-table",)),
        ("-- squawk-ignore-file", ()),
        ("--squawk-ignore-file ban-drop-table", ("ban-drop-table",)),
    ],
)
def test_a_suppression_is_blanked_and_told_and_nothing_moves(text: str, rules: tuple[str, ...]) -> None:
    whole = f"select 1;\n{text}\ndrop table t;"
    plain, found = without_suppressions(whole)
    assert found == (Suppression(2, rules),)
    assert "squawk" not in plain
    assert (len(plain), plain.count("\n")) == (len(whole), whole.count("\n"))
    assert plain.endswith("\ndrop table t;")


@pytest.mark.parametrize(
    "text", ["select 'squawk-ignore ban-drop-table';", "-- see squawk-ignore in the manual", 'select 1 as "squawk-ignore";']
)
def test_a_text_that_only_mentions_a_suppression_stays_as_it_is(text: str) -> None:
    assert without_suppressions(text) == (text, ())


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("create index concurrently i on t (a);", True),
        ("set lock_timeout = '2s'; drop index concurrently i; create index concurrently i on t (a);", True),
        ("reindex (concurrently) table t;", True),
        ("reindex table concurrently t;", True),
        ("alter table t detach partition p concurrently;", True),
        ("create index concurrently i on t (a); select 1;", False),
        ("create index i on t (a);", False),
        ("alter table t detach partition p;", False),
        ("set lock_timeout = '2s';", False),
        ("", False),
    ],
)
def test_a_file_runs_outside_a_transaction_when_all_of_it_has_to(text: str, alone: bool) -> None:
    assert runs_outside_a_transaction(read_script(text)) is alone
