from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import psycopg
import pytest

from platformkit_pipeline.control_plane import scans
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.scans import ScanStatus
from platformkit_pipeline.control_plane.targets import StoredTarget
from platformkit_pipeline.model.activity import Activity, EndpointLatency
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.model.score import Score
from platformkit_pipeline.model.snapshot import RelationStatistics, Server, Unobserved
from platformkit_pipeline_tests.control_plane.builders import ORDERS_KEY, result, scan_record

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SCORE = Score(Fraction(200, 3), Fraction(89))
RESULTS = [result(), result(identity=ORDERS_KEY, outcome=Outcome.PASS), result("FKY003", ORDERS_KEY, severity=Severity.MEDIUM)]


def complete(connection: Connection, scan_id: str, score: Score = SCORE, ruleset: str = "rules-1") -> None:
    scans.complete(connection, scan_id, ruleset_digest=ruleset, score=score, counts=scans.count_results(RESULTS))


def test_a_scan_comes_back_as_it_was_stored(pipeline: Connection, shop: StoredTarget) -> None:
    record = scan_record(
        shop.target_id,
        server=Server("17.6", 170006, "shop", "observer", False, system_identifier="42"),
        statistics=(RelationStatistics("public", "orders", 12, 8192), RelationStatistics("public", "new", None, None)),
        unobserved=(Unobserved("storage_buckets", "permission denied\x00"),),
        activity=Activity(NOON, NOON, endpoints=(EndpointLatency("GET", "/", 20, 1, 2),)),
        run_id="run-1",
        set_digest="d" * 64,
        object_count=3,
    )
    scans.begin(pipeline, record)
    expected = replace(record, unobserved=(Unobserved("storage_buckets", "permission denied\ufffd"),))
    assert scans.find(pipeline, record.scan_id) == expected


def test_the_same_scan_again_is_a_no_op(pipeline: Connection, shop: StoredTarget) -> None:
    record = scan_record(shop.target_id)
    scans.begin(pipeline, record)
    scans.begin(pipeline, record)
    assert pipeline.execute("select count(*) from ops.scans").fetchone() == (1,)


@pytest.mark.parametrize("difference", [{"catalog_fingerprint": "another"}, {"started_at": scan_record(0, 2).started_at}])
def test_an_id_used_by_another_observation_is_refused(pipeline: Connection, shop: StoredTarget, difference: dict[str, Any]) -> None:
    record = scan_record(shop.target_id)
    scans.begin(pipeline, record)
    with pytest.raises(ControlPlaneError, match="is already stored and is another observation"):
        scans.begin(pipeline, scan_record(shop.target_id, **{"scan_id": record.scan_id, **difference}))


def test_a_scan_of_an_unknown_target_is_refused(pipeline: Connection) -> None:
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        scans.begin(pipeline, scan_record(4711))


def test_a_verdict_completes_the_scan_with_exact_scores(pipeline: Connection, shop: StoredTarget) -> None:
    record = scan_record(shop.target_id)
    scans.begin(pipeline, record)
    complete(pipeline, record.scan_id)
    stored = scans.find(pipeline, record.scan_id)
    assert stored is not None
    assert stored.status is ScanStatus.COMPLETE
    assert stored.completed_at is not None
    assert stored.score == SCORE
    assert stored.ruleset_digest == "rules-1"
    assert stored.counts == {Outcome.FAIL: {Severity.CRITICAL: 1, Severity.MEDIUM: 1}, Outcome.PASS: {Severity.CRITICAL: 1}}


def test_the_readable_score_is_rounded_down(pipeline: Connection, shop: StoredTarget) -> None:
    record = scan_record(shop.target_id)
    scans.begin(pipeline, record)
    complete(pipeline, record.scan_id, Score(Fraction(200, 3), Fraction(999_999_999, 10_000_000)))
    row = pipeline.execute("select raw_score::text, effective_score::text from ops.scans").fetchone()
    assert row == ("66.666666", "99.999999")


def test_the_same_verdict_again_writes_nothing_and_a_new_judgement_replaces_it(
    pipeline: Connection, superuser: Connection, shop: StoredTarget
) -> None:
    record = scan_record(shop.target_id)
    scans.begin(pipeline, record)
    complete(pipeline, record.scan_id)
    pipeline.commit()
    version = superuser.execute("select xmin, ctid from ops.scans").fetchone()
    complete(pipeline, record.scan_id)
    pipeline.commit()
    assert superuser.execute("select xmin, ctid from ops.scans").fetchone() == version
    complete(pipeline, record.scan_id, ruleset="rules-2")
    stored = scans.find(pipeline, record.scan_id)
    assert stored is not None
    assert stored.ruleset_digest == "rules-2"


def test_a_verdict_without_observation_is_refused(pipeline: Connection) -> None:
    with pytest.raises(ControlPlaneError, match="store the observation before its verdict"):
        complete(pipeline, "00000000-0000-0000-0000-000000000001")


def test_the_latest_scan_is_the_one_that_started_last_and_got_far_enough(pipeline: Connection, shop: StoredTarget) -> None:
    first, second, third = (scan_record(shop.target_id, night) for night in (1, 2, 3))
    for record in (third, first, second):
        scans.begin(pipeline, record)
    assert scans.latest(pipeline, shop.target_id) is None
    complete(pipeline, second.scan_id)
    complete(pipeline, first.scan_id)
    latest, observed = scans.latest(pipeline, shop.target_id), scans.latest(pipeline, shop.target_id, ScanStatus.OBSERVED)
    assert latest is not None
    assert observed is not None
    assert (latest.scan_id, observed.scan_id) == (second.scan_id, third.scan_id)
    assert latest.started_at - first.started_at == timedelta(days=1)
    assert scans.latest(pipeline, shop.target_id + 1) is None


def test_a_status_complete_without_verdict_is_refused_by_the_table(pipeline: Connection, shop: StoredTarget) -> None:
    scans.begin(pipeline, scan_record(shop.target_id))
    with pytest.raises(psycopg.errors.CheckViolation):
        pipeline.execute("update ops.scans set status = 'complete', completed_at = now()")
