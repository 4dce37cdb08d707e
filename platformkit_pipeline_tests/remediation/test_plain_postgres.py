"""Patches for a database that is no project of the platform: what nobody could try is not proven."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.proof import Obligation, ProofStatus
from platformkit_pipeline.model.target import Declarations, Target, TargetKind
from platformkit_pipeline.operations.propose_plan import propose_plan
from platformkit_pipeline.sandbox.databases import create_database
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline_tests.conftest import FAST_SETTINGS

SCHEMA = """
create role app login;
create table public.items (id bigint primary key, tenant_id uuid not null,
  created_at timestamptz not null default now(), updated_at timestamptz not null default now());
grant select, insert, truncate on public.items to public;
grant select, insert on public.items to app;
create policy of_tenant on public.items using (tenant_id = current_setting('app.tenant')::uuid);
create table public.notes (id bigint primary key, tenant_id uuid not null,
  created_at timestamptz not null default now(), updated_at timestamptz not null default now());
grant select on public.notes to public;
alter table public.notes enable row level security;
create policy of_tenant on public.notes using (tenant_id = current_setting('app.tenant')::uuid);
"""


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Dsn]:
    server = EmbeddedPostgres(tmp_path / "plain", settings=FAST_SETTINGS)
    server.ensure()
    try:
        dsn = create_database(server.dsn(), "app")
        with psycopg.connect(dsn.reveal(), autocommit=True) as connection:
            connection.execute(SCHEMA.encode())
        yield dsn
    finally:
        server.destroy()


def test_what_no_role_could_try_is_unknown_and_what_needs_no_trial_is_proven(plain: Dsn) -> None:
    plan = propose_plan(plain, target=Target(TargetKind.CONNECTOR, "app"), declarations=Declarations(), proven=True)
    status = {(p.rule, p.object.name): p.status for p in plan.patches}
    assert status["RLS013", "items"] is ProofStatus.PROVEN
    assert status["RLS010", "notes"] is ProofStatus.PROVEN
    [enabling] = [p for p in plan.patches if p.rule == "RLS002"]
    assert enabling.status is ProofStatus.UNPROVEN
    assert enabling.proof is not None
    [objection] = enabling.proof.objections
    assert objection.obligation is Obligation.ACCESS
    assert "nobody could try table public.items" in objection.detail
