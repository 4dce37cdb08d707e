"""What the database says to one request: rows read, rows changed, functions called, as the role of the caller."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from platformkit_pipeline.sandbox.data_api.catalogue import Function, read_functions
from platformkit_pipeline.sandbox.data_api.queries import Query, identifier, read_query
from platformkit_pipeline.sandbox.data_api.refusals import Refused

SINGULAR = "application/vnd.pgrst.object+json"
JSON_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that arrived; `path` without the prefix of the API, header names in lower case."""

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def prefers(self, preference: str) -> bool:
        return preference in [p.strip() for p in self.headers.get("prefer", "").split(",")]

    @property
    def singular(self) -> bool:
        return SINGULAR in self.headers.get("accept", "")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON_TYPE


Connection = psycopg.Connection[Any]


def of_relation(connection: Connection, asked: Asked, schema: str, name: str) -> Answer:
    """Rows of a table or view. Raises Refused, and psycopg's errors for what the database refuses."""
    table = identifier(schema, name)
    quoted = sql.Identifier(schema, name).as_string(connection)
    row = connection.execute("select to_regclass(%s) is not null", [quoted]).fetchone()
    if row != (True,):
        raise Refused(404, "PGRST205", f"Could not find the table '{schema}.{name}' in the schema cache")
    query = read_query(asked.query)
    match asked.method:
        case "GET" | "HEAD":
            return _read(connection, asked, table, query)
        case "POST":
            return _inserted(connection, asked, table, query)
        case "PATCH":
            return _updated(connection, asked, table, query)
        case "DELETE":
            statement = sql.SQL("delete from {}{}").format(table, query.condition)
            return _changed(connection, asked, statement, query.values, query, status=204)
        case _:
            raise Refused(405, "PGRST117", f"Unsupported HTTP method: {asked.method}")


def _read(connection: Connection, asked: Asked, table: sql.Composable, query: Query) -> Answer:
    statement = sql.SQL("select {} from {}{}{}{}").format(query.columns, table, query.condition, query.order, query.page)
    body, count = _as_json(connection, statement, query.values)
    total = None
    if asked.prefers("count=exact"):
        row = connection.execute(sql.SQL("select count(*) from {}{}").format(table, query.condition), query.values).fetchone()
        total = row[0] if row else None
    bounds = f"{query.offset}-{query.offset + count - 1}" if count else "*"
    headers = {"Content-Range": f"{bounds}/{'*' if total is None else total}"}
    if asked.singular:
        return _single(body, count, 200, headers)
    return Answer(206 if total is not None and count < total else 200, body, headers)


def _inserted(connection: Connection, asked: Asked, table: sql.Composable, query: Query) -> Answer:
    content = _json(asked.body)
    rows = content if isinstance(content, list) else [content]
    if not all(isinstance(row, dict) for row in rows):
        raise Refused(400, "PGRST102", "Empty or invalid json")
    names = sorted(rows[0]) if rows else []
    if any(sorted(row) != names for row in rows):
        raise Refused(400, "PGRST102", "All object keys must match")
    columns = sql.SQL(", ").join(map(identifier, names))
    if not names:
        statement = sql.SQL("insert into {} default values").format(table)
        return _changed(connection, asked, statement, (), query, status=201)
    statement = sql.SQL("insert into {0} ({1}) select {1} from json_populate_recordset(null::{0}, %s::json)").format(table, columns)
    return _changed(connection, asked, statement, (json.dumps(rows),), query, status=201)


def _updated(connection: Connection, asked: Asked, table: sql.Composable, query: Query) -> Answer:
    content = _json(asked.body)
    if not isinstance(content, dict):
        raise Refused(400, "PGRST102", "Empty or invalid json")
    if not content:
        return Answer(204)
    names = sorted(content)
    new = sql.SQL("{0} = (select _new.{0} from json_populate_record(null::{1}, %s::json) as _new)")
    changes = sql.SQL(", ").join(new.format(identifier(name), table) for name in names)
    statement = sql.SQL("update {} set {}{}").format(table, changes, query.condition)
    values = ([json.dumps(content)] * len(names)) + list(query.values)
    return _changed(connection, asked, statement, values, query, status=204)


