"""One observation of one PostgreSQL database: everything in a single read-only REPEATABLE READ transaction.

Five round trips and 18 statements: the first opens the transaction and asks what the role may read, the second sends
every query of `sql/catalog/` at once, two read the counters (see `activity`), the last ends the transaction. A large
catalogue is read by two connections that share one snapshot, which makes it 23 statements; where a second one is not to
be had, or somebody's DDL comes between the two, the first reads everything. Slow statements are explained afterwards
(see `plans`). Simple query protocol, so that transaction poolers carry it. Rows are taken in portions while the server
works on the next ones (see `streams`). What the rows mean is said in the .sql files; what they lead to is said by the
rules.
"""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Protocol

import psycopg
from psycopg.types.string import TextLoader

from platformkit_pipeline.cycle_collector import collector_paused
from platformkit_pipeline.introspection.postgres.connection import Location, connect, location_of
from platformkit_pipeline.introspection.postgres.streams import Streams, VanishedObject
from platformkit_pipeline.locations import read_sql
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.catalog_kind import CatalogKind
from platformkit_pipeline.model.dsn import Dsn, redact
from platformkit_pipeline.model.errors import ObservationError, TargetBusy, TargetUnreachable

if TYPE_CHECKING:
    from platformkit_pipeline.introspection.postgres.activity import ActivityReading
    from platformkit_pipeline.introspection.postgres.records import Reader, Row
    from platformkit_pipeline.model.snapshot import Server, Snapshot, Unobserved

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

_LARGE_CATALOGUE = 8 * 1024**2
"""Bytes of pg_attribute from which on a second connection is worth its five statements: a few thousand tables."""

_LOCK_SECONDS_OF_TWO = 0.3
"""What either of two connections waits for a lock. Somebody's DDL may wait for one of them while the other waits behind it,
which no server sees: all of them, and whoever wants that table, would stand still until the timeout."""

_BESIDE = frozenset({CatalogKind.CONSTRAINTS, CatalogKind.FUNCTIONS, CatalogKind.POLICIES})
"""Kinds that the second connection reads: about half of the server's work, and nearly all that makes it open tables."""

_TOGETHER = (
    CatalogKind.SCHEMAS,
    CatalogKind.ROLES,
    CatalogKind.ROLE_MEMBERSHIPS,
    CatalogKind.EXTENSIONS,
    CatalogKind.DEFAULT_PRIVILEGES,
    CatalogKind.EVENT_TRIGGERS,
    CatalogKind.PUBLICATIONS,
    CatalogKind.STORAGE_BUCKETS,
    CatalogKind.FOREIGN_SERVERS,
    CatalogKind.CRON_JOBS,
    CatalogKind.DATABASE_SETTINGS,
)
"""Kinds with few rows, which go into one statement: one row for each, holding its rows as JSON."""

_SERVICES = {CatalogKind.STORAGE_BUCKETS: "has_storage_buckets", CatalogKind.CRON_JOBS: "has_cron_jobs"}
"""Kinds that are tables of a service or an extension, and the fact which says that the database has them."""

_ORDER = (
    CatalogKind.COLUMNS,
    CatalogKind.POLICIES,
    CatalogKind.RELATIONS,
    CatalogKind.FUNCTIONS,
    CatalogKind.VIEW_DEPENDENCIES,
    CatalogKind.INDEXES,
    CatalogKind.CONSTRAINTS,
    CatalogKind.TRIGGERS,
    CatalogKind.TYPES,
)
"""The larger kinds as they are read: columns first, because constraints and indexes name theirs; then what rules about policies
ask for, which take longest to judge (see `Meanwhile`); the two connections in turn."""

_BEGIN = "begin transaction isolation level repeatable read read only"

log = get_logger("introspection.postgres")


class _BetweenTwoError(Exception):
    """One of two connections had to wait for a lock; a single one that has it need not queue for it again."""


class Meanwhile(Protocol):
    """Work of the caller that is done while the server works, with what has been read so far."""

    def begin(self, server: Server, unobserved: Sequence[Unobserved]) -> None:
        """An attempt begins; what was seen of an earlier one is void."""

    def piece(self) -> bool:
        """Do a little of it; False when nothing is left for now."""

    def seen(self, field: str, records: Sequence[Any]) -> None:
        """All records of that field of the snapshot have arrived."""


def _nothing() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class _Result:
    columns: tuple[str, ...]
    rows: list[Row]


