"""Read what the report shows (clauses 7.2, 11): how every target stands, and how the fleet went in the days before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import Any

from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors, one_row
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.score import display
from platformkit_pipeline.model.target import TargetKind
from platformkit_pipeline.operations.report_fleet import standings_of
from platformkit_pipeline.reporting.platform_report import AlertLine, CoverLine, DayValues, PlatformReport, TargetHistory

DAYS = 90

_SCORES = """
select distinct on (t.kind, t.name, day) t.kind, t.name, (s.started_at at time zone 'UTC')::date as day, s.raw_score_exact
  from ops.scans s join ops.targets t using (target_id)
 where s.status = 'complete' and t.retired_at is null and s.started_at > %(since)s and s.started_at <= %(now)s
 order by t.kind, t.name, day, s.started_at desc, s.scan_id
"""
_FINDINGS = """
with days as (select d::date as day, (d::date + 1)::timestamp at time zone 'UTC' as ends
                from generate_series(%(first)s::date, %(last)s::date, interval '1 day') d)
select f.severity, days.day, count(*)
  from days join ops.findings f on f.first_seen_at < days.ends and (f.resolved_at is null or f.resolved_at >= days.ends)
  join ops.targets t on t.target_id = f.target_id and t.retired_at is null
 group by f.severity, days.day order by f.severity, days.day
"""
_FIRST_DAY = "select min((started_at at time zone 'UTC')::date) from ops.scans where started_at > %(since)s and started_at <= %(now)s"
_PARITY = """
with latest as (
  select distinct on (p.target_id, day) (p.started_at at time zone 'UTC')::date as day, p.raw_score
    from ops.parity_scores p join ops.targets t using (target_id)
   where p.of_default_branch and p.raw_score is not null and t.retired_at is null and p.started_at > %(since)s and p.started_at <= %(now)s
   order by p.target_id, day, p.started_at desc)
select day, avg(raw_score)::float8 from latest group by day order by day
"""
_MEASURED = """
select (created_at at time zone 'UTC')::date as day, avg(value), max(value) from ops.metrics
 where name = %(name)s and created_at > %(since)s and created_at <= %(now)s group by day order by day
"""
_ALERTS_BY_DAY = """
with days as (select d::date as day, (d::date + 1)::timestamp at time zone 'UTC' as ends
                from generate_series(%(first)s::date, %(last)s::date, interval '1 day') d)
select days.day, count(a.alert_id) from days
  left join ops.alerts a on a.raised_at < days.ends and (a.settled_at is null or a.settled_at >= days.ends)
 group by days.day order by days.day
"""
_ALERTS = """
select a.severity, a.headline, coalesce(t.name, 'the platform'), a.raised_at from ops.alerts a left join ops.targets t using (target_id)
 where a.settled_at is null and a.raised_at <= %(now)s
 order by array_position(array['critical', 'high', 'medium', 'low', 'info'], a.severity), a.raised_at, a.alert_id
"""
_COVERS = """
select 'waiver', t.name, w.rule, coalesce(w.object_pattern, w.fingerprint), w.reason, w.expires_on, w.granted_by
  from ops.waivers w join ops.targets t using (target_id)
 where w.revoked_at is null and t.retired_at is null and %(last)s between w.starts_on and w.expires_on
union all
select 'exception', t.name, array_to_string(e.rules, ', '), coalesce(nullif(array_to_string(e.objects, ', '), ''), 'all'), e.title,
       e.expires_on, e.security_owner || ', ' || e.architect
  from ops.exceptions e join ops.targets t using (target_id)
 where cardinality(e.faults) = 0 and e.removed_at is null and t.retired_at is null
   and %(last)s between greatest(e.security_approved_on, e.architect_approved_on) and e.expires_on
 order by 6, 1, 2, 3, 4, 5
"""
_AUDIT = "select encode(h.row_hash, 'hex'), (select count(*) from ops.audit_log) from ops.audit_head h"


def report_platform(connection: Connection, now: datetime, days: int = DAYS) -> PlatformReport:
    """The report at `now` over `days` days, today among them. Reads in one transaction. Raises ControlPlaneError."""
    last = now.astimezone(UTC).date()
    since = datetime.combine(last - timedelta(days=days - 1), time.min, UTC) - timedelta(microseconds=1)
    span: dict[str, Any] = {"since": since, "now": now, "last": last}
    with control_plane_errors(), connection.transaction():
        began = one_row(connection.execute(_FIRST_DAY, span))[0]
        span["first"] = began or last
        head, length = one_row(connection.execute(_AUDIT))
        return PlatformReport(
            made_at=now,
            days=days,
            targets=_targets(connection, span),
            findings=_findings(connection, span) if began else {},
            parity=tuple(connection.execute(_PARITY, span).fetchall()),
            queue=_measured(connection, "queue.depth", span, most=True),
            scan_seconds=_measured(connection, "scan.duration", span, most=False),
            alerts_by_day=tuple(connection.execute(_ALERTS_BY_DAY, span).fetchall()),
            alerts=tuple(AlertLine(*row) for row in connection.execute(_ALERTS, span)),
            covers=tuple(CoverLine(*row) for row in connection.execute(_COVERS, span)),
            audit_length=length,
            audit_head=head,
        )


def _targets(connection: Connection, span: Mapping[str, Any]) -> tuple[TargetHistory, ...]:
    scores: dict[tuple[str, str], list[tuple[date, float]]] = defaultdict(list)
    for kind, name, day, exact in connection.execute(_SCORES, span):
        scores[kind, name].append((day, display(Fraction(exact))))
    standings = (standing for kind in TargetKind for standing in standings_of(connection, kind))
    return tuple(TargetHistory(standing, tuple(scores[standing.kind.value, standing.name])) for standing in standings)


def _findings(connection: Connection, span: Mapping[str, Any]) -> dict[Severity, DayValues]:
    """Open at the end of each day; a day on which none was open counts as 0."""
    found = {(severity, day): count for severity, day, count in connection.execute(_FINDINGS, span)}
    days = [span["first"] + timedelta(days=i) for i in range((span["last"] - span["first"]).days + 1)]
    return {severity: tuple((day, float(found.get((severity.value, day), 0))) for day in days) for severity in Severity}


def _measured(connection: Connection, name: str, span: Mapping[str, Any], *, most: bool) -> DayValues:
    rows = connection.execute(_MEASURED, {**span, "name": name})
    return tuple((day, highest if most else mean) for day, mean, highest in rows)
