"""Plans of what a test plants, proven on copies: the patches and manual items of one rule."""

from __future__ import annotations

from platformkit_pipeline.model.patch import ManualItem, Patch
from platformkit_pipeline.model.proof import ProofStatus
from platformkit_pipeline.remediation.proving.plan_proof import prove_plan
from platformkit_pipeline_tests.remediation.proving.conftest import Bench, refusing


def proven(bench: Bench, rule: str) -> tuple[Patch, ...]:
    """Patches of `rule`, all of the plan proven alone and together, and reversible; at least one."""
    plan = prove_plan(bench.prover(), bench.plan())
    for patch in plan.patches:
        assert patch.proof is not None
        assert patch.status is ProofStatus.PROVEN, (patch.rule, patch.object.canonical, refusing(patch.proof) or patch.proof)
        assert patch.proof.reversible
    found = tuple(p for p in plan.patches if p.rule == rule)
    assert found, plan.manual_items
    assert plan.proof is not None
    assert plan.proof.proof.status is ProofStatus.PROVEN, plan.proof.proof.objections
    return found


def by_hand(bench: Bench, rule: str) -> ManualItem:
    """The only finding of `rule`, which gets no patch."""
    plan = bench.plan()
    assert [p for p in plan.patches if p.rule == rule] == []
    [item] = [m for m in plan.manual_items if m.rule == rule]
    assert item.steps
    return item
