"""Where every target stands: one line per target out of `ops`, with the head of the audit chain that vouches for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import Any

from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors, one_row
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.score import display
from platformkit_pipeline.model.target import Environment, Target, TargetKind
from platformkit_pipeline.operations.cover_findings import score_on
from platformkit_pipeline.reporting.fleet import TargetStanding

_STANDINGS = """
select c.target_name, c.target_kind, c.environment, c.owners, c.scanned_at, s.raw_score_exact, s.effective_score_exact,
       c.critical, c.high, c.medium, c.low, c.info, c.unknown
  from ops.compliance_by_target c
  left join ops.scans s on s.scan_id = c.scan_id
 where c.target_kind = %s
 order by c.target_name collate "C"
"""


@dataclass(frozen=True, slots=True)
class FleetReport:
    """All active projects by name, then the repositories, then the connectors, as stored when `audit_head` was the end of the audit chain.

    `audit_head` has 64 hex digits.
    """

    standings: tuple[TargetStanding, ...]
    audit_head: str

    @property
    def mean_score(self) -> float | None:
        """Of the targets that have a score; None when none has."""
        scores = [s.raw_score for s in self.standings if s.raw_score is not None]
        # Rounded down like every score, so that 100.0 means all of them.
        return int(sum(scores) / len(scores) * 10) / 10 if scores else None


def report_fleet(connection: Connection, now: datetime | None = None) -> FleetReport:
    """Read the present state of all targets; effective scores are those of `now`, without it those of the scans.

    Raises ControlPlaneError.
    """
    with control_plane_errors(), connection.transaction():
        standings = tuple(standing for kind in TargetKind for standing in standings_of(connection, kind, now))
        return FleetReport(standings, _head(connection))


def standings_of(connection: Connection, kind: TargetKind, now: datetime | None = None) -> tuple[TargetStanding, ...]:
    """The active targets of one kind, by name, inside the caller's transaction; `now` as in `report_fleet`."""
    standings = tuple(map(_standing, connection.execute(_STANDINGS, (kind.value,)).fetchall()))
    return standings if now is None else tuple(_as_of(connection, standing, now) for standing in standings)


def _as_of(connection: Connection, standing: TargetStanding, now: datetime) -> TargetStanding:
    """A cover that ended since the scan helps no longer, and one that was granted since does."""
    if standing.raw_score is None:
        return standing
    score = score_on(connection, Target(standing.kind, standing.name, standing.environment, standing.owners), now)
    return standing if score is None else replace(standing, effective_score=score.effective_display)


def audit_head_hash(connection: Connection) -> str:
    """Hash at the end of the audit chain, to be noted where the database cannot reach it. Raises ControlPlaneError."""
    with control_plane_errors(), connection.transaction():
        return _head(connection)


def _head(connection: Connection) -> str:
    return str(one_row(connection.execute("select encode(row_hash, 'hex') from ops.audit_head"))[0])


def _standing(row: tuple[Any, ...]) -> TargetStanding:
    name, kind, environment, owners, scanned_at, raw, effective, *counts, unknown = row
    return TargetStanding(
        name=name,
        kind=TargetKind(kind),
        environment=Environment(environment),
        owners=tuple(owners),
        scanned_at=scanned_at,
        raw_score=_shown(raw),
        effective_score=_shown(effective),
        open_findings=dict(zip(Severity, counts, strict=True)),
        unknown=unknown,
    )


def _shown(exact: str | None) -> float | None:
    return None if exact is None else display(Fraction(exact))
