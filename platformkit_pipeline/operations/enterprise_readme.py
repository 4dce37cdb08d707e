"""Read what the organisation's README says out of `ops` (clause 3.4)."""

from __future__ import annotations

from pathlib import Path

from platformkit_pipeline.control_plane import enterprise_readmes
from platformkit_pipeline.control_plane.connection import Connection, control_plane_dsn, control_plane_errors, session
from platformkit_pipeline.control_plane.migrations import require_current
from platformkit_pipeline.locations import templates_directory
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.repository.generated_readme import check_stamp
from platformkit_pipeline.model.target import TargetKind
from platformkit_pipeline.operations.report_fleet import standings_of
from platformkit_pipeline.reporting.enterprise_readme import InventoriedTarget, enterprise_readme

TEMPLATE = "enterprise-readme.md.j2"
_LISTED = (TargetKind.SUPABASE_PROJECT, TargetKind.REPOSITORY, TargetKind.CONNECTOR)
"""The platform itself is nobody's project."""
_OBJECTS = """
select t.kind, t.name, i.kind, count(*)
  from ops.inventory_objects i
  join ops.targets t on t.target_id = i.target_id
 where i.removed_scan is null and t.retired_at is null
 group by t.kind, t.name, i.kind
"""
_PARITY = "select target_kind, target_name, trunc(effective_score, 1)::float8 from ops.latest_parity where effective_score is not null"
_HOLDER = "select kind, name from ops.targets where target_id = %s"


def render_enterprise_readme(template: Path | None = None) -> str:
    """The README from the control plane of PLATFORMKIT_DATABASE_URL, by the template that ships or by one's own.

    Raises ControlPlaneError, and ConfigurationError for a template that cannot be read or rendered.
    """
    text = read_template(template)
    with session(control_plane_dsn()) as connection:
        require_current(connection)
        connection.commit()  # what follows chooses how its transactions are isolated
        with control_plane_errors(), connection.transaction():
            known = enterprise_readmes.latest(connection)
        rendered = enterprise_readme(inventoried_targets(connection, known.target_id if known else None), text)
    return known.content if known and check_stamp(rendered).text_digest == known.text_digest else rendered


def read_template(template: Path | None = None) -> str:
    """Its text; of the one that ships where none is named. Raises ConfigurationError."""
    path = template or templates_directory() / TEMPLATE
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigurationError(f"--template {path}: cannot be read: {reason}") from None


def inventoried_targets(connection: Connection, holder: int | None = None) -> tuple[InventoriedTarget, ...]:
    """All active targets with the numbers of what they hold, of one moment. `holder` is the repository with the README itself.

    Raises ControlPlaneError.
    """
    with control_plane_errors(), connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        counts: dict[tuple[str, str], dict[str, int]] = {}
        for target_kind, name, kind, count in connection.execute(_OBJECTS):
            counts.setdefault((target_kind, name), {})[kind] = count
        parity = {(kind, name): score for kind, name, score in connection.execute(_PARITY)}
        holding = connection.execute(_HOLDER, (holder,)).fetchone()
        return tuple(
            InventoriedTarget(
                kind,
                standing,
                counts.get((kind.value, standing.name), {}),
                parity.get((kind.value, standing.name)),
                (kind.value, standing.name) == holding,
            )
            for kind in _LISTED
            for standing in standings_of(connection, kind)
        )
