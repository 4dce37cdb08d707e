"""Every rule with a remedy, from its own violating example: planned, proven, applied for real, gone, and back again."""

from __future__ import annotations

import pytest

from platformkit_pipeline.introspection.postgres.fingerprint import object_fingerprints
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.proof import ProofStatus
from platformkit_pipeline.remediation.application import apply_groups, groups_of, undo_groups
from platformkit_pipeline.remediation.plan import REMEDIES
from platformkit_pipeline.remediation.proving.execution import Timeouts
from platformkit_pipeline.remediation.proving.plan_proof import prove_plan
from platformkit_pipeline.rules.registry import find_rule
from platformkit_pipeline.sandbox.databases import with_user
from platformkit_pipeline.sqltext.scripts import split_statements
from platformkit_pipeline_tests.remediation.proving.conftest import Bench, bench
from platformkit_pipeline_tests.rules.conftest import findings

__all__ = ["bench"]
OTHER_EXAMPLES = {
    "RLS004": "create policy founders on public.orders for insert to authenticated with check (true)",
    "RLS005": "create policy directory on public.orders for select to authenticated using (true)",
    "RLS016": "create policy strangers on public.orders for select to authenticated using ((select auth.uid()) is null)",
    "API002": "alter table public.orders add column iban text; alter table public.orders disable row level security",
    "EXT001": "create extension fuzzystrmatch schema public",
}
"""Where the rule's own example is about something to which the remedy does not apply, such as the table of the tenants themselves."""
AFTERWARDS = {
    "RLS009": "alter foreign table public.shipments owner to postgres",
    "EXT001": """do $$ declare f regprocedure; begin
        for f in
            select objid from pg_depend where deptype = 'e' and refobjid = (select oid from pg_extension where extname = 'fuzzystrmatch')
        loop
            execute format('alter function %s owner to postgres', f);
        end loop;
    end $$""",
}
"""What the superuser does to the example, so that it is the project's own to mend."""
TIMEOUTS = Timeouts(lock=5, statement=30)


@pytest.mark.parametrize("code", sorted(REMEDIES))
def test_its_patch_is_proven_and_does_on_the_target_what_the_proof_says(bench: Bench, code: str) -> None:
    rule = find_rule(code)
    assert rule is not None
    for statement in split_statements(OTHER_EXAMPLES.get(code, rule.violating)):
        bench.plant(statement, "postgres" if code in OTHER_EXAMPLES else rule.example_role)
    if code in AFTERWARDS:
        bench.plant(AFTERWARDS[code], "supabase_admin")
    found = findings(bench.target)
    proven = prove_plan(bench.prover(), bench.plan())
    mending = [p for p in proven.patches if p.rule == code]
    assert mending, f"{code} has a remedy, and its own example gets no patch: {proven.manual_items}"
    assert {p.status for p in proven.patches} == {ProofStatus.PROVEN}, [p.proof for p in proven.patches]
    assert all(p.proof is not None and p.proof.reversible for p in proven.patches)
    assert proven.proof is not None
    assert proven.proof.proof.status is ProofStatus.PROVEN, proven.proof.proof.objections

    before = object_fingerprints(observe(bench.target))
    groups = groups_of(proven.patches)
    apply_groups(with_user(bench.target, "postgres"), groups, TIMEOUTS, 60)
    left = findings(bench.target)
    mended = {(p.rule, p.object.canonical) for p in proven.patches}
    successors = {successor for p in proven.patches for successor in p.effects.successors}
    assert not left & mended
    assert {rule_code for rule_code, _ in left - found} <= successors
    assert [p for p in bench.plan().patches if p.rule == code] == []
    undo_groups(with_user(bench.target, "postgres"), groups, TIMEOUTS, 60)
    assert object_fingerprints(observe(bench.target)) == before
