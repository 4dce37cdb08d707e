"""Every change of the settings is on record: what it was, from what to what, and since when (clause 11.1)."""

from __future__ import annotations

from datetime import datetime

from platformkit_pipeline.control_plane import settings_versions
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.settings import Settings
from platformkit_pipeline.model.settings_changes import canonical_settings, changes_between, settings_digest

MOST_CHANGES = 50
"""So many changes of one version are listed in the audit log; the version itself is whole."""

_log = get_logger("operations.record_settings")


def record_settings(connection: Connection, settings: Settings, now: datetime) -> tuple[str, ...]:
    """Record the settings where they differ from the last version, and commit; returns the paths that changed, all of them.

    The first call on a control plane records everything as new. The same settings again write nothing. Raises ControlPlaneError.
    """
    content = canonical_settings(settings)
    digest = settings_digest(content)
    with control_plane_errors(), connection.transaction():
        settings_versions.lock(connection)
        before = settings_versions.last(connection)
        if before is not None and before[0] == digest:
            return ()
        changes = changes_between(before[1] if before else {}, content)
        left_out = max(len(changes) - MOST_CHANGES, 0)
        settings_versions.add(connection, digest, content, changes[:MOST_CHANGES], left_out=left_out, now=now)
    _log.info("settings changed", digest=digest, changes=len(changes))
    return tuple(change.path for change in changes)
