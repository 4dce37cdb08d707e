"""Everything that an answer of the merge gate rests on, as it stands in `ops.gate_decisions`: enough to compare again (clause 4.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from platformkit_pipeline.model.contract import CheckResult, Dimension
from platformkit_pipeline.model.parity import CheckKey, ParityReport, parity_score
from platformkit_pipeline.model.parity_document import comparison_to_json, result_from_json, result_to_json
from platformkit_pipeline.model.parity_gate import Base, BestScore, Comparison, common_scores, compare
from platformkit_pipeline.model.score import exact
from platformkit_pipeline.model.target import Target

VERSION = 1
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""When a run began has no say in a comparison."""


def merge_inputs(head: ParityReport, base: Base | None, comparison: Comparison) -> dict[str, Any]:
    """What was compared: every check of both sides as it was told, their weights and limits, and the numbers that they amount to."""
    numbers = {key: value for key, value in comparison_to_json(comparison).items() if key not in ("verdict", "reasons")}
    common = common_scores(head, base)
    return {
        "version": VERSION,
        **numbers,
        "weights": {dimension.value: weight for dimension, weight in head.weights.items()},
        "contracts_digest": head.contracts_digest,
        "declared": [dimension.value for dimension in head.declared],
        "common": {"head_exact": exact(common[0]), "base_exact": exact(common[1])} if common else None,
        "head_checks": _told(head.results, head.waived),
        "base_checks": _told(base.results) if base else None,
        "base_of_default_branch": base.of_default_branch if base else None,
    }


def compared_again(target: Target, parity_id: str, inputs: Mapping[str, Any]) -> Comparison:
    """The comparison that `inputs` give. Raises KeyError, TypeError or ValueError where they lack something, as those of before did."""
    if inputs["version"] != VERSION:
        raise ValueError(f"inputs of version {inputs['version']}, known is {VERSION}")
    best, declared = inputs["best"], tuple(map(Dimension, inputs["declared"]))
    weights = {Dimension(name): int(weight) for name, weight in inputs["weights"].items()}
    results = _results(inputs["head_checks"])
    waived: frozenset[CheckKey] = frozenset(r.key for r, told in zip(results, inputs["head_checks"], strict=True) if told["waived"])
    head = ParityReport(
        parity_id=parity_id,
        target=target,
        started_at=_LONG_AGO,
        duration_seconds=0.0,
        contracts_digest=inputs["contracts_digest"],
        declared=declared,
        weights=weights,
        results=results,
        parity=parity_score(results, declared, weights, waived),
        waived=waived,
    )
    told = inputs["base_checks"]
    base = Base(inputs["base_id"], _results(told), bool(inputs["base_of_default_branch"])) if told is not None else None
    best_score = BestScore(best["parity_id"], Fraction(best["effective_exact"])) if best else None
    return compare(head, base, best_score, Fraction(inputs["max_drop_percent"]))


def _told(results: Iterable[CheckResult], waived: frozenset[CheckKey] = frozenset()) -> list[dict[str, Any]]:
    """Messages and evidence stand with the runs; no answer depends on them."""
    return [
        {key: value for key, value in result_to_json(result, waived).items() if key not in ("message", "evidence")} for result in results
    ]


def _results(told: Iterable[Mapping[str, Any]]) -> tuple[CheckResult, ...]:
    return tuple(result_from_json({**check, "message": "", "evidence": {}}) for check in told)
