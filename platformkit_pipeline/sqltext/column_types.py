"""The type of a column, as a person writes it: is it one type and nothing else, and which."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import postgast
from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.parser import CACHE_SIZE, SqlSyntaxError, kind, parse_statement, string_parts, unwrap

_BEFORE, _AFTER = "CREATE TABLE t (c ", ")"
_OF_A_PLAIN_COLUMN = frozenset({"colname", "type_name", "is_local", "location"})
_OF_A_PLAIN_TABLE = frozenset({"relation", "table_elts", "oncommit"})

_BUILT_IN = """
    bit bool box bpchar bytea char cidr circle date datemultirange daterange float4 float8 inet int2 int4 int4multirange int4range int8
    int8multirange int8range interval json jsonb line lseg macaddr macaddr8 money name numeric nummultirange numrange path pg_lsn point
    polygon text time timestamp timestamptz timetz tsmultirange tsquery tsrange tstzmultirange tstzrange tsvector uuid varbit varchar xml
    regclass regrole regtype
"""
BUILT_IN_TYPES = frozenset(_BUILT_IN.split())
"""Types of pg_catalog that tables may be made of, on PostgreSQL 14 and later. Of the reg* types those that pg_upgrade carries."""


@dataclass(frozen=True, slots=True)
class ColumnType:
    """`text` is the server's spelling, safe to put into a statement; `schema` is None where none is written or it is pg_catalog."""

    text: str
    schema: str | None
    name: str


@lru_cache(maxsize=CACHE_SIZE)
def read_column_type(text: str) -> ColumnType:
    """The type that `text` names. Raises SqlSyntaxError when it is no type, or anything more than one type."""
    table = parse_statement(f"{_BEFORE}{text}{_AFTER}")
    if kind(table) != "CreateStmt" or not _fields(table) <= _OF_A_PLAIN_TABLE or len(table.table_elts) != 1:
        raise SqlSyntaxError("expected one type")
    column = unwrap(table.table_elts[0])
    if kind(column) != "ColumnDef" or not _fields(column) <= _OF_A_PLAIN_COLUMN or not column.HasField("type_name"):
        raise SqlSyntaxError("expected a type and nothing else")
    if column.type_name.setof or column.type_name.pct_type:
        raise SqlSyntaxError("a column cannot be SETOF or %TYPE")
    return type_of(column.type_name)


def type_of(type_name: Any) -> ColumnType:
    """The same for a TypeName of the grammar."""
    names = string_parts(type_name.names)
    return ColumnType(_printed(type_name), names[-2] if len(names) > 1 and names[-2] != "pg_catalog" else None, names[-1])


def _printed(type_name: Any) -> str:
    column = pg.ColumnDef(colname="c", is_local=True)
    column.type_name.CopyFrom(type_name)
    tree = pg.ParseResult(version=postgast.parse("select 1").version)
    table = tree.stmts.add().stmt.create_stmt
    table.relation.relname, table.relation.inh, table.relation.relpersistence = "t", True, "p"
    table.oncommit = pg.ONCOMMIT_NOOP
    table.table_elts.add().column_def.CopyFrom(column)
    return str(postgast.deparse(tree)).removeprefix(_BEFORE).removesuffix(_AFTER)


def _fields(node: Any) -> frozenset[str]:
    return frozenset(descriptor.name for descriptor, _ in node.ListFields())
