"""Cases in which one object hides, or seems to hide, what another one does: policies of one table, indexes of one table."""

from __future__ import annotations

from platformkit_pipeline_tests.rules.planted import TENANT, Case, case

OPEN_INSERT = "create policy anybody on public.tenants for insert to authenticated with check (true)"

CASES: list[Case] = [
    case(
        "RLS004 an open INSERT beside a policy for UPDATE",
        "grant insert, update on public.tenants to authenticated",
        OPEN_INSERT,
        f"create policy own on public.tenants for update to authenticated using (id = {TENANT})",
        expected={("RLS004", "policy public.tenants.anybody")},
        mend=(f"alter policy anybody on public.tenants with check (id = {TENANT})",),
    ),
    case(
        "IDX003 spares the index by which replication tells rows apart",
        "create unique index orders_a on public.orders (tenant_id, total)",
        "create unique index orders_b on public.orders (tenant_id, total)",
        "create unique index orders_c on public.orders (tenant_id, total, id)",
        "alter table public.orders alter column tenant_id set not null, alter column total set not null",
        "alter table public.orders replica identity using index orders_b",
        "drop index public.orders_tenant_id_idx",
        expected=set(),
    ),
    case(
        "RLS012 an open check of a policy for ALL, of which only INSERT is narrowed",
        "grant insert, update, delete on public.tenants to authenticated",
        "drop policy own_tenant on public.tenants",
        f"create policy everything on public.tenants to authenticated using (id = {TENANT}) with check (true)",
        f"create policy fence on public.tenants as restrictive for insert to authenticated with check (id = {TENANT})",
        expected={("RLS012", "policy public.tenants.everything")},
        mend=(f"alter policy everything on public.tenants with check (id = {TENANT})",),
    ),
]
