"""Read an observation back out of the control plane (clause 1.2: rules judge what was observed and stored)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from platformkit_pipeline.control_plane import inventory, scans, targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.scans import ScanRecord, ScanStatus
from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.model.snapshot_inventory import snapshot_of
from platformkit_pipeline.model.target import Target


@dataclass(frozen=True, slots=True)
class StoredObservation:
    """The latest scan of a target and the snapshot that its inventory rows amount to."""

    target_id: int
    scan: ScanRecord
    snapshot: Snapshot


def target_id_of(connection: Connection, target: Target) -> int:
    """Raises ControlPlaneError when the control plane does not know the target, or retired it."""
    stored = targets.find(connection, target.kind, target.name)
    if stored is None or stored.retired_at is not None:
        raise ControlPlaneError(f"target {target.name} is not registered in the control plane: is it in the settings?")
    return stored.target_id


def latest_observation(connection: Connection, target: Target) -> StoredObservation:
    """The observation that is newest, whether it was judged already or not.

    Raises ControlPlaneError when there is none, or when the stored rows do not amount to the catalogue that was observed.
    """
    target_id = target_id_of(connection, target)
    scan = scans.latest(connection, target_id, ScanStatus.OBSERVED)
    if scan is None or scan.server is None:
        raise ControlPlaneError(f"target {target.name} was never observed: materialize introspection/supabase_catalog first")
    snapshot = snapshot_of(scan.server, inventory.read(connection, target_id), scan.statistics, scan.unobserved)
    if catalog_fingerprint(snapshot) != scan.catalog_fingerprint:
        raise ControlPlaneError(
            f"the inventory of {target.name} is not the catalogue that scan {scan.scan_id} observed: scan again; who else writes to ops?"
        )
    return StoredObservation(target_id, scan, replace(snapshot, activity=scan.activity))
