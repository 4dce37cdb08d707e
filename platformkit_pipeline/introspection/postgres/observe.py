"""One observation of one PostgreSQL database: everything in a single read-only REPEATABLE READ transaction.

Two round trips whatever the size of the database: the first opens the transaction and asks what the role may read, the
second sends every bulk query of `sql/catalog/` and the COMMIT. Simple query protocol, so that transaction poolers carry
it. What the rows mean is said in the .sql files; what they lead to is said by the rules.
"""

from __future__ import annotations

import dataclasses
import json
import math
import time
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import psycopg
from psycopg.types.string import TextLoader

from platformkit_pipeline.introspection.postgres.connection import Location, connect, location_of
from platformkit_pipeline.introspection.postgres.records import (
    RECORDS,
    STATISTICS_COLUMNS,
    Row,
    VanishedObject,
    records,
    relation_statistics,
)
from platformkit_pipeline.locations import read_sql
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.dsn import Dsn, redact
from platformkit_pipeline.model.errors import ObservationError, TargetBusy, TargetUnreachable
from platformkit_pipeline.model.snapshot import CatalogKind, Relation, Server, Snapshot, Unobserved

ATTEMPTS = 3
_PAUSE_SECONDS = 0.2

_BUSY = frozenset({"57014", "55P03", "40P01"})
"""Statement timeout or cancel, lock timeout, deadlock."""
_CHANGED_UNDERNEATH = frozenset({"XX000", "42P01", "42703", "42704", "42883", "3F000", "40001"})
"""Deparse functions read the newest catalogue, not the transaction's: what was dropped meanwhile is looked up in vain.
40001 is a conflict with recovery on a standby."""
_GONE = frozenset({"57P01", "57P02", "57P03", "57P05", "25P03", "25P04"})
"""Terminated or restarting server, or a session limit of the server."""

_CONNECTION_EXCEPTION = "08"
"""Class of SQLSTATEs with which poolers, too, say that their server is gone."""

log = get_logger("introspection.postgres")


@dataclass(frozen=True, slots=True)
class _Result:
    columns: tuple[str, ...]
    rows: list[Row]


def observe(dsn: Dsn, *, statement_timeout_seconds: float = 60, lock_timeout_seconds: float = 5) -> Snapshot:
    """Read the whole catalogue of a database. Nothing is written, and no relation is read but `storage.buckets`.

    The timeouts (in seconds) hold for each statement. Works for any login role on PostgreSQL 14 to 18; what the role may
    not read is listed in `Snapshot.unobserved`. Raises ConfigurationError for a malformed connection string,
    TargetUnreachable without a connection or when it is lost, TargetBusy on a timeout or when the schema kept changing
    in three attempts, ObservationError for anything else the server answers.
    """
    location = location_of(dsn)
    started = time.monotonic()
    last: Exception | None = None
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with connect(dsn) as connection:
                snapshot = _observe(connection, statement_timeout_seconds, lock_timeout_seconds)
        except VanishedObject as error:
            last = error
        except UnicodeDecodeError:
            raise ObservationError(f"{location}: the catalogue holds text that is not valid in the database's encoding") from None
        except psycopg.Error as error:
            if not _changed_underneath(error):
                raise _reported(error, location) from None
            last = error
        else:
            log.info("observed", location=str(location), attempt=attempt, seconds=round(time.monotonic() - started, 3))
            return snapshot
        log.warning("catalogue changed during the observation", location=str(location), attempt=attempt, error=last)
        time.sleep(_PAUSE_SECONDS * attempt)
    raise TargetBusy(
        f"{location}: the schema kept changing while it was read ({ATTEMPTS} attempts; last: {_sentence(last)}); "
        "scan again when it is quiet"
    ) from None


