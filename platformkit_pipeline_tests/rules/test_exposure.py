"""Exposure rules where the answer is not known, and what their evidence says."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping

import pytest

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.model.snapshot import (
    CatalogKind,
    Column,
    Privilege,
    Relation,
    RelationKind,
    Role,
    Schema,
    Server,
    Snapshot,
    Unobserved,
    ViewDependency,
)
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import Rule, find_rule, select_rules
from platformkit_pipeline.sandbox.supabase import GrantRegime, install_supabase_shape
from platformkit_pipeline_tests.rules.conftest import findings, judge, run_sql

FORGET_EXPOSED = "do $$ begin execute format('alter role authenticator in database %I reset pgrst.db_schemas', current_database()); end $$"
VIEW = """
create view public.totals as select tenant_id, sum(total) as total from public.orders group by tenant_id;
grant select on public.totals to authenticated;
"""


def rule_of(code: str) -> Rule:
    found = find_rule(code)
    assert found is not None
    return found


def one(results: tuple[Result, ...], rule: str) -> Result:
    [finding] = [r for r in results if r.rule == rule and r.is_finding]
    return finding


def test_an_exposed_view_is_unknown_until_somebody_says_what_is_exposed(well_kept: Dsn) -> None:
    run_sql(well_kept, FORGET_EXPOSED, role="supabase_admin")
    assert findings(well_kept) == set()
    run_sql(well_kept, VIEW)
    unknown = one(judge(well_kept), "RLS007")
    assert unknown.outcome is Outcome.UNKNOWN
    assert "declare exposed_schemas" in unknown.message
    assert one(judge(well_kept, Declarations(exposed_schemas=("public",))), "RLS007").outcome is Outcome.FAIL
    assert findings(well_kept, Declarations(exposed_schemas=())) == set()


def test_other_rules_about_exposure_say_unknown_as_well(well_kept: Dsn) -> None:
    run_sql(
        well_kept,
        FORGET_EXPOSED
        + """;
        create materialized view public.sums as select sum(total) as total from public.orders;
        create view public.profiles as select id, email from auth.users;
        create foreign data wrapper elsewhere;
        create server warehouse foreign data wrapper elsewhere;
        create foreign table public.shipments (id uuid, iban text) server warehouse;
        create schema pgmq;
        grant usage on schema pgmq to anon;
        create table pgmq.q_mails (msg_id bigint);
        grant select on pgmq.q_mails to anon;
        """,
        role="supabase_admin",
    )
    unknown = {r.rule for r in judge(well_kept) if r.outcome is Outcome.UNKNOWN}
    assert unknown == {"RLS008", "RLS009", "API001", "API002", "API006"}


def test_a_table_elsewhere_is_judged_as_soon_as_its_schema_is_exposed(well_kept: Dsn) -> None:
    run_sql(
        well_kept,
        """
        create schema app;
        grant usage on schema app to anon;
        create table app.notes (id uuid primary key, tenant_id uuid not null);
        grant truncate on app.notes to anon;
        """,
    )
    rules = select_rules(["RLS013"])
    snapshot = observe(well_kept)
    assert not [r for r in evaluate(snapshot, Declarations(), rules) if r.is_finding]
    run_sql(well_kept, FORGET_EXPOSED, role="supabase_admin")
    snapshot = observe(well_kept)
    assert one(evaluate(snapshot, Declarations(), rules), "RLS013").outcome is Outcome.UNKNOWN
    assert one(evaluate(snapshot, Declarations(exposed_schemas=("app",)), rules), "RLS013").outcome is Outcome.FAIL


def test_the_finding_names_the_tables_the_rights_and_the_readers(well_kept: Dsn) -> None:
    run_sql(well_kept, "create view public.copies as select * from public.orders; grant select, delete on public.copies to authenticated")
    finding = one(judge(well_kept), "RLS007")
    assert finding.evidence["opened"] == [{"table": "public.orders", "by_view": "public.copies", "with_rights_of": "postgres"}]
    assert finding.evidence["reachable_by"] == {"authenticated": ["SELECT", "DELETE"]}
    assert "public.orders" in finding.message
    assert "postgres" in finding.message


def test_the_finding_about_accounts_names_the_columns_that_can_be_read(well_kept: Dsn) -> None:
    run_sql(
        well_kept,
        "create view public.profiles as select id, email, phone from auth.users; grant select (id, email) on public.profiles to anon",
    )
    assert one(judge(well_kept), "API001").evidence["columns"] == {"anon": ["id", "email"]}


@pytest.mark.parametrize(
    ("grants", "regime", "granted"),
    [(GrantRegime.AUTOMATIC, "automatic", "SELECT"), (GrantRegime.EXPLICIT, "explicit", "TRUNCATE")],
)
def test_default_privileges_say_which_grant_regime_a_project_is_in(
    supabase_database: Dsn, grants: GrantRegime, regime: str, granted: str
) -> None:
    install_supabase_shape(supabase_database, grants=grants)
    found = [r for r in judge(supabase_database) if r.rule == "API007" and r.is_finding]
    assert {r.evidence["grant_regime"] for r in found} == {regime}
    [tables] = [r for r in found if dict(r.object.detail)["objects"] == "tables"]
    assert tables.object.name == "postgres"  # and not supabase_admin, whose entries no project can change
    assert granted in tables.evidence["granted"]["anon"]


def test_without_a_look_at_the_buckets_only_what_policies_open_is_unknown(well_kept: Dsn) -> None:
    def judged() -> list[Result]:
        snapshot = dataclasses.replace(
            observe(well_kept), storage_buckets=(), unobserved=(Unobserved(CatalogKind.STORAGE_BUCKETS.value, "permission denied"),)
        )
        return [r for r in evaluate(snapshot, Declarations(), [rule_of("API003")]) if r.is_finding]

    assert judged() == []
    run_sql(
        well_kept,
        """
        create policy own on storage.objects for select to authenticated
          using (bucket_id = 'invoices' and owner_id = (select auth.uid())::text);
        create policy reading on storage.objects for select to anon using (bucket_id = 'avatars');
        """,
        role="supabase_admin",
    )
    [finding] = judged()
    assert (finding.outcome, finding.object.canonical) == (Outcome.UNKNOWN, "storage_bucket avatars")
    assert "permission denied" in finding.message
    run_sql(well_kept, "create policy all_of_it on storage.objects for select to anon using (true)", role="supabase_admin")
    assert [r.object.canonical for r in judged()] == ["table storage.objects"]


def test_without_row_level_security_on_files_every_public_bucket_is_listed(well_kept: Dsn) -> None:
    run_sql(
        well_kept,
        """
        insert into storage.buckets (id, name, public) values ('avatars', 'avatars', true);
        alter table storage.objects disable row level security;
        """,
        role="supabase_admin",
    )
    assert findings(well_kept) >= {("API003", "storage_bucket avatars")}


def test_what_an_extension_owns_is_not_judged(well_kept: Dsn) -> None:
    run_sql(well_kept, "create materialized view public.sums as select 1 as email; grant select on public.sums to anon")
    snapshot = observe(well_kept)
    owned = tuple(dataclasses.replace(r, extension="postgis") if r.name == "sums" else r for r in snapshot.relations)
    rules = [rule_of("RLS008"), rule_of("API002")]
    assert [r.rule for r in evaluate(snapshot, Declarations(), rules) if r.is_finding] == ["API002", "RLS008"]
    assert not [r for r in evaluate(dataclasses.replace(snapshot, relations=owned), Declarations(), rules) if r.is_finding]


# -- chains of views: the server refuses none of these shapes, and building them there would take longer than judging them ------------


def views(reads: Mapping[str, tuple[str, ...]], *, invokers: frozenset[str] = frozenset(), version_num: int = 180000) -> Snapshot:
    """Views of `postgres` in `public` that anon may read, over the table `orders` with row level security."""
    may_read = (Privilege("anon", "SELECT"),)
    table = Relation("public", "orders", RelationKind.TABLE, "postgres", row_security=True)
    made = (
        Relation(
            "public",
            name,
            RelationKind.VIEW,
            "postgres",
            options=("security_invoker=true",) if name in invokers else (),
            privileges=may_read,
            definition=f"select * from {over[0]}",
        )
        for name, over in reads.items()
    )
    return Snapshot(
        server=Server("18.0", version_num, "shop", "postgres", True),
        schemas=(Schema("public", "postgres", (Privilege("PUBLIC", "USAGE"),)),),
        roles=(Role("anon"), Role("postgres", login=True, bypass_rls=True)),
        relations=(table, *made),
        view_dependencies=tuple(ViewDependency("public", name, "public", read) for name, over in reads.items() for read in over),
    )


def bypassing(snapshot: Snapshot) -> int:
    results = evaluate(snapshot, Declarations(exposed_schemas=("public",)), [rule_of("RLS007")])
    return sum(r.is_finding for r in results)


def test_before_version_15_every_view_reads_with_its_owners_rights() -> None:
    reads = {"v": ("orders",)}
    assert bypassing(views(reads, invokers=frozenset({"v"}), version_num=150000)) == 0
    assert bypassing(views(reads, invokers=frozenset({"v"}), version_num=140011)) == 1


def test_a_deep_chain_and_its_diamonds_are_judged_in_no_time() -> None:
    deep = {f"v{n}": (f"v{n - 1}",) if n else ("orders",) for n in range(3000)}
    diamonds = {f"d{n}": (f"d{n - 1}", f"e{n - 1}") if n else ("orders",) for n in range(300)}
    twins = {f"e{n}": (f"d{n - 1}", f"e{n - 1}") if n else ("orders",) for n in range(300)}
    snapshot = views({**deep, **diamonds, **twins})
    started = time.process_time()
    assert bypassing(snapshot) == 3600
    assert time.process_time() - started < 3


def test_views_that_read_each_other_in_a_circle_end() -> None:
    """CREATE OR REPLACE VIEW makes them; the server refuses only to run them."""
    assert bypassing(views({"a": ("b",), "b": ("c", "orders"), "c": ("a",)})) >= 1


def test_privileges_of_a_role_that_no_client_is_are_answered_too(well_kept: Dsn) -> None:
    catalog = Catalog(observe(well_kept), Declarations())
    orders = catalog.relations[("public", "orders")]
    assert catalog.privileges_of("service_role", orders) >= {"SELECT", "TRUNCATE"}
    assert catalog.privileges_of("platformkit_observer", orders) == frozenset()
    assert catalog.privileges_of("supabase_admin", orders) >= {"SELECT", "TRIGGER"}
    assert catalog.bypasses_policies_of("postgres", orders)
    assert not catalog.bypasses_policies_of("authenticated", orders)


# -- private tables behind views -------------------------------------------------------------------------------------------------------

PRIVATE = """
create schema private;
create table private.customers (id uuid primary key, ssn text, city text);
"""


def test_columns_are_followed_through_fifty_views(well_kept: Dsn) -> None:
    chain = ["create view private.v0 as select id, ssn as a, city as b from private.customers;"]
    chain += [f"create view private.v{n} as select id, b as a, a as b from private.v{n - 1};" for n in range(1, 51)]
    run_sql(
        well_kept,
        PRIVATE + "".join(chain) + "create view public.shown as select a, b from private.v50; grant select on public.shown to anon",
    )
    finding = one(judge(well_kept), "API002")
    assert (finding.outcome, finding.object.canonical) == (Outcome.FAIL, "view public.shown")
    assert finding.evidence["columns"] == {"anon": {"a": "personal"}}
    assert finding.evidence["comes_from"] == {"a": "private.customers.ssn"}


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("select ssn from private.customers where auth.role() = 'anon'", "a condition depends on the caller"),
        ("select private.masked(ssn) as s from private.customers", "what function private.masked leaves of the value is not known"),
    ],
)
def test_what_cannot_be_told_about_a_view_is_unknown_with_the_reason(well_kept: Dsn, query: str, reason: str) -> None:
    masked = "create function private.masked(text) returns text language sql immutable set search_path = '' as 'select ''*''';"
    run_sql(well_kept, f"{PRIVATE} {masked} create view public.shown as {query}; grant select on public.shown to anon")
    finding = one(judge(well_kept), "API002")
    assert finding.outcome is Outcome.UNKNOWN
    assert reason in finding.message


def test_a_view_that_cannot_be_read_is_unknown_only_over_what_matters(well_kept: Dsn) -> None:
    run_sql(
        well_kept,
        PRIVATE
        + """
        alter table private.customers add tenant_id uuid not null;
        create table private.news (id uuid primary key);
        comment on table private.news is 'platformkit:not-tenant-scoped the same for all';
        create view private.between as select * from private.customers;
        create view public.shown as select id from private.between;
        create view public.news as select id from private.news;
        grant select on public.shown, public.news to anon;
        """,
    )
    snapshot = observe(well_kept)
    torn = tuple(
        dataclasses.replace(r, definition="select from from") if r.kind is RelationKind.VIEW and r.name != "shown" else r
        for r in snapshot.relations
    )
    rules = [rule_of("API002"), rule_of("RLS007")]
    found = [r for r in evaluate(dataclasses.replace(snapshot, relations=torn), Declarations(), rules) if r.is_finding]
    assert {(r.rule, r.outcome, r.object.canonical) for r in found} == {
        ("API002", Outcome.UNKNOWN, "view public.shown"),
        ("RLS007", Outcome.UNKNOWN, "view public.shown"),
    }
    assert all("view private.between cannot be read" in r.message for r in found)


def test_the_finding_about_tenants_says_which_table_and_why(well_kept: Dsn) -> None:
    run_sql(
        well_kept,
        """
        create schema private;
        create table private.ledger (id uuid primary key, tenant_id uuid not null, amount numeric);
        create view public.shown as select id, amount from private.ledger;
        grant select on public.shown to authenticated;
        """,
    )
    finding = one(judge(well_kept), "RLS007")
    assert finding.outcome is Outcome.FAIL
    assert "leads to the rows of every tenant in private.ledger, which has no row level security" in finding.message


def test_many_views_over_private_tables_are_judged_in_no_time() -> None:
    count = 3000
    table = Relation("private", "people", RelationKind.TABLE, "postgres")
    names = [("private", f"v{n}") for n in range(count)]
    over = [("private", "people"), *names]
    views_ = tuple(
        Relation(
            *name,
            RelationKind.VIEW,
            "postgres",
            definition=f"SELECT {over[n][1]}.ssn FROM private.{over[n][1]}",
        )
        for n, name in enumerate(names)
    )
    shown = tuple(
        Relation(
            "public",
            f"s{n}",
            RelationKind.VIEW,
            "postgres",
            privileges=(Privilege("anon", "SELECT"),),
            definition=f"SELECT ssn FROM private.v{n}",
        )
        for n in range(count)
    )
    relations = (table, *views_, *shown)
    snapshot = Snapshot(
        server=Server("18.0", 180000, "shop", "postgres", True),
        schemas=tuple(Schema(s, "postgres", (Privilege("PUBLIC", "USAGE"),)) for s in ("public", "private")),
        roles=(Role("anon"), Role("postgres", login=True, bypass_rls=True)),
        relations=relations,
        columns=tuple(Column(r.schema, r.name, "ssn", 1, "text") for r in relations),
        view_dependencies=(
            *(ViewDependency("private", f"v{n}", *over[n]) for n in range(count)),
            *(ViewDependency("public", f"s{n}", "private", f"v{n}") for n in range(count)),
        ),
    )
    started = time.process_time()
    results = evaluate(snapshot, Declarations(exposed_schemas=("public",)), [rule_of("API002")])
    assert sum(r.is_finding for r in results) == count
    assert time.process_time() - started < 5
