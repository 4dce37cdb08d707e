"""Metrics of delivery (clause 7.2), into `ops.metrics`: what waits, how old it is, how fast and how well it is delivered."""

from __future__ import annotations

from datetime import datetime

from psycopg.rows import tuple_row

from platformkit_pipeline.connectors.delivery.outbox import Outbox
from platformkit_pipeline.connectors.delivery.statements import statement
from platformkit_pipeline.control_plane import metrics
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors

LATELY_SECONDS = 300.0


def measure_delivery(
    connection: Connection, *, seconds: float = LATELY_SECONDS, run_id: str | None = None, at: datetime | None = None
) -> int:
    """Store one measurement of each kind in the caller's transaction; returns how many.

    `queue.depth`, `queue.oldest_age` and `queue.dead_letters` are of now; `delivery.count`, `delivery.latency` (mean from writing to
    delivery) and `delivery.error_rate` (failed attempts of all, in percent) of what was settled in the last `seconds`, by
    destination: none where nothing was settled. Measure as often as `seconds` says, and none is counted twice.
    """
    with control_plane_errors():
        depth = Outbox().depth(connection)
        values: list[tuple[str, float, str, dict[str, str]]] = [
            ("queue.depth", depth.pending, "events", {}),
            ("queue.oldest_age", depth.oldest_age_seconds, "seconds", {}),
            ("queue.dead_letters", depth.dead_letters, "events", {}),
        ]
        with connection.cursor(row_factory=tuple_row) as cursor:
            settled = cursor.execute(statement("window", "ops"), {"seconds": seconds}).fetchall()
        for destination, count, latency, failed, attempts in settled:
            labels = {"destination": destination}
            values.append(("delivery.count", count, "events", labels))
            if latency is not None:
                values.append(("delivery.latency", max(latency, 0.0), "seconds", labels))
            if attempts:
                values.append(("delivery.error_rate", 100 * failed / attempts, "percent", labels))
        for name, value, unit, labels in values:
            metrics.record(connection, name, value, unit, run_id=run_id, labels=labels, at=at)
    return len(values)
