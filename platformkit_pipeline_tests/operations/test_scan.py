from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import TargetUnreachable
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.target import Declarations, Target, TargetKind
from platformkit_pipeline.operations.clock import Clock
from platformkit_pipeline.operations.judge import judge
from platformkit_pipeline.operations.scan import scan_database
from platformkit_pipeline.rules.registry import all_rules, ruleset_digest, select_rules

SHOP = Target(TargetKind.SUPABASE_PROJECT, "shop")
MORNING = datetime(2026, 1, 31, 2, 0, tzinfo=UTC)


def ticking_clock() -> Clock:
    """Every look at it costs a second."""
    ticks = iter(range(100))
    return Clock(now=lambda: MORNING, seconds=lambda: float(next(ticks)), new_scan_id=lambda: "scan-1")


def run_sql(dsn: Dsn, text: str) -> None:
    with psycopg.connect(dsn.reveal(), autocommit=True) as connection:
        connection.execute(text.encode())


def test_a_scan_finds_a_table_without_row_level_security_until_it_is_mended(supabase_database: Dsn) -> None:
    rules = select_rules(["RLS001"])
    run_sql(supabase_database, "create table public.orders (id bigint primary key)")
    before = scan_database(supabase_database, target=SHOP, declarations=Declarations(), rules=rules)
    run_sql(supabase_database, "alter table public.orders enable row level security")
    after = scan_database(supabase_database, target=SHOP, declarations=Declarations(), rules=rules)
    assert [(str(f.object), f.outcome) for f in before.findings] == [("public.orders", Outcome.FAIL)]
    assert after.findings == ()
    assert before.catalog_fingerprint != after.catalog_fingerprint
    assert (before.score.raw_display, after.score.raw_display) == (0.0, 100.0)


def test_identity_and_times_of_a_scan_come_from_the_clock(supabase_database: Dsn) -> None:
    report = scan_database(supabase_database, target=SHOP, declarations=Declarations(), rules=all_rules(), clock=ticking_clock())
    assert (report.scan_id, report.started_at, report.duration_seconds) == ("scan-1", MORNING, 1.0)
    assert report.ruleset_digest == ruleset_digest(all_rules())


def test_the_same_snapshot_is_judged_the_same_way(supabase_database: Dsn) -> None:
    run_sql(supabase_database, "create table public.b (id bigint); create table public.a (id bigint, b_id bigint)")
    snapshot = observe(supabase_database)
    one, other = (
        judge(snapshot, target=SHOP, declarations=Declarations(), rules=all_rules(), scan_id="scan-1", started_at=MORNING) for _ in range(2)
    )
    assert one == other
    assert one.findings == tuple(sorted(one.findings, key=lambda finding: finding.sort_key))
    assert one.server_version == snapshot.server.version


def test_a_database_that_does_not_exist_is_unreachable(blank_database: Dsn) -> None:
    missing = Dsn(psycopg.conninfo.make_conninfo(blank_database.reveal(), dbname="nowhere"))
    with pytest.raises(TargetUnreachable):
        scan_database(missing, target=SHOP, declarations=Declarations(), rules=all_rules())
