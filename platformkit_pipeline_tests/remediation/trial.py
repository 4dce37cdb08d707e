"""Plans of a database, and their proofs on copies of it, for tests that care about what is planned."""

from __future__ import annotations

from contextlib import closing

from psycopg.conninfo import conninfo_to_dict

from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.patch import Plan
from platformkit_pipeline.model.proof import ProofStatus
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.remediation.plan import build_plan
from platformkit_pipeline.remediation.proving.plan_proof import prove_plan
from platformkit_pipeline.remediation.proving.prover import Prover
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.sandbox.databases import with_database
from platformkit_pipeline_tests.remediation.proving.conftest import TARGET, Copies
from platformkit_pipeline_tests.rules.conftest import RULES


def plan_for(dsn: Dsn, declarations: Declarations | None = None) -> Plan:
    """What is proposed, unproven."""
    declared = declarations or Declarations()
    snapshot = observe(dsn)
    return build_plan(TARGET, "scan", catalog_fingerprint(snapshot), evaluate(snapshot, declared, RULES), snapshot, declared)


def proven_plan_for(dsn: Dsn, declarations: Declarations | None = None) -> Plan:
    """The same, where every patch is proven alone and with the others."""
    declared, plan = declarations or Declarations(), plan_for(dsn, declarations)
    copies = Copies(with_database(dsn, "postgres"), str(conninfo_to_dict(dsn.reveal())["dbname"]), [])
    with closing(Prover(copies, observe(dsn), declared, RULES, plan.base_fingerprint)) as prover:
        proven = prove_plan(prover, plan)
    assert {p.status for p in proven.patches} <= {ProofStatus.PROVEN}, [p.proof.objections for p in proven.withheld if p.proof]
    assert proven.proof is None or proven.proof.proof.status is ProofStatus.PROVEN
    return proven
