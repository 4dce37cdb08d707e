-- A small schema that keeps every rule of the book, on a Supabase-shaped database. Run it as role postgres.
-- Rule tests and `platformkit rules self-test` break one thing at a time in a copy of it.

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
