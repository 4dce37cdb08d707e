from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platformkit_pipeline.sqltext.column_types import ColumnType, read_column_type
from platformkit_pipeline.sqltext.parser import SqlSyntaxError, parse_statements


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("int", ColumnType("int", None, "int4")),
        ("NUMERIC(12,2)", ColumnType("numeric(12, 2)", None, "numeric")),
        ("timestamp with time zone", ColumnType("timestamp with time zone", None, "timestamptz")),
        ("text[]", ColumnType("text[]", None, "text")),
        ("extensions.vector(3)", ColumnType("extensions.vector(3)", "extensions", "vector")),
        ('"Mixed"', ColumnType('"Mixed"', None, "Mixed")),
        ("int /* whole */", ColumnType("int", None, "int4")),
    ],
)
def test_a_type_is_read_and_printed_by_the_grammar(text: str, expected: ColumnType) -> None:
    assert read_column_type(text) == expected
    assert read_column_type(expected.text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "int)",
        "int; select 1",
        "int not null",
        "int default 1",
        "int primary key",
        "int references t",
        "int, d int",
        'text collate "C"',
        "int) inherits (p",
        "int) with (fillfactor = 10",
        "int --",
        "setof int",
        "int); drop table t; create table u (c int",
    ],
)
def test_anything_more_than_a_type_is_refused(text: str) -> None:
    with pytest.raises(SqlSyntaxError):
        read_column_type(text)


_PIECES = (
    "int",
    "text",
    "numeric",
    "(",
    ")",
    "1",
    ",",
    "[]",
    ";",
    "--",
    "/*",
    "*/",
    "'",
    '"',
    "$$",
    "\n",
    " ",
    "not null",
    "default",
    "drop table t",
    "x",
    ".",
)


@given(st.lists(st.sampled_from(_PIECES), max_size=8).map("".join))
def test_whatever_is_accepted_stays_one_column_of_one_statement(text: str) -> None:
    try:
        accepted = read_column_type(text)
    except SqlSyntaxError:
        return
    (statement,) = parse_statements(f"create table t (c {accepted.text} not null, d int)")
    assert [element.column_def.colname for element in statement.table_elts] == ["c", "d"]
    assert [len(element.column_def.constraints) for element in statement.table_elts] == [1, 0]
