from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from platformkit_pipeline.control_plane import findings, targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.findings import FindingChanges
from platformkit_pipeline.control_plane.targets import StoredTarget
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.model.identity import function_identity
from platformkit_pipeline.model.result import Outcome, Result, Severity, finding_fingerprint
from platformkit_pipeline_tests.control_plane.builders import ORDERS, ORDERS_KEY, SHOP, result, scan_record, stored_scan

OPEN = result()
CLEAN = replace(OPEN, outcome=Outcome.PASS, message="protected")
UNINDEXED = result("FKY003", ORDERS_KEY, severity=Severity.MEDIUM, message="no index")
RULES = frozenset({"RLS001", "FKY003"})


def write(
    connection: Connection, shop: StoredTarget, night: int, results: Sequence[Result], rules: frozenset[str] = RULES
) -> FindingChanges:
    scan = stored_scan(connection, shop.target_id, night)
    return findings.write(connection, shop.target, shop.target_id, scan, results, rules=rules)


def scan_of(shop: StoredTarget, night: int) -> str:
    return scan_record(shop.target_id, night).scan_id


def test_a_failing_result_opens_a_finding_and_a_passing_one_does_not(pipeline: Connection, shop: StoredTarget) -> None:
    passing = result(identity=ORDERS_KEY, outcome=Outcome.PASS)
    not_applicable = replace(passing, object=function_identity("public", "f", "integer"), outcome=Outcome.NOT_APPLICABLE)
    assert write(pipeline, shop, 1, [OPEN, passing, not_applicable]) == FindingChanges(opened=1, reopened=0, still_open=0, resolved=0)
    (finding,) = findings.open_findings(pipeline, shop.target_id)
    assert finding.result == OPEN
    assert finding.fingerprint == finding_fingerprint(SHOP, OPEN.rule, OPEN.object)
    assert (finding.first_seen_scan, finding.last_seen_scan, finding.occurrence) == (scan_of(shop, 1), scan_of(shop, 1), 1)


def test_an_open_finding_comes_back_as_the_result_it_was(pipeline: Connection, shop: StoredTarget) -> None:
    odd = result(
        identity=function_identity("public", 'Odd "name"', "text, integer"),
        outcome=Outcome.UNKNOWN,
        message="quotes 'x' and NUL \x00",
        evidence={"z": [1, 2.5, None], "a": {"nul": "\x00"}},
    )
    write(pipeline, shop, 1, [odd])
    (finding,) = findings.open_findings(pipeline, shop.target_id)
    assert finding.result == replace(odd, message="quotes 'x' and NUL \ufffd")


def test_findings_are_listed_in_contract_order(pipeline: Connection, shop: StoredTarget) -> None:
    high = result("RLS001", ORDERS_KEY, severity=Severity.HIGH)
    write(pipeline, shop, 1, [UNINDEXED, high, OPEN])
    assert [f.result for f in findings.open_findings(pipeline, shop.target_id)] == [OPEN, high, UNINDEXED]


def test_a_night_without_change_rewrites_no_finding_yet_moves_last_seen(
    pipeline: Connection, superuser: Connection, shop: StoredTarget
) -> None:
    write(pipeline, shop, 1, [OPEN, UNINDEXED])
    pipeline.commit()
    versions = superuser.execute("select ctid, xmin from ops.findings order by 1").fetchall()
    assert write(pipeline, shop, 2, [OPEN, UNINDEXED]) == FindingChanges(opened=0, reopened=0, still_open=2, resolved=0)
    pipeline.commit()
    assert superuser.execute("select ctid, xmin from ops.findings order by 1").fetchall() == versions
    seen = {(f.first_seen_scan, f.last_seen_scan, f.last_seen_at) for f in findings.open_findings(pipeline, shop.target_id)}
    assert seen == {(scan_of(shop, 1), scan_of(shop, 2), scan_record(shop.target_id, 2).started_at)}


