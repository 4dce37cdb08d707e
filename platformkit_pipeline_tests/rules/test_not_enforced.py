"""Foreign keys that are not enforced, which PostgreSQL knows since 18."""

from __future__ import annotations

import pytest

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline_tests.rules.conftest import judge, run_sql

SINCE = 18


def test_a_foreign_key_that_is_not_enforced_checks_nothing(postgres_server: EmbeddedPostgres, well_kept: Dsn) -> None:
    if postgres_server.binaries.major < SINCE:
        pytest.skip("this server enforces every foreign key")
    run_sql(well_kept, "alter table public.orders add column user_id uuid")
    run_sql(well_kept, "create index on public.orders (user_id)")
    run_sql(
        well_kept,
        "alter table public.orders add constraint to_user foreign key (user_id) references auth.users (id) on delete cascade not enforced",
    )
    [finding] = [r for r in judge(well_kept) if r.is_finding]
    assert (finding.rule, finding.message) == ("FKY004", "public.orders.to_user is NOT ENFORCED: no row is checked")
