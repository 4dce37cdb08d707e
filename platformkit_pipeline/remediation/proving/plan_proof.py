"""Prove a whole plan: each patch alone, then all that held together, in their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.patch import Patch, Plan
from platformkit_pipeline.model.proof import Finding, PlanProof, Proof, ProofStatus
from platformkit_pipeline.model.score import compliance_score
from platformkit_pipeline.remediation.proving.prover import Prover
from platformkit_pipeline.remediation.proving.states import State
from platformkit_pipeline.rules.evaluate import evaluate

log = get_logger("remediation.proving")

Progress = Callable[[str], None]
ProveEach = Callable[[Prover, Sequence[Patch], Progress], Sequence[Proof]]


def one_by_one(prover: Prover, patches: Sequence[Patch], progress: Progress) -> list[Proof]:
    """The proofs of the patches, each alone, in their order."""
    proofs = []
    for number, patch in enumerate(patches, start=1):
        progress(f"proving {number}/{len(patches)} {patch.rule} {patch.object}")
        proofs.append(prover.prove(patch))
    return proofs


def prove_plan(prover: Prover, plan: Plan, progress: Progress = lambda _: None, *, prove_each: ProveEach = one_by_one) -> Plan:
    """The plan with a proof on every patch, and one of all proven patches together.

    A patch that holds alone but not on top of those before it is refuted, and the others are tried together without it.
    `prove_each` may share out the work. Raises ObservationError when the shadow is lost.
    """
    proofs = prove_each(prover, plan.patches, progress)
    patches = [replace(patch, proof=proof) for patch, proof in zip(plan.patches, proofs, strict=True)]
    if not any(p.status is ProofStatus.PROVEN for p in patches):
        return replace(plan, patches=tuple(patches))
    progress("proving all of them together")
    while True:
        together = [p for p in patches if p.status is ProofStatus.PROVEN]
        proof, after = prover.prove_together(together)
        culprit = prover.first_to_fail_together(together) if proof.status is ProofStatus.REFUTED and len(together) > 1 else None
        if culprit is None:
            break
        patch, why = culprit
        log.info("patch refuted together with others", rule=patch.rule, object=patch.object.canonical, why=why.detail)
        patches = [_refuted(p, why) if p is patch else p for p in patches]
    return replace(plan, patches=tuple(patches), proof=_plan_proof(prover, together, proof, after))


def _refuted(patch: Patch, objection: Finding) -> Patch:
    if patch.proof is None:
        return patch
    findings = tuple(objection if f.obligation is objection.obligation else f for f in patch.proof.findings)
    return replace(patch, proof=replace(patch.proof, findings=findings))


def _plan_proof(prover: Prover, together: Sequence[Patch], proof: Proof, after: State | None) -> PlanProof:
    """The score is predicted where the rules say the same about the shadow as about the target, so that only the patches tell."""
    predictable = after is not None and not prover.judged_otherwise()
    return PlanProof(
        proof=proof,
        patches=tuple(p.digest for p in together),
        score_before=compliance_score(evaluate(prover.target, prover.declarations, prover.rules)).raw_display,
        score_after=compliance_score(after.results).raw_display if after is not None and predictable else None,
        unfaithful=tuple(sorted(prover.unfaithful.items())),
    )
