"""How the fleet stands and went: what the page, the Markdown and the JSON of `platformkit report` are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.reporting.fleet import TargetStanding, fleet_markdown
from platformkit_pipeline.reporting.markdown import escape

SCHEMA_VERSION = 1

DayValues = tuple[tuple[date, float], ...]


@dataclass(frozen=True, slots=True)
class TargetHistory:
    """A target and its raw score by day, oldest first."""

    standing: TargetStanding
    scores: DayValues


@dataclass(frozen=True, slots=True)
class CoverLine:
    """One waiver or exception in force. `last_day` is included (UTC)."""

    sort: str
    target: str
    rules: str
    objects: str
    reason: str
    last_day: date
    by: str


@dataclass(frozen=True, slots=True)
class AlertLine:
    """One alert that is raised and not settled."""

    severity: str
    headline: str
    target: str
    raised_at: datetime


@dataclass(frozen=True, slots=True)
class PlatformReport:
    """The state at `made_at`, with what led there in the `days` before. Histories are by UTC day, oldest first."""

    made_at: datetime
    days: int
    targets: tuple[TargetHistory, ...]
    findings: Mapping[Severity, DayValues]
    parity: DayValues
    queue: DayValues
    scan_seconds: DayValues
    alerts_by_day: DayValues
    alerts: tuple[AlertLine, ...]
    covers: tuple[CoverLine, ...]
    audit_length: int
    audit_head: str


def days_left(cover: CoverLine, report: PlatformReport) -> int:
    """0 on the last day."""
    return (cover.last_day - report.made_at.date()).days


def report_document(report: PlatformReport) -> dict[str, Any]:
    """The report as JSON values; version 1."""
    return {
        "schema_version": SCHEMA_VERSION,
        "made_at": report.made_at.isoformat(),
        "days": report.days,
        "targets": [_target(history) for history in report.targets],
        "findings_open": {severity.value: _by_day(values) for severity, values in report.findings.items()},
        "parity_mean": _by_day(report.parity),
        "queue_depth": _by_day(report.queue),
        "scan_seconds_mean": _by_day(report.scan_seconds),
        "alerts_open": _by_day(report.alerts_by_day),
        "alerts": [_alert(alert) for alert in report.alerts],
        "covers": [
            {
                "sort": c.sort,
                "target": c.target,
                "rules": c.rules,
                "objects": c.objects,
                "reason": c.reason,
                "last_day": c.last_day.isoformat(),
                "days_left": days_left(c, report),
                "by": c.by,
            }
            for c in report.covers
        ],
        "audit": {"length": report.audit_length, "head": report.audit_head},
    }


def report_markdown(report: PlatformReport) -> str:
    """The tables of the page as Markdown."""
    lines = [f"# Compliance at {report.made_at:%Y-%m-%d %H:%M} UTC", "", fleet_markdown([h.standing for h in report.targets]).rstrip()]
    if report.alerts:
        lines += ["", "## Open alerts", "", "| Severity | Target | What | Since (UTC) |", "| --- | --- | --- | --- |"]
        lines += [f"| {a.severity} | {escape(a.target)} | {escape(a.headline)} | {a.raised_at:%Y-%m-%d %H:%M} |" for a in report.alerts]
    if report.covers:
        lines += ["", "## Waivers and exceptions in force", ""]
        lines += ["| Sort | Target | Rules | Objects | Reason | Last day | By |", "| --- | --- | --- | --- | --- | --- | --- |"]
        for c in report.covers:
            words = map(escape, (c.sort, c.target, c.rules, c.objects, c.reason, c.last_day.isoformat(), c.by))
            lines.append(f"| {' | '.join(words)} |")
    lines += ["", f"Audit log: {report.audit_length} rows, head `{report.audit_head}`."]
    return "\n".join(lines) + "\n"


def _by_day(values: DayValues) -> list[list[str | float]]:
    return [[day.isoformat(), value] for day, value in values]


def _alert(alert: AlertLine) -> dict[str, str]:
    return {"severity": alert.severity, "headline": alert.headline, "target": alert.target, "raised_at": alert.raised_at.isoformat()}


def _target(history: TargetHistory) -> dict[str, Any]:
    s = history.standing
    return {
        "kind": s.kind.value,
        "name": s.name,
        "environment": s.environment.value,
        "owners": list(s.owners),
        "scanned_at": s.scanned_at.isoformat() if s.scanned_at else None,
        "raw_score": s.raw_score,
        "effective_score": s.effective_score,
        "open": {severity.value: count for severity, count in s.open_findings.items()},
        "unknown": s.unknown,
        "scores": _by_day(history.scores),
    }
