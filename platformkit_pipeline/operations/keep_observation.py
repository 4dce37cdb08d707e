"""Keep one observation of a target: its scan, its inventory and its history, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence

from platformkit_pipeline.control_plane import inventory, metrics, scans
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.inventory import InventoryChanges
from platformkit_pipeline.control_plane.scans import ScanRecord
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.inventory import InventoryObject

_log = get_logger("operations.keep_observation")


def keep_observation(connection: Connection, scan: ScanRecord, objects: Sequence[InventoryObject]) -> InventoryChanges:
    """Store the scan and make `objects` the inventory of its target, with duration and number as metrics. Raises ControlPlaneError."""
    scans.begin(connection, scan)
    changes = inventory.write(connection, scan.target_id, scan.scan_id, objects)
    for name, value, unit in (("scan.duration", scan.duration_seconds, "seconds"), ("scan.objects", len(objects), "objects")):
        metrics.record(
            connection, name, value, unit, target_id=scan.target_id, scan_id=scan.scan_id, run_id=scan.run_id, at=scan.started_at
        )
    _log.info("observed", scan_id=scan.scan_id, objects=len(objects), added=changes.added, changed=changes.changed, removed=changes.removed)
    return changes
