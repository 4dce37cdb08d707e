"""How the platform stands now, as gauges for whoever collects them (clause 7.2). Reads `ops`, changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from platformkit_pipeline.connectors.delivery.outbox import Outbox
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors, one_row
from platformkit_pipeline.model.metric import CATALOGUE, Metric
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.target import TargetKind
from platformkit_pipeline.operations.report_fleet import standings_of
from platformkit_pipeline.reporting.fleet import TargetStanding
from platformkit_pipeline.reporting.prometheus import Gauge, Sample

PREFIX = "platformkit_"
_RECENT = timedelta(hours=48)
"""What was measured before tells nothing about now: its gauge disappears."""
_SUFFIXES = {"seconds": "_seconds", "percent": "_percent"}

_LATEST = """
select distinct on (m.name, t.kind, t.name, m.labels - 'day') m.name, t.kind, t.name, m.labels - 'day', m.value
  from ops.metrics m left join ops.targets t using (target_id)
 where m.created_at > %s and m.created_at <= %s and t.retired_at is null
 order by m.name, t.kind, t.name, m.labels - 'day', m.created_at desc, m.id desc
"""
_ALERTS = "select kind, severity, count(*) from ops.alerts where settled_at is null group by 1, 2 order by 1, 2"
_WAIVERS = """
select case when w.revoked_at is not null then 'revoked' when w.expires_on < %(day)s then 'expired'
            when w.starts_on > %(day)s then 'future' when w.expires_on <= %(day)s + 7 then 'expiring' else 'active' end as state, count(*)
  from ops.waivers w group by 1 order by 1
"""
_GATES = """
select distinct on (t.kind, t.name, d.gate) t.kind, t.name, d.gate, d.verdict
  from ops.gate_decisions d join ops.targets t using (target_id) where t.retired_at is null
 order by t.kind, t.name, d.gate, d.decided_at desc, d.decision_id
"""
_OUTBOX = """
select count(*), coalesce(greatest(extract(epoch from %s - min(o.created_at)), 0), 0)::float8
  from ops.outbox o where o.delivered_at is null and o.dead_at is null
"""
_VERDICTS = {"yes": 1.0, "no": 0.0, "unknown": -1.0}


def platform_gauges(connection: Connection, now: datetime) -> tuple[Gauge, ...]:
    """Everything there is to tell at `now`, by name. Raises ControlPlaneError."""
    with control_plane_errors(), connection.transaction():
        standings = [standing for kind in TargetKind for standing in standings_of(connection, kind)]
        gauges = [
            *_of_targets(standings, now),
            *_of_decisions(connection, now.date()),
            *_of_queue(connection, now),
            *_of_metrics(connection, now),
        ]
    return tuple(sorted(gauges, key=lambda gauge: gauge.name))


def _of_targets(standings: Sequence[TargetStanding], now: datetime) -> Iterator[Gauge]:
    named = [(standing, _labels(standing)) for standing in standings]
    yield Gauge(
        f"{PREFIX}target_score_percent",
        "Compliance score of the latest complete scan; view effective counts what is validly waived as passed.",
        tuple(
            Sample(score, {**labels, "view": view})
            for s, labels in named
            for view, score in (("raw", s.raw_score), ("effective", s.effective_score))
            if score is not None
        ),
    )
    yield Gauge(
        f"{PREFIX}target_findings_open",
        "Open findings, failing and unknown.",
        tuple(Sample(s.open_findings[severity], {**labels, "severity": severity.value}) for s, labels in named for severity in Severity),
    )
    yield Gauge(
        f"{PREFIX}target_findings_unknown",
        "Open findings that could not be judged.",
        tuple(Sample(s.unknown, labels) for s, labels in named),
    )
    yield Gauge(
        f"{PREFIX}target_scan_age_seconds",
        "Time since the latest complete scan started.",
        tuple(Sample((now - s.scanned_at).total_seconds(), labels) for s, labels in named if s.scanned_at is not None),
    )
    yield Gauge(
        f"{PREFIX}target_never_scanned",
        "1 for a target without any complete scan.",
        tuple(Sample(1 if s.scanned_at is None else 0, labels) for s, labels in named),
    )
    yield Gauge(f"{PREFIX}targets", "Targets that are observed.", (Sample(len(named)),))


def _of_decisions(connection: Connection, day: date) -> Iterator[Gauge]:
    alerts = [Sample(count, {"kind": kind, "severity": severity}) for kind, severity, count in connection.execute(_ALERTS)]
    yield Gauge(f"{PREFIX}alerts_raised", "Alerts that are raised and not settled.", tuple(alerts))
    waivers = [Sample(count, {"state": state}) for state, count in connection.execute(_WAIVERS, {"day": day})]
    yield Gauge(f"{PREFIX}waivers", "Waivers by what has become of them; expiring ends within seven days.", tuple(waivers))
    gates = [Sample(_VERDICTS[v], {"kind": kind, "target": name, "gate": gate}) for kind, name, gate, v in connection.execute(_GATES)]
    yield Gauge(f"{PREFIX}gate_open", "Latest answer of a gate: 1 yes, 0 no, -1 unknown.", tuple(gates))


def _of_queue(connection: Connection, now: datetime) -> Iterator[Gauge]:
    pending, age = one_row(connection.execute(_OUTBOX, (now,)))
    yield Gauge(f"{PREFIX}outbox_pending", "Events that wait for delivery.", (Sample(pending),))
    yield Gauge(f"{PREFIX}outbox_oldest_age_seconds", "Age of the oldest event that waits.", (Sample(age),))
    dead = Outbox("ops").depth(connection).dead_letters
    yield Gauge(f"{PREFIX}outbox_dead_letters", "Events that were given up and nobody has sent again.", (Sample(dead),))


def _of_metrics(connection: Connection, now: datetime) -> Iterator[Gauge]:
    """The latest value under every name of the catalogue."""
    found: dict[str, list[Sample]] = defaultdict(list)
    for name, kind, target, labels, value in connection.execute(_LATEST, (now - _RECENT, now)):
        of_target = {} if target is None else {"kind": kind, "target": target}
        found[name].append(Sample(value, {**labels, **of_target}))
    for metric in CATALOGUE:
        yield Gauge(gauge_name(metric), f"{metric.meaning} Latest measurement.", tuple(found[metric.name]))


def gauge_name(metric: Metric) -> str:
    """`scan.duration` is `platformkit_scan_duration_seconds`."""
    return PREFIX + metric.name.replace(".", "_") + _SUFFIXES.get(metric.unit, "")


def _labels(standing: TargetStanding) -> dict[str, str]:
    return {"kind": standing.kind.value, "target": standing.name, "environment": standing.environment.value}
