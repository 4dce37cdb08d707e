"""The plans of the sample platform: proven as a whole, applied to a copy, scored as predicted, and taken back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint, object_fingerprints
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.patch import Plan
from platformkit_pipeline.model.proof import ProofStatus
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.score import compliance_score
from platformkit_pipeline.model.target import Target, TargetKind
from platformkit_pipeline.operations.prove_plan import prove
from platformkit_pipeline.remediation.application import apply_groups, groups_of, undo_groups
from platformkit_pipeline.remediation.plan import build_plan
from platformkit_pipeline.remediation.proving.execution import Timeouts
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import Scope, rules_for
from platformkit_pipeline.sandbox.databases import drop_database, with_user
from platformkit_pipeline.sandbox.sample_platform import SAMPLE_PROJECTS, SampleProject
from platformkit_pipeline.sandbox.supabase import OBSERVER_ROLE, copy_supabase_database

TIMEOUTS = Timeouts(lock=5, statement=60)
FAULTY = [p for p in SAMPLE_PROJECTS if p.name != "shop-production"]


@pytest.fixture
def copied(sample_platform: dict[str, Dsn], admin_dsn: Dsn, request: pytest.FixtureRequest) -> Iterator[Dsn]:
    """A copy of a sample project, as superuser."""
    project: SampleProject = request.param
    name = f"{project.database}_to_mend"
    yield copy_supabase_database(admin_dsn, name, template=project.database, exposed_schemas=project.exposed_schemas, copy_files=True)
    drop_database(admin_dsn, name)


@pytest.mark.parametrize(("copied", "project"), [(p, p) for p in FAULTY], indirect=["copied"], ids=[p.name for p in FAULTY])
def test_the_whole_plan_proves_applies_scores_as_predicted_and_goes_back(copied: Dsn, project: SampleProject) -> None:
    rules, observer = rules_for(Scope.PROJECT), with_user(copied, OBSERVER_ROLE)
    target = Target(TargetKind.SUPABASE_PROJECT, project.name, project.environment)

    def judged() -> tuple[tuple[Result, ...], Plan]:
        seen = observe(observer)
        results = evaluate(seen, project.declarations, rules)
        return results, build_plan(target, "scan", catalog_fingerprint(seen), results, seen, project.declarations)

    before, plan = judged()
    proven = prove(plan, observe(observer), project.declarations)
    assert len(proven.patches) >= 40
    assert proven.withheld == ()
    assert proven.proof is not None
    assert (proven.proof.proof.status, proven.proof.unfaithful) == (ProofStatus.PROVEN, ())

    base = object_fingerprints(observe(copied))
    groups = groups_of(proven.patches)
    apply_groups(with_user(copied, "postgres"), groups, TIMEOUTS, 60)
    after, second = judged()
    assert compliance_score(after).raw_display == proven.proof.score_after
    mended = {(p.rule, p.object.canonical) for p in proven.patches}
    was_failing, failing = ({(r.rule, r.object.canonical) for r in results if r.is_finding} for results in (before, after))
    successors = {code for p in proven.patches for code in p.effects.successors}
    assert not failing & mended
    assert {rule for rule, _ in failing - was_failing} <= successors
    assert not {(p.rule, p.object.canonical) for p in second.patches} & mended
    undo_groups(with_user(copied, "postgres"), groups, TIMEOUTS, 60)
    assert object_fingerprints(observe(copied)) == base
