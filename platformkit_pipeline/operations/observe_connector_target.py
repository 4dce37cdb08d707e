"""Observe a connector and store what was seen: the scan, its inventory and its history, and how it was, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from platformkit_pipeline.control_plane import connector_health
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.control_plane.inventory import InventoryChanges
from platformkit_pipeline.control_plane.scans import ScanRecord
from platformkit_pipeline.logs import bind_ids
from platformkit_pipeline.model.connector import ConnectorSnapshot
from platformkit_pipeline.model.connector_inventory import inventory_of, measures_of
from platformkit_pipeline.model.inventory import InventoryObject, set_digest
from platformkit_pipeline.model.settings import Connector, target_of
from platformkit_pipeline.operations.clock import SYSTEM_CLOCK, Clock
from platformkit_pipeline.operations.keep_observation import keep_observation
from platformkit_pipeline.operations.observe_connector import observed
from platformkit_pipeline.operations.stored_snapshot import target_id_of


@dataclass(frozen=True, slots=True)
class ConnectorObservation:
    """One stored scan. `object_counts` tells inventory objects by kind, `changes` what differs from the scan before."""

    scan_id: str
    snapshot: ConnectorSnapshot
    fingerprint: str
    duration_seconds: float
    objects: tuple[InventoryObject, ...]
    changes: InventoryChanges

    @property
    def object_counts(self) -> Mapping[str, int]:
        return dict(sorted(Counter(o.kind for o in self.objects).items()))


def observe_connector_target(
    connection: Connection, connector: Connector, *, run_id: str | None, clock: Clock = SYSTEM_CLOCK
) -> ConnectorObservation:
    """Observe the connector and store it. A connector that is incomplete or down is an observation like any other.

    Raises ControlPlaneError. Killed half-way, or failed, it leaves nothing stored.
    """
    target = target_of(connector)
    scan_id, started_at, started = clock.new_scan_id(), clock.now(), clock.seconds()
    with bind_ids(target=target.name, scan_id=scan_id, **({"run_id": run_id} if run_id else {})):
        with control_plane_errors():
            target_id = target_id_of(connection, target)
            connection.rollback()  # no transaction stays open while the connector is asked
        snapshot = observed(connector)
        objects = inventory_of(snapshot)
        fingerprint = set_digest(objects)
        duration = clock.seconds() - started
        record = ScanRecord(
            scan_id=scan_id,
            target_id=target_id,
            started_at=started_at,
            duration_seconds=duration,
            server_version=None,
            catalog_fingerprint=fingerprint,
            unobserved=snapshot.unobserved,
            run_id=run_id,
            set_digest=fingerprint,
            object_count=len(objects),
        )
        with control_plane_errors(), connection.transaction():
            changes = keep_observation(connection, record, objects)
            connector_health.record(
                connection,
                measures_of(snapshot),
                success_rate=snapshot.success_rate,
                checked_at=started_at,
                target_id=target_id,
                scan_id=scan_id,
                run_id=run_id,
            )
    return ConnectorObservation(scan_id, snapshot, fingerprint, duration, objects, changes)
