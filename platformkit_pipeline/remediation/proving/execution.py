"""Run the statements of a patch as they would be run for real: by the owner's login, with timeouts, whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from platformkit_pipeline.introspection.postgres.connection import connect
from platformkit_pipeline.model.dsn import Dsn, redact


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds for the wait for a lock and for one statement."""

    lock: float = 3
    statement: float = 15


class StatementFailedError(Exception):
    """The server refused a statement; `sqlstate` is its code, the message fits into a sentence."""

    def __init__(self, statement: str, error: psycopg.Error) -> None:
        self.sqlstate = error.sqlstate
        said = error.diag.message_primary or str(error)
        where = " ".join(statement.split())
        super().__init__(f"`{where[:120]}{'...' if len(where) > 120 else ''}`: {redact(' '.join(said.split()))} ({self.sqlstate})")


def run_patch(dsn: Dsn, statements: Sequence[str], *, transactional: bool, timeouts: Timeouts = Timeouts()) -> None:
    """Run the statements in one transaction, or one by one where they refuse one. Raises StatementFailedError.

    An index that a failed CREATE INDEX CONCURRENTLY leaves behind stays: the patch finds it when it is run again.
    """
    with connect(dsn) as connection:
        connection.execute(session_settings(timeouts))
        if not transactional:
            run_each(connection, statements)
            return
        with connection.transaction():
            run_each(connection, statements)


def run_each(connection: psycopg.Connection, statements: Sequence[str]) -> None:
    for statement in statements:
        try:
            connection.execute(statement.encode())
        except psycopg.Error as error:
            raise StatementFailedError(statement, error) from None


def session_settings(timeouts: Timeouts, *, local: bool = False) -> bytes:
    """Settings of the session that carries out a patch, or (`local`) of its transaction; no name in a patch depends on the search_path."""
    settings = {
        "lock_timeout": f"'{round(timeouts.lock * 1000)}ms'",
        "statement_timeout": f"'{round(timeouts.statement * 1000)}ms'",
        "search_path": "pg_catalog",
        "client_min_messages": "warning",
    }
    return "; ".join(f"set {'local ' * local}{name} = {value}" for name, value in settings.items()).encode()
