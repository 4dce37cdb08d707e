"""JSON forms of contract results, scores and comparisons, as they stand in reports, in Dagster's metadata and in `ops`."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from platformkit_pipeline.model.contract import CheckResult, Dimension
from platformkit_pipeline.model.parity import CheckKey, DimensionScore, ParityScore
from platformkit_pipeline.model.parity_gate import BestScore, Comparison
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.model.score import Score, exact


def result_to_json(result: CheckResult, waived: frozenset[CheckKey] = frozenset()) -> dict[str, Any]:
    return {
        "dimension": result.dimension.value,
        "contract": result.contract,
        "check": result.check,
        "severity": result.severity.value,
        "outcome": result.outcome.value,
        "waived": result.key in waived,
        "message": result.message,
        "evidence": dict(result.evidence),
        "count": result.count,
    }


def result_from_json(value: Mapping[str, Any]) -> CheckResult:
    """Inverse of `result_to_json`, the waiver aside. Raises KeyError, TypeError or ValueError for another document."""
    count = int(value["count"])
    if count < 1:
        raise ValueError("count must be at least 1")
    return CheckResult(
        Dimension(value["dimension"]),
        str(value["contract"]),
        str(value["check"]),
        Severity(value["severity"]),
        Outcome(value["outcome"]),
        str(value["message"]),
        dict(value.get("evidence") or {}),
        count,
    )


def score_to_json(score: Score | None) -> dict[str, Any] | None:
    """Rounded down for people, exact for whoever compares."""
    if score is None:
        return None
    return {
        "raw": score.raw_display,
        "effective": score.effective_display,
        "raw_exact": exact(score.raw),
        "effective_exact": exact(score.effective),
    }


def score_from_json(value: Mapping[str, Any] | None) -> Score | None:
    return None if value is None else Score(Fraction(value["raw_exact"]), Fraction(value["effective_exact"]))


def parity_to_json(parity: ParityScore) -> dict[str, Any]:
    return {
        "score": score_to_json(parity.score),
        "reason": parity.reason,
        "dimensions": [
            {
                "dimension": d.dimension.value,
                "weight": d.weight,
                "score": score_to_json(d.score),
                "passed": d.passed,
                "failed": d.failed,
                "unknown": d.unknown,
                "reason": d.reason,
            }
            for d in parity.dimensions
        ],
    }


def parity_from_json(value: Mapping[str, Any]) -> ParityScore:
    """Inverse of `parity_to_json`. Raises KeyError, TypeError or ValueError for another document."""
    dimensions = tuple(
        DimensionScore(
            Dimension(d["dimension"]),
            d["weight"],
            score_from_json(d["score"]) or Score(Fraction(), Fraction()),
            d["passed"],
            d["failed"],
            d["unknown"],
            d["reason"],
        )
        for d in value["dimensions"]
    )
    return ParityScore(dimensions, score_from_json(value["score"]), value["reason"])


def comparison_to_json(comparison: Comparison) -> dict[str, Any]:
    best = comparison.best
    return {
        "verdict": comparison.verdict,
        "reasons": list(comparison.reasons),
        "max_drop_percent": exact(comparison.max_drop_percent),
        "head": parity_to_json(comparison.head),
        "base": parity_to_json(comparison.base) if comparison.base else None,
        "base_id": comparison.base_id,
        "best": {"parity_id": best.parity_id, "effective_exact": exact(best.effective)} if best else None,
        "blocking": [_without_evidence(r) for r in comparison.blocking],
        "failing": [_without_evidence(r) for r in comparison.failing],
        "worse": [_without_evidence(r) for r in comparison.worse],
        "removed": [_without_evidence(r) for r in comparison.removed],
    }


def comparison_from_json(value: Mapping[str, Any]) -> Comparison:
    """Inverse of `comparison_to_json`. Raises KeyError, TypeError or ValueError for another document."""
    best = value["best"]
    return Comparison(
        verdict=value["verdict"],
        reasons=tuple(value["reasons"]),
        max_drop_percent=Fraction(value["max_drop_percent"]),
        head=parity_from_json(value["head"]),
        base=parity_from_json(value["base"]) if value["base"] else None,
        base_id=value["base_id"],
        best=BestScore(best["parity_id"], Fraction(best["effective_exact"])) if best else None,
        blocking=tuple(map(result_from_json, value["blocking"])),
        failing=tuple(map(result_from_json, value["failing"])),
        worse=tuple(map(result_from_json, value["worse"])),
        removed=tuple(map(result_from_json, value["removed"])),
    )


def _without_evidence(result: CheckResult) -> dict[str, Any]:
    """A decision names checks; what they saw stands in the report."""
    return {key: value for key, value in result_to_json(result).items() if key != "evidence"}
