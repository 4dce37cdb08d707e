"""The night's figures (clause 7.2): error rates of the last 24 hours, and how many of what is open, as one measurement each and day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from platformkit_pipeline.control_plane import metrics
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors, one_row
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.metric import DAY, OPERATIONS
from platformkit_pipeline.model.scan import STALE_AFTER

_log = get_logger("operations.roll_up_metrics")

WINDOW = timedelta(hours=24)

_OUTCOMES = """
select left(name, -length('.count')), sum(value), coalesce(sum(value) filter (where labels ->> 'outcome' = 'failure'), 0)
  from ops.metrics where name = any (%(names)s) and created_at > %(since)s and created_at <= %(now)s
 group by name order by name
"""
_FINDINGS = """
select wanted.severity, count(o.finding_id)
  from unnest(array['critical', 'high', 'medium', 'low', 'info']) with ordinality as wanted (severity, position)
  left join (ops.findings o join ops.targets t on t.target_id = o.target_id and t.retired_at is null)
    on o.severity = wanted.severity and o.resolved_scan is null
 group by wanted.severity, wanted.position order by wanted.position
"""
_STANDING = """
select (select count(*) from ops.alerts where settled_at is null),
       (select count(*) from ops.waivers w join ops.targets t using (target_id)
         where w.revoked_at is null and t.retired_at is null and %(day)s::date between w.starts_on and w.expires_on),
       (select count(*) from ops.exceptions
         where cardinality(faults) = 0 and removed_at is null and expires_on >= %(day)s::date
           and greatest(security_approved_on, architect_approved_on) <= %(day)s::date),
       (select count(*) from ops.compliance_by_target),
       (select count(*) from ops.compliance_by_target where scanned_at is null or scanned_at < %(stale)s)
"""
_DONE = "select exists (select from ops.metrics where name = 'targets.active' and labels ->> 'day' = %s)"
_LOCK = "select pg_advisory_xact_lock(hashtextextended('platformkit.roll_up_metrics', 0))"


@dataclass(frozen=True, slots=True)
class OperationRate:
    """How often an operation was carried out in the window, and failed. The rate is in percent."""

    operation: str
    count: int
    failed: int

    @property
    def error_rate(self) -> float:
        return 100 * self.failed / self.count if self.count else 0.0


@dataclass(frozen=True, slots=True)
class RolledUp:
    """Figures of one day. `stored` is the number of new measurements: none when the day had its figures already."""

    day: str
    stored: int
    rates: tuple[OperationRate, ...]
    open_findings: tuple[tuple[str, int], ...]
    alerts: int
    waivers: int
    exceptions: int
    targets: int
    stale: int


def roll_up_metrics(connection: Connection, now: datetime) -> RolledUp:
    """Store the figures of the day of `now` (UTC), once: the same day again stores nothing. Raises ControlPlaneError."""
    with control_plane_errors(), connection.transaction():
        connection.execute(_LOCK)
        figures = _figures(connection, now)
        done = one_row(connection.execute(_DONE, (figures.day,)))[0]
        stored = 0 if done else _store(connection, figures, now)
    rolled = replace(figures, stored=stored)
    _log.info("rolled up", day=rolled.day, stored=stored, operations=sum(r.count for r in rolled.rates), alerts=rolled.alerts)
    return rolled


def _figures(connection: Connection, now: datetime) -> RolledUp:
    names = [f"{operation}.count" for operation in OPERATIONS]
    counted = connection.execute(_OUTCOMES, {"names": names, "since": now - WINDOW, "now": now}).fetchall()
    standing: tuple[Any, ...] = one_row(connection.execute(_STANDING, {"day": now.date(), "stale": now - STALE_AFTER}))
    return RolledUp(
        now.date().isoformat(),
        0,
        tuple(OperationRate(operation, int(count), int(failed)) for operation, count, failed in counted),
        tuple(connection.execute(_FINDINGS).fetchall()),
        *standing,
    )


def _store(connection: Connection, figures: RolledUp, now: datetime) -> int:
    day = {DAY: figures.day}
    values: list[tuple[str, float, str, dict[str, str]]] = [
        *((f"{rate.operation}.error_rate", rate.error_rate, "percent", day) for rate in figures.rates),
        *(("findings.open", count, "findings", {"severity": severity, **day}) for severity, count in figures.open_findings),
        ("alerts.open", figures.alerts, "alerts", day),
        ("waivers.active", figures.waivers, "waivers", day),
        ("exceptions.active", figures.exceptions, "exceptions", day),
        ("targets.active", figures.targets, "targets", day),
        ("targets.stale", figures.stale, "targets", day),
    ]
    for name, value, unit, labels in values:
        metrics.record(connection, name, value, unit, labels=labels, at=now)
    return len(values)
