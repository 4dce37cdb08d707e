"""What delivery needs beside delivering: measures every few minutes (clause 7.2), and forgetting what is old."""

from __future__ import annotations

from datetime import datetime, timedelta

from platformkit_pipeline.connectors.delivery.retention import purge
from platformkit_pipeline.control_plane.connection import control_plane_errors, session
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.operations.measure_delivery import LATELY_SECONDS, measure_delivery

_log = get_logger("operations.tend_delivery")


def tend_delivery(dsn: Dsn, last: datetime | None, now: datetime) -> datetime:
    """Measure, and forget one portion of what is old, when `last` is long enough ago; returns when it was done last.

    What was settled since `last` is counted once, also after a pause. Raises ControlPlaneError.
    """
    if last is not None and now - last < timedelta(seconds=LATELY_SECONDS):
        return last
    seconds = LATELY_SECONDS if last is None else (now - last).total_seconds()
    with control_plane_errors(), session(dsn) as connection:
        measure_delivery(connection, seconds=seconds, at=now)
        connection.commit()
        gone = purge(connection)
    if gone.most:
        _log.info("forgotten", outbox=gone.outbox, inbox=gone.inbox, dead_letters=gone.dead_letters)
    return now
