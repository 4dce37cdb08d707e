"""What was not observed is UNKNOWN, with the reason; what was declared is NA; neither is guessed."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.snapshot import CatalogKind, Unobserved
from platformkit_pipeline.model.target import Declarations, Tenancy
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import all_rules, ruleset_digest, select_rules
from platformkit_pipeline_tests.rules.conftest import RULES, findings, judge, run_sql

ELSEWHERE = """
create schema app;
create table app.notes (id uuid primary key, tenant_id uuid not null,
  created_at timestamptz not null default now(), updated_at timestamptz not null default now());
create function app.touch() returns trigger language plpgsql set search_path = '' as $f$
begin
  new.updated_at := pg_catalog.now();
  return new;
end
$f$;
create trigger touch before update on app.notes for each row execute function app.touch();
"""


def test_a_table_outside_public_is_unknown_while_the_exposed_schemas_are(blank_database: Dsn) -> None:
    run_sql(blank_database, ELSEWHERE, role="supabase_admin")
    unknown = [r for r in judge(blank_database) if r.is_finding]
    assert [(r.rule, r.outcome, str(r.object)) for r in unknown] == [("RLS001", Outcome.UNKNOWN, "app.notes")]
    assert "declare exposed_schemas" in unknown[0].message


def test_declaring_that_nothing_is_exposed_settles_it(blank_database: Dsn) -> None:
    run_sql(blank_database, ELSEWHERE, role="supabase_admin")
    assert findings(blank_database, Declarations(exposed_schemas=())) == set()


def test_declaring_the_schema_exposed_makes_it_a_failure(blank_database: Dsn) -> None:
    run_sql(blank_database, ELSEWHERE, role="supabase_admin")
    assert findings(blank_database, Declarations(exposed_schemas=("app",))) == {("RLS001", "table app.notes")}


def test_an_observed_setting_wins_over_the_declared_one(well_kept: Dsn) -> None:
    run_sql(well_kept, ELSEWHERE)
    assert "RLS001" not in {rule for rule, _ in findings(well_kept, Declarations(exposed_schemas=("app",)))}


@pytest.mark.parametrize("kind", [CatalogKind.POLICIES, CatalogKind.RELATIONS, CatalogKind.FUNCTIONS, CatalogKind.INDEXES])
def test_a_kind_that_could_not_be_read_makes_its_rules_unknown_and_says_why(well_kept: Dsn, kind: CatalogKind) -> None:
    emptied: dict[str, Any] = {kind.value: ()}
    snapshot = dataclasses.replace(observe(well_kept), unobserved=(Unobserved(kind.value, "permission denied"),), **emptied)
    results = evaluate(snapshot, Declarations(), RULES)
    blind = {r.code for r in RULES if kind in r.requires}
    assert blind
    assert {r.rule for r in results if r.outcome is Outcome.UNKNOWN} == blind
    assert all("permission denied" in r.message for r in results if r.outcome is Outcome.UNKNOWN)


def test_a_single_tenant_project_says_so_and_its_tenancy_rules_do_not_apply(well_kept: Dsn) -> None:
    declared = Declarations(tenancy=Tenancy(not_applicable_reason="one customer per deployment"))
    tenancy = [r for r in judge(well_kept, declared) if r.rule.startswith("TEN")]
    assert {r.outcome for r in tenancy} == {Outcome.NOT_APPLICABLE}
    assert all("one customer per deployment" in r.message for r in tenancy)


def test_column_and_claim_names_are_the_projects_own(well_kept: Dsn) -> None:
    run_sql(
        well_kept,
        """
        alter table public.orders rename column tenant_id to "orgId";
        drop policy orders_of_tenant on public.orders;
        create policy by_org on public.orders to authenticated using ("orgId" = ((select auth.jwt()) ->> 'org')::uuid);
        """,
    )
    assert findings(well_kept, Declarations(tenancy=Tenancy(column="orgId", claim="org"))) == set()


def test_a_membership_look_up_is_unknown_until_its_table_is_declared(well_kept: Dsn) -> None:
    run_sql(
        well_kept,
        """
        drop policy orders_of_tenant on public.orders;
        create policy by_membership on public.orders to authenticated
          using (tenant_id in (select m.id from public.tenants m where m.id = (select auth.uid())));
        """,
    )
    assert findings(well_kept) == {("TEN003", "table public.orders")}
    assert findings(well_kept, Declarations(tenancy=Tenancy(membership_tables=("public.tenants",)))) == set()


def test_extension_objects_and_managed_schemas_are_left_alone(well_kept: Dsn) -> None:
    run_sql(well_kept, "create extension hstore schema extensions")
    run_sql(well_kept, "create table auth.extra (id integer)", role="supabase_admin")
    assert findings(well_kept) == set()


def test_select_rules_takes_prefixes_and_refuses_what_matches_nothing() -> None:
    assert {r.code for r in select_rules(["rls00", "FUN001"], ["RLS005", "RLS006", "RLS007", "RLS008", "RLS009"])} == {
        "RLS001",
        "RLS002",
        "RLS003",
        "RLS004",
        "FUN001",
    }
    with pytest.raises(ConfigurationError, match="XYZ"):
        select_rules(["XYZ"])


def test_the_ruleset_digest_changes_with_the_rules() -> None:
    assert ruleset_digest(all_rules()) == ruleset_digest(tuple(reversed(all_rules())))
    assert ruleset_digest(all_rules()) != ruleset_digest(select_rules(["RLS"]))
