"""May this change be merged? The merge gate (clause 4.3), decided from stored runs and written down so that it can be decided again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from platformkit_pipeline.control_plane import parity
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.control_plane.parity import StoredDecision
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.parity import ParityReport
from platformkit_pipeline.model.parity_document import comparison_from_json, comparison_to_json
from platformkit_pipeline.model.parity_gate import BEST_OF_DAYS, Base, BestScore, Comparison, compare
from platformkit_pipeline.model.target import Target
from platformkit_pipeline.operations.alert_regression import Regressed, lost_checks, tell_owners
from platformkit_pipeline.operations.stored_snapshot import target_id_of

GATE = "merge"
DEFAULT_MAX_DROP = Fraction(5)


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

    @property
    def verdict(self) -> str:
        return self.comparison.verdict

    @property
    def reasons(self) -> tuple[str, ...]:
        return self.comparison.reasons


def decide_merge_gate(
    connection: Connection,
    target: Target,
    head: ParityReport,
    base_id: str | None,
    now: datetime,
    *,
    max_drop_percent: Fraction = DEFAULT_MAX_DROP,
    base: Base | None = None,
) -> MergeDecision:
    """Decide on a stored run, `head`, against the stored run `base_id` and the best of the default branch; store the decision.

    `base` stands in for `base_id` where the base is a file. A no also tells the owners. The same again changes nothing.
    Raises ConfigurationError for a base that is not stored or is another target's, ControlPlaneError.
    """
    with control_plane_errors(), connection.transaction():
        target_id = target_id_of(connection, target)
        compared = base if base_id is None else _stored_base(connection, target_id, target, base_id, head)
        best = parity.best(connection, target_id, since=now - timedelta(days=BEST_OF_DAYS), until=now, but=head.parity_id)
        decision = decided(head, compared, best, now, max_drop_percent=max_drop_percent)
        _keep(connection, target_id, head, decision, now)
        if decision.verdict == "no":
            tell_owners(connection, head, _regression(head, compared, decision.comparison))
    return decision


def decided(
    head: ParityReport, base: Base | None, best: BestScore | None, now: datetime, *, max_drop_percent: Fraction = DEFAULT_MAX_DROP
) -> MergeDecision:
    """The decision itself; nothing is read or written."""
    comparison = compare(head, base, best, max_drop_percent)
    return MergeDecision(
        target=head.target.name,
        comparison=comparison,
        parity_id=head.parity_id,
        commit=head.commit,
        branch=head.branch,
        contracts_digest=head.contracts_digest,
        decided_at=now.isoformat(timespec="seconds"),
    )


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


def _stored_base(connection: Connection, target_id: int, target: Target, base_id: str, head: ParityReport) -> Base:
    found = parity.find(connection, base_id)
    if found is None:
        raise ConfigurationError(f"base run {base_id!r} is not in the control plane: give the parity_id of a run that was kept")
    if found.target_id != target_id:
        raise ConfigurationError(f"base run {base_id} is about {found.report.target.name}, not about {target.name}")
    if found.report.parity_id == head.parity_id:
        raise ConfigurationError(f"base run {base_id} is the run itself: nothing could be worse than that")
    return Base(found.report.parity_id, found.report.results)


def _keep(connection: Connection, target_id: int, head: ParityReport, decision: MergeDecision, now: datetime) -> None:
    comparison = decision.comparison
    inputs = {key: value for key, value in comparison_to_json(comparison).items() if key not in ("verdict", "reasons")}
    stored = StoredDecision(
        gate=GATE,
        parity_id=head.parity_id,
        base_parity_id=comparison.base_id,
        verdict=decision.verdict,
        reasons=decision.reasons,
        inputs={**inputs, "weights": {d.value: w for d, w in head.weights.items()}, "contracts_digest": head.contracts_digest},
        decided_at=now,
        scan_id=head.scan_id,
        run_id=head.run_id,
    )
    parity.store_decision(connection, target_id, stored)


def _regression(head: ParityReport, base: Base | None, comparison: Comparison) -> Regressed:
    before = comparison.base.score if comparison.base else None
    lost = lost_checks(base.results, head.results) if base else ()
    return Regressed(("the merge gate said no", *comparison.reasons), before, lost or comparison.blocking, comparison.base_id)
