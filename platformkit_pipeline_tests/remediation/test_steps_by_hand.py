"""The SQL that a person is handed, run step by step on a table with rows: it works as it stands, and the finding goes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
import pytest

from platformkit_pipeline.model.patch import ManualItem
from platformkit_pipeline.sandbox.databases import with_user
from platformkit_pipeline.sqltext.parser import SqlSyntaxError, parse_statement
from platformkit_pipeline_tests.remediation.proving.conftest import Bench, bench
from platformkit_pipeline_tests.rules.conftest import findings

pytestmark = pytest.mark.exhaustive

__all__ = ["bench"]

ONE, TWO = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
ROWS = f"""
insert into auth.users (id) values ('{ONE}'), ('{TWO}');
insert into public.tenants (id, name) values ('{ONE}', 'one'), ('{TWO}', 'two');
insert into public.orders (tenant_id, total) values ('{ONE}', 1), ('{ONE}', 2), ('{TWO}', 3);
"""
LOG = """
create schema audit;
create table audit.log (id bigint generated always as identity primary key, line text not null,
  created_at timestamptz not null default now(), updated_at timestamptz not null generated always as (created_at) stored);
comment on table audit.log is 'platformkit:not-tenant-scoped read by auditors only';
create function audit.record() returns trigger language plpgsql security definer set search_path = '' as $$
begin insert into audit.log (line) values (tg_op || ' ' || tg_table_name); return null; end $$;
create trigger record after delete or truncate on public.tenants for each statement execute function audit.record();
"""


def statements_in(item: ManualItem, *, beginning: int = 0) -> Iterator[str]:
    """What stands in backticks and is SQL, with placeholders filled."""
    for step in item.steps[beginning:]:
        for text in re.findall(r"`([^`]*)`", step):
            filled = re.sub(r"'?<[^>]*>'?", f"'{ONE}'", text)
            try:
                parse_statement(filled)
            except SqlSyntaxError:
                continue
            yield filled


def item_of(bench: Bench, rule: str) -> ManualItem:
    [item] = [i for i in bench.plan().manual_items if i.rule == rule]
    return item


@pytest.mark.parametrize(
    ("rule", "plant", "first_step", "at_least"),
    [
        ("FKY001", "alter table public.orders add column user_id uuid; create index on public.orders (user_id)", 0, 3),
        (
            "FKY001",
            "alter table public.orders add column order_id uuid; update public.orders set order_id = id",
            0,
            6,
        ),
        (
            "FKY004",
            'alter table public.orders add column "u;" uuid; create index on public.orders ("u;");'
            'alter table public.orders add foreign key ("u;") references auth.users (id) on delete set null not valid',
            0,
            2,
        ),
        (
            "TEN004",
            "alter table public.orders add column follows uuid references public.orders (id) on delete set null;"
            "update public.orders set follows = id; create index on public.orders (follows)",
            0,
            6,
        ),
        (
            "TEN001",
            "create table public.lines (id uuid primary key, created_at timestamptz not null default now(), "
            "updated_at timestamptz not null generated always as (created_at) stored); insert into public.lines values (gen_random_uuid())",
            1,
            9,
        ),
        (
            "TEN002",
            "alter table public.orders alter tenant_id drop not null; update public.orders set tenant_id = null where total = 1",
            0,
            5,
        ),
        (
            "TEN002",
            "drop policy orders_of_tenant on public.orders; alter table public.orders drop constraint orders_tenant_id_fkey, "
            "alter tenant_id type text",
            0,
            2,
        ),
        (
            "AUD002",
            "alter table public.orders alter created_at type timestamp, alter created_at drop not null;"
            "update public.orders set created_at = null",
            0,
            6,
        ),
        ("AUD003", "comment on table public.orders is 'platformkit:critical money'", 0, 14),
        ("AUD004", LOG + "comment on table public.orders is 'platformkit:critical money'", 0, 1),
        ("AUD004", LOG + "comment on table public.orders is 'platformkit:critical money'; grant truncate on public.orders to anon", 0, 3),
        ("KEY001", "alter table public.orders drop constraint orders_pkey", 0, 3),
        ("KEY001", "alter table public.orders drop constraint orders_pkey; create unique index u on public.orders (id)", 0, 1),
        ("KEY001", "alter table public.orders drop column id", 0, 1),
        ("TYP001", "alter table public.orders add column handler regproc default 'now'::regproc", 0, 2),
        ("TYP001", "alter table public.orders add column handlers regproc[]", 0, 2),
    ],
)
def test_the_sql_works_as_it_stands_and_the_finding_goes(bench: Bench, rule: str, plant: str, first_step: int, at_least: int) -> None:
    bench.plant(ROWS, "supabase_admin")
    bench.plant(plant)
    run = list(statements_in(item_of(bench, rule), beginning=first_step))
    assert len(run) >= at_least
    with psycopg.connect(with_user(bench.target, "postgres").reveal(), autocommit=True) as connection:
        for statement in run:
            connection.execute(statement.encode())
    assert rule not in {found for found, _ in findings(bench.target)}


def test_orphans_are_found_and_keep_the_key_from_being_validated(bench: Bench) -> None:
    bench.plant(ROWS, "supabase_admin")
    bench.plant(
        "alter table public.orders add column u uuid; update public.orders set u = gen_random_uuid() where total = 2;"
        "alter table public.orders add foreign key (u) references auth.users (id) on delete set null not valid"
    )
    query, validate = statements_in(item_of(bench, "FKY004"))
    with psycopg.connect(with_user(bench.target, "postgres").reveal(), autocommit=True) as connection:
        assert len(connection.execute(query.encode()).fetchall()) == 1
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            connection.execute(validate.encode())


def test_rows_that_cross_tenants_are_found(bench: Bench) -> None:
    bench.plant(ROWS, "supabase_admin")
    bench.plant(
        "alter table public.orders add column follows uuid references public.orders (id) on delete restrict;"
        "update public.orders set follows = (select id from public.orders where total = 1) where total in (2, 3)"
    )
    query = next(statements_in(item_of(bench, "TEN004")))
    with psycopg.connect(with_user(bench.target, "postgres").reveal()) as connection:
        assert len(connection.execute(query.encode()).fetchall()) == 1


def test_a_table_of_no_tenant_keeps_what_its_comment_says(bench: Bench) -> None:
    bench.plant("comment on table public.tenants is 'Who''s who'")
    declare = item_of(bench, "TEN001").steps[0].split("`")[1]
    bench.plant(declare.replace("<reason>", "the tenants themselves"))
    assert findings(bench.target) == set()
    with psycopg.connect(bench.target.reveal()) as connection:
        comment = connection.execute("select obj_description('public.tenants'::regclass)").fetchone()
    assert comment is not None
    assert str(comment[0]).startswith("Who's who\nplatformkit:not-tenant-scoped the tenants")


def test_a_secret_is_lost_before_anything_else(bench: Bench) -> None:
    bench.plant(
        "create function public.account() returns jsonb language sql set search_path = '' as "
        "$$ select jsonb_build_object('user', 'robot', 'password', 'summer2024') $$"
    )
    item = item_of(bench, "SEC010")
    assert item.steps[0].startswith("Make the secret in function public.account() invalid where it was issued")
    assert "summer2024" not in " ".join((item.reason, *item.steps))


def test_an_owner_that_logs_in_is_told_what_it_would_see(bench: Bench) -> None:
    bench.plant(
        "create role patched_backend login; grant usage, create on schema public to patched_backend;"
        "alter table public.orders owner to patched_backend",
        "supabase_admin",
    )
    try:
        item = item_of(bench, "RLS015")
        assert "it sees no row at all, because no policy applies to it" in item.reason
        assert "alter table public.orders force row level security" in " ".join(item.steps)
    finally:
        bench.plant(
            "alter table public.orders owner to postgres; drop owned by patched_backend; drop role patched_backend", "supabase_admin"
        )
