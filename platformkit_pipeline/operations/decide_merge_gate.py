"""May this change be merged? The merge gate (clause 4.3), decided from stored runs and written down so that it can be decided again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction

from platformkit_pipeline.control_plane import parity
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.control_plane.parity import StoredDecision
from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.errors import ConfigurationError, ControlPlaneError
from platformkit_pipeline.model.merge_decision import GATE, MergeDecision
from platformkit_pipeline.model.merge_inputs import merge_inputs
from platformkit_pipeline.model.parity import ParityReport
from platformkit_pipeline.model.parity_gate import BEST_OF_DAYS, Base, BestScore, Comparison, compare
from platformkit_pipeline.model.target import Target
from platformkit_pipeline.operations.alert_regression import Regressed, lost_checks, tell_owners
from platformkit_pipeline.operations.stored_snapshot import target_id_of

DEFAULT_MAX_DROP = Fraction(5)


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
    """Decide on a stored run, `head`, against the stored run `base_id` (see `stored_base`) and the best of the default branch; store
    the decision. A no also tells the owners. The same again changes nothing.

    `base` stands in for `base_id` where the base is a file. Raises ConfigurationError for a base that is not stored, ControlPlaneError.
    """
    with control_plane_errors(), connection.transaction():
        target_id = target_id_of(connection, target)
        stored = parity.find(connection, head.parity_id)
        if stored is None:
            raise ControlPlaneError(f"parity run {head.parity_id} is not stored: keep it before deciding on it")
        head = stored.report  # of a run that is measured again what was kept first counts, so that the decision can be decided again
        compared = base if base_id is None else stored_base(connection, target, base_id, head)
        decision = _weighed(connection, target_id, head, compared, now, max_drop_percent)
        decision = replace(decision, decision_id=_keep(connection, target_id, head, compared, decision, now))
        if decision.verdict == "no":
            tell_owners(connection, head, _regression(head, compared, decision.comparison))
    return decision


def weigh_merge_gate(
    connection: Connection,
    target: Target,
    head: ParityReport,
    base: Base | None,
    now: datetime,
    *,
    max_drop_percent: Fraction = DEFAULT_MAX_DROP,
) -> MergeDecision:
    """What would be decided on a run that nobody keeps; nothing is written. Raises ControlPlaneError."""
    with control_plane_errors(), connection.transaction():
        return _weighed(connection, target_id_of(connection, target), head, base, now, max_drop_percent)


def stored_base(connection: Connection, target: Target, reference: str, head: ParityReport | None = None) -> Base:
    """The stored run of `target` that `reference` names: its id, a full commit (its latest run), or `latest` for the default branch's last.

    Raises ConfigurationError when there is none, and when it is `head` itself.
    """
    with control_plane_errors(), connection.transaction():
        target_id = target_id_of(connection, target)
        but = head.parity_id if head else None
        found = parity.named(connection, target_id, reference, but=but)
    if found is None:
        raise ConfigurationError(
            f"base run {redact(reference)!r} of {target.name} is not in the control plane: give the parity_id of another run "
            f"that was kept, a commit in full that such a run was of, or {parity.LATEST}"
        )
    return Base(found.report.parity_id, found.report.results, found.report.of_default_branch)


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


def _weighed(
    connection: Connection, target_id: int, head: ParityReport, base: Base | None, now: datetime, max_drop_percent: Fraction
) -> MergeDecision:
    best = parity.best(connection, target_id, since=now - timedelta(days=BEST_OF_DAYS), until=now, but=head.parity_id)
    return decided(head, base, best, now, max_drop_percent=max_drop_percent)


def _keep(connection: Connection, target_id: int, head: ParityReport, base: Base | None, decision: MergeDecision, now: datetime) -> str:
    comparison = decision.comparison
    stored = StoredDecision(
        gate=GATE,
        parity_id=head.parity_id,
        base_parity_id=comparison.base_id,
        verdict=decision.verdict,
        reasons=decision.reasons,
        inputs=merge_inputs(head, base, comparison),
        decided_at=now,
        scan_id=head.scan_id,
        run_id=head.run_id,
    )
    return parity.store_decision(connection, target_id, stored)


def _regression(head: ParityReport, base: Base | None, comparison: Comparison) -> Regressed:
    before = comparison.base.score if comparison.base else None
    lost = lost_checks(base.results, head.results) if base else ()
    return Regressed(("the merge gate said no", *comparison.reasons), before, lost or comparison.blocking, comparison.base_id)