def test_the_same_scan_again_changes_nothing(pipeline: Connection, superuser: Connection, shop: StoredTarget) -> None:
    write(pipeline, shop, 1, [OPEN])
    pipeline.commit()
    everything = "select (select array_agg((f.ctid, f.xmin)) from ops.findings f), (select array_agg((s.ctid, s.xmin)) from ops.scans s)"
    versions = superuser.execute(everything).fetchone()
    assert write(pipeline, shop, 1, [OPEN]) == FindingChanges(opened=0, reopened=0, still_open=1, resolved=0)
    pipeline.commit()
    assert superuser.execute(everything).fetchone() == versions


@pytest.mark.parametrize("absent", [[CLEAN], []], ids=["passes", "object is gone"])
def test_a_finding_that_is_not_seen_any_more_is_resolved(pipeline: Connection, shop: StoredTarget, absent: list[Result]) -> None:
    write(pipeline, shop, 1, [OPEN])
    write(pipeline, shop, 2, [OPEN])
    assert write(pipeline, shop, 3, absent) == FindingChanges(opened=0, reopened=0, still_open=0, resolved=1)
    assert findings.open_findings(pipeline, shop.target_id) == ()
    life = pipeline.execute(
        "select first_seen_scan::text, last_seen_scan::text, resolved_scan::text, resolved_at from ops.findings"
    ).fetchone()
    assert life == (scan_of(shop, 1), scan_of(shop, 2), scan_of(shop, 3), scan_record(shop.target_id, 3).started_at)


def test_a_finding_that_returns_starts_a_new_life_and_keeps_the_old_one(pipeline: Connection, shop: StoredTarget) -> None:
    for night, results in ((1, [OPEN]), (2, [CLEAN]), (3, [CLEAN])):
        write(pipeline, shop, night, results)
    assert write(pipeline, shop, 4, [OPEN]) == FindingChanges(opened=0, reopened=1, still_open=0, resolved=0)
    (finding,) = findings.open_findings(pipeline, shop.target_id)
    assert (finding.occurrence, finding.first_seen_scan) == (2, scan_of(shop, 4))
    lives = pipeline.execute(
        "select occurrence, first_seen_scan::text, resolved_scan::text from ops.findings order by occurrence"
    ).fetchall()
    assert lives == [(1, scan_of(shop, 1), scan_of(shop, 2)), (2, scan_of(shop, 4), None)]


@pytest.mark.parametrize(
    "difference",
    [{"severity": Severity.HIGH}, {"message": "another text"}, {"evidence": {"rows": 1}}, {"outcome": Outcome.UNKNOWN}, {"clause": "1.1"}],
    ids=lambda d: next(iter(d)),
)
def test_content_that_differs_updates_the_open_life(pipeline: Connection, shop: StoredTarget, difference: dict[str, object]) -> None:
    write(pipeline, shop, 1, [OPEN, UNINDEXED])
    changed = replace(OPEN, **difference)  # type: ignore[arg-type]  # the fields that the case names
    assert write(pipeline, shop, 2, [changed, UNINDEXED]) == FindingChanges(opened=0, reopened=0, still_open=2, resolved=0, updated=1)
    stored = {f.result.rule: f for f in findings.open_findings(pipeline, shop.target_id)}
    assert stored["RLS001"].result == changed
    assert stored["RLS001"].first_seen_scan == scan_of(shop, 1)
    assert pipeline.execute("select rule from ops.findings where changed_scan = %s", (scan_of(shop, 2),)).fetchall() == [("RLS001",)]


def test_rules_that_were_not_judged_keep_their_findings(pipeline: Connection, shop: StoredTarget) -> None:
    write(pipeline, shop, 1, [OPEN, UNINDEXED])
    assert write(pipeline, shop, 2, [CLEAN], frozenset({"RLS001"})) == FindingChanges(opened=0, reopened=0, still_open=0, resolved=1)
    (finding,) = findings.open_findings(pipeline, shop.target_id)
    assert finding.result == UNINDEXED
    assert finding.last_seen_scan == scan_of(shop, 1)


