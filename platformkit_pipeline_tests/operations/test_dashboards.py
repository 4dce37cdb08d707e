"""Every query of the dashboards runs as the role that only reads, and shows something when there is something."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from platformkit_pipeline.control_plane import metrics
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.operations.expose_metrics import PREFIX, platform_gauges
from platformkit_pipeline_tests.fleet_history import FIRST_NIGHT, nights_behind

FOLDER = Path(__file__).parents[2] / "deploy" / "dashboards"
FILES = sorted(FOLDER.glob("*.json"))
_GROUP = re.compile(r"\$__timeGroupAlias\(([^,]+), ([^)]+)\)")
_FILTER = re.compile(r"\$__timeFilter\(([^)]+)\)")
_INTERVALS = {"'1d'": 86400, "$__interval": 3600}


def as_grafana_sends_it(query: str, until: str) -> str:
    """The macros of Grafana's PostgreSQL data source, replaced as it does."""
    grouped = _GROUP.sub(
        lambda m: f'floor(extract(epoch from {m[1]})/{_INTERVALS[m[2]]})*{_INTERVALS[m[2]]} as "time"',
        query,
    )
    sent = _FILTER.sub(lambda m: f"{m[1]} between '{FIRST_NIGHT.isoformat()}' and '{until}'", grouped)
    assert "$" not in sent
    return sent


@pytest.fixture
def lived(pipeline: Connection, superuser: Connection) -> str:
    """A control plane in which everything happened that a dashboard shows; the time until which."""
    now = nights_behind(pipeline, nights=3)
    destination = {"destination": "n8n"}
    with pipeline.transaction():
        metrics.record(pipeline, "connector.latency", 0.2, "seconds", at=now)
        metrics.record(pipeline, "connector.success_rate", 99, "percent", at=now)
        metrics.record(pipeline, "delivery.latency", 0.3, "seconds", labels=destination, at=now)
        metrics.record(pipeline, "delivery.error_rate", 1, "percent", labels=destination, at=now)
        pipeline.execute(
            "insert into ops.waivers (waiver_id, target_id, environment, rule, object_pattern, reason, granted_by, starts_on, expires_on) "
            "select gen_random_uuid(), target_id, 'staging', 'RLS001', 'public.*', 'while it moves', 'ada', d.day, d.day "
            "from ops.targets, (select (now() at time zone 'UTC')::date as day) d"
        )
        pipeline.execute(
            "insert into ops.remediation_plans (plan_id, target_id, scan_id, confirmed_scan, confirmed_at, base_fingerprint) "
            "select md5('plan'), target_id, scan_id, scan_id, started_at, catalog_fingerprint from ops.scans limit 1"
        )
    superuser.execute("set role platformkit_reader")
    superuser.commit()
    return now.isoformat()


def test_every_query_returns_rows_to_the_reader(lived: str, superuser: Connection) -> None:
    asked = 0
    for file in FILES:
        for panel in json.loads(file.read_text(encoding="utf-8"))["panels"]:
            for target in panel["targets"]:
                if "rawSql" in target:
                    rows = superuser.execute(as_grafana_sends_it(target["rawSql"], lived).encode()).fetchall()
                    assert rows, f"{file.name}: {panel['title']} shows nothing"
                    asked += 1
    assert asked == 22
    assert superuser.execute("select current_user").fetchone() == ("platformkit_reader",)


def test_every_gauge_that_a_dashboard_asks_prometheus_for_is_told(lived: str, superuser: Connection) -> None:
    told = {gauge.name for gauge in platform_gauges(superuser, FIRST_NIGHT) if gauge.samples}
    asked = {name for file in FILES for name in re.findall(rf"\b{PREFIX}\w+", file.read_text(encoding="utf-8"))}
    assert asked
    assert asked <= told


def test_every_dashboard_is_named_and_placed_without_overlap() -> None:
    assert [file.stem for file in FILES] == ["delivery", "fleet", "platform"]
    for file in FILES:
        document = json.loads(file.read_text(encoding="utf-8"))
        assert (document["uid"], document["schemaVersion"]) == (f"platformkit-{file.stem}", 39)
        taken = [
            (x, y)
            for panel in document["panels"]
            for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
            for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
        ]
        assert len(taken) == len(set(taken))
        assert max(x for x, _ in taken) < 24
