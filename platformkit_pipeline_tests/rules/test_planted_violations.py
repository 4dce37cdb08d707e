"""Plant one violation: exactly the expected findings appear and no others; mend it: none is left.

Every rule of the book has at least one case, on a real database. A case names all rules that rightly fire.
"""

from __future__ import annotations

import pytest

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.rules.registry import Source, all_rules
from platformkit_pipeline_tests.rules.conftest import findings, judge, run_each, run_sql
from platformkit_pipeline_tests.rules.planted import Case, all_cases

CASES = all_cases()


@pytest.mark.parametrize("planted", CASES, ids=lambda c: c.name)
def test_exactly_the_planted_findings_appear_and_go(well_kept: Dsn, planted: Case) -> None:
    run_each(well_kept, planted.plant, planted.role)
    assert findings(well_kept) == planted.expected
    run_each(well_kept, planted.mend, planted.role)
    assert findings(well_kept) == set()


def test_the_well_kept_schema_has_no_finding(well_kept: Dsn) -> None:
    assert findings(well_kept) == set()


def test_every_rule_has_a_planted_case() -> None:
    assert {rule for c in CASES for rule, _ in c.expected} >= {r.code for r in all_rules() if r.source is Source.CATALOG}


@pytest.mark.parametrize("role", ["pg_read_all_data", "auditors"])
def test_privileges_through_a_predefined_role_count_as_reach(well_kept: Dsn, role: str) -> None:
    run_sql(
        well_kept,
        f"""
        alter table public.orders disable row level security;
        revoke all on public.orders from anon, authenticated, public;
        do $$ begin create role auditors; exception when duplicate_object then null; end $$;
        grant pg_read_all_data to auditors;
        grant {role} to anon;
        """,
        role="supabase_admin",
    )
    try:
        [finding] = [r for r in judge(well_kept) if r.rule == "RLS001" and r.is_finding]
    finally:
        run_sql(well_kept, f"revoke {role} from anon; drop role auditors", role="supabase_admin")
    assert finding.evidence["reachable_by"] == {"anon": ["SELECT"]}
