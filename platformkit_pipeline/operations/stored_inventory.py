"""Read an observation back out of its inventory (clause 1.2: rules judge what was observed and stored)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from platformkit_pipeline.control_plane import inventory, scans
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.scans import ScanRecord, ScanStatus
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.model.inventory import InventoryObject, set_digest
from platformkit_pipeline.model.target import Target
from platformkit_pipeline.operations.stored_snapshot import target_id_of

SnapshotT = TypeVar("SnapshotT")


def latest_in_inventory(
    connection: Connection,
    target: Target,
    *,
    asset: str,
    read: Callable[[Sequence[InventoryObject], ScanRecord], SnapshotT],
    objects_of: Callable[[SnapshotT], Sequence[InventoryObject]],
) -> tuple[ScanRecord, SnapshotT]:
    """The newest scan of a target whose snapshot is the sum of its inventory objects, and that snapshot, judged already or not.

    `asset` is what observes such targets; `read` and `objects_of` turn objects into a snapshot and back. Raises ControlPlaneError
    when there is no observation, or when the stored rows do not amount to what was observed.
    """
    target_id = target_id_of(connection, target)
    scan = scans.latest(connection, target_id, ScanStatus.OBSERVED)
    if scan is None:
        raise ControlPlaneError(f"{target.kind.value} {target.name} was never observed: materialize {asset} first")
    try:
        snapshot = read(inventory.read(connection, target_id), scan)
        as_observed = set_digest(objects_of(snapshot)) == scan.catalog_fingerprint
    except (ValueError, KeyError, TypeError) as error:
        raise ControlPlaneError(
            f"the inventory of {target.name} was stored by another version, or by somebody else: scan again ({type(error).__name__})"
        ) from None
    if not as_observed:
        raise ControlPlaneError(
            f"the inventory of {target.name} is not what scan {scan.scan_id} observed: scan again; who else writes to ops?"
        )
    return scan, snapshot
