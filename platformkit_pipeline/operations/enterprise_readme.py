"""Read what the organisation's README says out of `ops` (clause 3.4)."""

from __future__ import annotations

from pathlib import Path

from platformkit_pipeline.control_plane.connection import Connection, control_plane_dsn, control_plane_errors, session
from platformkit_pipeline.locations import templates_directory
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.target import TargetKind
from platformkit_pipeline.operations.report_fleet import standings_of
from platformkit_pipeline.reporting.enterprise_readme import InventoriedTarget, enterprise_readme

TEMPLATE = "enterprise-readme.md.j2"
_OBJECTS = """
select t.kind, t.name, i.kind, count(*)
  from ops.inventory_objects i
  join ops.targets t on t.target_id = i.target_id
 where i.removed_scan is null and t.retired_at is null
 group by t.kind, t.name, i.kind
"""


def render_enterprise_readme(template: Path | None = None) -> str:
    """The README from the control plane of PLATFORMKIT_DATABASE_URL, by the template that ships or by one's own.

    Raises ControlPlaneError, and ConfigurationError for a template that cannot be read or rendered.
    """
    path = template or templates_directory() / TEMPLATE
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigurationError(f"--template {path}: cannot be read: {reason}") from None
    with session(control_plane_dsn()) as connection:
        return enterprise_readme(inventoried_targets(connection), text)


def inventoried_targets(connection: Connection) -> tuple[InventoriedTarget, ...]:
    """All active targets with the numbers of what they hold, of one moment. Raises ControlPlaneError."""
    with control_plane_errors(), connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        counts: dict[tuple[str, str], dict[str, int]] = {}
        for target_kind, name, kind, count in connection.execute(_OBJECTS):
            counts.setdefault((target_kind, name), {})[kind] = count
        return tuple(
            InventoriedTarget(kind, standing, counts.get((kind.value, standing.name), {}))
            for kind in TargetKind
            for standing in standings_of(connection, kind)
        )
