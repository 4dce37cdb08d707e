"""Checks of connectors: one row each in `ops.connector_health`, and the metrics that clause 7.2 asks for."""

from __future__ import annotations

from datetime import datetime

from platformkit_pipeline.control_plane import metrics
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.scans import jsonb, storable_text
from platformkit_pipeline.model.connector import Health, HealthStatus, QueueDepth
from platformkit_pipeline.model.connector_inventory import ConnectorMeasures

_INSERT = """
insert into ops.connector_health
  (target_id, scan_id, run_id, checked_at, status, latency_seconds, message, pending, due, oldest_age_seconds, dead_letters, remarks)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_OF_SCAN = """
select status, latency_seconds, message, pending, due, oldest_age_seconds, dead_letters, remarks
  from ops.connector_health where target_id = %s and scan_id = %s order by id desc limit 1
"""


def record(
    connection: Connection,
    measures: ConnectorMeasures,
    *,
    success_rate: float | None,
    checked_at: datetime,
    target_id: int,
    scan_id: str,
    run_id: str | None,
) -> None:
    """Store one check, and `connector.latency`, `connector.success_rate` (percent) and `connector.queue_depth` where they were measured.

    A check is append-only: the caller stores each scan once.
    """
    health, queue = measures.health, measures.queue
    of_health = (health.status.value, health.latency_seconds, storable_text(health.message)) if health else (None, None, "")
    of_queue = (queue.pending, queue.due, queue.oldest_age_seconds, queue.dead_letters) if queue else (None,) * 4
    connection.execute(_INSERT, (target_id, scan_id, run_id, checked_at, *of_health, *of_queue, jsonb(dict(measures.remarks))))
    measured = (
        ("connector.latency", health.latency_seconds if health else None, "seconds"),
        ("connector.success_rate", success_rate, "percent"),
        ("connector.queue_depth", queue.pending if queue else None, "events"),
    )
    for name, value, unit in measured:
        if value is not None:
            metrics.record(connection, name, value, unit, target_id=target_id, scan_id=scan_id, run_id=run_id, at=checked_at)


def of_scan(connection: Connection, target_id: int, scan_id: str) -> ConnectorMeasures | None:
    """What was measured in a scan; None when nothing was stored."""
    row = connection.execute(_OF_SCAN, (target_id, scan_id)).fetchone()
    if row is None:
        return None
    status, latency, message, pending, due, age, dead, remarks = row
    health = None if status is None else Health(HealthStatus(status), latency, message)
    return ConnectorMeasures(health, None if pending is None else QueueDepth(pending, due, age, dead), remarks)
