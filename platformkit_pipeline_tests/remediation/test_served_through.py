"""Copies that clients are served through: taking the grant would break a policy, an invoker view or an invoker function."""

from __future__ import annotations

import pytest

from platformkit_pipeline_tests.remediation.planned import by_hand, proven
from platformkit_pipeline_tests.remediation.proving.conftest import Bench, bench

__all__ = ["bench"]

MATVIEW = (
    "create materialized view public.totals as select tenant_id, sum(total) as total from public.orders group by 1;"
    "revoke all on public.totals from public, anon, authenticated; grant select on public.totals to authenticated;"
)


@pytest.mark.parametrize(
    ("plant", "reason"),
    [
        (
            "create view public.mine with (security_invoker = on) as select * from public.totals;"
            "grant select on public.mine to authenticated",
            "view public.mine may read public.totals",
        ),
        (
            "create function public.mine() returns numeric language sql set search_path = '' as 'select sum(total) from public.totals';"
            "grant execute on function public.mine() to authenticated",
            "function public.mine() may read public.totals",
        ),
        (
            "create policy p on public.orders as restrictive for delete to authenticated using (exists (select from public.totals))",
            "policy public.orders.p may read public.totals",
        ),
    ],
)
def test_a_copy_that_clients_are_served_through_is_left_to_a_person(bench: Bench, plant: str, reason: str) -> None:
    bench.plant(MATVIEW + plant)
    assert reason in by_hand(bench, "RLS008").reason


def test_a_copy_that_only_owners_read_is_closed(bench: Bench) -> None:
    bench.plant(MATVIEW + "create view public.of_owner as select * from public.totals;")
    bench.plant("revoke all on public.of_owner from anon, authenticated")
    assert len(proven(bench, "RLS008")) == 1


def test_accounts_are_closed_along_a_chain_of_views(bench: Bench) -> None:
    bench.plant(
        "create view public.people as select id, email from auth.users;"
        'create view public."Mail s" with (security_invoker = on) as select email from public.people;'
        'grant select on public.people, public."Mail s" to authenticated;'
    )
    assert {p.object.name for p in proven(bench, "API001")} == {"people", "Mail s"}
