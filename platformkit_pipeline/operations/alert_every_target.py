"""The night's part of alerts: covers begin and end without a scan, so every target is looked at once a day (clauses 4.2, 10.2)."""

from __future__ import annotations

from datetime import datetime

from platformkit_pipeline.control_plane import scans, targets
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.operations.alert_findings import alert_findings, end_alerts_of_retired
from platformkit_pipeline.operations.announce import Announced


def alert_every_target(connection: Connection, now: datetime) -> Announced:
    """`alert_findings` for every active target that was ever scanned to the end, each in a transaction of its own.

    Alerts about targets that the settings list no more end. `raised` and `settled` count findings. The same again tells nothing.
    Raises ControlPlaneError.
    """
    with control_plane_errors(), connection.transaction():
        active = targets.list_active(connection)
        latest = {stored.target_id: scans.latest(connection, stored.target_id) for stored in active}
    told = [
        alert_findings(connection, stored.target, scan.scan_id, now) for stored in active if (scan := latest[stored.target_id]) is not None
    ]
    told.append(end_alerts_of_retired(connection, now))
    return Announced(sum(t.raised for t in told), sum(t.settled for t in told))
