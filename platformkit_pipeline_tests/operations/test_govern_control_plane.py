"""The nights of the platform itself: judged and kept like any target, told once, anchored once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from platformkit_pipeline.control_plane import scans, targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.control_plane import (
    AuditFacts,
    ControlPlaneSnapshot,
    ReviewFacts,
    TargetFacts,
    WaiverFacts,
    inventory_of,
    snapshot_of,
)
from platformkit_pipeline.model.score import compliance_score
from platformkit_pipeline.model.settings import AnnualReview, GovernanceSettings, Settings
from platformkit_pipeline.model.target import CONTROL_PLANE, Environment
from platformkit_pipeline.model.waiver import WaiverState
from platformkit_pipeline.operations.anchor_audit import read_anchors
from platformkit_pipeline.operations.govern_control_plane import ControlPlaneNight, govern_control_plane
from platformkit_pipeline_tests.control_plane.builders import SHOP, stored_scan
from platformkit_pipeline_tests.control_plane.test_audit import tamper

SETTINGS = Settings(governance=GovernanceSettings(review=AnnualReview(participants=("kim",))))
NIGHT = datetime(2027, 1, 15, 3, 0, tzinfo=UTC)
Govern = Callable[[datetime], ControlPlaneNight]


@pytest.fixture
def govern(pipeline: Connection, tmp_path: Path) -> Govern:
    targets.sync(pipeline, [SHOP])
    pipeline.commit()
    return lambda now: govern_control_plane(pipeline, SETTINGS, now, run_id="run-1", anchors=tmp_path / "anchors.jsonl")


def scanned(connection: Connection, began: datetime) -> None:
    stored = targets.find(connection, SHOP.kind, SHOP.name)
    assert stored is not None
    scan = stored_scan(connection, stored.target_id, (began - NIGHT).days + 1000, started_at=began)
    scans.complete(connection, scan, ruleset_digest="0" * 16, score=compliance_score([]), counts={})
    connection.commit()


def outbox(connection: Connection) -> list[tuple[str, str]]:
    rows = connection.execute("select type, payload ->> 'subject' from ops.outbox order by position").fetchall()
    connection.rollback()
    return rows


def failing(night: ControlPlaneNight) -> set[str]:
    return {r.rule for r in night.judgement.report.findings}


def test_a_night_is_kept_as_a_scan_with_findings_and_a_score(pipeline: Connection, govern: Govern) -> None:
    scanned(pipeline, NIGHT - timedelta(hours=27))
    night = govern(NIGHT)
    assert failing(night) == {"OPS001"}
    assert night.judgement.complete
    assert night.judgement.changes.opened == 1
    stored = targets.find(pipeline, CONTROL_PLANE.kind, CONTROL_PLANE.name)
    assert stored is not None
    scan = scans.latest(pipeline, stored.target_id)
    assert scan is not None
    assert (scan.scan_id, scan.started_at, scan.run_id) == (night.observation.scan_id, NIGHT, "run-1")
    assert scan.score is not None
    assert scan.score.raw <= 89, "a high finding caps the score"


def test_a_stale_target_is_told_once_and_settled_by_a_scan(pipeline: Connection, govern: Govern) -> None:
    scanned(pipeline, NIGHT - timedelta(hours=27))
    for hours in (0, 1, 24):
        govern(NIGHT + timedelta(hours=hours))
    assert outbox(pipeline) == [("target.stale", "scan")]
    scanned(pipeline, NIGHT + timedelta(hours=47))
    night = govern(NIGHT + timedelta(hours=48))
    assert failing(night) == set()
    assert night.judgement.changes.resolved == 1
    assert outbox(pipeline)[1:] == [("target.stale.settled", "scan")]


def test_a_stale_target_that_leaves_the_settings_is_spoken_of_no_more(pipeline: Connection, govern: Govern) -> None:
    scanned(pipeline, NIGHT - timedelta(hours=27))
    govern(NIGHT)
    targets.sync(pipeline, [])
    pipeline.commit()
    assert failing(govern(NIGHT + timedelta(days=1))) == set()
    assert outbox(pipeline) == [("target.stale", "scan")]
    assert pipeline.execute("select count(*) from ops.alerts where settled_at is null").fetchone() == (0,)


def test_a_broken_chain_is_told_once_anchored_never_and_settled_when_whole(
    pipeline: Connection, superuser: Connection, govern: Govern, tmp_path: Path
) -> None:
    scanned(pipeline, NIGHT)
    assert govern(NIGHT).anchor is not None
    tamper(superuser, ["update ops.audit_log set actor = actor || '!' where seq = 1"])
    for day in (1, 2):
        scanned(pipeline, NIGHT + timedelta(days=day))
        night = govern(NIGHT + timedelta(days=day))
        assert failing(night) == {"OPS002"}
        assert night.anchor is None, "what is broken is not noted as good"
    assert outbox(pipeline) == [("audit.broken", "audit_log")]
    assert pipeline.execute("select payload -> 'mentions' from ops.outbox").fetchone() == (["kim"],)
    superuser.execute("update ops.audit_log set actor = rtrim(actor, '!') where seq = 1")
    scanned(pipeline, NIGHT + timedelta(days=3))
    night = govern(NIGHT + timedelta(days=3))
    assert failing(night) == set()
    assert night.anchor is not None
    assert outbox(pipeline)[1:] == [("audit.broken.settled", "audit_log")]


def test_a_target_that_was_moved_out_of_production_behind_the_log_is_found(
    pipeline: Connection, superuser: Connection, govern: Govern
) -> None:
    scanned(pipeline, NIGHT)
    superuser.execute("set session_replication_role = replica")
    superuser.execute("update ops.targets set environment = 'staging' where name = %s", (SHOP.name,))
    night = govern(NIGHT)
    [finding] = night.judgement.report.findings
    assert (finding.rule, finding.message) == (
        "OPS002",
        "the audit log does not bear out what there is: targets supabase_project/shop-production: it is not what the audit log says",
    )
    assert night.anchor is None


def test_a_night_that_is_repeated_notes_one_anchor(pipeline: Connection, govern: Govern, tmp_path: Path) -> None:
    scanned(pipeline, NIGHT)
    first, again = govern(NIGHT), govern(NIGHT + timedelta(minutes=5))
    scanned(pipeline, NIGHT + timedelta(days=1))
    next_night = govern(NIGHT + timedelta(days=1))
    assert again.anchor is None
    assert read_anchors(tmp_path / "anchors.jsonl").anchors == (first.anchor, next_night.anchor)
    assert next_night.observation.snapshot.audit.anchors == 1


def test_a_snapshot_is_what_its_inventory_amounts_to() -> None:
    day = NIGHT.date()
    waiver = WaiverFacts("w", "a/b", Environment.STAGING, "RLS001", "x", "kim", day, day, WaiverState.LAPSED, False, 1, 1, 1)
    target = TargetFacts("repository", "shop", NIGHT, None)
    chain = AuditFacts(3, "0" * 64, ("a",), 2, ("b",))
    snapshot = ControlPlaneSnapshot(NIGHT, NIGHT, chain, (waiver,), (target,), (ReviewFacts(2027, NIGHT, None),))
    assert snapshot_of(reversed(inventory_of(snapshot)), NIGHT) == snapshot
