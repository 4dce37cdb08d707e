from __future__ import annotations

import pytest

from platformkit_pipeline.sqltext.parser import parse_statement
from platformkit_pipeline.sqltext.transaction_blocks import may_stand_in_transaction, streams_rows


@pytest.mark.parametrize(
    "sql",
    [
        "create index concurrently i on t (c)",
        "drop index concurrently i",
        "reindex table concurrently t",
        "reindex schema public",
        "reindex database d",
        "vacuum",
        "vacuum (analyze) t",
        "alter table t detach partition p concurrently",
        "create database d",
        "drop database d",
        "alter system set work_mem = '1GB'",
        "create subscription s connection '' publication p",
    ],
)
def test_what_postgresql_refuses_in_a_block_is_told(sql: str) -> None:
    assert not may_stand_in_transaction(parse_statement(sql))


@pytest.mark.parametrize(
    "sql",
    [
        "create index i on t (c)",
        "drop index i",
        "drop table t",
        "reindex table t",
        "analyze t",
        "alter table t detach partition p",
        "alter table t add column c int",
        "alter type e add value 'x'",
        "refresh materialized view concurrently m",
        "copy t to program 'x'",
    ],
)
def test_the_rest_may_stand_there(sql: str) -> None:
    assert may_stand_in_transaction(parse_statement(sql))


@pytest.mark.parametrize(
    ("sql", "streams"), [("copy t from stdin", True), ("copy t to stdout", True), ("copy t to '/f'", False), ("select 1", False)]
)
def test_rows_stream_where_copy_names_no_file(sql: str, streams: bool) -> None:
    assert streams_rows(parse_statement(sql)) is streams
