"""Answers of gates on a real control plane: stored once with all that they rest on, decided again later, overridden by two people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import psycopg
import pytest

from platformkit_pipeline.control_plane import audit, findings, scans, targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.alert import Alert, AlertKind
from platformkit_pipeline.model.errors import ConfigurationError, UnknownTarget
from platformkit_pipeline.model.gate_decision import decision_from_json, decision_to_json
from platformkit_pipeline.model.identity import relation_identity
from platformkit_pipeline.model.result import Outcome, Result, Severity, finding_fingerprint
from platformkit_pipeline.model.score import compliance_score
from platformkit_pipeline.model.target import Environment, Target, TargetKind
from platformkit_pipeline.model.waiver import Cover, CoverKind
from platformkit_pipeline.operations.announce import announce
from platformkit_pipeline.operations.decide_gate import GateDecision, decide_deploy_gate, decide_repository_merge
from platformkit_pipeline.operations.override_gate import end_override, grant_override, list_overrides, registered_target
from platformkit_pipeline.operations.verify_decisions import Recomputed, verify_decisions
from platformkit_pipeline.operations.waive import WaiverRequest, grant_waiver, revoke_waiver
from platformkit_pipeline_tests.control_plane.builders import FIRST_NIGHT, result, stored_scan

STAGING = Target(TargetKind.SUPABASE_PROJECT, "shop-staging", Environment.STAGING, ("team:shop",))
REPOSITORY = Target(TargetKind.REPOSITORY, "acme/shop", Environment.DEVELOPMENT)
NOW = FIRST_NIGHT + timedelta(hours=1)
OPEN = result()
SLOW = result("PRF001", relation_identity("table", "public", "lines"), severity=Severity.MEDIUM)
COMMIT = "a" * 40
RULES = frozenset(("RLS001", "RLS003", "PRF001", "CIC001"))


@pytest.fixture
def staging(pipeline: Connection) -> Target:
    """A project and a repository are registered, neither was scanned."""
    with pipeline.transaction():
        targets.sync(pipeline, [STAGING, REPOSITORY])
    return STAGING


def scanned(connection: Connection, target: Target, *results: Result, night: int = 1) -> None:
    """A complete scan of that night with these results, and a hundred things that pass."""
    judged = (*results, replace(result("RLS003", outcome=Outcome.PASS, severity=Severity.LOW), count=100))
    with connection.transaction():
        stored = targets.find(connection, target.kind, target.name)
        assert stored is not None
        commit = COMMIT if target.kind is TargetKind.REPOSITORY else None
        scan_id = stored_scan(connection, stored.target_id, night, commit=commit)
        findings.write(connection, target, stored.target_id, scan_id, judged, rules=RULES)
        counts = scans.count_results(judged)
        scans.complete(connection, scan_id, ruleset_digest="rules", score=compliance_score(judged), counts=counts)


def waived(target: Target, one: Result, until: datetime) -> Mapping[str, Cover]:
    name = finding_fingerprint(target, one.rule, one.object)
    return {name: Cover(CoverKind.WAIVER, "w-1", one.rule, name, (), NOW.date(), until.date(), "a prototype")}


def numbers(connection: Connection, *tables: str) -> tuple[int, ...]:
    asked = [connection.execute(f"select count(*) from ops.{name}".encode()).fetchone() for name in tables]
    connection.rollback()
    return tuple(row[0] for row in asked if row)


def overridden(connection: Connection, target: Target, hours: int = 2, now: datetime = NOW, approved_by: str = "bob") -> str:
    reason = "an outage, INC-7"
    granted = grant_override(connection, target, reason=reason, requested_by="ann", approved_by=approved_by, hours=hours, now=now)
    return granted.override_id


def test_a_decision_is_stored_once_and_names_what_follows(pipeline: Connection, staging: Target) -> None:
    scanned(pipeline, staging, OPEN, SLOW)
    first = decide_deploy_gate(pipeline, staging, now=NOW, run_id="run-1")
    before = numbers(pipeline, "gate_decisions", "audit_log", "outbox")
    assert decide_deploy_gate(pipeline, staging, now=NOW, run_id="run-2") == first
    assert numbers(pipeline, "gate_decisions", "audit_log", "outbox") == before
    assert before[0] == 1
    assert first.reasons == (
        "open critical findings: 1 (Security: pull request blocked, deployment blocked)",
        "findings that do not block: 1 (Performance: remediation plan created)",
    )
    [blocking] = first.blocking
    assert (blocking.category, blocking.consequence) == ("Security", "pull request blocked, deployment blocked")
    assert decision_from_json(decision_to_json(first)) == first
    row = pipeline.execute("select decision_id::text, verdict, judged, run_id, scan_id::text from ops.gate_decisions").fetchone()
    assert row == (first.decision_id, "no", "no", "run-1", first.scan_id)
    decide_deploy_gate(pipeline, staging, now=NOW + timedelta(minutes=1))
    assert numbers(pipeline, "gate_decisions") == (2,)


def test_the_document_of_an_older_instance_is_still_read_and_a_foreign_one_is_not(pipeline: Connection, staging: Target) -> None:
    document = decision_to_json(decide_deploy_gate(pipeline, staging, now=NOW))
    for name in ("kind", "decision_id", "judged", "override_id", "covers"):
        del document[name]
    old = decision_from_json(document)
    assert (old.verdict, old.covers, old.overridden) == ("unknown", (), False)
    with pytest.raises(TypeError):
        decision_from_json({**document, "something_of_a_later_version": 1})


def test_what_lapses_lowers_the_score_at_the_gate_and_closes_it_without_a_new_scan(pipeline: Connection, staging: Target) -> None:
    scanned(pipeline, staging, OPEN)
    covers = waived(staging, OPEN, NOW)
    through = decide_deploy_gate(pipeline, staging, now=NOW, covers=covers)
    assert (through.verdict, through.raw_score, through.effective_score) == ("yes", 49.0, 100.0)
    assert [(c.kind, c.cover_id, c.last_day) for c in through.covers] == [("waiver", "w-1", "2026-11-01")]
    lapsed = decide_deploy_gate(pipeline, staging, now=NOW + timedelta(hours=22), covers=covers)
    assert (lapsed.verdict, lapsed.effective_score, lapsed.covers) == ("no", 49.0, ())


def test_an_attempt_that_failed_after_the_scan_closes_the_gate_until_it_is_over(pipeline: Connection, staging: Target) -> None:
    scanned(pipeline, staging)
    failed = Alert(AlertKind.SCAN_FAILED, "scan", Severity.HIGH, "cannot be scanned", staging)

    def tell(raised: list[Alert], over: list[Alert], hours: int) -> GateDecision:
        with pipeline.transaction():
            announce(pipeline, raised, over, NOW + timedelta(hours=hours))
        return decide_deploy_gate(pipeline, staging, now=NOW + timedelta(hours=hours))

    assert decide_deploy_gate(pipeline, staging, now=NOW).verdict == "yes"
    closed = tell([failed], [], 1)
    assert (closed.verdict, closed.reasons) == ("no", ("the last attempt to scan, at 2026-11-01 04:00 UTC, failed",))
    assert tell([], [failed], 2).verdict == "yes"
    assert verify_decisions(pipeline).same == 3


def test_every_decision_is_decided_again_the_same_whatever_became_of_findings_and_waivers(pipeline: Connection, staging: Target) -> None:
    scanned(pipeline, staging, OPEN)
    decide_deploy_gate(pipeline, staging, now=NOW, covers=waived(staging, OPEN, NOW))
    decide_deploy_gate(pipeline, staging, now=NOW)
    overridden(pipeline, staging)
    decide_deploy_gate(pipeline, staging, now=NOW + timedelta(minutes=1))
    end_override(pipeline, staging, by="ann", reason="deployed", now=NOW + timedelta(minutes=2))
    decide_deploy_gate(pipeline, staging, now=NOW + timedelta(minutes=3))
    scanned(pipeline, staging, night=2)
    decide_deploy_gate(pipeline, staging, now=NOW + timedelta(days=1))
    decided = pipeline.execute("select judged, verdict from ops.gate_decisions order by decided_at, verdict desc").fetchall()
    assert decided == [("yes", "yes"), ("no", "no"), ("no", "yes"), ("no", "no"), ("yes", "yes")]
    found = verify_decisions(pipeline)
    assert (found.ok, found.same, found.listed) == (True, 5, ())
    assert verify_decisions(pipeline, target="another").same == 0
    assert verify_decisions(pipeline, since=NOW + timedelta(hours=1)).same == 1


def test_a_waiver_opens_the_gate_its_revocation_closes_it_and_what_was_decided_under_it_stays_so(
    pipeline: Connection, staging: Target
) -> None:
    scanned(pipeline, staging, OPEN)
    request = WaiverRequest(target=staging.name, rule="RLS001", objects="public.orders", reason="a prototype", by="ann", days=7)
    waiver = grant_waiver(pipeline, request, NOW).waiver
    through = decide_deploy_gate(pipeline, staging, now=NOW + timedelta(minutes=1))
    assert (through.verdict, [c.cover_id for c in through.covers]) == ("yes", [waiver.waiver_id])
    revoke_waiver(pipeline, waiver.waiver_id, reason="it is none", by="bob", now=NOW + timedelta(minutes=2))
    scanned(pipeline, staging, OPEN, night=2)
    assert decide_deploy_gate(pipeline, staging, now=NOW + timedelta(days=1)).verdict == "no"
    assert (verify_decisions(pipeline).same, verify_decisions(pipeline).ok) == (2, True)


def test_a_decision_that_was_tampered_with_differs_and_one_of_before_is_not_called_equal(
    pipeline: Connection, superuser: Connection, staging: Target
) -> None:
    scanned(pipeline, staging, OPEN)
    for minute in range(3):
        decide_deploy_gate(pipeline, staging, now=NOW + timedelta(minutes=minute))
    changes = (
        "verdict = 'yes', judged = 'yes'",
        "inputs = (inputs::jsonb - 'findings')::json, judged = null",
        "decided_at = decided_at + interval '1 second'",
    )
    for minute, change in enumerate(changes):
        changed = f"update ops.gate_decisions set {change} where decided_at = %s"
        assert superuser.execute(changed.encode(), (NOW + timedelta(minutes=minute),)).rowcount == 1
    superuser.commit()
    found = verify_decisions(pipeline)
    assert [v.outcome for v in found.listed] == [Recomputed.DIFFERENT, Recomputed.NOT_RECOMPUTABLE, Recomputed.DIFFERENT]
    assert found.listed[0].why.startswith("stored yes, recomputed no: open critical findings: 1")
    assert "'findings'" in found.listed[1].why
    assert "another gate, target, scan or time" in found.listed[2].why
    assert (found.ok, found.same) == (False, 0)


FORGED = "insert into ops.gate_decisions (decision_id, target_id, gate, {}, inputs, verdict, judged, reasons, decided_at) select "


def test_a_row_that_somebody_made_up_stops_no_verification(pipeline: Connection, staging: Target) -> None:
    scanned(pipeline, staging, OPEN)
    decide_deploy_gate(pipeline, staging, now=NOW)
    made_up = FORGED.format("scan_id") + (
        "gen_random_uuid(), target_id, gate, scan_id, %s::json, 'yes', 'yes', '{fine}', decided_at from ops.gate_decisions limit 1"
    )
    documents = (
        '{"version": 1, "scan": null, "target": {"kind": "x", "name": "y", "environment": "z"}, "override": null, "gate": "deploy", '
        '"decided_at": "2026-11-01T03:00:00+00:00", "blocking": [], "stale_after_seconds": 1e300}',
        "[]",
        '"yes"',
        "null",
    )
    for document in documents:
        pipeline.execute(made_up.encode(), (document,))
        pipeline.commit()
    found = verify_decisions(pipeline)
    assert found.same == 1
    assert [v.outcome for v in found.listed] == [Recomputed.NOT_RECOMPUTABLE] * len(documents)


def test_an_override_is_in_force_for_its_hours_audited_and_told_once(pipeline: Connection, staging: Target) -> None:
    scanned(pipeline, staging, OPEN)
    name = overridden(pipeline, staging)
    assert overridden(pipeline, staging, now=NOW + timedelta(minutes=5)) == name, "the same again changes nothing"
    through = decide_deploy_gate(pipeline, staging, now=NOW)
    assert (through.verdict, through.judged, through.override_id) == ("yes", "no", name)
    assert through.reasons[0] == "no, overridden until 2026-11-01 05:00 UTC by ann, approved by bob: an outage, INC-7"
    assert decide_deploy_gate(pipeline, staging, now=NOW + timedelta(hours=2)).verdict == "no"
    told = pipeline.execute("select type, payload ->> 'approved_by', payload ->> 'ends_at' from ops.outbox").fetchall()
    assert told == [("gate.overridden", "bob", "2026-11-01T05:00:00+00:00")]
    assert [o.override_id for o in list_overrides(pipeline, staging)] == [name]
    kept = "select action, detail #>> '{new,reason}' from ops.audit_log where action like 'gate.%'"
    assert pipeline.execute(kept).fetchall() == [("gate.overridden", "an outage, INC-7")]
    assert audit.verify(pipeline).ok


def test_an_override_that_is_ended_is_over_and_can_be_granted_anew(pipeline: Connection, staging: Target) -> None:
    scanned(pipeline, staging, OPEN)
    overridden(pipeline, staging)
    soon = NOW + timedelta(minutes=10)
    assert end_override(pipeline, staging, by="cleo", reason="deployed", now=soon) is not None
    assert end_override(pipeline, staging, by="cleo", reason="deployed", now=soon) is None
    assert decide_deploy_gate(pipeline, staging, now=soon).verdict == "no"
    overridden(pipeline, staging, now=soon)
    assert decide_deploy_gate(pipeline, staging, now=soon).verdict == "yes"
    with pytest.raises(ConfigurationError, match="let through until"):
        overridden(pipeline, staging, now=soon, approved_by="dave")
    with pytest.raises(ConfigurationError, match="let through until"):
        overridden(pipeline, staging, now=soon, hours=24)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"approved_by": "Ann"}, "cannot approve what ann asks for"),
        ({"approved_by": "@ann"}, "cannot approve what ann asks for"),
        ({"approved_by": "an\u200bn"}, "cannot approve what ann asks for"),
        ({"approved_by": "ghp" + "_" + "a1B2c3D4e5F6" * 3}, "say who does this"),
        ({"reason": "with ghp" + "_" + "a1B2c3D4e5F6" * 3}, "without a secret"),
        ({"hours": 25}, "1 to 24 hours, not 25"),
        ({"hours": 0}, "1 to 24 hours, not 0"),
        ({"reason": " "}, "say why"),
        ({"reason": "use postgresql://a:hunter2@db/x"}, "without a secret"),
    ],
)
def test_an_override_needs_two_people_a_reason_and_an_end(
    pipeline: Connection, staging: Target, changes: dict[str, object], said: str
) -> None:
    asked = {"reason": "an outage", "requested_by": "ann", "approved_by": "bob", "hours": 1, "now": NOW, **changes}
    with pytest.raises(ConfigurationError, match=said):
        grant_override(pipeline, staging, **asked)  # type: ignore[arg-type]  # options of one function, named by the test
    assert numbers(pipeline, "gate_overrides", "outbox") == (0, 0)


def test_the_database_itself_refuses_one_person_a_longer_time_and_an_override_that_comes_back(
    pipeline: Connection, staging: Target
) -> None:
    name = overridden(pipeline, staging)
    end_override(pipeline, staging, by="ann", reason="done", now=NOW)
    add = (
        "insert into ops.gate_overrides (override_id, target_id, gate, reason, requested_by, approved_by, starts_at, ends_at) "
        "select gen_random_uuid(), target_id, gate, reason, requested_by, {}, starts_at, {} from ops.gate_overrides"
    )
    for approved_by, ends_at in (("' ANN '", "ends_at"), ("approved_by", "starts_at + interval '25 hours'")):
        with pytest.raises(psycopg.errors.CheckViolation), pipeline.transaction():
            pipeline.execute(add.format(approved_by, ends_at).encode())
    revive = "update ops.gate_overrides set ended_at = null, ended_by = null, end_reason = null where override_id = %s"
    assert pipeline.execute(revive, (name,)).rowcount == 0
    pipeline.rollback()
    with pytest.raises(psycopg.errors.InsufficientPrivilege), pipeline.transaction():
        pipeline.execute("update ops.gate_overrides set ends_at = ends_at + interval '1 hour'")
    with pytest.raises(psycopg.errors.InsufficientPrivilege), pipeline.transaction():
        pipeline.execute("delete from ops.gate_overrides")


def test_the_merge_of_a_commit_is_stopped_by_what_stops_a_pull_request(pipeline: Connection, staging: Target) -> None:
    missing = result("CIC001", relation_identity("check", "lint", "lint"), severity=Severity.HIGH, message="no lint")
    scanned(pipeline, REPOSITORY, missing)
    decision = decide_repository_merge(pipeline, REPOSITORY, now=NOW)
    assert (decision.gate, decision.verdict, decision.commit) == ("merge", "no", COMMIT)
    assert decision.reasons == ("open critical or high findings: 1 (Quality: merge blocked)",)
    assert decide_deploy_gate(pipeline, REPOSITORY, now=NOW).verdict == "yes", "a deployment is stopped by critical ones"
    scanned(pipeline, REPOSITORY, night=2)
    assert decide_repository_merge(pipeline, REPOSITORY, now=NOW + timedelta(days=1)).verdict == "yes"
    assert verify_decisions(pipeline, target=REPOSITORY.name).same == 3
    with pytest.raises(ConfigurationError, match="no repository"):
        decide_repository_merge(pipeline, staging, now=NOW)


def test_a_target_is_found_by_its_name_and_a_strange_one_is_refused(pipeline: Connection, staging: Target) -> None:
    assert registered_target(pipeline, "shop-staging") == staging
    with pytest.raises(UnknownTarget, match="no target 'lost'"):
        registered_target(pipeline, "lost")
    with pipeline.transaction():
        targets.sync(pipeline, [staging, replace(REPOSITORY, name="shop-staging")])
    with pytest.raises(ConfigurationError, match="--kind"):
        registered_target(pipeline, "shop-staging")
    assert registered_target(pipeline, "shop-staging", TargetKind.REPOSITORY).kind is TargetKind.REPOSITORY
