"""Runs the statements of a rebuild: in bulk while all goes well, one by one where something fails, again until nothing moves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import errors

from platformkit_pipeline.model.dsn import Dsn, redact
from platformkit_pipeline.model.errors import SandboxError
from platformkit_pipeline.sandbox.databases import connect
from platformkit_pipeline.sandbox.shadow.statement import Statement

_STATEMENTS_AT_ONCE = 250
_CHARACTERS_AT_ONCE = 200_000
_MOST_ROUNDS = 25
"""Each lets at least one more statement succeed; real schemas need two or three."""

_SESSION = """
set search_path = pg_catalog;
set check_function_bodies = off;
set session_replication_role = replica;
set client_min_messages = error;
set row_security = off;
set statement_timeout = 0;
set lock_timeout = 0;
set standard_conforming_strings = on;
set DateStyle = 'ISO, MDY';
set IntervalStyle = postgres;
set TimeZone = 'UTC';
set default_transaction_read_only = off
"""
"""As the texts were printed; event triggers do not fire, bodies may name what comes later."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A statement that the server refused to the end, and what it said, without secrets."""

    identity: str
    message: str


def build(dsn: Dsn, script: Callable[[int], Iterable[Statement]]) -> tuple[Failure, ...]:
    """Run the statements of `script` in the database of `dsn`, whose role must be superuser. Returns what could not be run.

    `script` is told the server's version. Raises SandboxError when the disk is full or the server goes away.
    """
    with connect(dsn) as connection:
        connection.execute(_SESSION.encode())
        pending = _until_nothing_moves(connection, _first_round(connection, script(connection.info.server_version)))
        if any(statement.fallback is not None for statement, _ in pending):
            pending = _until_nothing_moves(connection, [(_lesser(statement), message) for statement, message in pending])
    return tuple(Failure(statement.identity, message) for statement, message in pending)


def _until_nothing_moves(connection: psycopg.Connection[Any], pending: list[tuple[Statement, str]]) -> list[tuple[Statement, str]]:
    for _ in range(_MOST_ROUNDS):
        failed = list(_one_by_one(connection, [statement for statement, _ in pending]))
        if len(failed) == len(pending):
            return failed
        pending = failed
    return pending


def _lesser(statement: Statement) -> Statement:
    return statement if statement.fallback is None else Statement(statement.fallback, statement.identity)


def _first_round(connection: psycopg.Connection[Any], statements: Iterable[Statement]) -> list[tuple[Statement, str]]:
    failed: list[tuple[Statement, str]] = []
    for portion in _portions(statements):
        if _refused(connection, "\n;\n".join(s.sql for s in portion)) is not None:
            failed += _one_by_one(connection, portion)
    return failed


def _portions(statements: Iterable[Statement]) -> Iterator[list[Statement]]:
    portion: list[Statement] = []
    size = 0
    for statement in statements:
        if portion and (len(portion) == _STATEMENTS_AT_ONCE or size + len(statement.sql) > _CHARACTERS_AT_ONCE):
            yield portion
            portion, size = [], 0
        portion.append(statement)
        size += len(statement.sql)
    if portion:
        yield portion


def _one_by_one(connection: psycopg.Connection[Any], statements: Sequence[Statement]) -> Iterator[tuple[Statement, str]]:
    for statement in statements:
        message = _refused(connection, statement.sql)
        if message is not None:
            yield statement, message


def _refused(connection: psycopg.Connection[Any], sql: str) -> str | None:
    """What the server has against it; all of the text is one transaction."""
    try:
        connection.execute(sql.encode())
    except errors.DiskFull as error:
        raise SandboxError(f"The disk is full: {_sentence(error)}. Free space where PLATFORMKIT_HOME lies, and try again.") from None
    except psycopg.Error as error:
        if connection.closed:
            raise SandboxError(f"The server of the shadow went away: {_sentence(error)}. Is its disk full?") from None
        return _sentence(error)
    return None


def _sentence(error: psycopg.Error) -> str:
    return redact(error.diag.message_primary or " ".join(str(error).split()))
