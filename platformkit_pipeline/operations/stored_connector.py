"""Read an observation of a connector back out of the control plane (clause 1.2: rules judge what was observed and stored)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from platformkit_pipeline.control_plane import connector_health
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.scans import ScanRecord
from platformkit_pipeline.model.connector import ConnectorSnapshot
from platformkit_pipeline.model.connector_inventory import inventory_of, snapshot_of
from platformkit_pipeline.model.inventory import InventoryObject
from platformkit_pipeline.model.target import Target
from platformkit_pipeline.operations.stored_inventory import latest_in_inventory


@dataclass(frozen=True, slots=True)
class StoredConnectorObservation:
    """The latest scan of a connector, and the snapshot that its inventory rows and its measures amount to."""

    scan: ScanRecord
    snapshot: ConnectorSnapshot


def latest_connector_observation(connection: Connection, target: Target) -> StoredConnectorObservation:
    """The observation that is newest, whether it was judged already or not.

    Raises ControlPlaneError when there is none, or when the stored rows do not amount to what was observed.
    """

    def read(objects: Sequence[InventoryObject], scan: ScanRecord) -> ConnectorSnapshot:
        measures = connector_health.of_scan(connection, scan.target_id, scan.scan_id)
        if measures is None:
            raise ValueError("the scan has no measures")
        return snapshot_of(objects, measures, scan.unobserved)

    scan, snapshot = latest_in_inventory(connection, target, asset="introspection/connectors", read=read, objects_of=inventory_of)
    return StoredConnectorObservation(scan, snapshot)
