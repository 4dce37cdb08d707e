"""Drift on the sample project: its SQL as a history of migrations, and copies of its database on which somebody worked by hand."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.locations import read_sql
from platformkit_pipeline.model.drift import DifferenceKind, Regression
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ObservationError
from platformkit_pipeline.model.migration import MigrationFile, MigrationSet
from platformkit_pipeline.model.migration_history import AppliedVersion, DriftReport, FailureCause, VersionRow, VersionState
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.target import Environment, Target, TargetKind
from platformkit_pipeline.operations.check_drift import LiveProject, check_drift, check_observed, reconcile
from platformkit_pipeline.operations.regressions import lost_protections
from platformkit_pipeline.operations.replay_migrations import Grants, ReplayOptions, grants_of
from platformkit_pipeline.reporting.drift import drift_json, drift_markdown, drift_rows
from platformkit_pipeline.sandbox.databases import connect, drop_database, with_user
from platformkit_pipeline.sandbox.supabase import copy_supabase_database
from platformkit_pipeline.sqltext.scripts import split_statements

SHOP = Target(TargetKind.SUPABASE_PROJECT, "shop-production", Environment.PRODUCTION)
FILES = 12

PLANTED = {
    "column public.products.promo": (
        "only_live", "object", None, "type: text",
        "alter table public.products add column promo text",
    ),
    "table public.tenants": (
        "different", "grants to authenticated", "SELECT", "SELECT, UPDATE",
        "grant update on public.tenants to authenticated",
    ),
    "column public.customers.email": (
        "different", "grants to anon", None, "SELECT",
        "grant select (email) on public.customers to anon",
    ),
    "default_privilege public.postgres.tables": (
        "different", "grants to anon", None, "SELECT",
        "alter default privileges in schema public grant select on tables to anon",
    ),
    "policy storage.objects.everybody_reads": (
        "only_live", "object", None, "command: SELECT\nusing: true\npermissive: true\nroles: anon",
        "create policy everybody_reads on storage.objects for select to anon using (true)",
    ),
    "view public.product_ratings": (
        "different", "security_invoker", "true", None,
        "create or replace view public.product_ratings as select tenant_id, product_id, avg(rating)::numeric(3, 2) as rating, "
        "count(*) as reviews from public.reviews group by tenant_id, product_id",
    ),
    "function private.set_updated_at()": (
        "different", "search_path", '""', None,
        "create or replace function private.set_updated_at() returns trigger language plpgsql as "
        "$body$\nbegin\n  new.updated_at := pg_catalog.now();\n  return new;\nend\n$body$",
    ),
    "table public.coupons": (
        "different", "row_security", "true", "false",
        "alter table public.coupons disable row level security",
    ),
    "table public.warehouses": (
        "different", "comment", None, "being rebuilt",
        "comment on table public.warehouses is 'being rebuilt'",
    ),
    "index public.orders.orders_status_idx": (
        "only_declared", "object",
        "definition: CREATE INDEX orders_status_idx ON public.orders USING btree (tenant_id, status, placed_at)", None,
        "drop index public.orders_status_idx",
    ),
    "function private.sales_of(p_tenant_id uuid, p_from timestamp with time zone)": (
        "different", "body", "...", "begin return 0.0; end",
        "create or replace function private.sales_of(p_tenant_id uuid, p_from timestamptz default '-infinity') returns numeric "
        "language plpgsql stable security definer set search_path = pg_catalog, pg_temp as 'begin return 0.0; end'",
    ),
    "trigger public.carts.set_updated_at": (
        "different", "enabled", "origin", "disabled",
        "alter table public.carts disable trigger set_updated_at",
    ),
}  # fmt: skip
"""By object: difference, aspect, the declared and the live text, and the statement that somebody ran in the dashboard."""

_serial = itertools.count(1)
ShopFactory = Callable[[], Dsn]


@pytest.fixture(scope="session")
def shop_migrations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample project's SQL, split into files as a team would have written it."""
    folder = tmp_path_factory.mktemp("shop") / "supabase" / "migrations"
    folder.mkdir(parents=True)
    files = ("shop_schema.sql", "shop_security.sql")
    statements = [s for name in files for s in split_statements(read_sql(f"sandbox/sample_platform/{name}"))]
    portion = -(-len(statements) // FILES)
    for number, start in enumerate(range(0, len(statements), portion), start=1):
        text = "".join(f"{statement};\n" for statement in statements[start : start + portion])
        (folder / f"202611{number:02}090000_part_{number}.sql").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def make_shop(admin_dsn: Dsn, sample_platform: dict[str, Dsn]) -> Iterator[ShopFactory]:
    """Copies of the sample project, as its owner sees them."""
    assert "shop-production" in sample_platform
    made: list[str] = []

    def make() -> Dsn:
        made.append(f"shop_copy_{next(_serial)}")
        return with_user(copy_supabase_database(admin_dsn, made[-1], template="sample_shop", copy_files=True), "postgres")

    yield make
    for name in made:
        drop_database(admin_dsn, name)
    by_hand(admin_dsn, "drop role if exists drift_reporting")


@pytest.fixture
def options(tmp_path: Path) -> ReplayOptions:
    return ReplayOptions(parent=tmp_path / "replays")


def by_hand(dsn: Dsn, *statements: str) -> None:
    with connect(dsn) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def differences(report: DriftReport) -> dict[str, tuple[DifferenceKind, list[tuple[str, str | None, str | None]]]]:
    assert report.history.differences is not None, report.history.replay.failure
    return {d.object.canonical: (d.kind, [(a.name, a.declared, a.live) for a in d.aspects]) for d in report.history.differences}


def test_a_project_as_its_migrations_make_it_has_no_drift(make_shop: ShopFactory, shop_migrations: Path, options: ReplayOptions) -> None:
    report = check_drift(make_shop(), target=SHOP, folder=shop_migrations, options=options)
    assert len(report.history.replay.applied) == len(list(shop_migrations.iterdir())) >= FILES - 1
    assert differences(report) == {}
    assert report.conclusion is Outcome.PASS
    assert report.history.compared > 300
    assert sum(r.count for r in report.results if r.rule == "MIG051") == report.history.compared


def test_twelve_planted_differences_are_reported_and_none_else(
    make_shop: ShopFactory, shop_migrations: Path, options: ReplayOptions
) -> None:
    live = make_shop()
    by_hand(live, *(statement for *_, statement in PLANTED.values()))
    report = check_drift(live, target=SHOP, folder=shop_migrations, options=options)
    found = differences(report)
    assert found.keys() == PLANTED.keys()
    assert len(found) == 12
    for name, (kind, aspect, declared, now, _) in PLANTED.items():
        difference, aspects = found[name]
        assert (difference.value, [a for a, _, _ in aspects]) == (kind, [aspect]), name
        [(_, text, live_text)] = aspects
        assert live_text == now, name
        assert text == declared or (declared == "..." and text is not None and "sum(" in text), name
    assert {r.object.canonical for r in report.findings} == PLANTED.keys()
    assert {r.rule for r in report.findings} == {"MIG051"}
    assert {r.outcome for r in report.findings} == {Outcome.FAIL}
    assert report.conclusion is Outcome.FAIL
    assert len(list(drift_rows(report.history.differences or ()))) == 12


def test_other_kinds_of_work_by_hand_are_seen_as_well(make_shop: ShopFactory, shop_migrations: Path, options: ReplayOptions) -> None:
    live = make_shop()
    by_hand(
        live,
        "create schema scratch; create table scratch.notes (id serial primary key, body text); create view scratch.v as select 1 as one",
        "drop table public.reviews cascade",
        "alter table public.coupons add column note_id int generated always as identity",
        "alter type public.order_status add value 'lost'",
        "update storage.buckets set public = true where id = 'invoices'",
        "insert into storage.buckets (id, name) values ('by-hand', 'by-hand')",
        "alter publication supabase_realtime drop table public.orders",
        "alter policy own_tenant on public.tenants using (true)",
        "alter table public.orders drop constraint orders_tenant_id_id_key cascade",
        "alter table public.carts alter column created_at drop not null",
        "create role drift_reporting; grant select on public.orders to drift_reporting",
        "alter view public.open_orders set (security_barrier = on)",
    )
    by_hand(with_user(live, "supabase_admin"), "grant service_role to drift_reporting")
    found = differences(check_drift(live, target=SHOP, folder=shop_migrations, options=options))
    assert {name: kind.value for name, (kind, _) in found.items() if "_fkey" not in name} == {
        "schema scratch": "only_live",
        "table public.reviews": "only_declared",
        "view public.product_ratings": "only_declared",
        "column public.coupons.note_id": "only_live",
        "type public.order_status": "different",
        "storage_bucket invoices": "different",
        'storage_bucket "by-hand"': "only_live",
        "publication supabase_realtime": "different",
        "policy public.tenants.own_tenant": "different",
        "constraint public.orders.orders_tenant_id_id_key": "only_declared",
        "column public.carts.created_at": "different",
        "role drift_reporting": "only_live",
        "role_membership service_role.drift_reporting": "only_live",
        "table public.orders": "different",
        "view public.open_orders": "different",
    }
    assert {kind for name, (kind, _) in found.items() if "_fkey" in name} == {DifferenceKind.ONLY_DECLARED}


# -- what is said of the rest --------------------------------------------------------------------------------------------


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """One small migration."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "20261101000000_notes.sql").write_text("create table public.notes (id int primary key);")
    return folder


@pytest.fixture
def notes_database(make_supabase_database: Callable[[], Dsn]) -> Dsn:
    live = with_user(make_supabase_database(), "postgres")
    by_hand(live, "create table public.notes (id int primary key)")
    return live


def test_versions_of_folder_and_project_are_laid_side_by_side(notes: Path, notes_database: Dsn, options: ReplayOptions) -> None:
    (notes / "20261102000000_second.sql").write_text("create table public.second (id int primary key);")
    recorded = "('20261101000000', 'notes'), ('20200101000000', 'gone')"
    by_hand(notes_database, f"insert into supabase_migrations.schema_migrations (version, name) values {recorded}")
    report = check_drift(notes_database, target=SHOP, folder=notes, options=options)
    assert report.history.versions == (
        VersionRow("20200101000000", VersionState.ORPHAN, None, "gone"),
        VersionRow("20261101000000", VersionState.APPLIED, "20261101000000_notes.sql", "notes"),
        VersionRow("20261102000000", VersionState.NOT_APPLIED, "20261102000000_second.sql"),
    )
    assert set(differences(report)) == {"table public.second"}
    assert "applied, but no file has this version" in drift_markdown(report)


def test_files_that_are_not_applied_yet_can_be_left_out(notes: Path, notes_database: Dsn, options: ReplayOptions) -> None:
    (notes / "20261102000000_second.sql").write_text("create table public.second (id int primary key);")
    by_hand(notes_database, "insert into supabase_migrations.schema_migrations (version, name) values ('20261101000000', 'notes')")
    report = check_drift(notes_database, target=SHOP, folder=notes, options=options, only_applied=True)
    assert report.conclusion is Outcome.PASS
    assert [row.state for row in report.history.versions] == [VersionState.APPLIED, VersionState.NOT_APPLIED]


def test_a_version_under_another_name_or_shared_by_two_files_is_told() -> None:
    files = MigrationSet(
        (MigrationFile("1_a.sql", "1", "a", ""), MigrationFile("2_b.sql", "2", "b", ""), MigrationFile("2_c.sql", "2", "c", ""))
    )
    assert list(reconcile(files, (AppliedVersion("1", "other"), AppliedVersion("2", "c")))) == [
        VersionRow("1", VersionState.RENAMED, "1_a.sql", "other"),
        VersionRow("2", VersionState.APPLIED, "2_c.sql", "c"),
        VersionRow("2", VersionState.NOT_APPLIED, "2_b.sql"),
    ]


def test_what_the_observer_may_not_read_is_unknown_and_not_equal(notes: Path, notes_database: Dsn, options: ReplayOptions) -> None:
    observer = with_user(notes_database, "platformkit_observer")
    report = check_drift(observer, target=SHOP, folder=notes, options=options)
    assert report.history.versions_unobserved == "no USAGE privilege on schema supabase_migrations"
    assert [(f.outcome, f.object.canonical) for f in report.findings] == [(Outcome.UNKNOWN, "catalog storage_buckets")]
    assert report.conclusion is Outcome.UNKNOWN
    with pytest.raises(ObservationError, match="which migrations are applied"):
        check_drift(observer, target=SHOP, folder=notes, options=options, only_applied=True)


def test_a_history_that_does_not_replay_is_not_compared(notes: Path, notes_database: Dsn, options: ReplayOptions) -> None:
    (notes / "20261102000000_second.sql").write_text("select * from nowhere;")
    report = check_drift(notes_database, target=SHOP, folder=notes, options=options)
    assert report.history.differences is None
    assert report.history.replay.failure is not None
    assert report.history.replay.failure.cause is FailureCause.MIGRATION
    assert [(f.rule, f.outcome) for f in report.findings] == [("MIG050", Outcome.FAIL), ("MIG051", Outcome.UNKNOWN)]


def test_the_same_input_gives_the_same_bytes(notes: Path, notes_database: Dsn, options: ReplayOptions) -> None:
    by_hand(notes_database, "alter table public.notes enable row level security; comment on table public.notes is 'it | is'")
    first, second = (check_drift(notes_database, target=SHOP, folder=notes, options=options) for _ in range(2))
    assert drift_json(first) == drift_json(second)
    assert drift_markdown(first) == drift_markdown(second)
    assert json.loads(drift_json(first))["summary"] == {
        "compared": first.history.compared, "only_live": 0, "only_declared": 0, "different": 1, "unknown": 0, "regressions": 0,
    }  # fmt: skip


def test_a_protection_that_was_there_at_the_previous_observation_is_named(notes: Path, notes_database: Dsn, options: ReplayOptions) -> None:
    by_hand(
        notes_database,
        "create view public.v with (security_invoker = true) as select id from public.notes",
        "create function public.f() returns int language sql set search_path = '' as 'select 1'",
        "alter table public.notes enable row level security",
    )
    before = observe(notes_database)
    by_hand(
        notes_database,
        "create or replace view public.v as select id from public.notes",
        "create or replace function public.f() returns int language sql as 'select 1'",
        "alter table public.notes disable row level security",
    )
    (notes / "20261102000000_rest.sql").write_text(
        "create view public.v as select id from public.notes; create function public.f() returns int language sql as 'select 1';"
    )
    versions = (AppliedVersion("20261101000000", "notes"),)
    live = LiveProject(observe(notes_database), versions, before)
    report = check_observed(live, target=SHOP, folder=notes, options=options)
    assert differences(report) == {}
    assert report.history.regressions == (
        Regression("function public.f()", "search_path", '""', None),
        Regression("table public.notes", "row_security", "true", None),
        Regression("view public.v", "security_invoker", "true", None),
    )
    assert report.conclusion is Outcome.FAIL
    assert "Lost since the previous observation" in drift_markdown(report)


def test_snapshots_of_the_same_schema_have_lost_nothing(notes_database: Dsn) -> None:
    seen = observe(notes_database)
    assert lost_protections(seen, observe(notes_database)) == ()


def test_what_the_platform_grants_is_seen_in_the_live_project(sample_platform: dict[str, Dsn]) -> None:
    assert grants_of(observe(sample_platform["clinic-messy"])) is Grants.AUTOMATIC
    assert grants_of(observe(sample_platform["shop-production"])) is Grants.BY_DATE
