"""What a database did: counters that the server gathered with time and traffic, plans of slow statements, API latencies.

Kept apart from the inventory, because these values change without the schema changing. Times of observation stand here
so that rules can tell whether the counters are old enough; nothing that is printed contains them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Statement:
    """One normalised statement, over all roles that ran it. Times are in milliseconds of execution, without planning."""

    digest: str
    """16 hex digits of the SHA-256 of its whole text: the same statement has the same name in every scan."""
    text: str
    """As the server normalised it, literals of secrets masked; cut off where it is very long."""
    roles: tuple[str, ...]
    top_level: bool
    """False for statements that ran inside of functions."""
    calls: int
    mean_ms: float
    deviation_ms: float
    max_ms: float | None
    """None when the maximum does not cover all calls (it can be reset on its own)."""
    rows: int
    blocks_hit: int
    blocks_read: int
    read_ms: float
    """Time spent reading blocks; 0 unless the server has track_io_timing."""


@dataclass(frozen=True, slots=True)
class StatementStatistics:
    """What `pg_stat_statements` holds about this database: the slowest statements and the most frequent ones."""

    counting_since: datetime
    evicted: int
    """How many times the server dropped its least used entries since then."""
    hidden: int
    """Entries of other roles whose text this role may not see."""
    hidden_slow: int
    """Those among them that are slow on average."""
    statements: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True)
class StatementPlan:
    """How the server would run a statement, or why it did not say. `plan` is JSON text with the fields that a reviewer needs."""

    digest: str
    plan: str | None = None
    unavailable: str | None = None
    executed: bool = False
    """True for EXPLAIN ANALYZE, which runs the statement; only where the project opted in."""


@dataclass(frozen=True, slots=True)
class UnusedIndex:
    """An index that was not read once since the counters began, is not unique and implements no constraint."""

    schema: str
    relation: str
    name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class TableSpace:
    """A table that is large enough to waste space. `needed_bytes` is an estimate; None when column widths are not known."""

    schema: str
    name: str
    bytes: int
    needed_bytes: int | None
    analyzed: bool
    last_vacuum: str | None = None
    last_analyze: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnSpread:
    """How many values a filtered column has, as `pg_stats.n_distinct` says: negative is a share of the rows."""

    schema: str
    relation: str
    column: str
    distinct: float


@dataclass(frozen=True, slots=True)
class IndexTrial:
    """A recommended index tried as a hypothetical one (hypopg): what the statement would cost without and with it."""

    schema: str
    relation: str
    columns: tuple[str, ...]
    digest: str
    cost_before: float
    cost_after: float
    used: bool


@dataclass(frozen=True, slots=True)
class EndpointLatency:
    """Requests to one endpoint in the last day, from the gateway's logs. Times are in milliseconds."""

    method: str
    path: str
    requests: int
    p95_ms: int
    p99_ms: int


@dataclass(frozen=True, slots=True)
class Activity:
    """One look at the counters. Where something could not be seen, a sentence says why."""

    observed_at: datetime
    counting_since: datetime
    """Since when the server counts uses of tables and indexes: the last reset, else at least the last start."""
    statements: StatementStatistics | None = None
    statements_unavailable: str | None = None
    unused_indexes: tuple[UnusedIndex, ...] = ()
    """Filled only when the counters are old enough to tell."""
    large_tables: tuple[TableSpace, ...] = ()
    plans: tuple[StatementPlan, ...] = ()
    spreads: tuple[ColumnSpread, ...] = ()
    trials: tuple[IndexTrial, ...] = ()
    endpoints: tuple[EndpointLatency, ...] | None = None
    endpoints_unavailable: str | None = None


def activity_to_json(activity: Activity) -> dict[str, Any]:
    """JSON object, one key per field; times in ISO form."""
    encoded: dict[str, Any] = _encoded(activity)
    return encoded


def activity_from_json(value: Mapping[str, Any]) -> Activity:
    """Stored objects outlive versions of the record: a field that it no longer has is dropped, a new one takes its default."""
    return _record(Activity, value)


def _encoded(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {field.name: _encoded(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_encoded(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value


def _record(record: type[T], value: Mapping[str, Any]) -> T:
    hints = get_type_hints(record)
    names = [field.name for field in dataclasses.fields(record) if field.name in value]  # type: ignore[arg-type]  # a record class, as its caller saw to
    return record(**{name: _decoded(hints[name], value[name]) for name in names})


def _decoded(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    if get_origin(hint) in (Union, UnionType):
        [hint] = [part for part in get_args(hint) if part is not NoneType]
    if get_origin(hint) is tuple:
        [item, *_] = get_args(hint)
        return tuple(_decoded(item, entry) for entry in value)
    if hint is datetime:
        return datetime.fromisoformat(value)
    return _record(hint, value) if dataclasses.is_dataclass(hint) else value  # type: ignore[arg-type]  # a record class, as its caller saw to
