"""Drift on the sample project: its SQL as a history of migrations, and copies of its database on which somebody worked by hand."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.introspection.repository.migrations import read_migrations
from platformkit_pipeline.locations import read_sql
from platformkit_pipeline.model.drift import DifferenceKind, Regression
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ObservationError
from platformkit_pipeline.model.migration import MigrationFile, MigrationSet
from platformkit_pipeline.model.migration_history import AppliedVersion, DriftReport, FailureCause, VersionRow, VersionState
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.model.target import Environment, Target, TargetKind
from platformkit_pipeline.operations.check_drift import LiveProject, check_drift, check_observed, reconcile
from platformkit_pipeline.operations.replay_migrations import ReplayOptions
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


def test_twelve_planted_differences_are_reported_and_none_else(make_shop: ShopFactory, shop_migrations: Path, options: ReplayOptions) -> None:
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
