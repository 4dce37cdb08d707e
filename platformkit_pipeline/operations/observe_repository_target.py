"""Observe HEAD of a repository and store what was seen: the scan, its inventory and its history, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.control_plane.inventory import InventoryChanges
from platformkit_pipeline.control_plane.scans import ScanRecord
from platformkit_pipeline.introspection.repository.git import open_repository
from platformkit_pipeline.introspection.repository.github_settings import with_github
from platformkit_pipeline.introspection.repository.options import RepositoryOptions
from platformkit_pipeline.logs import bind_ids
from platformkit_pipeline.model.inventory import InventoryObject, set_digest
from platformkit_pipeline.model.repository.inventory import inventory_of
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.target import GithubAccess, Target
from platformkit_pipeline.operations.clock import SYSTEM_CLOCK, Clock
from platformkit_pipeline.operations.keep_observation import keep_observation
from platformkit_pipeline.operations.scan_repository import observed, told_by_github
from platformkit_pipeline.operations.stored_snapshot import target_id_of


@dataclass(frozen=True, slots=True)
class RepositoryObservation:
    """One stored scan. `object_counts` tells inventory objects by kind, `changes` what differs from the scan before."""

    scan_id: str
    snapshot: RepositorySnapshot
    fingerprint: str
    duration_seconds: float
    objects: tuple[InventoryObject, ...]
    changes: InventoryChanges

    @property
    def object_counts(self) -> Mapping[str, int]:
        return dict(sorted(Counter(o.kind for o in self.objects).items()))


def observe_repository_target(
    connection: Connection,
    target: Target,
    path: Path,
    *,
    run_id: str | None,
    github: GithubAccess | None = None,
    cache: Path | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> RepositoryObservation:
    """Observe the repository at `path` and store it; a commit that was observed before is remembered (see `repository_cache`).

    With `github` its settings there are observed as well, each time anew; why they could not be is stored in their place.
    Raises ConfigurationError for a folder that is no repository, ObservationError, ControlPlaneError. Killed half-way, or
    failed, it leaves nothing stored.
    """
    scan_id, started_at, started = clock.new_scan_id(), clock.now(), clock.seconds()
    with bind_ids(target=target.name, scan_id=scan_id, **({"run_id": run_id} if run_id else {})):
        with control_plane_errors():
            target_id = target_id_of(connection, target)
            connection.rollback()  # no transaction stays open while the repository is read
        with open_repository(path) as repository:
            snapshot = observed(repository, RepositoryOptions(name=target.name), cache).snapshot
        if github is not None:
            snapshot = with_github(snapshot, told_by_github(github, cache))
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
            commit=snapshot.head.commit,
            branch=snapshot.head.branch,
            run_id=run_id,
            set_digest=fingerprint,
            object_count=len(objects),
        )
        with control_plane_errors(), connection.transaction():
            changes = keep_observation(connection, record, objects)
    return RepositoryObservation(scan_id, snapshot, fingerprint, duration, objects, changes)
