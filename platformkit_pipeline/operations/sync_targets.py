"""Bring `ops.targets` in line with the settings. A target that left the settings is retired, never deleted."""

from __future__ import annotations

from platformkit_pipeline.control_plane import targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.targets import TargetChanges
from platformkit_pipeline.model.settings import Settings, target_of
from platformkit_pipeline.model.target import Target


def sync_targets(connection: Connection, settings: Settings) -> TargetChanges:
    """Store every target of the settings and commit. The same settings again change nothing."""
    with connection.transaction():
        return targets.sync(connection, targets_of(settings))


def targets_of(settings: Settings) -> tuple[Target, ...]:
    """Every target that the settings name, of all kinds."""
    return (
        *(target_of(project) for project in settings.projects),
        *(target_of(repository) for repository in settings.repositories),
        *(target_of(connector) for connector in settings.connectors),
    )
