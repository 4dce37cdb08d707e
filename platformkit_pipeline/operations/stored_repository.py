"""Read an observation of a repository back out of the control plane (clause 1.2: rules judge what was observed and stored)."""

from __future__ import annotations

from dataclasses import dataclass

from platformkit_pipeline.control_plane import inventory, scans
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.scans import ScanRecord, ScanStatus
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.model.inventory import set_digest
from platformkit_pipeline.model.repository.inventory import inventory_of, snapshot_of
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.target import Target
from platformkit_pipeline.operations.stored_snapshot import target_id_of


@dataclass(frozen=True, slots=True)
class StoredRepositoryObservation:
    """The latest scan of a repository and the snapshot that its inventory rows amount to."""

    target_id: int
    scan: ScanRecord
    snapshot: RepositorySnapshot


def latest_repository_observation(connection: Connection, target: Target) -> StoredRepositoryObservation:
    """The observation that is newest, whether it was judged already or not.

    Raises ControlPlaneError when there is none, or when the stored rows do not amount to what was observed.
    """
    target_id = target_id_of(connection, target)
    scan = scans.latest(connection, target_id, ScanStatus.OBSERVED)
    if scan is None:
        raise ControlPlaneError(f"repository {target.name} was never observed: materialize introspection/repository first")
    try:
        snapshot = snapshot_of(inventory.read(connection, target_id), scan.unobserved)
        as_observed = set_digest(inventory_of(snapshot)) == scan.catalog_fingerprint
    except (ValueError, KeyError, TypeError) as error:
        raise ControlPlaneError(
            f"the inventory of {target.name} was stored by another version, or by somebody else: scan again ({type(error).__name__})"
        ) from None
    if not as_observed:
        raise ControlPlaneError(
            f"the inventory of {target.name} is not what scan {scan.scan_id} observed: scan again; who else writes to ops?"
        )
    return StoredRepositoryObservation(target_id, scan, snapshot)
