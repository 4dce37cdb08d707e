"""One message when something begins, one when it is over, and none in between."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from platformkit_pipeline.control_plane import targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.alert import Alert, AlertKind
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.target import Environment, Target, TargetKind
from platformkit_pipeline.operations.announce import Announced, announce
from platformkit_pipeline.operations.run_failures import EndedRun, tell_of_run

SHOP = Target(TargetKind.SUPABASE_PROJECT, "shop-production", Environment.PRODUCTION, ("team:shop",))
NIGHT = datetime(2026, 3, 1, 2, tzinfo=UTC)
FAILED = Alert(AlertKind.SCAN_FAILED, "scan", Severity.HIGH, "shop-production cannot be scanned", SHOP, {"why": "refused"})
BROKEN = Alert(AlertKind.AUDIT_BROKEN, "chain", Severity.CRITICAL, "the audit chain is broken")
HAPPENED = Alert(AlertKind.AMENDMENT_ACCEPTED, "1.1.0", Severity.INFO, "the constitution is at 1.1.0", lasting=False)


def told(connection: Connection, alerts: list[Alert], over: list[Alert], night: int) -> Announced:
    with connection.transaction():
        return announce(connection, alerts, over, NIGHT + timedelta(days=night))


def outbox(connection: Connection) -> list[tuple[str, str, int]]:
    rows = connection.execute("select type, aggregateid, (payload ->> 'occurrence')::int from ops.outbox order by created_at, id")
    return sorted(rows.fetchall())


def test_what_goes_on_is_told_once_and_its_end_once_and_its_return_again(pipeline: Connection) -> None:
    targets.sync(pipeline, [SHOP])
    pipeline.commit()
    said = [told(pipeline, [FAILED, BROKEN], [], 1), told(pipeline, [FAILED, BROKEN], [], 2)]
    said += [told(pipeline, [BROKEN], [FAILED], 3), told(pipeline, [], [FAILED], 4), told(pipeline, [FAILED], [], 5)]
    assert said == [Announced(2, 0), Announced(0, 0), Announced(0, 1), Announced(0, 0), Announced(1, 0)]
    key = "supabase_project/shop-production"
    assert outbox(pipeline) == [
        ("audit.broken", "control-plane", 1),
        ("scan.failed", key, 1),
        ("scan.failed", key, 2),
        ("scan.failed.settled", key, 1),
    ]


def test_what_merely_happened_is_told_once_for_ever(pipeline: Connection) -> None:
    assert [told(pipeline, [HAPPENED], [], night) for night in (1, 2, 300)] == [Announced(1, 0), Announced(0, 0), Announced(0, 0)]
    assert told(pipeline, [], [HAPPENED], 301) == Announced(0, 0)


def test_a_transaction_that_is_taken_back_has_told_nothing(pipeline: Connection) -> None:
    with pipeline.transaction(force_rollback=True):
        announce(pipeline, [BROKEN], [], NIGHT)
    assert outbox(pipeline) == []
    assert told(pipeline, [BROKEN], [], 1) == Announced(1, 0)


@pytest.mark.parametrize("sign", ["\x00", "\udc80"])
def test_signs_that_postgresql_cannot_hold_keep_no_alert_from_being_told(pipeline: Connection, sign: str) -> None:
    run = EndedRun("0f3c", "scan_target", "shop", NIGHT, succeeded=False, why=f"the server said {sign} and hung up")
    assert tell_of_run(pipeline, run) == Announced(1, 0)
    assert tell_of_run(pipeline, run) == Announced(0, 0)
    assert tell_of_run(pipeline, replace(run, run_id="1f3c", ended=NIGHT + timedelta(days=1), succeeded=True, why="")) == Announced(0, 1)
    told = pipeline.execute("select payload ->> 'headline' from ops.outbox order by position").fetchall()
    assert "the server said" in told[0][0]
