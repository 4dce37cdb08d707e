"""Every planted violation of the rules' own tests: whatever a plan offers for it is proven, alone and together.

Minutes of work: `make test-exhaustive` runs it.
"""

from __future__ import annotations

import pytest

from platformkit_pipeline.model.proof import ProofStatus
from platformkit_pipeline.remediation.proving.plan_proof import prove_plan
from platformkit_pipeline.reporting.plan import proof_words
from platformkit_pipeline_tests.remediation.proving.conftest import Bench, bench
from platformkit_pipeline_tests.rules.planted import Case, all_cases

__all__ = ["bench"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("planted", all_cases(), ids=lambda c: c.name)
def test_whatever_is_offered_is_proven(bench: Bench, planted: Case) -> None:
    for statement in planted.plant:
        bench.plant(statement, planted.role)
    proven = prove_plan(bench.prover(), bench.plan())
    assert {p.status for p in proven.patches} <= {ProofStatus.PROVEN}, [proof_words(p.proof) for p in proven.withheld]
    assert all(p.proof is not None and p.proof.reversible for p in proven.patches)
    assert proven.proof is None or proven.proof.proof.status is ProofStatus.PROVEN
