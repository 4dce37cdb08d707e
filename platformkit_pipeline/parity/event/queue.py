"""What waits in an outbox, counted in a read-only transaction; and the trial, in one that is rolled back. Both under timeouts."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import errors, sql

from platformkit_pipeline.introspection.postgres.connection import connect
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.snapshot import Column
from platformkit_pipeline.parity.event.document import OutboxContract
from platformkit_pipeline.parity.event.shape import table_of
from platformkit_pipeline.parity.event.verdict import PASSED, Verdict, failed, unknown
from platformkit_pipeline.rules.database.catalog import Catalog

_SETTLED = ("delivered_at", "dead_at")
_LOCK_TIMEOUT_MILLISECONDS = 1000
_QUOTING = ("22", "P0")
"""Classes of SQLSTATEs whose messages have values in them."""
_VALUES: Mapping[str, str] = {
    "uuid": "00000000-0000-0000-0000-000000000000",
    "text": "platformkit.trial",
    "character varying": "platformkit",
    "jsonb": "{}",
    "json": "{}",
    "integer": "1",
    "bigint": "1",
    "smallint": "1",
    "numeric": "1",
    "boolean": "false",
    "bytea": "",
    "timestamp with time zone": "now",
    "timestamp without time zone": "now",
    "date": "today",
}
"""What a trial writes into columns that must have a value, by type."""


@contextmanager
def session(dsn: Dsn, *, timeout_seconds: float, writes: bool) -> Iterator[psycopg.Connection]:
    """One transaction that is rolled back whatever happens. Whoever is subject to policies gets an error, never fewer rows."""
    connection = connect(dsn)
    try:
        connection.execute(b"begin" if writes else b"begin read only")
        for name, milliseconds in (("statement_timeout", int(timeout_seconds * 1000)), ("lock_timeout", _LOCK_TIMEOUT_MILLISECONDS)):
            connection.execute("select set_config(%s, %s, true)", (name, str(milliseconds)))
        connection.execute("set local row_security = off")
        yield connection
    finally:
        connection.close()


def limits_of(contract: OutboxContract, catalog: Catalog, connection: psycopg.Connection) -> Iterator[tuple[str, Verdict]]:
    """The declared limits, by name of the check."""
    limits = contract.limits
    outbox = _waiting(catalog, contract.schema_name, contract.table, contract.settled_by or _SETTLED)
    if limits.pending is not None:
        yield "pending", _counted(connection, outbox, limits.pending, "events wait")
    if limits.oldest_age_seconds is not None:
        yield "oldest age", _aged(connection, contract, outbox, limits.oldest_age_seconds)
    if limits.dead_letters is not None and contract.dead_letters is not None:
        letters = _waiting(catalog, contract.schema_name, contract.dead_letters, (contract.replayed_by,))
        yield "dead letters", _counted(connection, letters, limits.dead_letters, "dead letters are open")


def twice(contract: OutboxContract, catalog: Catalog, connection: psycopg.Connection) -> Iterator[tuple[str, Verdict]]:
    """The trial: what happens to the same event at its second coming."""
    for check, name, key in (
        ("same event twice", contract.table, contract.key),
        ("same receipt twice", contract.inbox, contract.inbox_key),
    ):
        if name is not None:
            yield check, _twice(connection, catalog, contract.schema_name, name, key)


def _waiting(catalog: Catalog, schema: str, name: str, settled_by: Sequence[str]) -> sql.Composable:
    """`schema.table where ...`: the rows that are not settled."""
    table = table_of(catalog, schema, name)
    present = [c for c in settled_by if table is not None and c in catalog.columns_by_name(table)]
    condition = sql.SQL(" and ").join(sql.SQL("{} is null").format(sql.Identifier(c)) for c in present) if present else sql.SQL("true")
    return sql.SQL("{} where {}").format(sql.Identifier(schema, name), condition)


def _counted(connection: psycopg.Connection, waiting: sql.Composable, limit: int, words: str) -> Verdict:
    """Counts one row more than may wait, so that a queue that has grown without bounds is not read in whole."""
    query = sql.SQL("select count(*) from (select from {} limit {}) as waiting").format(waiting, sql.Literal(limit + 1))
    try:
        with connection.transaction():
            row = connection.execute(query).fetchone()
    except psycopg.Error as error:
        return unknown(_reason(error))
    count = int(row[0]) if row else 0
    if count > limit:
        return failed(f"more than {limit} {words}", limit=limit)
    return Verdict(PASSED.outcome, "", {"count": count, "limit": limit})


def _aged(connection: psycopg.Connection, contract: OutboxContract, waiting: sql.Composable, limit: float) -> Verdict:
    query = sql.SQL("select coalesce(extract(epoch from clock_timestamp() - min({})), 0)::float8 from {}").format(
        sql.Identifier(contract.written_at), waiting
    )
    try:
        with connection.transaction():
            row = connection.execute(query).fetchone()
    except psycopg.Error as error:
        return unknown(_reason(error))
    age = round(float(row[0]) if row else 0.0, 1)
    if age > limit:
        return failed(f"the oldest event has waited for {age:g} s, more than {limit:g} s", seconds=age, limit=limit)
    return Verdict(PASSED.outcome, "", {"seconds": age, "limit": limit})


def _twice(connection: psycopg.Connection, catalog: Catalog, schema: str, name: str, key: Sequence[str]) -> Verdict:
    table = table_of(catalog, schema, name)
    if table is None:
        return unknown(f"there is no table {schema}.{name}")
    columns = [c for c in catalog.columns_of(table) if c.name in key or _wants_value(c)]
    if odd := [f"{c.name} ({c.type})" for c in columns if c.type.split("(")[0] not in _VALUES]:
        return unknown(f"no value is known to try {schema}.{name} with: {', '.join(odd)}")
    row = {c.name: _VALUES[c.type.split("(")[0]] for c in columns} | {"id": str(uuid.uuid4())}
    where = sql.SQL(" and ").join(sql.SQL("{} = {}").format(sql.Identifier(c), sql.Literal(row[c])) for c in key if c in row)
    try:
        with connection.transaction(force_rollback=True):
            _insert(connection, schema, name, row)
            refused = _refused(connection, schema, name, row)
            counted = connection.execute(sql.SQL("select count(*) from {} where {}").format(sql.Identifier(schema, name), where)).fetchone()
    except psycopg.Error as error:
        return unknown(f"the first of two writes to {schema}.{name} failed: {_reason(error)}")
    rows = int(counted[0]) if counted else 0
    if rows > 1:
        return failed(f"the same event stands in {schema}.{name} {rows} times after it was written twice", rows=rows)
    if rows == 0:
        return unknown(f"a row written to {schema}.{name} is not there afterwards; does a trigger move it elsewhere?")
    return Verdict(PASSED.outcome, "", {"second_write": "refused" if refused else "without effect"})


def _wants_value(column: Column) -> bool:
    return column.not_null and column.default is None and column.identity is None and column.generated is None


def _insert(connection: psycopg.Connection, schema: str, name: str, row: Mapping[str, Any]) -> None:
    connection.execute(
        sql.SQL("insert into {} ({}) values ({})").format(
            sql.Identifier(schema, name),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(map(sql.Literal, row.values())),
        )
    )


def _refused(connection: psycopg.Connection, schema: str, name: str, row: Mapping[str, Any]) -> bool:
    try:
        with connection.transaction():
            _insert(connection, schema, name, row)
    except errors.UniqueViolation:
        return True
    return False


def _reason(error: psycopg.Error) -> str:
    """Never the details, nor what functions raise and casts complain of: they quote rows."""
    if error.sqlstate and (error.sqlstate[:2] in _QUOTING or (error.diag.source_file or "").endswith("pl_exec.c")):
        return f"SQLSTATE {error.sqlstate}"
    return error.diag.message_primary or type(error).__name__
