"""Run SQL on a Supabase-shaped database and ask the rule book what it finds."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import all_rules

WELL_KEPT = """
create table public.tenants (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table public.tenants is 'platformkit:not-tenant-scoped the tenants themselves';
alter table public.tenants enable row level security;
create policy own_tenant on public.tenants for select to authenticated
  using (id = ((select auth.jwt()) ->> 'tenant_id')::uuid);

create table public.orders (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references public.tenants (id) on delete cascade,
  total numeric not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index orders_tenant_id_idx on public.orders (tenant_id);
alter table public.orders enable row level security;
create policy orders_of_tenant on public.orders to authenticated
  using (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid)
  with check (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid);
"""
"""A schema that keeps every rule; each test breaks one thing in it."""

Judge = Callable[..., tuple[Result, ...]]


def run_sql(dsn: Dsn, sql: str, role: str = "postgres") -> None:
    with psycopg.connect(dsn.reveal(), autocommit=True) as connection:
        connection.execute(f"set role {role}".encode())
        connection.execute(sql.encode())


def judge(dsn: Dsn, declarations: Declarations | None = None) -> tuple[Result, ...]:
    return evaluate(observe(dsn), declarations or Declarations(), all_rules())


def findings(dsn: Dsn, declarations: Declarations | None = None) -> set[tuple[str, str]]:
    """(rule, object) of every FAIL and UNKNOWN."""
    return {(r.rule, r.object.canonical) for r in judge(dsn, declarations) if r.is_finding}


@pytest.fixture
def well_kept(supabase_database: Dsn) -> Dsn:
    run_sql(supabase_database, WELL_KEPT)
    return supabase_database
