"""The limits of clause 10.2 hold in the database itself, whatever writes there."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from platformkit_pipeline.control_plane import targets
from platformkit_pipeline.control_plane.connection import Connection
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
