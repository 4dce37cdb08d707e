"""SQL steps of one journey, in one transaction that is always rolled back: each as its role, with its claims, below a savepoint.

A statement that PostgreSQL refuses takes back only itself. After each step the role, the transaction and its mode must be what they
were; where they are not, nothing that was found counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import pq, sql

from platformkit_pipeline.introspection.postgres.connection import connect, location_of
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ObservationError, TargetUnreachable
from platformkit_pipeline.parity.behavior.document import Actor, Range, SqlExpectation, SqlStep
from platformkit_pipeline.parity.behavior.values import Saved, differences, filled
from platformkit_pipeline.parity.behavior.verdicts import Verdict, failed, passed, undecided
from platformkit_pipeline.sqltext.journeys import step_facts

_LOCK_TIMEOUT_SECONDS = 2
_MOST_ROWS = 1_000
"""Rows that are looked at; a step that returns more is told so."""
_STATE = (
    "select pg_catalog.current_setting('role'), pg_catalog.transaction_timestamp(),"
    " pg_catalog.current_setting('transaction_read_only'), session_user,"
    " pg_catalog.current_setting('statement_timeout'), pg_catalog.current_setting('lock_timeout')"
)
_CUT_SHORT = {
    "57014": "it took longer than {seconds:g} s",
    "55P03": "another session holds a lock that it needs",
    "25006": "it writes, and rows of this target may not be changed: probe_writes allows it, except in production",
}
"""What says nothing about the contract."""
_AFFECTING = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})


@dataclass(frozen=True, slots=True)
class _Found:
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    returned: int
    affected: int


@dataclass(slots=True)
class Journey:
    """The open transaction of one contract."""

    connection: psycopg.Connection
    connection_told: str
    """Where the connection leads, for messages."""
    login: str
    writes_allowed: bool
    timeout_seconds: float
    _begun: tuple[Any, ...] = ()
    _broken: str | None = None

    def begin(self) -> None:
        mode = "read write" if self.writes_allowed else "read only"
        self.connection.execute(f"begin isolation level read committed {mode}".encode())
        self.connection.execute(
            "select set_config('statement_timeout', %s, true), set_config('lock_timeout', %s, true),"
            " set_config('idle_in_transaction_session_timeout', '0', true)",
            (f"{round(self.timeout_seconds * 1000)}ms", f"{_LOCK_TIMEOUT_SECONDS}s"),
        )
        self._begun = self._state()

    def verdict(self, step: SqlStep, saved: Saved) -> Verdict:
        """Raises ObservationError when the connection is lost; it cannot be gone on with then, nor after a step that tampered."""
        if self._broken is not None:
            return undecided(self._broken)
        if not self.writes_allowed and not step_facts(step.sql).reads_only:
            return undecided(f"not tried: {_CUT_SHORT['25006']}")
        try:
            return self._tried(step, saved)
        except psycopg.Error as error:
            self._broken = "the connection was lost at an earlier step"
            self.connection.close()
            raise _lost(self.connection_told, error) from None

    def _tried(self, step: SqlStep, saved: Saved) -> Verdict:
        self.connection.execute("savepoint platformkit_step")
        refused = self._become(step.actor, saved)
        if refused is not None:
            self._back()
            return undecided(refused)
        try:
            found: _Found | str = self._run(step, saved)
        except psycopg.Error as error:
            if self.connection.closed:
                raise
            if error.sqlstate is None:
                self._back()
                return undecided(f"its parameters cannot be sent: {type(error).__name__}")
            found = error.sqlstate
        if self.connection.info.transaction_status is pq.TransactionStatus.INERROR:
            self._back()
        tampered = self._tampered(step.actor.role if isinstance(found, _Found) else "none")
        if tampered is not None:
            self._broken = "an earlier step tampered with the transaction"
            self.connection.close()
            return failed([tampered])
        if isinstance(found, str):
            return self._judged_error(step.expect, found)
        self.connection.execute("set local role none; release savepoint platformkit_step")
        return self._judged(step, found, saved)

    # -- running ------------------------------------------------------------------------------------------------------------
    def _become(self, actor: Actor, saved: Saved) -> str | None:
        """Why the role cannot be taken on."""
        claims = {"role": actor.role, **filled(actor.claims, saved)}
        settings = {
            "request.jwt.claims": json.dumps(claims, default=str),
            "request.jwt.claim.role": str(claims["role"]),
            "request.jwt.claim.sub": str(claims.get("sub", "")),
        }
        try:
            for name, value in settings.items():
                self.connection.execute("select set_config(%s, %s, true)", (name, value))
            self.connection.execute(sql.SQL("set local role {}").format(sql.Identifier(actor.role)))
        except psycopg.Error as error:
            if error.sqlstate is None or self.connection.closed:
                raise
            if error.sqlstate == "42501":
                return f"{self.login} may not act as {actor.role}: grant {actor.role} to {self.login}"
            return (
                f"there is no role {actor.role}"
                if error.sqlstate in ("22023", "42704")
                else f"SET ROLE ended with SQLSTATE {error.sqlstate}"
            )
        return None

    def _run(self, step: SqlStep, saved: Saved) -> _Found:
        cursor = psycopg.RawCursor(self.connection)
        cursor.execute(step.sql.encode(), [_parameter(value) for value in filled(step.parameters, saved)] or None)
        command = (cursor.statusmessage or "").split(" ")[0]
        affected = cursor.rowcount if command in _AFFECTING else 0
        if cursor.description is None:
            return _Found((), (), 0, affected)
        rows = tuple(cursor.fetchmany(_MOST_ROWS))
        return _Found(tuple(c.name for c in cursor.description), rows, cursor.rowcount, affected)

    def _tampered(self, role: str) -> str | None:
        """What the step did to the transaction around it. It cannot be gone on with."""
        if self.connection.info.transaction_status is not pq.TransactionStatus.INTRANS:
            return "the step ended the transaction"
        now_role, begun, read_only, session, *limits = self._state()
        if now_role != role or session != self.login:
            return "the step changed the role that it ran as"
        if begun != self._begun[1]:
            return "the step ended the transaction"
        if limits != list(self._begun[4:]):
            return "the step changed how long statements may take"
        return "the step changed the mode of the transaction" if (read_only == "off") != self.writes_allowed else None

    def _state(self) -> tuple[Any, ...]:
        row = self.connection.execute(_STATE).fetchone()
        return row if row is not None else (None,) * 6

    def _back(self) -> None:
        self.connection.execute("rollback to savepoint platformkit_step; release savepoint platformkit_step")

    # -- judging ------------------------------------------------------------------------------------------------------------
    def _judged_error(self, expect: SqlExpectation, sqlstate: str) -> Verdict:
        if sqlstate in expect.errors:
            return passed()
        if sqlstate in _CUT_SHORT:
            return undecided(_CUT_SHORT[sqlstate].format(seconds=self.timeout_seconds))
        wanted = f"SQLSTATE {' or '.join(expect.errors)}" if expect.errors else "no error"
        return failed([f"expected {wanted}, and it ended with SQLSTATE {sqlstate}"])

    def _judged(self, step: SqlStep, found: _Found, saved: Saved) -> Verdict:
        told = list(_told(step.expect, found, saved))
        if told:
            return failed(told)
        missing = [column for column in step.save.values() if column not in found.columns or not found.rows]
        if missing:
            return failed([f"there is no row with a column {missing[0]} to save"])
        return passed({name: found.rows[0][found.columns.index(column)] for name, column in step.save.items()})


def _told(expect: SqlExpectation, found: _Found, saved: Saved) -> Iterator[str]:
    if expect.errors:
        yield f"expected SQLSTATE {' or '.join(expect.errors)}, and it was run"
        return
    for what, wanted, number in (("rows", expect.rows, found.returned), ("rows affected", expect.affected, found.affected)):
        if wanted is not None and not (wanted.holds(number) if isinstance(wanted, Range) else wanted == number):
            yield f"{what}: expected {wanted}, found {number}"
    if expect.columns is not None and expect.columns != found.columns:
        yield f"columns: expected {', '.join(expect.columns)}, found others"
    yield from _told_of_values(expect.values or (), found, saved)


def _told_of_values(expected: Sequence[Any], found: _Found, saved: Saved) -> Iterator[str]:
    for number, wanted in enumerate(expected):
        if number >= len(found.rows):
            yield f"row {number + 1}: expected, found none"
            return
        yield from differences(wanted, dict(zip(found.columns, found.rows[number], strict=True)), f"row {number + 1}", saved)


def _parameter(value: Any) -> Any:
    """Lists and objects of the file are JSON to PostgreSQL."""
    return json.dumps(value, default=str) if isinstance(value, dict | list) else value


@contextmanager
def journey_on(dsn: Dsn, *, writes_allowed: bool, timeout_seconds: float) -> Iterator[Journey]:
    """An open transaction, rolled back at the end, however that comes. Raises ObservationError without the password in its message."""
    try:
        with connect(dsn) as connection:
            journey = Journey(connection, str(location_of(dsn)), connection.info.user, writes_allowed, timeout_seconds)
            journey.begin()
            try:
                yield journey
            finally:
                if not connection.closed:
                    connection.execute("rollback")
    except psycopg.Error as error:
        raise _lost(str(location_of(dsn)), error) from None


def _lost(where: str, error: psycopg.Error) -> ObservationError:
    what = "was lost" if error.sqlstate is None else f"was ended (SQLSTATE {error.sqlstate})"
    kind = TargetUnreachable if error.sqlstate is None else ObservationError
    return kind(f"{where}: the connection {what} during a user journey")
