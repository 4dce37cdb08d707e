"""Decide every stored decision again, from the inputs that are stored with it: who decided what can be proven later (clauses 4.3, 11.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from platformkit_pipeline.control_plane import targets
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.control_plane.gate_decisions import KeptDecision, kept_decisions
from platformkit_pipeline.control_plane.scans import storable_text
from platformkit_pipeline.governance.deploy_gate import decide
from platformkit_pipeline.governance.gate_inputs import MERGE, inputs_from_json
from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.errors import UnknownTarget
from platformkit_pipeline.model.merge_inputs import compared_again
from platformkit_pipeline.model.target import TargetKind


class Recomputed(StrEnum):
    SAME = "same"
    DIFFERENT = "different"
    NOT_RECOMPUTABLE = "not recomputable"
    """The inputs lack something, as those of before this could be asked did: not equal, and not known to differ."""


@dataclass(frozen=True, slots=True)
class VerifiedDecision:
    """One decision that is not the same again, and why."""

    decision: KeptDecision
    outcome: Recomputed
    why: str


@dataclass(frozen=True, slots=True)
class Verification:
    """`same` is a number; what is not the same is listed, oldest first."""

    same: int
    listed: tuple[VerifiedDecision, ...]

    @property
    def different(self) -> tuple[VerifiedDecision, ...]:
        return tuple(v for v in self.listed if v.outcome is Recomputed.DIFFERENT)

    @property
    def not_recomputable(self) -> tuple[VerifiedDecision, ...]:
        return tuple(v for v in self.listed if v.outcome is Recomputed.NOT_RECOMPUTABLE)

    @property
    def ok(self) -> bool:
        return not self.different


@dataclass(frozen=True, slots=True)
class _Answer:
    verdict: str
    judged: str
    reasons: tuple[str, ...]


def verify_decisions(connection: Connection, *, target: str | None = None, since: datetime | None = None) -> Verification:
    """Recompute the decisions about targets of that name and since that time, all when neither is given. Raises ControlPlaneError."""
    with control_plane_errors(), connection.transaction():
        return _verified(kept_decisions(connection, target=target, since=since))


def require_known(connection: Connection, target: str) -> None:
    """Raise UnknownTarget when no target was ever called so: nothing about a misspelt name is no answer about its decisions."""
    if not any(targets.find(connection, kind, target) for kind in TargetKind):
        raise UnknownTarget(f"the control plane never had a target {redact(target)!r}")


def _verified(decisions: Iterable[KeptDecision]) -> Verification:
    same, listed = 0, []
    for decision in decisions:
        found = verify(decision)
        if found.outcome is Recomputed.SAME:
            same += 1
        else:
            listed.append(found)
    return Verification(same, tuple(listed))


def verify(decision: KeptDecision) -> VerifiedDecision:
    """Decide again, and compare verdict, the verdict without an override, and reasons."""
    again = _again_from_scan if decision.parity_id is None else _again_from_parity
    try:
        answer = _recomputed(decision, again)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        return VerifiedDecision(decision, Recomputed.NOT_RECOMPUTABLE, f"its inputs do not say enough: {type(error).__name__}: {error}")
    stored = _Answer(decision.verdict, decision.judged or decision.verdict, decision.reasons)
    if answer == stored:
        return VerifiedDecision(decision, Recomputed.SAME, "")
    return VerifiedDecision(decision, Recomputed.DIFFERENT, _difference(stored, answer))


def _recomputed(decision: KeptDecision, again: Callable[[KeptDecision], _Answer]) -> _Answer:
    answer = again(decision)
    return _Answer(answer.verdict, answer.judged, tuple(map(storable_text, answer.reasons)))


def _again_from_scan(decision: KeptDecision) -> _Answer:
    inputs = inputs_from_json(decision.inputs)
    said = (decision.gate, decision.target.kind.value, decision.target.name, decision.scan_id, decision.decided_at)
    if said != (inputs.gate, inputs.target_kind, inputs.target, inputs.scan.scan_id if inputs.scan else None, inputs.decided_at):
        return _Answer("unknown", "unknown", ("the inputs are those of another gate, target, scan or time",))
    verdict = decide(inputs)
    return _Answer(verdict.verdict, verdict.judged, verdict.reasons)


def _again_from_parity(decision: KeptDecision) -> _Answer:
    if decision.gate != MERGE:
        return _Answer("unknown", "unknown", ("the inputs are those of another gate",))
    compared = compared_again(decision.target, decision.parity_id or "", decision.inputs)
    return _Answer(compared.verdict, compared.verdict, compared.reasons)


def _difference(stored: _Answer, again: _Answer) -> str:
    if (stored.verdict, stored.judged) != (again.verdict, again.judged):
        return f"stored {stored.verdict}, recomputed {again.verdict}: {'; '.join(again.reasons)}"
    missing = [reason for reason in again.reasons if reason not in stored.reasons]
    added = [reason for reason in stored.reasons if reason not in again.reasons]
    return "other reasons: " + "; ".join(
        [*(f"only stored: {r}" for r in added), *(f"only recomputed: {r}" for r in missing)] or ["their order"]
    )
