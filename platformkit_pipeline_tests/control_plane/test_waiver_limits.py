"""The limits of clause 10.2 hold in the database itself, whatever writes there."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import psycopg
import pytest

from platformkit_pipeline.control_plane import targets
from platformkit_pipeline.control_plane.connection import Connection, connect
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.target import Environment, Target, TargetKind

STAGING = Target(TargetKind.SUPABASE_PROJECT, "shop-staging", Environment.STAGING)
PRODUCTION = Target(TargetKind.SUPABASE_PROJECT, "shop-production", Environment.PRODUCTION)
FIRST_DAY = date(2026, 3, 1)


@pytest.fixture
def target_id(pipeline: Connection) -> int:
    targets.sync(pipeline, [STAGING, PRODUCTION])
    pipeline.commit()
    return id_of(pipeline, STAGING)


def id_of(connection: Connection, target: Target) -> int:
    stored = targets.find(connection, target.kind, target.name)
    assert stored is not None
    return stored.target_id


def grant(connection: Connection, target_id: int, *, days: int, start: date = FIRST_DAY, **changes: Any) -> str:
    row: dict[str, Any] = {
        "waiver_id": str(uuid.uuid4()),
        "target_id": target_id,
        "environment": "staging",
        "rule": "RLS001",
        "object_pattern": "public.orders",
        "fingerprint": None,
        "reason": "a prototype",
        "granted_by": "kim",
        "starts_on": start,
        "expires_on": start + timedelta(days=days - 1),
        **changes,
    }
    names = ", ".join(row)
    connection.execute(f"insert into ops.waivers ({names}) values ({', '.join(f'%({name})s' for name in row)})", row)
    connection.commit()
    return str(row["waiver_id"])


def test_thirty_days_are_granted_and_thirty_one_are_not(pipeline: Connection, target_id: int) -> None:
    grant(pipeline, target_id, days=30)
    with pytest.raises(psycopg.errors.CheckViolation):
        grant(pipeline, target_id, days=31, object_pattern="public.carts")


def test_days_of_several_waivers_are_counted_together(pipeline: Connection, target_id: int) -> None:
    grant(pipeline, target_id, days=20)
    grant(pipeline, target_id, days=10, start=FIRST_DAY + timedelta(days=300))
    with pytest.raises(psycopg.errors.CheckViolation, match="31 days"):
        grant(pipeline, target_id, days=1, start=FIRST_DAY + timedelta(days=400))


def test_days_that_overlap_count_once(pipeline: Connection, target_id: int) -> None:
    grant(pipeline, target_id, days=20)
    grant(pipeline, target_id, days=30)


def test_a_revoked_waiver_counts_to_its_last_day(pipeline: Connection, target_id: int) -> None:
    waiver = grant(pipeline, target_id, days=30)
    pipeline.execute(
        "update ops.waivers set revoked_at = %s, revoked_by = 'kim', revoke_reason = 'mended' where waiver_id = %s",
        (FIRST_DAY + timedelta(days=9), waiver),
    )
    pipeline.commit()
    grant(pipeline, target_id, days=20, start=FIRST_DAY + timedelta(days=100))
    with pytest.raises(psycopg.errors.RestrictViolation):
        pipeline.execute(
            "update ops.waivers set revoked_at = null, revoked_by = null, revoke_reason = null where waiver_id = %s", (waiver,)
        )


def revoke(connection: Connection, waiver: str, moment: datetime) -> None:
    connection.execute(
        "update ops.waivers set revoked_at = %s, revoked_by = 'kim', revoke_reason = 'mended' where waiver_id = %s", (moment, waiver)
    )
    connection.commit()


def test_the_day_of_a_revocation_is_spent_once_in_the_database_too(pipeline: Connection, target_id: int) -> None:
    for _ in range(3):
        revoke(pipeline, grant(pipeline, target_id, days=1), datetime.combine(FIRST_DAY, time(12), UTC))
    grant(pipeline, target_id, days=29, start=FIRST_DAY + timedelta(days=50))
    with pytest.raises(psycopg.errors.CheckViolation, match="31 days"):
        grant(pipeline, target_id, days=1, start=FIRST_DAY + timedelta(days=100))


def test_a_revocation_that_is_dated_back_wins_no_days_back(pipeline: Connection, superuser: Connection, target_id: int) -> None:
    before_it_began, today = datetime.combine(FIRST_DAY, time(12), UTC) - timedelta(days=1), datetime.now(UTC)
    waiver = grant(pipeline, target_id, days=30)
    with pytest.raises(psycopg.errors.RestrictViolation, match="dated back"):
        revoke(pipeline, waiver, before_it_began)
    pipeline.rollback()
    held = grant(pipeline, target_id, days=30, start=today.date() - timedelta(days=20), object_pattern="public.carts")
    superuser.execute("set session_replication_role = replica")  # as if it had been granted twenty days ago
    superuser.execute("update ops.waivers set created_at = created_at - interval '20 days' where waiver_id = %s", (held,))
    with pytest.raises(psycopg.errors.RestrictViolation, match="dated back"):
        revoke(pipeline, held, today - timedelta(days=2))
    pipeline.rollback()
    revoke(pipeline, held, today)


def test_a_waiver_is_not_granted_as_revoked_and_not_as_granted_earlier(pipeline: Connection, target_id: int) -> None:
    ended: dict[str, Any] = {"revoked_at": FIRST_DAY + timedelta(days=900), "revoked_by": "kim", "revoke_reason": "mended"}
    with pytest.raises(psycopg.errors.RestrictViolation):
        grant(pipeline, target_id, days=3, **ended)
    pipeline.rollback()
    waiver = grant(pipeline, target_id, days=3, created_at=datetime.now(UTC) + timedelta(days=400))
    row = pipeline.execute("select created_at <= clock_timestamp() from ops.waivers where waiver_id = %s", (waiver,)).fetchone()
    assert row == (True,)


def test_two_grants_at_once_do_not_miss_each_other(pipeline: Connection, pipeline_dsn: Dsn, target_id: int) -> None:
    with closing(connect(pipeline_dsn)) as other:
        other.execute("set transaction isolation level repeatable read")
        other.execute("select count(*) from ops.waivers")  # from here on it sees nothing new
        grant(pipeline, target_id, days=30)
        with pytest.raises(psycopg.Error, match="read committed"):
            grant(other, target_id, days=30, start=FIRST_DAY + timedelta(days=60))


def test_of_two_grants_that_wait_for_each_other_one_is_refused(pipeline: Connection, pipeline_dsn: Dsn, target_id: int) -> None:
    def one(start: int) -> bool:
        with closing(connect(pipeline_dsn)) as connection:
            try:
                grant(connection, target_id, days=20, start=FIRST_DAY + timedelta(days=start))
            except psycopg.errors.CheckViolation:
                return False
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(one, (0, 40, 80, 120))) == [False, False, False, True]


@pytest.mark.parametrize(
    "change", ["expires_on = expires_on + 5", "object_pattern = '*'", "target_id = %(production)s", "granted_by = 'noor'"]
)
def test_what_was_granted_stays_as_it_is_to_everybody(superuser: Connection, pipeline: Connection, target_id: int, change: str) -> None:
    grant(pipeline, target_id, days=5)
    with pytest.raises(psycopg.errors.RestrictViolation, match="granted as it is"):
        superuser.execute(f"update ops.waivers set {change}".encode(), {"production": id_of(superuser, PRODUCTION)})


def test_production_is_refused_to_everybody_whatever_the_statement_says(
    pipeline: Connection, superuser: Connection, target_id: int
) -> None:
    production = id_of(pipeline, PRODUCTION)
    for connection in (pipeline, superuser):
        with pytest.raises(psycopg.errors.CheckViolation, match="production"):
            grant(connection, production, days=1, environment="staging")
    superuser.execute("set session_replication_role = replica")
    with pytest.raises(psycopg.errors.CheckViolation, match="production"):
        grant(superuser, production, days=1)


def test_a_waiver_and_its_end_stand_in_the_audit_log(pipeline: Connection, target_id: int) -> None:
    waiver = grant(pipeline, target_id, days=5)
    pipeline.execute(
        "update ops.waivers set revoked_at = now(), revoked_by = 'kim', revoke_reason = 'mended' where waiver_id = %s", (waiver,)
    )
    pipeline.commit()
    entries = pipeline.execute("select action, detail from ops.audit_log where object = 'ops.waivers' order by seq").fetchall()
    assert [action for action, _ in entries] == ["waiver.granted", "waiver.revoked"]
    assert entries[0][1]["new"]["granted_by"] == "kim"
    assert entries[1][1]["old"]["revoked_by"] is None
    assert entries[1][1]["new"]["revoke_reason"] == "mended"
