"""Prove a plan on a shadow of its target, made from what was observed. The target itself is not touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from platformkit_pipeline.model.patch import Plan
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.remediation.proving.plan_proof import prove_plan
from platformkit_pipeline.remediation.proving.prover import Prover
from platformkit_pipeline.remediation.shadows import ShadowServer
from platformkit_pipeline.rules.registry import Scope, rules_for

Progress = Callable[[str], None]


def prove(plan: Plan, snapshot: Snapshot, declarations: Declarations, progress: Progress = lambda _: None) -> Plan:
    """The plan with its proofs. A plan without patches needs none, and no server is started for it.

    Raises SandboxError when there is no server to be had for the shadow, ObservationError when it is lost.
    """
    if not plan.patches:
        return plan
    with prover_for(plan, snapshot, declarations, progress) as prover:
        return prove_plan(prover, plan, progress)


@contextmanager
def prover_for(plan: Plan, snapshot: Snapshot, declarations: Declarations, progress: Progress = lambda _: None) -> Iterator[Prover]:
    """A prover with a shadow server of its own, which goes with it."""
    progress("building a shadow of the target")
    with ShadowServer() as server:
        template = server.template(snapshot)
        prover = Prover(server, snapshot, declarations, rules_for(Scope.PROJECT), plan.base_fingerprint, unfaithful=template.unfaithful)
        with closing(prover):
            yield prover
