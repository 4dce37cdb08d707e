"""Cases of RLS004 and RLS012 in which one policy hides, or seems to hide, what another one opens."""

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
        "RLS012 an open check of a policy for ALL, of which only INSERT is narrowed",
        "grant insert, update, delete on public.tenants to authenticated",
        "drop policy own_tenant on public.tenants",
        f"create policy everything on public.tenants to authenticated using (id = {TENANT}) with check (true)",
        f"create policy fence on public.tenants as restrictive for insert to authenticated with check (id = {TENANT})",
        expected={("RLS012", "policy public.tenants.everything")},
        mend=(f"alter policy everything on public.tenants with check (id = {TENANT})",),
    ),
]
