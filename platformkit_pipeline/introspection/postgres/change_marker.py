"""Has the schema of a database changed? One short text, cheap enough to be asked for twice a minute.

What enters it, and what does not, is said in `sql/catalog/change_marker.sql`. Equal markers say that nothing was done to the
schema; different ones say that it is worth a scan, not what has changed.
"""

from __future__ import annotations

import math
import select
import time
from contextlib import closing

import psycopg
from psycopg.pq import ExecStatus

from platformkit_pipeline.introspection.postgres.connection import connect, location_of
from platformkit_pipeline.locations import read_sql
from platformkit_pipeline.model.dsn import Dsn, redact
from platformkit_pipeline.model.errors import ObservationError, TargetUnreachable

CONNECT_SECONDS = 3
STATEMENT_SECONDS = 5.0
_ROWS = frozenset({ExecStatus.TUPLES_OK, ExecStatus.SINGLE_TUPLE})
_DONE = frozenset({ExecStatus.COMMAND_OK, ExecStatus.EMPTY_QUERY})


def change_marker(dsn: Dsn, *, connect_seconds: int = CONNECT_SECONDS, statement_seconds: float = STATEMENT_SECONDS) -> str:
    """32 hex digits. One read-only transaction in one message, for any login role on PostgreSQL 14 to 18.

    `connect_seconds` is for each address, whatever the connection string says; `statement_seconds` for the answer, and holds when the
    server stops answering at all. Raises ConfigurationError for a malformed string, TargetUnreachable without a connection or an
    answer, ObservationError for anything else the server says.
    """
    with closing(connect(dsn, connect_timeout=connect_seconds, impatient=True)) as connection:
        return _answer(connection, dsn, statement_seconds)


def _answer(connection: psycopg.Connection, dsn: Dsn, seconds: float) -> str:
    """The server's own timeout cannot be relied on: a server that hangs does not look at it."""
    deadline = time.monotonic() + seconds
    link = connection.pgconn
    marker: str | None = None
    try:
        link.send_query(_message(seconds).encode())
        while True:
            while link.is_busy():
                if not select.select([link.socket], [], [], max(0.0, deadline - time.monotonic()))[0]:
                    raise TargetUnreachable(f"{location_of(dsn)}: no answer within {seconds:g} seconds; does the server hang?")
                link.consume_input()
            result = link.get_result()
            if result is None:
                break
            if result.status in _ROWS:
                marker = (result.get_value(0, 0) or b"").decode()
            elif result.status not in _DONE:
                raise ObservationError(f"{location_of(dsn)}: {redact(' '.join(result.get_error_message().split()))}")
    except psycopg.Error as error:
        raise TargetUnreachable(f"{location_of(dsn)}: {redact(' '.join(str(error).split()))}") from None
    if not marker:
        raise ObservationError(f"{location_of(dsn)}: the server gave no marker of its catalogue")
    return marker


def _message(seconds: float) -> str:
    """Compiling costs more than the query; and a waiting look must not queue behind somebody's lock."""
    milliseconds = math.ceil(seconds * 1000)
    return (
        "begin transaction read only; set local search_path = pg_catalog; set local jit = off; "
        f"set local max_parallel_workers_per_gather = 0; set local lock_timeout = '1s'; set local statement_timeout = {milliseconds};\n"
        f"{read_sql('catalog/change_marker.sql')}\ncommit"
    )
