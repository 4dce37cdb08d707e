"""Critical findings and scans that fail: one message for a group, one when it is over; lives are kept per finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from platformkit_pipeline.control_plane import findings, scans, targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.targets import StoredTarget
from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.result import Outcome, Result, Severity, finding_fingerprint
from platformkit_pipeline.model.score import compliance_score
from platformkit_pipeline.model.waiver import Cover, CoverKind
from platformkit_pipeline.operations import alert_findings as alerting
from platformkit_pipeline.operations.alert_every_target import alert_every_target
from platformkit_pipeline.operations.alert_findings import MOST_NAMED, alert_findings
from platformkit_pipeline.operations.alert_scans import scan_failed, tell_of_scan
from platformkit_pipeline.operations.announce import Announced
from platformkit_pipeline_tests.control_plane.builders import ORDERS, SHOP, result, scan_record, stored_scan

NIGHT = datetime(2026, 3, 1, 2, tzinfo=UTC)
OPEN = result()
BLIND = replace(result(identity=replace(ORDERS, name="invoices")), outcome=Outcome.UNKNOWN)
HIGH = result(identity=replace(ORDERS, name="carts"), severity=Severity.HIGH)


@pytest.fixture
def shop(pipeline: Connection) -> StoredTarget:
    with pipeline.transaction():
        targets.sync(pipeline, [SHOP])
        stored = targets.find(pipeline, SHOP.kind, SHOP.name)
    assert stored is not None
    return stored


def named(number: int) -> ObjectIdentity:
    return replace(ORDERS, name=f"table_{number:02}")


def night(connection: Connection, shop: StoredTarget, number: int, results: Sequence[Result]) -> Announced:
    with connection.transaction():
        scan = stored_scan(connection, shop.target_id, number)
        findings.write(connection, shop.target, shop.target_id, scan, results, rules=frozenset({"RLS001"}))
    told = alert_findings(connection, shop.target, scan, NIGHT + timedelta(days=number))
    assert alert_findings(connection, shop.target, scan, NIGHT + timedelta(days=number)) == Announced(0, 0)
    return told


def messages(connection: Connection) -> list[tuple[str, dict[str, Any]]]:
    return connection.execute("select type, payload from ops.outbox order by position").fetchall()


def test_new_criticals_of_a_night_are_one_message_and_so_are_those_that_are_over(pipeline: Connection, shop: StoredTarget) -> None:
    told = [night(pipeline, shop, n, r) for n, r in enumerate([[OPEN, BLIND, HIGH], [OPEN, BLIND, HIGH], [BLIND], [OPEN, BLIND]], start=1)]
    assert told == [Announced(2, 0), Announced(0, 0), Announced(0, 1), Announced(1, 0)]
    said = messages(pipeline)
    assert [(kind, m["count"], m["open"], [f["object"] for f in m["findings"]]) for kind, m in said] == [
        ("finding.critical", 2, 2, [str(BLIND.object), str(OPEN.object)]),
        ("finding.critical.settled", 1, 1, [str(OPEN.object)]),
        ("finding.critical", 1, 2, [str(OPEN.object)]),
    ]
    assert said[1][1]["findings"][0]["over"] == "resolved"
    lives = "select occurrence, settled_at is null from ops.alerts where subject = %s order by 1"
    assert pipeline.execute(lives, (finding_fingerprint(SHOP, OPEN.rule, OPEN.object),)).fetchall() == [(1, False), (2, True)]


def test_a_hundred_new_criticals_are_one_message_that_names_some_and_counts_the_others(pipeline: Connection, shop: StoredTarget) -> None:
    assert night(pipeline, shop, 1, [result(identity=named(n)) for n in range(100)]) == Announced(100, 0)
    ((_, message),) = messages(pipeline)
    assert (len(message["findings"]), message["more"], message["count"]) == (MOST_NAMED, 100 - MOST_NAMED, 100)


def test_thousands_of_new_criticals_do_not_use_up_the_locks_of_the_server(pipeline: Connection, shop: StoredTarget) -> None:
    def advisory_locks(several: int) -> int:
        with pipeline.transaction():
            scan = stored_scan(pipeline, shop.target_id, several)
            results = [result(identity=named(number)) for number in range(several)]
            findings.write(pipeline, shop.target, shop.target_id, scan, results, rules=frozenset({"RLS001"}))
        with pipeline.transaction():
            alert_findings(pipeline, shop.target, scan, NIGHT)
            held = pipeline.execute("select count(*) from pg_catalog.pg_locks where locktype = 'advisory' and pid = pg_backend_pid()")
            return int(held.fetchall()[0][0])

    assert advisory_locks(2) == advisory_locks(90) < 10


def test_what_is_covered_is_not_told_and_is_told_when_the_cover_ends(
    pipeline: Connection, shop: StoredTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    fingerprint = finding_fingerprint(SHOP, OPEN.rule, OPEN.object)
    first, last = ((NIGHT + timedelta(days=n)).date() for n in (2, 3))
    cover = Cover(CoverKind.WAIVER, "w-1", "RLS001", fingerprint, (), first, last, "migration is under way")
    monkeypatch.setattr(alerting, "covers_for", lambda c, t, now: {fingerprint: cover} if first <= now.date() <= last else {})
    assert [night(pipeline, shop, n, [OPEN]) for n in (1, 2, 3, 4)] == [
        Announced(1, 0),
        Announced(0, 1),
        Announced(0, 0),
        Announced(1, 0),
    ]
    settled = messages(pipeline)[1][1]
    assert settled["findings"][0]["over"] == f"covered by waiver w-1 until {last}"


def test_a_target_that_cannot_be_scanned_is_told_once_whatever_the_reason_and_once_more_when_it_is_scanned_again(
    pipeline: Connection, shop: StoredTarget
) -> None:
    failed = scan_record(shop.target_id, 2).started_at - timedelta(hours=1)
    again = failed + timedelta(days=1)
    with pipeline.transaction():
        old = stored_scan(pipeline, shop.target_id, 1)
    told = [scan_failed(pipeline, SHOP, why, "run-1", failed) for why in ("no route to host", "password refused")]
    assert told == [Announced(1, 0), Announced(0, 0)]
    assert tell_of_scan(pipeline, SHOP.kind, SHOP.name, None, "run-2", again) == Announced(0, 0), f"{old} was before the failure"
    with pipeline.transaction():
        new = stored_scan(pipeline, shop.target_id, 2)
        scans.complete(pipeline, new, ruleset_digest="rules", score=compliance_score([HIGH]), counts=scans.count_results([HIGH]))
    assert [tell_of_scan(pipeline, SHOP.kind, SHOP.name, None, "run-3", again) for _ in "12"] == [Announced(0, 1), Announced(0, 0)]
    assert [(kind, m.get("why")) for kind, m in messages(pipeline)] == [("scan.failed", "no route to host"), ("scan.failed.settled", None)]
    assert tell_of_scan(pipeline, SHOP.kind, "nobody", "why", None, again) == Announced(0, 0)


def test_the_night_looks_at_every_target_that_was_scanned(pipeline: Connection, shop: StoredTarget) -> None:
    with pipeline.transaction():
        scan = stored_scan(pipeline, shop.target_id, 1)
        findings.write(pipeline, shop.target, shop.target_id, scan, [OPEN], rules=frozenset({"RLS001"}))
    assert alert_every_target(pipeline, NIGHT) == Announced(0, 0), "no scan was completed yet"
    with pipeline.transaction():
        scans.complete(pipeline, scan, ruleset_digest="rules", score=compliance_score([OPEN]), counts=scans.count_results([OPEN]))
    assert [alert_every_target(pipeline, NIGHT) for _ in "12"] == [Announced(1, 0), Announced(0, 0)]


def test_alerts_of_a_target_that_left_the_settings_end_and_come_back_with_it(pipeline: Connection, shop: StoredTarget) -> None:
    night(pipeline, shop, 1, [OPEN, BLIND])
    with pipeline.transaction():
        scans.complete(
            pipeline,
            str(pipeline.execute("select scan_id from ops.scans").fetchall()[0][0]),
            ruleset_digest="rules",
            score=compliance_score([OPEN]),
            counts=scans.count_results([OPEN]),
        )
    scan_failed(pipeline, shop.target, "no route to host", None, NIGHT + timedelta(days=1))
    with pipeline.transaction():
        targets.sync(pipeline, [])
    later = NIGHT + timedelta(days=2)
    assert [alert_every_target(pipeline, later) for _ in "12"] == [Announced(0, 2), Announced(0, 0)]
    assert pipeline.execute("select count(*) from ops.alerts where settled_at is null").fetchone() == (0,)
    kind, over = messages(pipeline)[-1]
    assert (kind, over["open"], over["count"]) == ("finding.critical.settled", 0, 2)
    assert {finding["over"] for finding in over["findings"]} == {"not mended: the settings list the target no more"}
    with pipeline.transaction():
        targets.sync(pipeline, [SHOP])
    assert alert_every_target(pipeline, later + timedelta(days=1)) == Announced(2, 0)
