"""What findings about definer functions tell a reviewer, and what is said where it is not known who gets in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.sqltext.identifiers import schemas_in_path
from platformkit_pipeline_tests.rules.conftest import RULES, judge, run_sql

HELPER = """
create function public.mine() returns setof uuid language sql stable security definer set search_path = '' as 'select null::uuid';
create policy helped on public.orders as restrictive to authenticated using (tenant_id in (select public.mine()));
grant execute on function public.mine() to {roles};
"""


def finding(dsn: Dsn, rule: str) -> Result:
    [found] = [r for r in judge(dsn) if r.rule == rule and r.is_finding]
    return found


@pytest.mark.parametrize(
    ("setting", "schemas"),
    [
        ('""', ()),
        ("", ()),
        ("pg_catalog, public, pg_temp", ("pg_catalog", "public", "pg_temp")),
        ('"$user", public', ("$user", "public")),
        ('"My Schema",Public', ("My Schema", "public")),
        ('"a, b", "say ""hi"""', ("a, b", 'say "hi"')),
    ],
)
def test_a_path_is_read_as_the_catalogue_keeps_it(setting: str, schemas: tuple[str, ...]) -> None:
    assert schemas_in_path(setting) == schemas


def test_a_helper_of_a_policy_is_told_apart(well_kept: Dsn) -> None:
    run_sql(well_kept, HELPER.format(roles="authenticated"))
    found = finding(well_kept, "FUN006")
    assert "Policy public.orders.helped calls it, so a revoke of EXECUTE would break the policy" in found.message
    assert found.evidence["called_by_policies"] == ["public.orders.helped"]


def test_where_only_anon_is_too_many_the_policy_is_named_as_well(well_kept: Dsn) -> None:
    run_sql(well_kept, HELPER.format(roles="anon, authenticated"))
    found = finding(well_kept, "FUN005")
    assert "though not for this role: whoever the policy applies to has to keep EXECUTE" in found.message
    assert found.evidence["callable_by"] == ["anon", "authenticated"]
    assert found.evidence["granted_through"] == ["anon", "authenticated"]


def test_a_grant_to_public_is_named_as_the_way_in(well_kept: Dsn) -> None:
    run_sql(well_kept, HELPER.format(roles="public"))
    assert finding(well_kept, "FUN005").evidence["granted_through"] == ["PUBLIC"]


def test_without_the_exposed_schemas_nobody_knows(well_kept: Dsn) -> None:
    run_sql(well_kept, HELPER.format(roles="anon"))
    snapshot = observe(well_kept)
    blind = replace(snapshot, roles=tuple(replace(r, settings=()) for r in snapshot.roles))

    def judged(declarations: Declarations) -> list[Result]:
        return [r for r in evaluate(blind, declarations, RULES) if r.rule == "FUN005" and r.is_finding]

    [unknown] = judged(Declarations())
    assert unknown.outcome is Outcome.UNKNOWN
    assert "declare exposed_schemas" in unknown.message
    [failure] = judged(Declarations(exposed_schemas=("public",)))
    assert failure.outcome is Outcome.FAIL
    assert judged(Declarations(exposed_schemas=())) == []


def test_a_helper_is_the_overload_that_the_policy_calls(well_kept: Dsn) -> None:
    run_sql(
        well_kept,
        """
        create function public.mine(t uuid) returns boolean language sql stable security definer set search_path = '' as 'select true';
        create function public.mine(t text) returns boolean language sql stable security definer set search_path = '' as 'select true';
        comment on function public.mine(uuid) is 'platformkit:definer policies call it';
        comment on function public.mine(text) is 'platformkit:definer policies call it';
        create policy helped on public.orders as restrictive to authenticated using (public.mine(tenant_id));
        revoke execute on function public.mine(uuid), public.mine(text) from public, anon;
        grant execute on function public.mine(uuid), public.mine(text) to authenticated;
        """,
    )
    found = finding(well_kept, "FUN006")
    assert found.object.canonical == "function public.mine(t text)"
    assert found.outcome is Outcome.FAIL
    assert "called_by_policies" not in found.evidence
