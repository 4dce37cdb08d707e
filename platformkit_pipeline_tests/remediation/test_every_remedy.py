"""Every rule with a remedy, from its own violating example: planned, proven, applied for real, gone, and back again."""

from __future__ import annotations

import pytest

from platformkit_pipeline.introspection.postgres.fingerprint import object_fingerprints
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.proof import ProofStatus
from platformkit_pipeline.remediation.application import apply_groups, groups_of, undo_groups
from platformkit_pipeline.remediation.plan import REMEDIES
from platformkit_pipeline.remediation.proving.execution import Timeouts
from platformkit_pipeline.remediation.proving.plan_proof import prove_plan
from platformkit_pipeline.rules.registry import find_rule
from platformkit_pipeline.sandbox.databases import with_user
from platformkit_pipeline.sqltext.scripts import split_statements
from platformkit_pipeline_tests.remediation.proving.conftest import Bench, bench
from platformkit_pipeline_tests.rules.conftest import findings

__all__ = ["bench"]
TIMEOUTS = Timeouts(lock=5, statement=30)


@pytest.mark.parametrize("code", sorted(REMEDIES))
def test_its_patch_is_proven_and_does_on_the_target_what_the_proof_says(bench: Bench, code: str) -> None:
    rule = find_rule(code)
    assert rule is not None
    for statement in split_statements(rule.violating):
        bench.plant(statement, rule.example_role)
    found = findings(bench.target)
    proven = prove_plan(bench.prover(), bench.plan())
    mending = [p for p in proven.patches if p.rule == code]
    assert mending, f"{code} has a remedy, and its own example gets no patch: {proven.manual_items}"
    assert {p.status for p in proven.patches} == {ProofStatus.PROVEN}, [p.proof for p in proven.patches]
    assert all(p.proof is not None and p.proof.reversible for p in proven.patches)
    assert proven.proof is not None
    assert proven.proof.proof.status is ProofStatus.PROVEN, proven.proof.proof.objections

    before = object_fingerprints(observe(bench.target))
    groups = groups_of(proven.patches)
    apply_groups(with_user(bench.target, "postgres"), groups, TIMEOUTS, 60)
    left = findings(bench.target)
    mended = {(p.rule, p.object.canonical) for p in proven.patches}
    successors = {successor for p in proven.patches for successor in p.effects.successors}
    assert not left & mended
    assert {rule_code for rule_code, _ in left - found} <= successors
    assert [p for p in bench.plan().patches if p.rule == code] == []
    undo_groups(with_user(bench.target, "postgres"), groups, TIMEOUTS, 60)
    assert object_fingerprints(observe(bench.target)) == before
