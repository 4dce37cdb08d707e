"""Apply a proven plan to its target (clause 11.1): approved by name, proven on the spot, watched, taken back on any surprise.

What the plan's file says about proofs is not believed. The target is observed anew, the plan is made anew from what was seen, and
the patches that both agree on are proven on a shadow of the target as it is at this moment.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from platformkit_pipeline.control_plane import audit
from platformkit_pipeline.control_plane.audit import AuditEntry
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.control_plane.turns import turn_on
from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint, object_fingerprints
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError, ControlPlaneError, ObservationError, PlatformkitError, TargetBusy
from platformkit_pipeline.model.patch import Patch, Plan
from platformkit_pipeline.model.proof import Proof, ProofStatus
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.model.target import Declarations, Environment, ObservationOptions, Target
from platformkit_pipeline.operations.judge import judge
from platformkit_pipeline.operations.observe_all import observe_all
from platformkit_pipeline.operations.prove_plan import prover_for
from platformkit_pipeline.remediation.application import (
    INSUFFICIENT_PRIVILEGE,
    LOCK_NOT_AVAILABLE,
    Group,
    InterruptedApplicationError,
    apply_groups,
    groups_of,
    require_same_database,
    undo_groups,
)
from platformkit_pipeline.remediation.plan import build_plan
from platformkit_pipeline.remediation.proving.execution import StatementFailedError, Timeouts
from platformkit_pipeline.remediation.proving.obligations import key_of
from platformkit_pipeline.remediation.proving.states import State, changed_objects, new_findings
from platformkit_pipeline.rules.registry import Scope, rules_for

Progress = Callable[[str], None]
log = get_logger("operations.apply_plan")


@dataclass(frozen=True, slots=True)
class Approval:
    """Who answers for it, and why (clause 11.1). What has no full proof or no exact undo needs a second person."""

    approved_by: str
    second_approval: str | None = None
    reason: str = ""
    environment: Environment | None = None
    """Has to be said for production, so that nobody changes it by the wrong name."""


@dataclass(frozen=True, slots=True)
class Access:
    """How the target is reached: to look at it, and to change it."""

    observer: Dsn
    owner: Dsn
    options: ObservationOptions


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: for a lock, for a statement in a transaction, for one that builds outside of it."""

    timeouts: Timeouts = field(default_factory=lambda: Timeouts(lock=3, statement=60))
    build: float = 3600


DEFAULT_LIMITS = Limits()


class Outcome(StrEnum):
    APPLIED = "applied"
    NOTHING_TO_DO = "nothing-to-do"
    TAKEN_BACK = "taken-back"
    """Something surprised; the target is what it was."""
    LEFT_CHANGED = "left-changed"
    """Something surprised, and the target could not be brought back to what it was."""
    UNKNOWN = "unknown"
    """The target went away in the middle: what was committed has to be looked at when it is back."""


@dataclass(frozen=True, slots=True)
class Application:
    """What came of it. `surprises` are sentences; scores are raw ones."""

    outcome: Outcome
    patches: tuple[Patch, ...] = ()
    surprises: tuple[str, ...] = ()
    score_before: float | None = None
    score_after: float | None = None
    predicted_score: float | None = None


@dataclass(frozen=True, slots=True)
class _Proven:
    """The patches as they will be applied, and what the shadow showed when they were."""

    patches: tuple[Patch, ...]
    together: Proof
    base: State
    after: State


