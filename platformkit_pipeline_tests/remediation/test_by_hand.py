"""What is left to a person comes with a reason and with steps, for every rule and every planted violation of it."""

from __future__ import annotations

import pytest

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.result import PatchKind
from platformkit_pipeline.remediation.plan import ADVISORS, REMEDIES
from platformkit_pipeline.rules.registry import Rule, Source, all_rules
from platformkit_pipeline_tests.remediation.trial import plan_for
from platformkit_pipeline_tests.rules.conftest import WELL_KEPT, run_sql

pytestmark = pytest.mark.exhaustive


def roles_of(dsn: Dsn) -> set[str]:
    return {r.name for r in observe(dsn).roles}


MANUAL = [r for r in all_rules() if r.source is Source.CATALOG and r.code in ADVISORS]


@pytest.mark.parametrize("rule", MANUAL, ids=lambda r: r.code)
def test_the_rule_s_own_example_gets_a_reason_and_steps(supabase_database: Dsn, rule: Rule) -> None:
    run_sql(supabase_database, WELL_KEPT)
    before = roles_of(supabase_database)
    run_sql(supabase_database, rule.violating, role=rule.example_role)
    try:
        items = [i for i in plan_for(supabase_database).manual_items if i.rule == rule.code]
    finally:  # a role outlives its database
        for made in roles_of(supabase_database) - before:
            run_sql(supabase_database, f"drop owned by {made} cascade; drop role {made}", role="supabase_admin")
    assert items
    assert all(item.reason and item.steps and "decision that the catalogue does not hold" not in item.reason for item in items)


def test_no_rule_is_both_patched_and_advised() -> None:
    assert not REMEDIES.keys() & ADVISORS.keys()
    assert all(r.patch is not PatchKind.SQL for r in MANUAL)
