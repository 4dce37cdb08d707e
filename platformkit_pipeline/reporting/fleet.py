"""Markdown of a whole fleet: one row per target, worst first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.target import Environment, TargetKind
from platformkit_pipeline.reporting.markdown import escape

DEFAULT_LIMIT = 500
KINDS = {
    TargetKind.SUPABASE_PROJECT: "project",
    TargetKind.REPOSITORY: "repository",
    TargetKind.CONNECTOR: "connector",
    TargetKind.CONTROL_PLANE: "platform",
}
_SHOWN = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW)


@dataclass(frozen=True, slots=True)
class TargetStanding:
    """One target. Scores and `scanned_at` are None when it has no complete scan; `unknown` counts within the severities."""

    name: str
    kind: TargetKind
    environment: Environment
    owners: tuple[str, ...]
    scanned_at: datetime | None
    raw_score: float | None
    effective_score: float | None
    open_findings: Mapping[Severity, int]
    unknown: int


def fleet_markdown(standings: Sequence[TargetStanding], limit: int = DEFAULT_LIMIT) -> str:
    """A table of at most `limit` targets: never scanned first, then by score, then by name. What is left out is counted."""
    if not standings:
        return "No target is registered.\n"
    ordered = sorted(standings, key=lambda s: (-1.0 if s.raw_score is None else s.raw_score, s.name, s.kind))
    head = ["Target", "Kind", "Environment", "Score", "With waivers", *(s.value.capitalize() for s in _SHOWN), "Unknown", "Scanned (UTC)"]
    rule = ["---", "---", "---", *["---:"] * (len(head) - 4), "---"]
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join(rule)} |", *map(_row, ordered[:limit])]
    if len(ordered) > limit:
        lines += ["", f"{len(ordered) - limit} more targets are not listed here."]
    return "\n".join(lines) + "\n"


def _row(standing: TargetStanding) -> str:
    cells = [
        escape(standing.name),
        KINDS[standing.kind],
        standing.environment.value,
        _score(standing.raw_score),
        _score(standing.effective_score),
        *(str(standing.open_findings[severity]) for severity in _SHOWN),
        str(standing.unknown),
        f"{standing.scanned_at:%Y-%m-%d %H:%M}" if standing.scanned_at else "never",
    ]
    return f"| {' | '.join(cells)} |"


def _score(score: float | None) -> str:
    return "–" if score is None else f"{score:.1f}"
