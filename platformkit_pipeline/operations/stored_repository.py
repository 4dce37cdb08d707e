"""Read an observation of a repository back out of the control plane (clause 1.2: rules judge what was observed and stored)."""

from __future__ import annotations

from dataclasses import dataclass

from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.scans import ScanRecord
from platformkit_pipeline.model.repository.inventory import inventory_of, snapshot_of
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.target import Target
from platformkit_pipeline.operations.stored_inventory import latest_in_inventory


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
    scan, snapshot = latest_in_inventory(
        connection,
        target,
        asset="introspection/repository",
        read=lambda objects, scan: snapshot_of(objects, scan.unobserved),
        objects_of=inventory_of,
    )
    return StoredRepositoryObservation(scan.target_id, scan, snapshot)
