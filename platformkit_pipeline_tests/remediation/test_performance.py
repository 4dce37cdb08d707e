"""What the plan tells a person about statements and indexes."""

from __future__ import annotations

from datetime import timedelta

import psycopg

from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.target import Declarations, Target, TargetKind
from platformkit_pipeline.remediation.plan import build_plan
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import Source, all_rules

RULES = tuple(r for r in all_rules() if r.source is Source.STATISTICS)
TARGET = Target(TargetKind.SUPABASE_PROJECT, "shop")


def test_statement_plan_and_index_are_in_the_steps(supabase_database: Dsn) -> None:
    with psycopg.connect(supabase_database.reveal(), autocommit=True) as connection:
        connection.execute("select extensions.pg_stat_statements_reset()")
        connection.execute("create table public.orders (id int primary key, total int, status int)")
        connection.execute("insert into public.orders select n, n, n from generate_series(1, 20000) as n")
        connection.execute("create index orders_status_idx on public.orders (status)")
        connection.execute("analyze public.orders")
        for n in range(3):
            connection.execute(f"select pg_sleep(1.01) from public.orders where total = {n + 1}".encode())
    snapshot = observe(supabase_database, clock_ahead=timedelta(days=30))
    results = evaluate(snapshot, Declarations(), RULES)
    plan = build_plan(TARGET, "scan", catalog_fingerprint(snapshot), results, snapshot, Declarations())
    steps = {item.rule: " | ".join(item.steps) for item in plan.manual_items}
    assert plan.patches == ()
    assert set(steps) == {"PRF001", "PRF003", "IDX002", "IDX004"}
    for code in ("PRF001", "PRF003", "IDX002"):
        assert "select pg_sleep($1) from public.orders where total = $2" in steps[code]
        assert "Seq Scan on public.orders" in steps[code]
        assert "filter: (orders.total = $2)" in steps[code]
        assert "`create index concurrently on public.orders (total)`" in steps[code]
    assert "`drop index concurrently public.orders_status_idx`" in steps["IDX004"]
    assert "CREATE INDEX orders_status_idx ON public.orders" in steps["IDX004"]
