"""On the sample platform the findings equal the list of planted faults: no more, no fewer."""

from __future__ import annotations

import pytest

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import all_rules
from platformkit_pipeline.sandbox.sample_platform import SAMPLE_PROJECTS, SampleProject, planted_faults


@pytest.mark.parametrize("project", SAMPLE_PROJECTS, ids=lambda p: p.name)
def test_the_findings_are_the_planted_faults(sample_platform: dict[str, Dsn], project: SampleProject) -> None:
    results = evaluate(observe(sample_platform[project.name]), project.declarations, all_rules())
    found = {(r.rule, r.object.canonical, r.outcome) for r in results if r.is_finding}
    assert found == {(fault.rule, fault.object, fault.outcome) for fault in planted_faults(project.name)}


def test_every_rule_finds_a_planted_fault_somewhere() -> None:
    assert {f.rule for p in SAMPLE_PROJECTS for f in planted_faults(p.name)} == {r.code for r in all_rules()}
