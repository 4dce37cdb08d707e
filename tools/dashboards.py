"""The Grafana dashboards of `deploy/dashboards`, made here so that they say the same things in the same way.

Panels ask PostgreSQL, as the role platformkit_reader; `fleet` has a row for those who scrape `platformkit metrics` with Prometheus.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from platformkit_pipeline.model.metric import OPERATIONS

SCHEMA_VERSION = 39
"""Of Grafana 10.4 and later, which read it."""
_POSTGRES = {"type": "grafana-postgresql-datasource", "uid": "${postgres}"}
_PROMETHEUS = {"type": "prometheus", "uid": "${prometheus}"}


@dataclass(frozen=True, slots=True)
class Panel:
    """`query` is SQL, or PromQL where `prometheus` is set. `sort` is Grafana's type of panel."""

    title: str
    sort: str
    query: str
    unit: str = "short"
    description: str = ""
    width: int = 12
    prometheus: bool = False
    limits: Mapping[str, float] = field(default_factory=dict)


def _over_time(name: str, what: str = "avg(m.value)", by: str = "'mean'") -> str:
    return (
        f"select $__timeGroupAlias(m.created_at, $__interval), {by} as metric, {what} as value\n"
        f"  from ops.metrics m left join ops.targets t using (target_id)\n"
        f" where $__timeFilter(m.created_at) and m.name = '{name}'\n group by 1, 2 order by 1, 2"
    )


_OPERATIONS = ", ".join(f"'{operation}.count'" for operation in OPERATIONS)
_SCORE = {"min": 0, "max": 100}

DASHBOARDS: Mapping[str, tuple[str, tuple[Panel, ...]]] = {
    "platform": (
        "platformkit: the platform",
        (
            Panel(
                "Operations by outcome",
                "timeseries",
                "select $__timeGroupAlias(m.created_at, '1d'), left(m.name, -6) || ' ' || (m.labels ->> 'outcome') as metric, "
                "sum(m.value) as value\n  from ops.metrics m\n"
                f" where $__timeFilter(m.created_at) and m.name in ({_OPERATIONS})\n group by 1, 2 order by 1, 2",
                description="How often each operation was carried out, and how it ended (clause 7.2).",
            ),
            Panel(
                "Error rate of operations",
                "timeseries",
                "select m.created_at as time, replace(m.name, '.error_rate', '') as metric, m.value\n  from ops.metrics m\n"
                " where $__timeFilter(m.created_at) and m.name like '%.error_rate' and m.name <> 'delivery.error_rate'\n order by 1, 2",
                "percent",
                "Of the 24 hours before each night's figures.",
                limits=_SCORE,
            ),
            Panel(
                "Duration of operations",
                "timeseries",
                "select $__timeGroupAlias(m.created_at, $__interval), replace(m.name, '.duration', '') as metric, avg(m.value) as value\n"
                "  from ops.metrics m\n where $__timeFilter(m.created_at) and m.name like '%.duration'\n group by 1, 2 order by 1, 2",
                "s",
            ),
            Panel(
                "Connector latency",
                "timeseries",
                _over_time("connector.latency", by="coalesce(t.name, 'connector')"),
                "s",
                "Of each connector's health check (clause 7.2).",
            ),
            Panel(
                "Connector success rate",
                "timeseries",
                _over_time("connector.success_rate", by="coalesce(t.name, 'connector')"),
                "percent",
                limits=_SCORE,
            ),
            Panel(
                "Open alerts",
                "table",
                "select a.severity, coalesce(t.name, 'the platform') as target, a.headline, a.raised_at\n"
                "  from ops.alerts a left join ops.targets t using (target_id)\n where a.settled_at is null\n"
                " order by array_position(array['critical', 'high', 'medium', 'low', 'info'], a.severity), a.raised_at\n limit 100",
            ),
            Panel(
                "Audit log",
                "stat",
                "select count(*) as rows, max(created_at) as latest from ops.audit_log",
                description="`platformkit db verify-audit` recomputes the chain.",
            ),
        ),
    ),
    "fleet": (
        "platformkit: the fleet",
        (
            Panel(
                "Targets",
                "table",
                "select target_kind, target_name, environment, raw_score, effective_score, critical, high, medium, low, unknown,\n"
                "       scanned_at\n  from ops.compliance_by_target\n order by raw_score nulls first, target_name\n limit 500",
                description="Worst first. effective counts what is validly waived as passed; gates read it.",
                width=24,
            ),
            Panel(
                "Compliance score", "timeseries", _over_time("compliance.score", by="coalesce(t.name, 'fleet')"), "percent", limits=_SCORE
            ),
            Panel("Parity score", "timeseries", _over_time("parity.score", by="coalesce(t.name, 'fleet')"), "percent", limits=_SCORE),
            Panel(
                "Open findings by severity",
                "timeseries",
                "select m.created_at as time, m.labels ->> 'severity' as metric, m.value\n  from ops.metrics m\n"
                " where $__timeFilter(m.created_at) and m.name = 'findings.open'\n order by 1, 2",
            ),
            Panel("Duration of a scan", "timeseries", _over_time("scan.duration", by="coalesce(t.name, 'fleet')"), "s"),
            Panel(
                "Open findings by rule",
                "table",
                "select rule, rule_name, severity, count(*) as findings, count(distinct target_id) as targets,\n"
                "       min(first_seen_at) as oldest\n  from ops.open_findings\n group by rule, rule_name, severity\n"
                " order by findings desc, rule\n limit 100",
            ),
            Panel(
                "Targets that were not scanned lately",
                "stat",
                "select count(*) filter (where scanned_at is null or scanned_at < now() - interval '26 hours') as late\n"
                "  from ops.compliance_by_target",
            ),
            Panel(
                "Lowest scores (Prometheus)",
                "timeseries",
                'bottomk(10, platformkit_target_score_percent{view="raw"})',
                "percent",
                "For those who scrape `platformkit metrics`.",
                prometheus=True,
                limits=_SCORE,
            ),
            Panel(
                "Age of the latest scan (Prometheus)", "timeseries", "topk(10, platformkit_target_scan_age_seconds)", "s", prometheus=True
            ),
        ),
    ),
    "delivery": (
        "platformkit: delivery and decisions",
        (
            Panel("Events that wait", "timeseries", _over_time("queue.depth", "max(m.value)", "'events'")),
            Panel("Age of the oldest", "timeseries", _over_time("queue.oldest_age", "max(m.value)", "'oldest'"), "s"),
            Panel("Dead letters", "timeseries", _over_time("queue.dead_letters", "max(m.value)", "'events'")),
            Panel("Latency of delivery", "timeseries", _over_time("delivery.latency", by="coalesce(m.labels ->> 'destination', '')"), "s"),
            Panel(
                "Failed attempts",
                "timeseries",
                _over_time("delivery.error_rate", by="coalesce(m.labels ->> 'destination', '')"),
                "percent",
                limits=_SCORE,
            ),
            Panel(
                "Latest decisions of gates",
                "table",
                "select d.decided_at, t.name as target, d.gate, d.verdict, array_to_string(d.reasons, '; ') as reasons\n"
                "  from ops.gate_decisions d join ops.targets t using (target_id)\n where $__timeFilter(d.decided_at)\n"
                " order by d.decided_at desc\n limit 100",
                width=24,
            ),
            Panel(
                "Waivers that end within a week",
                "table",
                "select target_name, rule, coalesce(object_pattern, fingerprint) as object, reason, granted_by, expires_on,\n"
                "       days_left\n  from ops.expiring_waivers",
            ),
            Panel(
                "Plans",
                "table",
                "select t.name as target, count(*) as plans, max(p.created_at) as latest\n"
                "  from ops.remediation_plans p join ops.targets t using (target_id)\n group by t.name order by latest desc\n limit 100",
            ),
        ),
    ),
}


