"""Extensions that leave public: what changes along, and when it is for a person."""

from __future__ import annotations

import uuid

import pytest

from platformkit_pipeline_tests.remediation.planned import by_hand, proven
from platformkit_pipeline_tests.remediation.proving.conftest import Bench, bench

__all__ = ["bench"]


def install(bench: Bench, *extensions: str) -> None:
    """As in a project of the years in which `postgres` was a superuser: extensions and members are its own."""
    founder = f"founder_{uuid.uuid4().hex}"
    bench.plant(
        f"create role {founder} superuser; set role {founder};"
        + "".join(f'create extension "{e}" schema public;' for e in extensions)
        + f"set role supabase_admin; reassign owned by {founder} to postgres; drop role {founder}",
        "supabase_admin",
    )


def test_everything_that_names_a_member_follows(bench: Bench) -> None:
    install(bench, "hstore")
    bench.plant(
        """alter table public.orders add column "Extra s" hstore not null default ''::hstore, add column tags hstore[],
             add constraint c check ("Extra s" operator(public.?) 'a' or true);
           create index orders_extra on public.orders using gin ("Extra s");
           create function public.count_of(h hstore, variadic more public.hstore[]) returns public.hstore language sql
             set search_path = '' as 'select h';
           create function public.keys(h hstore) returns text[] language sql set search_path = '' return akeys(h);
           grant execute on function public.count_of(hstore, hstore[]) to authenticated;
           create view public.extras with (security_invoker = on) as select id, "Extra s" -> 'a' as a from public.orders;
           create domain public.bag as hstore check (value operator(public.?) 'a');
           create type public.pair as (one hstore, other text);
           create policy narrow on public.orders as restrictive for delete to authenticated using ("Extra s" ? 'a');
           create function public.moved() returns trigger language plpgsql set search_path = '' as 'begin return new; end';
           create trigger moved before update on public.orders for each row
             when (new."Extra s" is distinct from old."Extra s" and new."Extra s" ? 'a') execute function public.moved();"""
    )
    [patch] = proven(bench, "EXT001")
    assert patch.up == ("alter extension hstore set schema extensions",)
    assert "function public.count_of(h extensions.hstore, VARIADIC more extensions.hstore[])" in patch.effects.objects


def test_two_extensions_share_the_schema_that_is_made_for_them(bench: Bench) -> None:
    bench.plant("drop schema extensions cascade", "supabase_admin")
    install(bench, "hstore", "citext")
    patches = proven(bench, "EXT001")
    assert ["create schema if not exists extensions" in p.up for p in patches] == [True, True]
    assert ["drop schema if exists extensions restrict" in p.down for p in patches] == [True, False]


def test_a_trusted_extension_has_members_of_the_superuser(bench: Bench) -> None:
    bench.plant("create extension hstore schema public")
    item = by_hand(bench, "EXT001")
    assert "members that belong to supabase_admin, as which postgres may not act" in item.reason
    assert any("alter extension hstore set schema extensions;" in step for step in item.steps)


@pytest.mark.parametrize(
    "function",
    [
        "language sql set search_path = public as 'select null::hstore'",
        "language sql as 'select public.hstore(''a'', ''b'')'",
    ],
)
def test_a_body_that_would_lose_sight_of_it_is_for_a_person(bench: Bench, function: str) -> None:
    install(bench, "hstore")
    bench.plant(f"create function public.f() returns hstore {function}")
    item = by_hand(bench, "EXT001")
    assert "public.f() would no longer find what extension hstore brings" in item.reason
    assert "alter function public.f() set search_path = " in item.steps[1]
    assert "extensions, pg_temp;" in item.steps[1]


def test_a_name_that_is_taken_where_it_would_go_is_for_a_person(bench: Bench) -> None:
    install(bench, "citext")
    bench.plant("create domain extensions.citext as text", "supabase_admin")
    assert "schema extensions has a type citext already" in by_hand(bench, "EXT001").reason