def observe(
    dsn: Dsn,
    *,
    statement_timeout_seconds: float = 60,
    lock_timeout_seconds: float = 5,
    explain_analyze: bool = False,
    clock_ahead: timedelta = timedelta(0),
    meanwhile: Meanwhile | None = None,
    counters: bool = True,
    kept: psycopg.Connection | None = None,
) -> Snapshot:
    """Read the whole catalogue of a database. Nothing is written, and no relation is read but `storage.buckets` and `cron.job`.

    The timeouts (in seconds) hold for each statement. `explain_analyze` allows slow SELECTs to be run for their plans;
    `clock_ahead` pretends that counters are older than they are, for servers that cannot be old; `meanwhile` is work
    of the caller for the time until something arrives. Without `counters` only the schema is read. `kept` is an idle
    connection to `dsn` that is used and left open: whoever looks again and again spares the server to warm up. Works for any login
    role on PostgreSQL 14 to 18; what the role may not read is listed in `Snapshot.unobserved`. Raises ConfigurationError
    for a malformed connection string, TargetUnreachable without a connection or when it is lost, TargetBusy on a timeout
    or when the schema kept changing in three attempts, ObservationError for anything else the server answers.
    """
    location = location_of(dsn)
    started = time.monotonic()
    last: Exception | None = None
    may_be_two = True
    session = partial(_session, statement_timeout_seconds)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with connect(dsn) if kept is None else _left_open(kept) as connection:
                snapshot, reading = _observe(
                    *(dsn, connection, session, lock_timeout_seconds, clock_ahead if counters else None, meanwhile), may_be_two=may_be_two
                )
                from platformkit_pipeline.introspection.postgres.plans import with_plans

                snapshot = with_plans(partial(_run, connection), snapshot, reading, explain_analyze=explain_analyze)
        except _BetweenTwoError as error:
            last, may_be_two = error, False
            continue
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


def _observe(
    dsn: Dsn,
    connection: psycopg.Connection,
    session: Callable[[float], str],
    lock_timeout_seconds: float,
    clock_ahead: timedelta | None,
    meanwhile: Meanwhile | None,
    *,
    may_be_two: bool,
) -> tuple[Snapshot, ActivityReading]:
    """`clock_ahead` is None where nobody asks for counters."""
    connection.adapters.register_loader("jsonb", TextLoader)  # parsed once per distinct text, see records
    *_, server_result = _run(
        connection,
        (
            _BEGIN,
            session(lock_timeout_seconds),
            _statement(CatalogKind.SERVER.value),
        ),
    )
    facts = dict(zip(server_result.columns, server_result.rows[0], strict=True))
    with collector_paused():
        # A timeout of 0 means that there is none.
        patience = min(lock_timeout_seconds or _LOCK_SECONDS_OF_TWO, _LOCK_SECONDS_OF_TWO)
        shared = _shared_snapshot(connection, facts, patience) if may_be_two else None
        try:
            collected, system_identifier = _collect(connection, partial(_opened, dsn, session(patience), shared), facts, meanwhile)
        except psycopg.errors.LockNotAvailable as error:
            if shared is None:
                raise
            raise _BetweenTwoError(_sentence(error)) from None
        if shared is not None:
            _run(connection, (f"set local lock_timeout = {_milliseconds(lock_timeout_seconds)}",))
    # Loaded only now, when the server has worked on its answers already.
    from platformkit_pipeline.introspection.postgres.activity import ActivityReading, observe_activity
    from platformkit_pipeline.model.snapshot import Snapshot, Unobserved

    unobserved = _unobserved(facts)
    ask = partial(_run, connection)
    reading = ActivityReading(None) if clock_ahead is None else observe_activity(ask, clock_ahead=clock_ahead)
    _run(connection, ("commit",))
    if reading.unavailable is not None:
        unobserved = tuple(sorted((*unobserved, Unobserved("statistics", reading.unavailable))))
    return Snapshot(server=_server(facts, system_identifier), unobserved=unobserved, **collected), reading


def _session(statement_timeout_seconds: float, lock_timeout_seconds: float) -> str:
    timeouts = {"statement_timeout": statement_timeout_seconds, "lock_timeout": lock_timeout_seconds}
    more = (f",\n    set_config('{name}', '{_milliseconds(seconds)}', true) as {name}" for name, seconds in timeouts.items())
    return _statement("session") + "".join(more)


def _milliseconds(seconds: float) -> int:
    """Rounded up: 0 would mean no timeout at all."""
    return math.ceil(seconds * 1000)


def _unobserved(facts: dict[str, Any]) -> tuple[Unobserved, ...]:
    from platformkit_pipeline.model.snapshot import Unobserved

    return tuple(sorted(Unobserved(kind, why) for kind, why in json.loads(facts["unreadable"])))


def _readable(kinds: Sequence[CatalogKind], facts: dict[str, Any]) -> list[CatalogKind]:
    refused = {kind for kind, _ in json.loads(facts["unreadable"])}
    absent = {kind for kind, fact in _SERVICES.items() if not facts[fact]}
    return [kind for kind in kinds if kind.value not in refused and kind not in absent]