def _changed(connection: Connection, asked: Asked, statement: sql.Composed, values: Sequence[Any], query: Query, *, status: int) -> Answer:
    if not asked.prefers("return=representation"):
        connection.execute(statement, values)
        return Answer(status, headers={"Content-Range": "*/*"})
    returning = statement + sql.SQL(" returning {}").format(query.columns)
    body, count = _as_json(connection, returning, values)
    shown = status if status == 201 else 200
    return _single(body, count, shown, {}) if asked.singular else Answer(shown, body)


def _single(body: bytes, count: int, status: int, headers: Mapping[str, str]) -> Answer:
    if count != 1:
        message = "Cannot coerce the result to a single JSON object"
        raise Refused(406, "PGRST116", message, details=f"The result contains {count} rows")
    return Answer(status, body.strip()[1:-1], headers, f"{SINGULAR}; charset=utf-8")


def _as_json(connection: Connection, statement: sql.Composable, values: Sequence[Any]) -> tuple[bytes, int]:
    """One JSON list made by the database, as PostgREST has it made, and the number of rows in it."""
    outer = sql.SQL("with _source as ({}) select coalesce(json_agg(_source), '[]')::text, count(*) from _source").format(statement)
    row = connection.execute(outer, values).fetchone()
    if row is None:
        raise AssertionError("an aggregate gives one row")
    return row[0].encode(), row[1]


def of_function(connection: Connection, asked: Asked, schema: str, name: str) -> Answer:
    """The result of a function, called with named arguments. Raises Refused, and psycopg's errors."""
    if asked.method not in ("GET", "HEAD", "POST"):
        raise Refused(405, "PGRST101", f"Cannot use the {asked.method} method on RPC")
    given = dict(asked.query) if asked.method != "POST" else _json(asked.body or b"{}")
    if not isinstance(given, dict):
        raise Refused(400, "PGRST102", "Empty or invalid json")
    function = _chosen(read_functions(connection, schema), schema, name, frozenset(given))
    types = {a.name: a.type for a in function.arguments}
    declared = sql.SQL(", ").join(sql.SQL("{} {}").format(identifier(n), sql.SQL(types[n])) for n in sorted(given))
    passed = sql.SQL(", ").join(sql.SQL("{0} => _given.{0}").format(identifier(n)) for n in sorted(given))
    source = sql.SQL("json_to_record(%s::json) as _given({}), ").format(declared) if given else sql.SQL("")
    called = sql.SQL("select _row from {}lateral {}({}) as _row").format(source, identifier(schema, name), passed)
    values = (json.dumps(given),) if given else ()
    statement = sql.SQL("select coalesce(json_agg(_row), '[]')::text, count(*) from ({}) as _called").format(called)
    row = connection.execute(statement, values).fetchone()
    if function.returns_nothing or row is None:
        return Answer(204)
    rows = row[0].encode() if function.returns_set else json.dumps(json.loads(row[0])[0]).encode()
    return _single(rows, row[1], 200, {}) if asked.singular and function.returns_set else Answer(200, rows)


def _chosen(functions: Sequence[Function], schema: str, name: str, given: frozenset[str]) -> Function:
    fitting = [
        f
        for f in functions
        if f.name == name and given <= {a.name for a in f.arguments} and {a.name for a in f.arguments if a.required} <= given
    ]
    if len(fitting) == 1:
        return fitting[0]
    called = f"{schema}.{name}" + (f"({', '.join(sorted(given))})" if given else " without parameters")
    if fitting:
        raise Refused(300, "PGRST203", f"Could not choose the best candidate function between: {called}")
    raise Refused(404, "PGRST202", f"Could not find the function {called} in the schema cache")


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise Refused(400, "PGRST102", "Empty or invalid json") from None
