"""Every planted violation: what the plan offers for it is applied as `postgres`, mends it, changes nothing else, and goes back."""

from __future__ import annotations

import pytest

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline_tests.remediation.trial import plan_for, try_plan
from platformkit_pipeline_tests.rules.conftest import WELL_KEPT, run_sql
from platformkit_pipeline_tests.rules.planted import Case, all_cases


@pytest.fixture
def well_kept(supabase_database: Dsn) -> Dsn:
    run_sql(supabase_database, WELL_KEPT)
    return supabase_database


@pytest.mark.parametrize("planted", all_cases(), ids=lambda c: c.name)
def test_each_patch_alone_and_all_together(well_kept: Dsn, planted: Case) -> None:
    for statement in planted.plant:
        run_sql(well_kept, statement, role=planted.role)
    plan = plan_for(well_kept)
    failing = {f for f in planted.expected if f in {(i.rule, i.object.canonical) for i in (*plan.patches, *plan.manual_items)}}
    assert failing or not plan.patches
    if any(p.down for p in plan.patches):
        try_plan(well_kept)
