"""Comparing two snapshots, built by hand; databases are compared in `operations/test_check_drift.py`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from platformkit_pipeline.introspection.postgres.difference_texts import LONGEST_TEXT
from platformkit_pipeline.introspection.postgres.differences import compare, compare_schemas
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.drift import Aspect, DifferenceKind
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.snapshot import (
    CatalogKind,
    Column,
    DefaultPrivilege,
    Function,
    Policy,
    Privilege,
    Relation,
    RelationKind,
    Role,
    RoleMembership,
    Schema,
    Server,
    Snapshot,
    Unobserved,
)

SERVER = Server("18.0", 18_00_00, "postgres", "postgres", False)
PLATFORM = (Role("anon"), Role("postgres"), Role("supabase_admin", superuser=True))
ORDERS = Relation("public", "orders", RelationKind.TABLE, "postgres")
COLUMNS = tuple(Column("public", "orders", name, position, "text") for position, name in enumerate("abc", start=1))
VIEW = Relation("public", "v", RelationKind.VIEW, "postgres", definition=" SELECT 1 AS one;", options=("security_invoker=true",))
SHOP = Snapshot(SERVER, schemas=(Schema("public", "postgres"),), roles=PLATFORM, relations=(ORDERS, VIEW), columns=COLUMNS)


def test_a_snapshot_does_not_differ_from_itself() -> None:
    comparison = compare_schemas(SHOP, SHOP)
    assert (comparison.differences, comparison.compared) == ((), 7)


@pytest.mark.parametrize("project", ["shop-production", "clinic-messy", "saas-multitenant"])
def test_two_observations_of_one_project_do_not_differ(sample_platform: dict[str, Dsn], project: str) -> None:
    first, second = (observe(sample_platform[project]) for _ in range(2))
    assert [d for d in compare(first, second) if d.kind is not DifferenceKind.UNKNOWN] == []


def test_projects_differ_both_ways(sample_platform: dict[str, Dsn]) -> None:
    shop, saas = observe(sample_platform["shop-production"]), observe(sample_platform["saas-multitenant"])
    there, back = compare(shop, saas), compare(saas, shop)
    turned = {DifferenceKind.ONLY_LIVE: DifferenceKind.ONLY_DECLARED, DifferenceKind.ONLY_DECLARED: DifferenceKind.ONLY_LIVE}
    assert len(there) > 50
    assert {(d.object, d.kind) for d in there} == {(d.object, turned.get(d.kind, d.kind)) for d in back}


def test_spellings_of_one_option_are_no_difference() -> None:
    live = replace(SHOP, relations=(ORDERS, replace(VIEW, options=("security_invoker=on",))))
    assert compare(SHOP, live) == ()
    [lost] = compare(SHOP, replace(SHOP, relations=(ORDERS, replace(VIEW, options=()))))
    assert lost.aspects == (Aspect("security_invoker", "true", None),)


def test_columns_in_another_order_are_one_difference_of_their_table() -> None:
    moved = tuple(replace(c, position=4 - c.position) for c in COLUMNS)
    [difference] = compare(SHOP, replace(SHOP, columns=tuple(sorted(moved, key=lambda c: c.position))))
    assert difference.object.canonical == "table public.orders"
    assert difference.aspects == (Aspect("column order", "a, b, c", "c, b, a"),)


def test_a_column_that_is_missing_moves_no_other() -> None:
    [difference] = compare(replace(SHOP, columns=COLUMNS[1:]), SHOP)
    assert (difference.object.canonical, difference.kind) == ("column public.orders.a", DifferenceKind.ONLY_LIVE)


def test_what_could_not_be_observed_is_unknown_once_and_else_silent() -> None:
    policies = (Policy("public", "orders", "own", "ALL", True, ("anon",)),)
    blind = replace(SHOP, unobserved=(Unobserved(CatalogKind.POLICIES.value, "no right"),))
    [difference] = compare(replace(SHOP, policies=policies), blind)
    assert (difference.kind, difference.object.canonical) == (DifferenceKind.UNKNOWN, "catalog policies")
    assert difference.reason == "live: no right"
    [difference] = compare(blind, replace(SHOP, policies=policies))
    assert difference.reason == "the replay: no right"


def test_grants_are_told_grantee_by_grantee() -> None:
    declared = replace(ORDERS, privileges=(Privilege("anon", "SELECT"), Privilege("postgres", "SELECT", True)))
    live = replace(ORDERS, privileges=(Privilege("anon", "INSERT"), Privilege("anon", "SELECT"), Privilege("postgres", "SELECT")))
    [difference] = compare(replace(SHOP, relations=(declared, VIEW)), replace(SHOP, relations=(live, VIEW)))
    assert difference.aspects == (
        Aspect("grants to anon", "SELECT", "INSERT, SELECT"),
        Aspect("grants to postgres", "SELECT with grant option", "SELECT"),
    )


def test_the_definition_of_a_function_is_told_only_where_nothing_else_is() -> None:
    function = Function("public", "f", "", "function", "postgres", "sql", body="select 1", definition="... as 'select 1'")
    changed = replace(function, body="select 2", definition="... as 'select 2'", settings=(("search_path", '""'),))
    [difference] = compare(replace(SHOP, functions=(function,)), replace(SHOP, functions=(changed,)))
    assert [a.name for a in difference.aspects] == ["body", "search_path"]
    [difference] = compare(replace(SHOP, functions=(function,)), replace(SHOP, functions=(replace(function, definition="other"),)))
    assert [a.name for a in difference.aspects] == ["definition"]


def test_roles_of_other_databases_and_of_the_platform_are_left_out_and_members_of_ours_are_not() -> None:
    roles = (*PLATFORM, Role("other_app", login=True), Role("supabase_etl_admin", replication=True))
    assert compare(SHOP, replace(SHOP, roles=roles)) == ()
    member = RoleMembership("postgres", "other_app")
    found = compare(SHOP, replace(SHOP, roles=roles, role_memberships=(member, RoleMembership("anon", "supabase_etl_admin"))))
    assert {d.object.canonical for d in found} == {"role other_app", "role_membership postgres.other_app"}


def test_default_privileges_of_the_platforms_own_roles_are_left_out() -> None:
    given = (Privilege("anon", "SELECT"),)
    live = replace(SHOP, default_privileges=(DefaultPrivilege("supabase_admin", "public", "tables", given),))
    assert compare(SHOP, live) == ()
    live = replace(SHOP, default_privileges=(DefaultPrivilege("postgres", "public", "tables", given),))
    assert [d.object.canonical for d in compare(SHOP, live)] == ["default_privilege public.postgres.tables"]


def test_very_long_texts_are_cut_and_say_so() -> None:
    live = replace(SHOP, relations=(replace(ORDERS, comment="x" * (LONGEST_TEXT + 7)), VIEW))
    [difference] = compare(SHOP, live)
    [aspect] = difference.aspects
    assert aspect.live is not None
    assert aspect.live.endswith("... (7 more characters)")
