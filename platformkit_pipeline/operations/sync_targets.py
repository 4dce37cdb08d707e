"""Bring `ops.targets` in line with the settings. A target that left the settings is retired, never deleted."""

from __future__ import annotations

from platformkit_pipeline.control_plane import targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.targets import TargetChanges
from platformkit_pipeline.model.settings import Settings, target_of


def sync_targets(connection: Connection, settings: Settings) -> TargetChanges:
    """Store every target of the settings and commit. The same settings again change nothing."""
    with connection.transaction():
        return targets.sync(connection, [target_of(entry) for entry in (*settings.projects, *settings.repositories, *settings.connectors)])
