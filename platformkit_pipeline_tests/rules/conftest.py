"""Run SQL on a Supabase-shaped database and ask the rule book what it finds."""

from __future__ import annotations

import psycopg
import pytest

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import Source, all_rules

WELL_KEPT = """
alter default privileges for role postgres in schema public revoke all on tables from anon, authenticated;
alter default privileges for role postgres in schema public revoke all on sequences from anon, authenticated;
alter default privileges for role postgres in schema public revoke all on functions from anon, authenticated;
alter default privileges for role postgres revoke execute on functions from public;

create function public.touch_updated_at() returns trigger language plpgsql set search_path = '' as $f$
begin
  new.updated_at := pg_catalog.now();
  return new;
end
$f$;

create table public.tenants (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table public.tenants is 'platformkit:not-tenant-scoped the tenants themselves';
alter table public.tenants enable row level security;
grant select on public.tenants to authenticated;
create trigger touch before update on public.tenants for each row execute function public.touch_updated_at();
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
grant select, insert, update, delete on public.orders to authenticated;
create trigger touch before update on public.orders for each row execute function public.touch_updated_at();
create policy orders_of_tenant on public.orders to authenticated
  using (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid)
  with check (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid);
"""
"""A schema that keeps every rule; each test breaks one thing in it."""

RULES = tuple(r for r in all_rules() if r.source is Source.CATALOG)
"""What one look at the catalogues answers. A fresh server has no statistics, and nobody asked for a probe."""


def run_sql(dsn: Dsn, sql: str, role: str = "postgres") -> None:
    with psycopg.connect(dsn.reveal(), autocommit=True) as connection:
        connection.execute(f"set role {role}".encode())
        connection.execute(sql.encode())


def judge(dsn: Dsn, declarations: Declarations | None = None) -> tuple[Result, ...]:
    return evaluate(observe(dsn), declarations or Declarations(), RULES)


def findings(dsn: Dsn, declarations: Declarations | None = None) -> set[tuple[str, str]]:
    """(rule, object) of every FAIL and UNKNOWN."""
    return {(r.rule, r.object.canonical) for r in judge(dsn, declarations) if r.is_finding}


@pytest.fixture
def well_kept(supabase_database: Dsn) -> Dsn:
    run_sql(supabase_database, WELL_KEPT)
    return supabase_database