def dashboard_text(name: str) -> str:
    """The JSON file of one dashboard; always the same bytes."""
    title, panels = DASHBOARDS[name]
    document = {
        "annotations": {"list": []},
        "editable": True,
        "graphTooltip": 1,
        "id": None,
        "links": [],
        "panels": _placed(panels),
        "refresh": "5m",
        "schemaVersion": SCHEMA_VERSION,
        "tags": ["platformkit"],
        "templating": {"list": [_variable("postgres", "grafana-postgresql-datasource"), _variable("prometheus", "prometheus")]},
        "time": {"from": "now-30d", "to": "now"},
        "timezone": "utc",
        "title": title,
        "uid": f"platformkit-{name}",
        "version": 1,
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _variable(name: str, plugin: str) -> dict[str, Any]:
    return {"name": name, "label": name, "type": "datasource", "query": plugin, "hide": 0, "multi": False, "includeAll": False}


def _placed(panels: tuple[Panel, ...]) -> list[dict[str, Any]]:
    placed: list[dict[str, Any]] = []
    x = y = 0
    for number, panel in enumerate(panels, start=1):
        if x + panel.width > 24:
            x, y = 0, y + 8
        placed.append(_panel(number, panel, {"h": 8, "w": panel.width, "x": x, "y": y}))
        x += panel.width
    return placed


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    source = _PROMETHEUS if panel.prometheus else _POSTGRES
    defaults = {"unit": panel.unit, **panel.limits}
    if panel.prometheus:
        target: dict[str, Any] = {"expr": panel.query, "legendFormat": "{{kind}} {{target}}"}
    else:
        target = {
            "rawQuery": True,
            "editorMode": "code",
            "rawSql": panel.query,
            "format": "time_series" if panel.sort == "timeseries" else "table",
        }
    return {
        "id": number,
        "title": panel.title,
        "description": panel.description,
        "type": panel.sort,
        "datasource": source,
        "gridPos": place,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {},
        "targets": [{"refId": "A", "datasource": source, **target}],
    }
