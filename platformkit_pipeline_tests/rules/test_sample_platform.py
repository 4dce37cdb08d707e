"""On the sample platform the findings equal the list of planted faults: no more, no fewer."""

from __future__ import annotations

import pytest

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import Scope, Source, all_rules, rules_for
from platformkit_pipeline.sandbox.sample_platform import SAMPLE_PROJECTS, SampleProject, planted_faults


@pytest.mark.parametrize("project", SAMPLE_PROJECTS, ids=lambda p: p.name)
def test_the_findings_are_the_planted_faults(sample_platform: dict[str, Dsn], project: SampleProject) -> None:
    results = evaluate(observe(sample_platform[project.name]), project.declarations, all_rules())
    found = {(r.rule, r.object.canonical, r.outcome) for r in results if r.is_finding}
    assert found == {(fault.rule, fault.object, fault.outcome) for fault in planted_faults(project.name)}


NOT_PLANTED = {
    "API004": "needs the extension pg_graphql, which no server of ours brings",
    "API005": "needs the extension pg_graphql, which no server of ours brings",
    "RLS014": "a role that bypasses row level security belongs to the server: it would be a fault of all three projects at once",
    "TEN005": "judges a probe, which nobody asked for",
    "IDX002": "judges counters, which a server without traffic has not got",
    "IDX004": "judges counters, which a server without traffic has not got",
    "PRF001": "judges counters, which a server without traffic has not got",
    "PRF003": "judges counters, which a server without traffic has not got",
    "PRF004": "needs a table with 50 MB to spare",
    "PRF002": "judges the logs of the platform",
}


def test_every_other_rule_finds_a_planted_fault_somewhere() -> None:
    planted = {f.rule for p in SAMPLE_PROJECTS for f in planted_faults(p.name) if not f.awaits_counters}
    assert planted == {r.code for r in rules_for(Scope.PROJECT)} - NOT_PLANTED.keys()


def test_what_awaits_counters_judges_counters() -> None:
    waiting = {f.rule for p in SAMPLE_PROJECTS for f in planted_faults(p.name) if f.awaits_counters}
    assert waiting <= {r.code for r in all_rules() if r.source is Source.STATISTICS}