def _observe(connection: psycopg.Connection, statement_timeout_seconds: float, lock_timeout_seconds: float) -> Snapshot:
    connection.adapters.register_loader("jsonb", TextLoader)  # parsed once per distinct text, see records._privileges
    opening = (
        "begin transaction isolation level repeatable read read only",
        f"set local statement_timeout = {_milliseconds(statement_timeout_seconds)}",
        f"set local lock_timeout = {_milliseconds(lock_timeout_seconds)}",
        _statement("session"),
        _statement(CatalogKind.SERVER.value),
    )
    *_, server_result = _run(connection, opening)
    facts = dict(zip(server_result.columns, server_result.rows[0], strict=True))
    unobserved = tuple(sorted(Unobserved(kind, why) for kind, why in json.loads(facts["unreadable"])))
    kinds = _readable_kinds(unobserved, has_storage_buckets=facts["has_storage_buckets"])
    closing: tuple[str, ...] = tuple(_statement(kind.value) for kind in kinds)
    if facts["may_read_system_identifier"]:
        closing = (*closing, _statement("system_identifier"))
    *results, _ = _run(connection, (*closing, "commit"))
    system_identifier = cast(str, results.pop().rows[0][0]) if facts["may_read_system_identifier"] else None
    return _snapshot(_server(facts, system_identifier), dict(zip(kinds, results, strict=True)), unobserved)


def _milliseconds(seconds: float) -> int:
    """Rounded up: 0 would mean no timeout at all."""
    return math.ceil(seconds * 1000)


def _readable_kinds(unobserved: tuple[Unobserved, ...], *, has_storage_buckets: bool) -> tuple[CatalogKind, ...]:
    refused = {u.what for u in unobserved}
    return tuple(kind for kind in RECORDS if kind.value not in refused and (kind is not CatalogKind.STORAGE_BUCKETS or has_storage_buckets))


def _snapshot(server: Server, results: dict[CatalogKind, _Result], unobserved: tuple[Unobserved, ...]) -> Snapshot:
    collected: dict[str, Any] = {}
    for kind, result in results.items():
        columns, rows = result.columns, result.rows
        if RECORDS[kind] is Relation:
            collected["relation_statistics"] = relation_statistics(rows)
            columns, rows = columns[: -len(STATISTICS_COLUMNS)], [row[: -len(STATISTICS_COLUMNS)] for row in rows]
        collected[kind.value] = records(RECORDS[kind], columns, rows)
    return Snapshot(server=server, unobserved=unobserved, **collected)


def _server(facts: dict[str, Any], system_identifier: str | None) -> Server:
    names = [field.name for field in dataclasses.fields(Server) if field.name != "system_identifier"]
    return Server(**{name: facts[name] for name in names}, system_identifier=system_identifier)


def _run(connection: psycopg.Connection, statements: tuple[str, ...]) -> list[_Result]:
    """Send all statements in one message; one result for each, in order."""
    cursor = connection.cursor()
    cursor.execute(";\n".join(statements).encode())
    collected = []
    while True:
        columns = tuple(c.name for c in cursor.description or ())
        collected.append(_Result(columns, cursor.fetchall() if columns else []))
        if not cursor.nextset():
            return collected


@cache
def _statement(name: str) -> str:
    """Text of `sql/catalog/<name>.sql` without the closing `;`. Its comments travel along, for whoever reads the server's log."""
    return read_sql(f"catalog/{name}.sql").rstrip().removesuffix(";")


def _changed_underneath(error: psycopg.Error) -> bool:
    return error.sqlstate in _CHANGED_UNDERNEATH


def _reported(error: psycopg.Error, location: Location) -> ObservationError:
    if error.sqlstate in _BUSY:
        return TargetBusy(
            f"{location}: {_sentence(error)}; another session holds a lock or the server is overloaded: "
            "scan again later, or raise the timeouts"
        )
    if error.sqlstate is None:
        lost = isinstance(error, psycopg.OperationalError)
    else:
        lost = error.sqlstate in _GONE or error.sqlstate.startswith(_CONNECTION_EXCEPTION)
    if lost:
        return TargetUnreachable(f"{location}: the connection was lost during the observation ({_sentence(error)})")
    return ObservationError(f"{location}: the server refused the observation ({error.sqlstate}: {_sentence(error)})")


def _sentence(error: Exception | None) -> str:
    """The server's primary message on one line, or the error's first line, without secrets."""
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return redact(primary or str(error).strip().split("\n", maxsplit=1)[0])
