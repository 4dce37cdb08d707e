"""What was last observed of the repository whose constitution binds all targets (clause 13)."""

from __future__ import annotations

from platformkit_pipeline.control_plane import scans, targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.scans import ScanStatus
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.settings import Settings
from platformkit_pipeline.model.target import Target, TargetKind
from platformkit_pipeline.operations.stored_repository import StoredRepositoryObservation, latest_repository_observation


def observed_constitution(connection: Connection, settings: Settings) -> StoredRepositoryObservation | None:
    """The latest observation of `governance.constitution`; None where the settings name no repository, or it was never observed.

    Raises ControlPlaneError for rows that do not amount to what was observed.
    """
    name = settings.governance.constitution
    stored = targets.find(connection, TargetKind.REPOSITORY, name) if name else None
    if stored is None or stored.retired_at is not None or scans.latest(connection, stored.target_id, ScanStatus.OBSERVED) is None:
        return None
    return latest_repository_observation(connection, Target(TargetKind.REPOSITORY, stored.target.name))


def constitution_version(observation: StoredRepositoryObservation | None) -> str | None:
    """Its version; with the project in front where the repository has several. None where none tells one."""
    return None if observation is None else _version(observation.snapshot)


def _version(snapshot: RepositorySnapshot) -> str | None:
    told = [constitution for constitution in snapshot.constitutions if constitution.version]
    if len(told) == 1:
        return told[0].version
    return ", ".join(f"{constitution.project} {constitution.version}" for constitution in told) or None
