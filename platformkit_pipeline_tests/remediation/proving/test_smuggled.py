"""A right patch with something smuggled in: inside its scope, exactly undone, and seen by no trial of three roles."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from platformkit_pipeline.model.patch import Effects
from platformkit_pipeline.model.proof import Obligation, ProofStatus
from platformkit_pipeline_tests.remediation.proving.conftest import Bench, refusing
from platformkit_pipeline_tests.remediation.proving.test_prover import DEFINER, UNINDEXED

ORDERS, POLICY = "table public.orders", "policy public.orders.orders_of_tenant"
PER_ROW = "alter policy orders_of_tenant on public.orders using (tenant_id = (auth.jwt() ->> 'tenant_id')::uuid)"
TRUNCATE = "grant truncate on public.orders to anon"
VIEW = (
    "create view public.v with (security_barrier) as select * from public.orders where total > 5; grant select on public.v to authenticated"
)
PREFS = """
create table public.prefs (id uuid primary key, user_id uuid not null references auth.users (id) on delete cascade, score integer,
  created_at timestamptz not null default now(), updated_at timestamptz not null default now());
create index on public.prefs (user_id);
comment on table public.prefs is 'platformkit:not-tenant-scoped of users';
create trigger touch before update on public.prefs for each row execute function public.touch_updated_at();
alter table public.prefs enable row level security;
grant select, insert, update, delete on public.prefs to authenticated;
create policy p on public.prefs to authenticated using (user_id = auth.uid())
"""


@dataclass(frozen=True)
class Smuggled:
    name: str
    plant: str
    rule: str
    up: str
    down: str
    obligation: Obligation
    told: str


SMUGGLED = (
    Smuggled(
        "the whole table where a role had two columns",
        f"{TRUNCATE}; revoke select on public.orders from authenticated; grant select (id, tenant_id) on public.orders to authenticated",
        "RLS013",
        "grant select on table public.orders to authenticated",
        "revoke select on table public.orders from authenticated",
        Obligation.ACCESS,
        f"SELECT on {ORDERS}: granted to authenticated",
    ),
    Smuggled(
        "the right to pass it on",
        TRUNCATE,
        "RLS013",
        "grant select on table public.orders to authenticated with grant option",
        "revoke grant option for select on table public.orders from authenticated",
        Obligation.ACCESS,
        f"SELECT on {ORDERS}: granted to authenticated with grant option",
    ),
    Smuggled(
        "a role that nobody asks for",
        TRUNCATE,
        "RLS013",
        "grant select on table public.orders to authenticator",
        "revoke select on table public.orders from authenticator",
        Obligation.ACCESS,
        f"SELECT on {ORDERS}: granted to authenticator",
    ),
    Smuggled(
        "a table of the platform, which has no fingerprint",
        TRUNCATE,
        "RLS013",
        "grant select on table storage.objects to authenticator",
        "revoke select on table storage.objects from authenticator",
        Obligation.ACCESS,
        "SELECT on table storage.objects: granted to authenticator",
    ),
    Smuggled(
        "a privilege that another role loses",
        f"{TRUNCATE}; grant select on public.orders to authenticator",
        "RLS013",
        "revoke select on table public.orders from authenticator",
        "grant select on table public.orders to authenticator",
        Obligation.ACCESS,
        f"SELECT on {ORDERS}: taken from authenticator",
    ),
    Smuggled(
        "every table that a schema has",
        TRUNCATE,
        "RLS013",
        "revoke truncate on all tables in schema public from anon",
        "revoke truncate on all tables in schema public from anon",
        Obligation.STATEMENT_KINDS,
        "REVOKE ON ALL TABLE is none of the kinds",
    ),
    Smuggled(
        "what is granted on tables to come",
        "alter default privileges for role postgres in schema public grant truncate on tables to anon",
        "API007",
        "alter default privileges for role postgres in schema public grant select on tables to authenticator",
        "alter default privileges for role postgres in schema public revoke select on tables from authenticator",
        Obligation.ACCESS,
        "granted to authenticator",
    ),
    Smuggled(
        "a policy for one role more",
        f"{PER_ROW}; grant select on public.orders to authenticator",
        "RLS010",
        "alter policy orders_of_tenant on public.orders to authenticated, authenticator",
        "alter policy orders_of_tenant on public.orders to authenticated",
        Obligation.ACCESS,
        f"{POLICY} lets authenticator in",
    ),
    Smuggled(
        "a way around the condition that no made-up row takes",
        PREFS,
        "RLS010",
        "alter policy p on public.prefs using (user_id = (select auth.uid()) or score > 100)",
        "alter policy p on public.prefs using (user_id = (select auth.uid()))",
        Obligation.ACCESS,
        "policy public.prefs.p asks for something else than before",
    ),
    Smuggled(
        "another setting of the function",
        DEFINER,
        "FUN001",
        "alter function public.close_day() set row_security = off",
        "alter function public.close_day() reset row_security",
        Obligation.STATEMENT_KINDS,
        "ALTER FUNCTION SET row_security is none of the kinds",
    ),
    Smuggled(
        "another option of the view",
        VIEW,
        "RLS007",
        "alter view public.v set (security_barrier = false)",
        "alter view public.v set (security_barrier = true)",
        Obligation.STATEMENT_KINDS,
        "ALTER VIEW SET REL OPTIONS security_barrier is none of the kinds",
    ),
    Smuggled(
        "an index that refuses rows",
        UNINDEXED,
        "FKY003",
        "create unique index if not exists orders_user_id_key on public.orders (user_id)",
        "drop index if exists public.orders_user_id_key",
        Obligation.STATEMENT_KINDS,
        "CREATE UNIQUE INDEX is none of the kinds",
    ),
)


@pytest.mark.parametrize("smuggled", SMUGGLED, ids=lambda s: s.name)
def test_what_is_smuggled_in_is_told(bench: Bench, smuggled: Smuggled) -> None:
    for statement in smuggled.plant.split("; "):
        bench.plant(statement)
    [patch] = [p for p in bench.plan().patches if p.rule == smuggled.rule]
    prover = bench.prover()
    assert prover.prove(patch).status is ProofStatus.PROVEN
    bad = replace(patch, up=(*patch.up, smuggled.up), down=(smuggled.down, *patch.down))
    proof = prover.prove(bad)
    assert proof.status is ProofStatus.REFUTED
    assert smuggled.told in refusing(proof)[smuggled.obligation]


def test_a_function_behind_the_function_of_a_policy_is_tried_with_the_policy(bench: Bench) -> None:
    bench.plant("create schema private; grant usage on schema private to authenticated; create table private.admins (id uuid primary key)")
    bench.plant(
        "create function public.role_of() returns text language plpgsql stable security definer "
        "as $$ begin return (select count(*)::text from admins); end $$;"
        "create function private.may() returns boolean language plpgsql stable set search_path = private, pg_temp "
        "as $$ begin return public.role_of() = '0'; end $$;"
        "comment on function public.role_of() is 'platformkit:definer for policies';"
        "revoke execute on function public.role_of() from public, anon;"
        "grant execute on function public.role_of(), private.may() to authenticated;"
        "create policy admins on public.orders as restrictive to authenticated using ((select private.may()))"
    )
    assert "FUN001" not in {p.rule for p in bench.plan().patches}
    bench.plant(UNINDEXED)
    [patch] = [p for p in bench.plan().patches if p.rule == "FKY003"]
    [finding] = [i for i in bench.plan().manual_items if i.rule == "FUN001"]
    wrong = replace(
        patch,
        rule="FUN001",
        object=finding.object,
        up=("alter function public.role_of() set search_path = pg_catalog",),
        down=("alter function public.role_of() reset search_path",),
        transactional=True,
        effects=Effects(("ALTER FUNCTION SET search_path",), ("function public.role_of()",)),
    )
    proof = bench.prover().prove(wrong)
    assert "SELECT on table public.orders" in refusing(proof).get(Obligation.ACCESS, ""), proof.findings


def test_writing_through_a_view_is_tried(bench: Bench) -> None:
    bench.plant(
        "create view public.copies as select * from public.orders; grant select, insert, update, delete on public.copies to authenticated;"
        "revoke insert on public.orders from authenticated"
    )
    [patch] = [p for p in bench.plan().patches if p.rule == "RLS007"]
    [declared] = patch.effects.access
    reading = replace(patch, effects=replace(patch.effects, access=(replace(declared, operations=("SELECT",)),)))
    prover = bench.prover()
    assert prover.prove(patch).status is ProofStatus.PROVEN
    refused = refusing(prover.prove(reading))[Obligation.ACCESS]
    assert "authenticated of another tenant: INSERT on view public.copies, all rows: 1 rows before, denied after" in refused


def test_a_foreign_key_that_deletes_rows_is_not_the_one_that_keeps_them(bench: Bench) -> None:
    bench.plant("alter table public.orders add column user_id uuid references auth.users (id); create index on public.orders (user_id)")
    [patch] = [p for p in bench.plan().patches if p.rule == "FKY002"]
    wrong = replace(patch, up=tuple(s.replace("ON DELETE RESTRICT", "ON DELETE CASCADE") for s in patch.up))
    assert wrong.up != patch.up
    prover = bench.prover()
    assert prover.prove(patch).status is ProofStatus.PROVEN
    refused = refusing(prover.prove(wrong))[Obligation.STATEMENT_KINDS]
    assert refused.startswith("ALTER TABLE ADD CONSTRAINT FOREIGN KEY ON DELETE CASCADE is none of the kinds")
