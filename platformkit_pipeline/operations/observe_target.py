"""Observe a target and store what was seen: the scan, its inventory and its history, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.control_plane.inventory import InventoryChanges
from platformkit_pipeline.control_plane.scans import ScanRecord
from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint
from platformkit_pipeline.logs import bind_ids
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.inventory import set_digest
from platformkit_pipeline.model.snapshot import Snapshot, Unobserved
from platformkit_pipeline.model.snapshot_inventory import inventory_of
from platformkit_pipeline.model.target import NO_OPTIONS, ObservationOptions, Target
from platformkit_pipeline.operations.clock import SYSTEM_CLOCK, Clock
from platformkit_pipeline.operations.keep_observation import keep_observation
from platformkit_pipeline.operations.observe_all import observe_all
from platformkit_pipeline.operations.stored_snapshot import target_id_of


@dataclass(frozen=True, slots=True)
class Observation:
    """One stored scan. `object_counts` tells inventory objects by kind, `changes` what differs from the scan before."""

    scan_id: str
    target: Target
    target_id: int
    started_at: datetime
    duration_seconds: float
    server_version: str
    catalog_fingerprint: str
    object_counts: Mapping[str, int]
    changes: InventoryChanges
    unobserved: tuple[Unobserved, ...]


def observe_target(
    connection: Connection,
    target: Target,
    dsn: Dsn,
    *,
    options: ObservationOptions = NO_OPTIONS,
    run_id: str | None,
    clock: Clock = SYSTEM_CLOCK,
    observe: Callable[[], Snapshot] | None = None,
) -> Observation:
    """Observe the database behind `dsn` and store it. The observation comes first, so a target that fails leaves no trace.

    `observe` takes the place of looking at `dsn`, for whoever has looked already.

    Raises ObservationError (unreachable, busy), ControlPlaneError. Killed half-way, nothing is stored.
    """
    scan_id, started_at, started = clock.new_scan_id(), clock.now(), clock.seconds()
    with bind_ids(project_id=target.name, scan_id=scan_id, **({"run_id": run_id} if run_id else {})):
        with control_plane_errors():
            target_id = target_id_of(connection, target)
            connection.rollback()  # no transaction stays open while the target is read
        snapshot = observe() if observe else observe_all(dsn, options)
        objects = inventory_of(snapshot)
        fingerprint = catalog_fingerprint(snapshot)
        duration = clock.seconds() - started
        with control_plane_errors(), connection.transaction():
            changes = keep_observation(
                connection,
                ScanRecord(
                    scan_id=scan_id,
                    target_id=target_id,
                    started_at=started_at,
                    duration_seconds=duration,
                    server_version=snapshot.server.version,
                    catalog_fingerprint=fingerprint,
                    server=snapshot.server,
                    statistics=snapshot.relation_statistics,
                    unobserved=snapshot.unobserved,
                    activity=snapshot.activity,
                    run_id=run_id,
                    set_digest=set_digest(objects),
                    object_count=len(objects),
                ),
                objects,
            )
    return Observation(
        scan_id=scan_id,
        target=target,
        target_id=target_id,
        started_at=started_at,
        duration_seconds=duration,
        server_version=snapshot.server.version,
        catalog_fingerprint=fingerprint,
        object_counts=dict(sorted(Counter(o.kind for o in objects).items())),
        changes=changes,
        unobserved=snapshot.unobserved,
    )
