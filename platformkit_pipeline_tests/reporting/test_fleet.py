"""The fleet as a Markdown table."""

from __future__ import annotations

from datetime import UTC, datetime

from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.target import Environment, TargetKind
from platformkit_pipeline.reporting.fleet import TargetStanding, fleet_markdown


def _standing(name: str, score: float | None, critical: int = 0, effective: float | None = None) -> TargetStanding:
    counts = dict.fromkeys(Severity, 0) | {Severity.CRITICAL: critical}
    scanned = datetime(2026, 3, 1, 2, 0, tzinfo=UTC) if score is not None else None
    waived = score if effective is None else effective
    return TargetStanding(name, TargetKind.SUPABASE_PROJECT, Environment.PRODUCTION, ("team:shop",), scanned, score, waived, counts, 0)


def _rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()[2:] if line.startswith("|")]


def test_the_worst_stand_first_and_the_never_scanned_before_them() -> None:
    rows = _rows(fleet_markdown([_standing("good", 100.0), _standing("lost", None), _standing("bad", 49.0, critical=3)]))
    assert [row[0] for row in rows] == ["lost", "bad", "good"]
    assert rows[0][3:5] + rows[0][-1:] == ["–", "–", "never"]
    assert rows[1] == ["bad", "project", "production", "49.0", "49.0", "3", "0", "0", "0", "0", "2026-03-01 02:00"]


def test_the_score_with_waivers_stands_beside_the_raw_one() -> None:
    assert _rows(fleet_markdown([_standing("shop", 49.0, effective=80.0)]))[0][3:5] == ["49.0", "80.0"]


def test_what_is_left_out_is_counted() -> None:
    text = fleet_markdown([_standing(f"t{n}", 100.0) for n in range(5)], limit=2)
    assert len(_rows(text)) == 2
    assert "3 more targets are not listed here." in text


def test_a_name_cannot_break_the_table() -> None:
    assert fleet_markdown([_standing("a|b\n# c", 1.0)]).splitlines()[2].startswith("| a\\|b \\# c | project | production |")


def test_an_empty_fleet_says_so() -> None:
    assert fleet_markdown([]) == "No target is registered.\n"