def apply_plan(
    connection: Connection,
    plan: Plan,
    *,
    target: Target,
    declarations: Declarations,
    access: Access,
    approval: Approval,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress = lambda _: None,
) -> Application:
    """Apply the offered patches of `plan`; `connection` leads to the control plane, whose audit log takes down every step.

    Raises ConfigurationError when it is refused, with nothing changed: a plan of another target or of another state of it, patches
    that this version would not propose or cannot prove, an approval that is missing. Raises TargetBusy when a lock was not to be had,
    ObservationError or SandboxError when the target or the shadow is lost before anything was changed.
    """
    _require_approval(plan, target, approval)
    if not plan.offered:
        return Application(Outcome.NOTHING_TO_DO)
    with turn_on(connection, target):
        turn = _Turn(connection, plan, target, declarations, access, approval, limits, progress)
        try:
            proven = turn.prepare()
        except PlatformkitError as error:
            turn.note("remediation.apply_refused", {"why": str(error)})
            raise
        return turn.take(proven)


@dataclass(frozen=True, slots=True)
class _Turn:
    connection: Connection
    plan: Plan
    target: Target
    declarations: Declarations
    access: Access
    approval: Approval
    limits: Limits
    progress: Progress

    def prepare(self) -> _Proven:
        """Everything that can be known before anything is changed."""
        self.progress(f"observing {self.target.name}")
        seen = observe_all(self.access.observer, self.access.options)
        self._require_fresh(seen)
        proven = self._prove(self._selected(seen), seen)
        self._require_second_approval(proven)
        require_same_database(self.access.observer, self.access.owner)
        self.progress(f"observing {self.target.name} again")
        self._require_fresh(observe_all(self.access.observer, self.access.options))
        return proven

    def take(self, proven: _Proven) -> Application:
        self._note("remediation.apply_started", proven, {"patches": [_told(p) for p in proven.patches]})
        groups = groups_of(proven.patches)
        self.progress(f"applying {len(proven.patches)} patches")
        try:
            apply_groups(self.access.owner, groups, self.limits.timeouts, self.limits.build)
        except InterruptedApplicationError as error:
            return self._interrupted(proven, error)
        try:
            self.progress("looking at what came of it")
            surprises, score = self._surprises(proven)
        except KeyboardInterrupt:
            surprises, score = ["interrupted by the user"], None
        if surprises:
            return self._taken_back(proven, groups, surprises)
        result = Application(Outcome.APPLIED, proven.patches, (), _score(proven.base), score, _score(proven.after))
        unsaid = self._note_outcome("applied", proven, {"score_before": result.score_before, "score_after": result.score_after})
        return replace(result, surprises=tuple(unsaid))

    # -- before ---------------------------------------------------------------------------------------------------------
    def _require_fresh(self, seen: Snapshot) -> None:
        if catalog_fingerprint(seen) != self.plan.base_fingerprint:
            raise ConfigurationError(
                f"the schema of {self.target.name} is no longer what the plan was made for; nothing was changed: make a new plan"
            )

    def _selected(self, seen: Snapshot) -> Plan:
        """The plan as this version makes it from what is there now, with the patches that the given plan offers."""
        report = judge(
            seen,
            target=self.target,
            declarations=self.declarations,
            rules=rules_for(Scope.PROJECT),
            scan_id=str(uuid.uuid4()),
            started_at=datetime.now(UTC),
        )
        made = build_plan(self.target, report.scan_id, report.catalog_fingerprint, report.results, seen, self.declarations)
        wanted = {p.digest for p in self.plan.offered}
        patches = tuple(p for p in made.patches if p.digest in wanted)
        if unknown := wanted - {p.digest for p in patches}:
            raise ConfigurationError(
                f"{len(unknown)} of the plan's patches are not what this version proposes for {self.target.name}: "
                "settings or rules have changed, or the plan was edited; nothing was changed: make a new plan"
            )
        return replace(made, patches=patches, manual_items=())

    def _prove(self, plan: Plan, seen: Snapshot) -> _Proven:
        with prover_for(plan, seen, self.declarations, self.progress) as prover:
            patches = []
            for number, patch in enumerate(plan.patches, start=1):
                self.progress(f"proving {number}/{len(plan.patches)} {patch.rule} {patch.object}")
                patches.append(replace(patch, proof=prover.prove(patch)))
            for patch in patches:
                if patch.status is ProofStatus.REFUTED and patch.proof is not None:
                    raise ConfigurationError(f"{patch.rule} {patch.object} does not pass its proof: {_objection(patch.proof)}")
            together, after = prover.prove_together(patches)
            if together.status is ProofStatus.REFUTED or after is None:
                raise ConfigurationError(f"the patches do not pass their proof together: {_objection(together)}")
            return _Proven(tuple(patches), together, prover.base, after)

    def _require_second_approval(self, proven: _Proven) -> None:
        lacking = [f"{p.rule} {p.object} is {_lack(p.proof)}" for p in proven.patches if p.proof is not None and _lack(p.proof)]
        if not lacking and (lack := _lack(proven.together)):
            lacking = [f"the plan as a whole is {lack}"]
        if lacking and self.approval.second_approval is None:
            raise ConfigurationError(
                f"it takes a second approval (--second-approval NAME), because {'; '.join(lacking[:3])}"
                + (f"; and {len(lacking) - 3} more" if len(lacking) > 3 else "")
            )

    # -- after ----------------------------------------------------------------------------------------------------------
    def _surprises(self, proven: _Proven) -> tuple[list[str], float | None]:
        """Where the target now differs from what the shadow showed, and its score."""
        try:
            seen = observe_all(self.access.observer, self.access.options)
        except ObservationError as error:
            return [f"the target cannot be observed afterwards: {error}"], None
        report = judge(
            seen,
            target=self.target,
            declarations=self.declarations,
            rules=rules_for(Scope.PROJECT),
            scan_id=str(uuid.uuid4()),
            started_at=datetime.now(UTC),
        )
        now = State(seen, object_fingerprints(seen), report.results, report.catalog_fingerprint)
        expected = changed_objects(proven.base.objects, proven.after.objects)
        surprises = [
            f"{name} is not what it became on the shadow"
            for name in sorted(expected)
            if now.objects.get(name) != proven.after.objects.get(name)
        ]
        surprises += [
            f"{r.rule} {r.object} is still {r.outcome.value}" for p in proven.patches if (r := now.finding(key_of(p))) is not None
        ]
        fresh = {(r.rule, r.object.canonical) for r in new_findings(proven.base, proven.after)}
        surprises += [
            f"new finding {r.rule} {r.object}: {r.message}"
            for r in new_findings(proven.base, now)
            if (r.rule, r.object.canonical) not in fresh
        ]
        return surprises, report.score.raw_display

    def _taken_back(self, proven: _Proven, groups: Sequence[Group], surprises: Sequence[str]) -> Application:
        """Undo; what was irreversible, or fails to be undone, stays and is named."""
        self.progress("taking it back")
        told = list(surprises)
        try:
            undo_groups(self.access.owner, groups, self.limits.timeouts, self.limits.build)
            outcome = self._outcome_of_undo(proven, told)
        except StatementFailedError as error:
            outcome = Outcome.LEFT_CHANGED
            told.append(f"the undo failed: {error}")
        except PlatformkitError as error:
            outcome = Outcome.UNKNOWN
            told.append(f"the target is gone, and what was committed is unknown: {error}; when it is back, make a new plan")
        told += self._note_outcome(outcome.value.replace("-", "_"), proven, {"why": list(told)})
        return Application(outcome, proven.patches, tuple(told), _score(proven.base), None, _score(proven.after))

    def _outcome_of_undo(self, proven: _Proven, told: list[str]) -> Outcome:
        """Looked at are the objects that the patches change: somebody else may have changed others meanwhile."""
        now = object_fingerprints(observe_all(self.access.observer, self.access.options))
        base, after = proven.base.objects, proven.after.objects
        left = sorted(name for name in changed_objects(base, after) if now.get(name) != base.get(name))
        if left:
            told.append(f"the undo ran, and these are not what they were: {'; '.join(left)}")
        return Outcome.LEFT_CHANGED if left else Outcome.TAKEN_BACK

    def _interrupted(self, proven: _Proven, error: InterruptedApplicationError) -> Application:
        """A statement failed. Its transaction is rolled back; what was committed before, and leftovers of a build, are undone."""
        to_undo = (*error.done, *(() if error.failed.transactional else (error.failed,)))
        why = _advice(error)
        if not to_undo and error.sqlstate is not None:
            self._note("remediation.apply_failed", proven, {"why": why})
            kind = TargetBusy if error.sqlstate == LOCK_NOT_AVAILABLE else ConfigurationError
            raise kind(f"{why}; nothing was changed")
        return self._taken_back(proven, to_undo, [why])

    def _note_outcome(self, outcome: str, proven: _Proven, detail: dict[str, Any]) -> list[str]:
        """What became of the target is told even where the audit log cannot be; then what it lacks is told as well."""
        try:
            self._note(f"remediation.{outcome}", proven, detail)
        except ControlPlaneError as error:
            return [f"the audit log has no entry of the outcome ({outcome}): {error}"]
        return []

    def _note(self, action: str, proven: _Proven, detail: dict[str, Any]) -> None:
        self.note(action, {"patched_fingerprint": proven.together.patched_fingerprint, **detail})

    def note(self, action: str, detail: dict[str, Any]) -> None:
        """Take down who, what, when and why, and commit: it has to outlast whatever happens next."""
        told = {
            "target": self.target.name,
            "environment": self.target.environment.value,
            "approved_by": self.approval.approved_by,
            "second_approval": self.approval.second_approval,
            "reason": self.approval.reason,
            "base_fingerprint": self.plan.base_fingerprint,
            **detail,
        }
        with control_plane_errors():
            audit.append(self.connection, [AuditEntry(action, self.plan.plan_id, told)])
            self.connection.commit()


