"""Bring `ops.targets` in line with the settings. A target that left the settings is retired, never deleted."""

from __future__ import annotations

from platformkit_pipeline.control_plane import targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.targets import TargetChanges
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.settings import Settings, target_of
from platformkit_pipeline.model.target import Target

_log = get_logger("operations.sync_targets")


def sync_targets(connection: Connection, settings: Settings) -> TargetChanges:
    """Store every target of the settings and commit. The same settings again change nothing."""
    with connection.transaction():
        changes = targets.sync(connection, targets_of(settings))
    if changes != TargetChanges():
        told = {"added": changes.added, "changed": changes.changed, "removed": changes.removed}
        _log.info("targets registered", **{word: [t.name for t in found] for word, found in told.items()})
    return changes


def targets_of(settings: Settings) -> tuple[Target, ...]:
    """Every target that the settings name, of all kinds."""
    return (
        *(target_of(project) for project in settings.projects),
        *(target_of(repository) for repository in settings.repositories),
        *(target_of(connector) for connector in settings.connectors),
    )
