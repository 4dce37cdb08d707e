"""The answer of the merge gate as a record: about which run it is, and everything that it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from platformkit_pipeline.model.parity_document import comparison_from_json, comparison_to_json
from platformkit_pipeline.model.parity_gate import Comparison

GATE = "merge"


@dataclass(frozen=True, slots=True)
class MergeDecision:
    """`comparison` holds the verdict (yes, no, or unknown), its reasons and every number that it rests on."""

    target: str
    comparison: Comparison
    parity_id: str
    commit: str | None
    branch: str | None
    contracts_digest: str
    decided_at: str
    decision_id: str | None = field(default=None, compare=False)
    """Row of `ops.gate_decisions`; None where nothing was stored. It is not part of the document of a comparison."""

    @property
    def verdict(self) -> str:
        return self.comparison.verdict

    @property
    def reasons(self) -> tuple[str, ...]:
        return self.comparison.reasons


def merge_decision_to_json(decision: MergeDecision) -> dict[str, Any]:
    """JSON form, as it stands in Dagster's metadata under `decision`."""
    return {
        "gate": GATE,
        "target": decision.target,
        "parity_id": decision.parity_id,
        "commit": decision.commit,
        "branch": decision.branch,
        "contracts_digest": decision.contracts_digest,
        "decided_at": decision.decided_at,
        **comparison_to_json(decision.comparison),
    }


def merge_decision_from_json(value: Mapping[str, Any]) -> MergeDecision:
    """Inverse of `merge_decision_to_json`. Raises KeyError, TypeError or ValueError for another document."""
    if value["gate"] != GATE:
        raise ValueError("not a decision of the merge gate")
    return MergeDecision(
        target=value["target"],
        comparison=comparison_from_json(value),
        parity_id=value["parity_id"],
        commit=value["commit"],
        branch=value["branch"],
        contracts_digest=value["contracts_digest"],
        decided_at=value["decided_at"],
    )
