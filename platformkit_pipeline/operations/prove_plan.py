"""Prove a plan on a shadow of its target, made from what was observed. The target itself is not touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

from platformkit_pipeline.model.patch import Patch, Plan
from platformkit_pipeline.model.proof import Proof
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.operations.second_process import done_beside
from platformkit_pipeline.remediation.proving.plan_proof import one_by_one, prove_plan
from platformkit_pipeline.remediation.proving.prover import Prover
from platformkit_pipeline.remediation.shadows import ShadowServer
from platformkit_pipeline.rules.registry import Scope, rules_for

Progress = Callable[[str], None]

_WORTH_A_PROCESS = 6
"""Patches from which on a second shadow pays."""


def prove(plan: Plan, snapshot: Snapshot, declarations: Declarations, progress: Progress = lambda _: None) -> Plan:
    """The plan with its proofs. A plan without patches needs none, and no server is started for it.

    Raises SandboxError when there is no server to be had for the shadow, ObservationError when it is lost.
    """
    if not plan.patches:
        return plan
    with prover_for(plan, snapshot, declarations, progress) as prover:
        return prove_plan(prover, plan, progress, prove_each=on_two_processors)


def on_two_processors(prover: Prover, patches: Sequence[Patch], progress: Progress) -> Sequence[Proof]:
    """Half of many proofs in a copy of this process, on a shadow of its own."""
    if len(patches) < _WORTH_A_PROCESS:
        return one_by_one(prover, patches, progress)
    with closing(prover.sibling()) as sibling, done_beside(lambda: one_by_one(sibling, patches[1::2], lambda _: None)) as beside:
        proofs: list[Proof | None] = [None] * len(patches)
        proofs[::2] = one_by_one(prover, patches[::2], progress)
        proofs[1::2] = beside()
    return [proof for proof in proofs if proof is not None]


@contextmanager
def prover_for(plan: Plan, snapshot: Snapshot, declarations: Declarations, progress: Progress = lambda _: None) -> Iterator[Prover]:
    """A prover with a shadow server of its own, which goes with it."""
    progress("building a shadow of the target")
    with ShadowServer() as server:
        template = server.template(snapshot)
        prover = Prover(server, snapshot, declarations, rules_for(Scope.PROJECT), plan.base_fingerprint, unfaithful=template.unfaithful)
        with closing(prover):
            yield prover
