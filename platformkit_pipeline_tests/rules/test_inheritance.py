"""What RLS017 says about parents that are weaker than their children."""

from __future__ import annotations

import time

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.model.snapshot import Policy, Privilege, Relation, RelationKind, Role, Schema, Server, Snapshot
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import select_rules
from platformkit_pipeline_tests.rules.cases_client_grants import BRANCHES
from platformkit_pipeline_tests.rules.conftest import judge, run_sql


def found(dsn: Dsn) -> Result:
    [finding] = [r for r in judge(dsn) if r.rule == "RLS017" and r.is_finding]
    return finding


def test_the_finding_about_a_parent_names_the_children_and_the_callers(well_kept: Dsn) -> None:
    run_sql(well_kept, ";".join([*BRANCHES, "grant select, delete, insert on public.branches to anon"]))
    finding = found(well_kept)
    assert (finding.outcome, finding.object.canonical) == (Outcome.FAIL, "table public.branches")
    assert finding.evidence["children"] == ["public.closed_branches"]
    assert finding.evidence["reachable_by"] == {"anon": ["SELECT", "DELETE"]}


def test_a_child_in_a_schema_that_is_not_exposed_is_opened_as_well(well_kept: Dsn) -> None:
    moved = [s.replace("public.closed_branches", "back.closed_branches") for s in BRANCHES]
    run_sql(well_kept, ";".join(["create schema back", *moved, "grant select on public.branches to anon"]))
    assert found(well_kept).evidence["children"] == ["back.closed_branches"]


def test_policies_that_differ_are_unknown(well_kept: Dsn) -> None:
    named = "create policy named on public.branches for select to authenticated using (name <> '')"
    run_sql(
        well_kept,
        ";".join(
            [*BRANCHES, "alter table public.branches enable row level security", named, "grant select on public.branches to authenticated"]
        ),
    )
    finding = found(well_kept)
    assert finding.outcome is Outcome.UNKNOWN
    assert "public.closed_branches" in finding.message


def test_many_partitions_with_policies_of_their_own_are_judged_in_no_time() -> None:
    count = 10_000
    may_read = (Privilege("anon", "SELECT"),)
    parent = Relation("public", "log", RelationKind.PARTITIONED_TABLE, "postgres", row_security=True, privileges=may_read)
    parts = tuple(
        Relation("public", f"p{n}", RelationKind.TABLE, "postgres", row_security=True, is_partition=True, parents=(("public", "log"),))
        for n in range(count)
    )
    policies = (
        Policy("public", "log", "reading", "SELECT", True, ("anon",), "true"),
        *(Policy("public", p.name, "reading", "SELECT", True, ("anon",), "listed") for p in parts),
    )
    snapshot = Snapshot(
        server=Server("18.0", 180000, "shop", "postgres", True),
        schemas=(Schema("public", "postgres", (Privilege("PUBLIC", "USAGE"),)),),
        roles=(Role("anon"), Role("postgres", login=True, bypass_rls=True)),
        relations=(parent, *parts),
        policies=policies,
    )
    started = time.process_time()
    [finding] = [r for r in evaluate(snapshot, Declarations(exposed_schemas=("public",)), select_rules(["RLS017"])) if r.is_finding]
    assert time.process_time() - started < 2
    assert finding.evidence["count"] == count
    assert len(finding.evidence["children"]) == 20
