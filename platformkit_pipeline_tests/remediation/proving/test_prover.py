"""What a proof says beyond yes and no: what could not be told, what cannot be undone, and what holds alone but not together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.patch import AccessChange, AccessDirection
from platformkit_pipeline.model.plan_document import plan_document, plan_from_document
from platformkit_pipeline.model.proof import Demanded, Finding, Obligation, ProofStatus, Verdict, status_of
from platformkit_pipeline.remediation.proving.plan_proof import prove_plan
from platformkit_pipeline_tests.remediation.proving.conftest import Bench, Copies, refusing

DEFINER = (
    "create function public.close_day() returns void language sql security definer as 'select';"
    "comment on function public.close_day() is 'platformkit:definer closes the day of every tenant';"
    "revoke execute on function public.close_day() from public, anon, authenticated"
)
CLOSE_DAY = "function public.close_day()"
UNINDEXED = "alter table public.orders add column user_id uuid references auth.users (id) on delete set null"
CALLERS = ("anon", "authenticated", "service_role")


def obligations(proof_findings: tuple[Finding, ...], verdict: Verdict) -> set[Demanded]:
    return {f.obligation for f in proof_findings if f.verdict is verdict}


def test_a_patch_that_keeps_all_ten_is_proven_and_can_be_undone(bench: Bench) -> None:
    bench.plant(DEFINER)
    proof = bench.prover().prove(bench.patch())
    assert [f.obligation for f in proof.findings] == list(Obligation)
    assert (proof.status, proof.reversible, proof.objections) == (ProofStatus.PROVEN, True, ())
    assert proof.base_fingerprint != proof.patched_fingerprint


def test_many_patches_share_one_shadow_when_each_is_undone_exactly(bench: Bench) -> None:
    bench.plant(DEFINER)
    bench.plant(UNINDEXED)
    prover = bench.prover()
    proofs = [prover.prove(patch) for patch in bench.plan().patches]
    assert [p.status for p in proofs] == [ProofStatus.PROVEN, ProofStatus.PROVEN]
    assert len(bench.copies.made) == 1


def test_a_statement_that_takes_no_transaction_is_proven_as_well(bench: Bench) -> None:
    bench.plant(UNINDEXED)
    patch = bench.patch()
    assert not patch.transactional
    assert bench.prover().prove(patch).status is ProofStatus.PROVEN


def test_what_touches_something_that_the_shadow_could_not_show_is_unknown(bench: Bench) -> None:
    bench.plant(UNINDEXED)
    patch = bench.patch()
    unfaithful = {"column public.orders.total": "differs: stands on a stub of extension money"}
    proof = bench.prover(unfaithful=unfaithful).prove(patch)
    assert proof.status is ProofStatus.UNPROVEN
    assert obligations(proof.findings, Verdict.HELD) == {Obligation.STATEMENT_KINDS, Obligation.BASE_UNCHANGED}
    assert "column public.orders.total (differs: stands on a stub of extension money)" in proof.objections[0].detail
    assert not replace(patch, proof=proof).offered


def test_what_the_shadow_could_not_show_elsewhere_does_no_harm(bench: Bench) -> None:
    bench.plant(UNINDEXED)
    unfaithful = {"table public.tenants": "differs: something"}
    assert bench.prover(unfaithful=unfaithful).prove(bench.patch()).status is ProofStatus.PROVEN


def test_a_failure_on_an_unfaithful_object_is_unknown_too(bench: Bench) -> None:
    bench.plant(DEFINER)
    patch = bench.patch(up=('alter function public.close_day() set search_path = nowhere, pg_temp, "$user"',))
    proof = bench.prover(unfaithful={CLOSE_DAY: "missing: no such language"}).prove(patch)
    assert proof.status is ProofStatus.UNPROVEN


def test_a_patch_whose_undo_is_not_exact_is_irreversible_and_the_next_one_gets_a_fresh_shadow(bench: Bench) -> None:
    bench.plant(DEFINER)
    patch = bench.patch(down=("alter function public.close_day() set search_path = public",))
    prover = bench.prover()
    proof = prover.prove(patch)
    assert (proof.status, proof.reversible) == (ProofStatus.PROVEN, False)
    assert replace(patch, proof=proof).irreversible
    assert "the undo leaves differences: function public.close_day()" in refusing(proof)[Obligation.UNDO]
    assert prover.prove(bench.patch()).reversible


def test_a_plan_that_is_of_yesterday_is_refused(bench: Bench) -> None:
    bench.plant(DEFINER)
    proof = bench.prover(base_fingerprint="of yesterday").prove(bench.patch())
    assert set(refusing(proof)) == {Obligation.BASE_UNCHANGED}
    assert proof.status is ProofStatus.REFUTED


def test_only_declared_cells_may_change_and_only_in_the_declared_direction(bench: Bench) -> None:
    bench.plant(DEFINER)
    opened = bench.patch(
        up=("alter function public.close_day() set search_path = ''", "grant execute on function public.close_day() to anon"),
        down=("revoke execute on function public.close_day() from anon", "alter function public.close_day() reset search_path"),
        statements=("ALTER FUNCTION SET search_path", "GRANT ON FUNCTION", "REVOKE ON FUNCTION"),
        successors=("FUN005",),
    )
    cell = AccessChange(CLOSE_DAY, ("anon",), ("EXECUTE",))
    prover = bench.prover()
    narrower = replace(opened, effects=replace(opened.effects, access=(cell,)))
    for patch in (opened, narrower):
        assert refusing(prover.prove(patch))[Obligation.ACCESS] == f"anon: EXECUTE on {CLOSE_DAY}: no before, yes after"
    either = replace(cell, direction=AccessDirection.EITHER)
    assert Obligation.ACCESS not in refusing(prover.prove(replace(opened, effects=replace(opened.effects, access=(either,)))))


def test_the_right_to_act_as_another_role_is_tried_on_every_table(bench: Bench) -> None:
    bench.plant(DEFINER)
    patch = bench.patch(
        up=("alter function public.close_day() set search_path = ''", "alter role authenticated bypassrls"),
        down=("alter role authenticated nobypassrls", "alter function public.close_day() reset search_path"),
        statements=("ALTER FUNCTION SET search_path", "ALTER ROLE"),
        objects=(CLOSE_DAY, "role authenticated"),
        successors=("RLS014",),
    )
    prover = bench.prover()
    prover.shadows = _AsSuperuser(**vars(bench.copies))
    refused = refusing(prover.prove(patch))[Obligation.ACCESS]
    assert "authenticated of another tenant: INSERT on" in refused
    assert "denied before, 1 rows after" in refused


class _AsSuperuser(Copies):
    """Whoever applies it may do everything."""

    def as_owner(self, dsn: Dsn) -> Dsn:
        return dsn


def test_a_plan_is_proven_as_a_whole_and_predicts_the_score(bench: Bench) -> None:
    bench.plant(DEFINER)
    bench.plant(UNINDEXED)
    proven = prove_plan(bench.prover(), bench.plan())
    assert proven.proof is not None
    assert proven.proof.proof.status is ProofStatus.PROVEN
    assert proven.proof.score_before < (proven.proof.score_after or 0)
    assert proven.proof.score_after == 100
    assert proven.proof.patches == tuple(p.digest for p in proven.patches)


def test_what_holds_alone_but_not_on_top_of_the_others_is_withheld(bench: Bench) -> None:
    bench.plant(DEFINER)
    bench.plant(UNINDEXED)
    plan = bench.plan()
    first, second = plan.patches
    late = replace(
        first,
        title="opens what the other closed",
        up=("alter function public.close_day() set search_path = ''", "drop index if exists public.orders_user_id_idx"),
        effects=replace(first.effects, statements=(*first.effects.statements, "DROP INDEX")),
    )
    proven = prove_plan(bench.prover(), replace(plan, patches=(second, late)))
    assert [p.status for p in proven.patches] == [ProofStatus.PROVEN, ProofStatus.REFUTED]
    [withheld] = proven.withheld
    assert withheld.proof is not None
    assert "after the patches before it: FKY003" in withheld.proof.objections[0].detail
    assert proven.proof is not None
    assert proven.proof.patches == (second.digest,)
    assert proven.proof.proof.status is ProofStatus.PROVEN


def test_a_proven_plan_survives_its_document(bench: Bench) -> None:
    bench.plant(DEFINER)
    proven = prove_plan(bench.prover(), bench.plan())
    assert plan_from_document(plan_document(proven)) == proven


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [
        ({}, ProofStatus.PROVEN),
        ({Obligation.UNDO: Verdict.FAILED}, ProofStatus.PROVEN),
        ({Obligation.UNDO: Verdict.UNKNOWN}, ProofStatus.UNPROVEN),
        ({Obligation.ACCESS: Verdict.UNKNOWN}, ProofStatus.UNPROVEN),
        ({Obligation.ACCESS: Verdict.UNKNOWN, Obligation.SCOPE: Verdict.FAILED}, ProofStatus.REFUTED),
    ],
)
def test_a_proof_is_complete_or_it_is_none(verdicts: dict[Obligation, Verdict], status: ProofStatus) -> None:
    findings = tuple(Finding(o, verdicts.get(o, Verdict.HELD)) for o in Obligation)
    assert status_of(findings) is status
    assert status_of(findings[:9]) is not ProofStatus.PROVEN