@contextmanager
def _left_open(connection: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """For the next one who looks, whatever happens meanwhile."""
    try:
        yield connection
    except BaseException:
        if not connection.closed:
            connection.execute("rollback")
        raise


@contextmanager
def _opened(dsn: Dsn, session: str, snapshot: str | None) -> Iterator[psycopg.Connection | None]:
    """A transaction that sees exactly what `snapshot` shows; None where it is not to be had.

    A pooler or the role's connection limit may refuse the connection.
    """
    second = None if snapshot is None else _joined(dsn, session, snapshot)
    try:
        yield second
    finally:
        if second is not None:
            second.close()


def _shared_snapshot(connection: psycopg.Connection, facts: dict[str, Any], patience: float) -> str | None:
    """Name of the transaction's snapshot where a second connection is worth its statements. A standby cannot share its own.

    From then on the transaction waits for locks only `patience` seconds.
    """
    if facts["catalogue_bytes"] < _LARGE_CATALOGUE or facts["in_recovery"] or not facts["may_share_snapshot"]:
        return None
    [shared] = _run(connection, (f"select pg_export_snapshot(), set_config('lock_timeout', '{_milliseconds(patience)}', true)",))
    return str(shared.rows[0][0])


def _joined(dsn: Dsn, session: str, snapshot: str) -> psycopg.Connection | None:
    connection = None
    try:
        connection = connect(dsn)
        connection.adapters.register_loader("jsonb", TextLoader)
        _run(connection, (_BEGIN, f"set transaction snapshot '{snapshot}'", session))
    except (psycopg.Error, TargetUnreachable) as error:
        log.debug("no second connection", error=_sentence(error))
        if connection is not None:
            connection.close()
        return None
    return connection


def _collect(
    connection: psycopg.Connection,
    opened: Callable[[], AbstractContextManager[psycopg.Connection | None]],
    facts: dict[str, Any],
    meanwhile: Meanwhile | None,
) -> tuple[dict[str, Any], str | None]:
    """Fields of the snapshot, and the system identifier where the role may read it.

    `opened` gives the second connection, if there is one to be had, while the server works for the first.
    """
    found: list[str] = []
    queries = []
    if few := _readable(_TOGETHER, facts):
        queries.append(_Query(_together(few), lambda reader, _, rows: _few_rows(reader, rows, meanwhile)))
    if facts["may_read_system_identifier"]:
        queries.append(_Query(_statement("system_identifier"), lambda _reader, _, rows: found.extend(row[0] for row in rows)))
    queries += [_Query(_statement(kind.value), _many_rows(kind), kind) for kind in _readable(_ORDER, facts)]
    main, beside = [q for q in queries if q.kind not in _BESIDE], [q for q in queries if q.kind in _BESIDE]
    with ExitStack() as connections, Streams(_nothing if meanwhile is None else meanwhile.piece) as streams:
        first = second = streams.send(connection, [q.statement for q in main])
        other = connections.enter_context(opened()) if beside else None
        if other is not None:
            second = streams.send(other, [q.statement for q in beside])
        else:
            queries = [*main, *beside]
        from platformkit_pipeline.introspection.postgres.records import Reader  # the server works already

        reader = Reader()
        if meanwhile is not None:
            meanwhile.begin(_server(facts, None), _unobserved(facts))
        for query in queries:
            if other is None and beside and query is beside[0]:
                first.drain()
                second = streams.send(connection, [q.statement for q in beside])
            for columns, rows in (second if query.kind in _BESIDE else first).rows():
                query.receive(reader, columns, rows)
            if query.kind is not None:
                _complete(reader, query.kind, meanwhile)
    return reader.finish(), found[0] if found else None


def _complete(reader: Reader, kind: CatalogKind, meanwhile: Meanwhile | None) -> None:
    records = reader.complete()
    if meanwhile is None:
        return
    meanwhile.seen(kind.value, records)
    if kind is CatalogKind.INDEXES:  # the last to add to them
        meanwhile.seen("relation_statistics", reader.statistics())


def _together(kinds: Sequence[CatalogKind]) -> str:
    parts = (("select '", kind.value, "', json_agg(q)::text from (\n", _statement(kind.value), "\n) as q") for kind in kinds)
    return "\nunion all\n".join("".join(part) for part in parts)


_Receiver = Callable[["Reader", Sequence[str], "list[Row]"], None]
"""Takes names of columns and some rows of one result."""


@dataclass(frozen=True, slots=True)
class _Query:
    statement: str
    receive: _Receiver
    kind: CatalogKind | None = None
    """What its rows are of, where they are all of one kind."""


def _many_rows(kind: CatalogKind) -> _Receiver:
    return lambda reader, columns, rows: reader.add(kind, columns, rows)


def _few_rows(reader: Reader, rows: list[Row], meanwhile: Meanwhile | None) -> None:
    for name, text in rows:
        objects = json.loads(text) if text is not None else []
        columns = tuple(objects[0]) if objects else ()
        reader.add(CatalogKind(name), columns, [tuple(each.values()) for each in objects])
        _complete(reader, CatalogKind(name), meanwhile)


def _server(facts: dict[str, Any], system_identifier: str | None) -> Server:
    from platformkit_pipeline.model.snapshot import Server

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
