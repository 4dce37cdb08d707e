"""Contract results, scores and their history as Dagster metadata."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence

import dagster as dg

from platformkit_pipeline.control_plane.parity import ParityPoint
from platformkit_pipeline.model.contract import CheckResult, Dimension
from platformkit_pipeline.model.parity import ParityScore
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.score import Score
from platformkit_pipeline.orchestration.metadata import ROW_LIMIT, Metadata, table
from platformkit_pipeline.reporting.sparkline import sparkline

_WORST_FIRST = (Outcome.FAIL, Outcome.UNKNOWN, Outcome.NOT_APPLICABLE, Outcome.PASS)


def checks_metadata(results: Sequence[CheckResult]) -> Metadata:
    """Every check, the worst first, and how many there are of each outcome."""
    outcomes = Counter(r.outcome for r in results)
    return {**{o.name.lower(): dg.MetadataValue.int(outcomes[o]) for o in Outcome}, **listed_checks(results)}


def listed_checks(results: Sequence[CheckResult]) -> Metadata:
    """The checks alone, the worst first; what is wrong stands where it is seen without scrolling."""
    listed = sorted(results, key=lambda r: (_WORST_FIRST.index(r.outcome), r.severity.rank, r.sort_key))
    columns = dict.fromkeys(("outcome", "severity", "check", "message", "contract", "dimension"), "string") | {"seconds": "float"}
    rows = [
        (r.outcome.value, r.severity.value, r.check, r.message, r.contract, r.dimension.value, round(r.duration_seconds, 3)) for r in listed
    ]
    return {"checks": table(columns, rows), "truncated": dg.MetadataValue.bool(len(rows) > ROW_LIMIT)}


def score_metadata(parity: ParityScore) -> Metadata:
    """The numbers, which Dagster plots over time: raw and effective, and the raw score of every declared dimension."""
    shown: dict[str, dg.MetadataValue] = {
        f"score_{d.dimension.value}": dg.MetadataValue.float(d.score.raw_display) for d in parity.dimensions
    }
    if parity.score is not None:
        shown["score"] = dg.MetadataValue.float(parity.score.raw_display)
        shown["score_effective"] = dg.MetadataValue.float(parity.score.effective_display)
    return shown


def history_metadata(points: Sequence[ParityPoint]) -> Metadata:
    """The last runs of the default branch, as a line and as a table. `points` are latest first."""
    columns = dict.fromkeys(("measured_at", "commit", "branch", "score", "effective", *(d.value for d in Dimension)), "string")
    rows = [
        (
            p.started_at.isoformat(timespec="seconds"),
            (p.commit or "")[:12],
            p.branch or "",
            _number(p.score),
            _number(p.score, effective=True),
            *(_number(p.dimensions.get(d)) for d in Dimension),
        )
        for p in points
    ]
    return {"trend": dg.MetadataValue.md(_trend(points)), "history": table(columns, rows)}


def _trend(points: Sequence[ParityPoint]) -> str:
    if not points:
        return "No run of the default branch is kept yet."
    declared = [d for d in Dimension if any(d in p.dimensions for p in points)]
    lines = ["| | oldest to latest, 0 to 100 | latest |", "| --- | --- | ---: |"]
    lines.append(_line("**parity**", [p.score for p in points]))
    lines += [_line(d.value, [p.dimensions.get(d) for p in points]) for d in declared]
    return "\n".join(lines)


def _line(name: str, latest_first: Sequence[Score | None]) -> str:
    drawn = sparkline([None if score is None else score.raw_display for score in reversed(latest_first)])
    return f"| {name} | `{drawn}` | {_number(latest_first[0]) or 'none'} |"


def _number(score: Score | None, *, effective: bool = False) -> str:
    if score is None:
        return ""
    return f"{score.effective_display if effective else score.raw_display:.1f}"


def checks_version(results: Iterable[CheckResult]) -> str:
    """Names a set of results: same digest, same outcomes with the same words. 16 hex digits."""
    digest = hashlib.sha256()
    for r in sorted(results, key=lambda r: r.sort_key):
        line = (r.dimension.value, r.contract, r.check, r.severity.value, r.outcome.value, str(r.count), r.message)
        digest.update("\x1f".join(line).encode("utf-8", errors="surrogatepass") + b"\n")
    return digest.hexdigest()[:16]
