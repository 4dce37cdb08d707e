"""Patches that look right and are wrong: each is refused, by the obligation that is there for it."""

from __future__ import annotations

import pytest

from platformkit_pipeline.introspection.postgres.fingerprint import object_fingerprints
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.patch import AccessChange, Effects, Patch
from platformkit_pipeline.model.proof import Obligation, ProofStatus
from platformkit_pipeline.remediation.proving.execution import StatementFailedError, Timeouts, run_patch
from platformkit_pipeline.remediation.proving.states import changed_objects
from platformkit_pipeline.rules.registry import find_rule
from platformkit_pipeline.sqltext.statement_kinds import statement_kinds
from platformkit_pipeline_tests.remediation.proving.conftest import TARGET, Bench, finding_of, refusing
from platformkit_pipeline_tests.remediation.wrong_patches import KINDS, ROLES, SCOPE, UNDO, WRONG_PATCHES, WrongPatch

QUICK = Timeouts(lock=1, statement=1)
ROLES_THERE = ("anon", "authenticated", "service_role")
OPERATIONS = ("SELECT", "INSERT", "UPDATE", "DELETE", "EXECUTE")


def as_declared(bench: Bench, wrong: WrongPatch) -> Patch:
    """The patch as its author would have described it in good faith: all that it does to its own object, and nothing wider."""
    found = finding_of(bench, wrong.rule, wrong.object)
    statements = {kind for statement in (*wrong.up, *wrong.down) for kind in statement_kinds(statement)}
    if wrong.obligation == KINDS:
        statements -= {"DROP TABLE CASCADE"}
    objects = {wrong.object} if wrong.obligation == SCOPE else {wrong.object, *_what_it_changes(bench, wrong)}
    access = () if wrong.obligation == ROLES and wrong.rule != "RLS001" else (AccessChange(wrong.object, ROLES_THERE, OPERATIONS),)
    rule = find_rule(wrong.rule)
    assert rule is not None
    return Patch(
        rule=wrong.rule,
        object=found,
        finding_fingerprint="0" * 32,
        title=wrong.name,
        up=wrong.up,
        down=wrong.down,
        effects=Effects(tuple(sorted(statements)), tuple(sorted(objects)), access),
    )


def _what_it_changes(bench: Bench, wrong: WrongPatch) -> set[str]:
    copy = bench.copies.fresh()
    try:
        before = object_fingerprints(observe(copy))
        try:
            run_patch(bench.copies.as_owner(copy), wrong.up, transactional=True, timeouts=QUICK)
        except StatementFailedError:
            return set()
        return set(changed_objects(before, object_fingerprints(observe(copy))))
    finally:
        bench.copies.drop(copy)


@pytest.mark.parametrize("wrong", WRONG_PATCHES, ids=[w.name for w in WRONG_PATCHES])
def test_it_is_refused_by_the_obligation_that_is_there_for_it(bench: Bench, wrong: WrongPatch) -> None:
    for statement in wrong.setup:
        bench.plant(statement)
    proof = bench.prover(timeouts=QUICK).prove(as_declared(bench, wrong))
    refused = refusing(proof)
    assert Obligation(wrong.obligation) in refused, f"{wrong.why}: {proof.findings}"
    assert {int(o) for o in refused} <= {wrong.obligation, *wrong.also}, refused
    if wrong.obligation == UNDO and len(refused) == 1:
        assert (proof.status, proof.reversible) == (ProofStatus.PROVEN, False)
    else:
        assert proof.status is ProofStatus.REFUTED


def test_the_wrong_patches_cover_every_obligation_that_a_shadow_can_show() -> None:
    assert {w.obligation for w in WRONG_PATCHES} == {int(o) for o in Obligation} - {int(Obligation.BASE_UNCHANGED)}
    assert TARGET.name
