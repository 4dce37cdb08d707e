"""Metrics (clause 7.2): measurements of the platform itself, in `ops.metrics`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime

from psycopg.types.json import Jsonb

from platformkit_pipeline.control_plane.connection import Connection


def record(
    connection: Connection,
    name: str,
    value: float,
    unit: str,
    *,
    target_id: int | None = None,
    scan_id: str | None = None,
    run_id: str | None = None,
    labels: Mapping[str, str] | None = None,
    at: datetime | None = None,
) -> None:
    """Store one measurement, taken `at` (default: the start of the transaction). Name, unit and labels are those of `model/metric.py`.

    Raises ValueError for a value that is not finite: sums and averages over it would be lost without a trace.
    """
    if not math.isfinite(value):
        raise ValueError(f"metric {name} is {value}: only finite values are stored")
    connection.execute(
        "insert into ops.metrics (name, value, unit, labels, target_id, scan_id, run_id, created_at) "
        "values (%s, %s, %s, %s, %s, %s, %s, coalesce(%s::timestamptz, now()))",
        (name, value, unit, Jsonb(dict(labels or {})), target_id, scan_id, run_id, at),
    )