def _require_approval(plan: Plan, target: Target, approval: Approval) -> None:
    if plan.target_name != target.name:
        raise ConfigurationError(f"the plan was made for {plan.target_name}, not for {target.name}")
    if not approval.approved_by.strip():
        raise ConfigurationError("--approved-by must name who answers for the change")
    if approval.second_approval is not None and approval.second_approval.strip().lower() in ("", approval.approved_by.strip().lower()):
        raise ConfigurationError("--second-approval must name another person than --approved-by")
    if target.environment is Environment.PRODUCTION and approval.environment is not Environment.PRODUCTION:
        raise ConfigurationError(f"{target.name} is production: say so with --environment production")
    if approval.environment is not None and approval.environment is not target.environment:
        raise ConfigurationError(f"{target.name} is {target.environment.value}, not {approval.environment.value}")


def _lack(proof: Proof) -> str:
    """What a second person has to answer for; empty for a full proof with an exact undo."""
    if proof.status is not ProofStatus.PROVEN:
        return f"not fully proven ({_objection(proof)})"
    return "" if proof.reversible else "irreversible"


def _objection(proof: Proof) -> str:
    worst = next((f for f in proof.objections if f.verdict.value == "failed"), None) or next(iter(proof.objections), None)
    return f"obligation {int(worst.obligation)}, {worst.obligation.demand}: {worst.detail}" if worst else "no obligation was tried"


def _told(patch: Patch) -> dict[str, Any]:
    return {"rule": patch.rule, "object": patch.object.canonical, "finding": patch.finding_fingerprint, "up": list(patch.up)}


def _advice(error: InterruptedApplicationError) -> str:
    if error.sqlstate == LOCK_NOT_AVAILABLE:
        return f"another session holds a lock that is needed: {error}; try again when it has ended, or wait longer with --lock-timeout"
    if error.sqlstate == INSUFFICIENT_PRIVILEGE:
        return f"the login may not do it: {error}; give the owner's login with --dsn-env"
    return str(error)


def _score(state: State) -> float:
    from platformkit_pipeline.model.score import compliance_score

    return compliance_score(state.results).raw_display