def test_families_of_one_scan_are_written_one_after_the_other(pipeline: Connection, shop: StoredTarget) -> None:
    write(pipeline, shop, 1, [OPEN], frozenset({"RLS001"}))
    write(pipeline, shop, 1, [UNINDEXED], frozenset({"FKY003"}))
    assert pipeline.execute("select judged_rules from ops.scans").fetchone() == (["FKY003", "RLS001"],)
    assert len(findings.open_findings(pipeline, shop.target_id)) == 2


def test_findings_of_other_targets_stay_untouched(pipeline: Connection, shop: StoredTarget) -> None:
    blog_target = replace(SHOP, name="blog")
    targets.sync(pipeline, [SHOP, blog_target])
    blog = targets.find(pipeline, blog_target.kind, blog_target.name)
    assert blog is not None
    write(pipeline, shop, 1, [OPEN])
    write(pipeline, blog, 1, [OPEN])
    write(pipeline, blog, 2, [])
    assert len(findings.open_findings(pipeline, shop.target_id)) == 1


def test_a_scan_older_than_the_judged_one_is_refused(pipeline: Connection, shop: StoredTarget) -> None:
    write(pipeline, shop, 2, [OPEN])
    with pytest.raises(ControlPlaneError, match=f"is older than scan {scan_of(shop, 2)}"):
        write(pipeline, shop, 1, [])
    assert write(pipeline, shop, 1, [], frozenset({"EXT001"})) == FindingChanges(0, 0, 0, 0)


def test_wrong_calls_are_refused_and_write_nothing(pipeline: Connection, shop: StoredTarget) -> None:
    with pytest.raises(ControlPlaneError, match=r"RLS001 judged table public\.orders twice"):
        write(pipeline, shop, 1, [OPEN, replace(OPEN, message="again")])
    with pytest.raises(ControlPlaneError, match="a result of FKY003 came with a judgement of RLS001"):
        write(pipeline, shop, 1, [UNINDEXED], frozenset({"RLS001"}))
    with pytest.raises(ControlPlaneError, match="is not stored"):
        findings.write(pipeline, SHOP, shop.target_id, "00000000-0000-0000-0000-000000000001", [], rules=RULES)
    assert pipeline.execute("select from ops.findings").fetchall() == []


def test_findings_of_a_retired_target_are_not_listed(pipeline: Connection, shop: StoredTarget) -> None:
    write(pipeline, shop, 1, [OPEN])
    targets.sync(pipeline, [])
    assert findings.open_findings(pipeline, shop.target_id) == ()


def test_compliance_by_target_counts_open_findings(pipeline: Connection, shop: StoredTarget) -> None:
    unknown = result("RLS001", ORDERS_KEY, outcome=Outcome.UNKNOWN)
    write(pipeline, shop, 1, [OPEN, unknown, UNINDEXED])
    write(pipeline, shop, 2, [OPEN, unknown])
    row = pipeline.execute(
        "select target_name, raw_score, critical, high, medium, low, info, unknown, oldest_first_seen_at from ops.compliance_by_target"
    ).fetchone()
    assert row == (SHOP.name, None, 2, 0, 0, 0, 0, 1, scan_record(shop.target_id, 1).started_at)


def test_the_same_findings_under_any_order_of_objects(pipeline: Connection, shop: StoredTarget) -> None:
    many = [result(identity=replace(ORDERS, name=f"orders_{n}")) for n in range(200)]
    assert write(pipeline, shop, 1, many).opened == 200
    assert write(pipeline, shop, 2, many[::-1]) == FindingChanges(opened=0, reopened=0, still_open=200, resolved=0)
    assert write(pipeline, shop, 3, many[::2]).resolved == 100
    assert write(pipeline, shop, 4, many) == FindingChanges(opened=0, reopened=100, still_open=100, resolved=0)
