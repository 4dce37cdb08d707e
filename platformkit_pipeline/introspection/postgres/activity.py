"""Counters of a target: what `sql/activity/` reads in the transaction of the observation. Nothing here can fail a scan.

Three statements in the ordinary case: a savepoint, the server's facts, and the statement statistics where they can be
read. A refused statement is rolled back to the savepoint and becomes a sentence that says what is missing.
Plans need transactions of their own and are in `plans`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import psycopg

from platformkit_pipeline.locations import read_sql
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.activity import Activity, Statement, StatementStatistics, TableSpace, UnusedIndex
from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.rules.database.query_performance import SLOW_MS
from platformkit_pipeline.sqltext.identifiers import identifier
from platformkit_pipeline.sqltext.secrets import mask_secrets

log = get_logger("introspection.postgres")

_SAVEPOINT = "savepoint platformkit_activity"
_ROLLBACK = "rollback to savepoint platformkit_activity"
_NEEDED_COLUMNS = frozenset({"userid", "dbid", "queryid", "query", "calls", "mean_exec_time", "stddev_exec_time", "max_exec_time", "rows"})


class Result(Protocol):
    """Rows of one statement."""

    @property
    def columns(self) -> tuple[str, ...]: ...
    @property
    def rows(self) -> list[tuple[Any, ...]]: ...


Run = Callable[[tuple[str, ...]], Sequence[Result]]
"""Sends all statements in one message inside the open transaction; one result for each."""


@dataclass(frozen=True, slots=True)
class ActivityReading:
    """What was read, and what only the plans need to know of the server."""

    activity: Activity | None
    unavailable: str | None = None
    hypopg_schema: str | None = None


def observe_activity(run: Run, *, clock_ahead: timedelta = timedelta(0)) -> ActivityReading:
    """Read the counters inside the transaction that `run` speaks to; the transaction stays usable whatever happens.

    `clock_ahead` pretends that the counters are older than they are: age is the one thing that a test server cannot have.
    Raises psycopg.Error only when the connection is lost.
    """
    try:
        *_, result = run((_SAVEPOINT, _server_statement(clock_ahead)))
    except psycopg.Error as error:
        run((_ROLLBACK,))
        why = f"the server's statistics could not be read: {sentence(error)}"
        log.warning("activity not observed", error=why)
        return ActivityReading(None, why)
    facts = dict(zip(result.columns, result.rows[0], strict=True))
    statements, missing = _statements(run, facts)
    activity = Activity(
        observed_at=facts["observed_at"].astimezone(UTC),
        counting_since=facts["counting_since"].astimezone(UTC),
        statements=statements,
        statements_unavailable=missing,
        unused_indexes=tuple(UnusedIndex(*row) for row in _json(facts["unused_indexes"])),
        large_tables=tuple(TableSpace(*row) for row in _json(facts["large_tables"])),
    )
    return ActivityReading(activity, None, facts["hypopg_schema"])


def _server_statement(clock_ahead: timedelta) -> str:
    seconds = int(clock_ahead.total_seconds())
    return text_of("server").replace("interval '0 seconds'", f"interval '{seconds} seconds'")


def _statements(run: Run, facts: dict[str, Any]) -> tuple[StatementStatistics | None, str | None]:
    if why := _why_not(facts):
        return None, why
    try:
        [result] = run((_statements_statement(facts),))
    except psycopg.Error as error:
        run((_ROLLBACK,))
        return None, f"pg_stat_statements could not be read: {sentence(error)}"
    whole, *rows = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    since = datetime.fromtimestamp(whole["read_time"], UTC) if whole["read_time"] is not None else facts["counting_since"].astimezone(UTC)
    return (
        StatementStatistics(
            counting_since=since,
            evicted=int(whole["deviation"]),
            hidden=int(whole["calls"]),
            hidden_slow=int(whole["mean"]),
            statements=tuple(_statement(row) for row in rows),
        ),
        None,
    )


def _why_not(facts: dict[str, Any]) -> str | None:
    if facts["statements_schema"] is None:
        return "the extension pg_stat_statements is not installed in this database; `create extension pg_stat_statements`"
    if not facts["statements_loaded"]:
        return "pg_stat_statements is installed but not loaded: it must stand in shared_preload_libraries, and the server be restarted"
    if not facts["statements_readable"]:
        return "this role may not read pg_stat_statements; grant it pg_read_all_stats, and USAGE on the schema of the extension"
    if missing := _NEEDED_COLUMNS - set(facts["statements_columns"]):
        return (
            f"the installed version of pg_stat_statements has no {', '.join(sorted(missing))}; `alter extension pg_stat_statements update`"
        )
    return None


def _statements_statement(facts: dict[str, Any]) -> str:
    columns = set(facts["statements_columns"])
    schema = identifier(facts["statements_schema"])
    own_maximum = {"stats_since", "minmax_stats_since"} <= columns
    return text_of("statements").format(
        schema=schema,
        top_level="s.toplevel" if "toplevel" in columns else "true",
        maximum="case when s.minmax_stats_since = s.stats_since then s.max_exec_time end" if own_maximum else "s.max_exec_time",
        read_time="shared_blk_read_time" if "shared_blk_read_time" in columns else "blk_read_time",
        slow_ms=SLOW_MS,
        evicted=_from_info("dealloc", schema) if facts["statements_info"] else "0",
        since=_from_info("stats_reset", schema) if facts["statements_info"] else "null::timestamptz",
    )


def _from_info(column: str, schema: str) -> str:
    return f"(select i.{column} from {schema}.pg_stat_statements_info as i)"  # noqa: S608 - the schema is quoted where it must be


def _statement(row: dict[str, Any]) -> Statement:
    return Statement(
        digest=row["digest"],
        text=mask_secrets(row["text"]),
        roles=tuple(row["roles"]),
        top_level=row["top_level"],
        calls=row["calls"],
        mean_ms=round(float(row["mean"]), 3),
        deviation_ms=round(float(row["deviation"]), 3),
        max_ms=None if row["maximum"] is None else round(float(row["maximum"]), 3),
        rows=row["rows"],
        blocks_hit=row["hit"],
        blocks_read=row["read"],
        read_ms=round(float(row["read_time"]), 3),
    )


def _json(value: Any) -> list[list[Any]]:
    """The observation loads jsonb as text; other connections load it as values."""
    loaded: list[list[Any]] = json.loads(value) if isinstance(value, str) else value
    return loaded


def text_of(name: str) -> str:
    """Text of `sql/activity/<name>.sql` without the closing `;`."""
    return read_sql(f"activity/{name}.sql").rstrip().removesuffix(";")


def sentence(error: psycopg.Error) -> str:
    """The server's primary message, or the error's first line, without secrets."""
    return redact(error.diag.message_primary or str(error).strip().split("\n", maxsplit=1)[0])
