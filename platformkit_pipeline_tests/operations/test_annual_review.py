"""A review of the constitution each year: opened once, told once, completed once, and on record."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from platformkit_pipeline.cli.main import run
from platformkit_pipeline.control_plane import audit, findings, scans, targets
from platformkit_pipeline.control_plane.connection import DATABASE_URL, Connection
from platformkit_pipeline.model.alert import Alert, AlertKind
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.model.score import compliance_score
from platformkit_pipeline.model.settings import AnnualReview, GovernanceSettings, Settings
from platformkit_pipeline.model.target import Environment, Target, TargetKind
from platformkit_pipeline.operations.announce import announce
from platformkit_pipeline.operations.annual_review import complete_review, list_reviews, open_review
from platformkit_pipeline_tests.control_plane.builders import SHOP, result, stored_scan

SETTINGS = Settings(governance=GovernanceSettings(review=AnnualReview(participants=("kim", "sam"))))
TRIAL = Target(TargetKind.SUPABASE_PROJECT, "trial", Environment.STAGING)
MORNING = datetime(2027, 1, 15, 9, 0, tzinfo=UTC)


def outbox(connection: Connection) -> list[tuple[str, str]]:
    rows = connection.execute("select type, payload ->> 'subject' from ops.outbox order by position").fetchall()
    connection.rollback()
    return rows


def audited(connection: Connection) -> list[tuple[str, str | None]]:
    rows = connection.execute(
        "select action, detail #>> '{new,completed_by}' from ops.audit_log where action like 'review.%' order by seq"
    ).fetchall()
    connection.rollback()
    return rows


def test_a_year_has_one_review_that_is_told_once_and_completed_once(pipeline: Connection) -> None:
    nights = [MORNING + timedelta(days=day) for day in (-30, 0, 1, 70, 100, 349, 351)]
    assert [open_review(pipeline, SETTINGS, night).opened for night in nights] == [False, True, False, False, False, False, True]
    assert outbox(pipeline) == [("review.due", "2027"), ("review.due", "2028")]
    done = {"year": 2027, "by": "kim", "outcome": " 2.4 gets a rule\n", "issue": "acme/platform#12", "now": nights[3]}
    review = complete_review(pipeline, SETTINGS, **done)  # type: ignore[arg-type]  # the same arguments twice, from one mapping
    assert (review.due, review.completed_by, review.outcome, review.issue) == (
        date(2027, 3, 31),
        "kim",
        "2.4 gets a rule",
        "acme/platform#12",
    )
    with pytest.raises(ConfigurationError, match="was completed on 2027-03-26 by kim"):
        complete_review(pipeline, SETTINGS, **{**done, "by": "mallory"})  # type: ignore[arg-type]  # the arguments of before, but for one
    assert outbox(pipeline)[2:] == [("review.due.settled", "2027")]
    assert audited(pipeline) == [("review.opened", None), ("review.opened", None), ("review.completed", "kim")]
    assert [(r.year, r.completed_at) for r in list_reviews(pipeline)] == [(2028, None), (2027, nights[3])]
    assert audit.verify(pipeline).ok


def test_the_message_carries_the_agenda_and_whom_to_ask(pipeline: Connection) -> None:
    state = open_review(pipeline, SETTINGS, MORNING)
    payload = pipeline.execute("select payload from ops.outbox").fetchone()
    assert payload is not None
    assert state.review is not None
    assert payload[0]["mentions"] == ["kim", "sam"]
    assert payload[0]["body"] == state.review.agenda
    headings = [line for line in state.review.agenda.splitlines() if line.startswith("## ")]
    assert [int(heading.split()[1]) for heading in headings] == list(range(1, 13))
    assert "no rule judges 12 What follows from a violation" in state.review.agenda


def test_the_figures_are_of_the_time_since_the_review_before(pipeline: Connection) -> None:
    """Two scans: the first finds two faults, the second one of them no more."""
    with pipeline.transaction():
        targets.sync(pipeline, [SHOP, TRIAL])
        shop = targets.find(pipeline, SHOP.kind, SHOP.name)
        assert shop is not None
        for night, found in ((1, [result("RLS001"), result("FUN001")]), (2, [result("RLS001")])):
            moment = MORNING + timedelta(days=10 * night)
            scan_id = stored_scan(pipeline, shop.target_id, night, started_at=moment)
            rules = frozenset({"RLS001", "FUN001"})
            findings.write(pipeline, SHOP, shop.target_id, scan_id, found, rules=rules)
            judged = [*found, *(result(code, outcome=Outcome.PASS) for code in rules - {r.rule for r in found})]
            scans.complete(pipeline, scan_id, ruleset_digest="r", score=compliance_score(judged), counts=scans.count_results(judged))
        for first, last in ((date(2027, 2, 1), date(2027, 2, 20)), (date(2028, 1, 10), date(2028, 1, 31))):
            pipeline.execute(
                "insert into ops.waivers "
                "(waiver_id, target_id, environment, rule, object_pattern, reason, granted_by, starts_on, expires_on) "
                "select %s, target_id, environment, %s, '*', 'a trial', 'kim', %s, %s from ops.targets where name = 'trial'",
                (str(uuid.uuid4()), f"RLS00{first.month}", first, last),
            )
        announce(pipeline, [Alert(AlertKind.SCAN_FAILED, "scan", Severity.HIGH, "refused", SHOP)], [], MORNING + timedelta(days=11))
    before = open_review(pipeline, SETTINGS, MORNING).review
    after = open_review(pipeline, SETTINGS, MORNING + timedelta(days=365)).review
    assert before is not None
    assert after is not None
    assert (before.figures["scans"], after.figures["scans"], after.since) == (0, 2, MORNING)
    assert after.figures["findings"] == {"opened": 2, "resolved": 1, "open": 1, "open_critical": 1, "open_high": 0}
    assert after.figures["top_rules"] == [{"rule": "FUN001", "opened": 1, "open": 0}, {"rule": "RLS001", "opened": 1, "open": 1}]
    assert after.figures["alerts"] == {"review.due": 1, "scan.failed": 1}
    assert (after.figures["incidents"], after.figures["targets"]) == (1, {"supabase_project": 2})
    assert after.figures["waivers"] == {"granted": 2, "revoked": 0, "lapsed": 1, "in_force": 1}
    never, row = after.figures["targets_by_score"]
    assert (never["name"], never["last"]) == ("trial", None)
    assert (row["first"], row["last"]) == (0.0, 49.0)
    assert "| shop-production | supabase_project | 0.0 | 49.0 | 49.0 |" in after.agenda
    assert "RLS001 rls-disabled: opened 1, open 1" in after.agenda


def test_what_is_gone_is_neither_open_nor_lapsed_and_a_target_counts_once(pipeline: Connection) -> None:
    """A retired target's finding; an exception that was withdrawn in time, and one that was not; two amendments that ask one target."""
    with pipeline.transaction():
        targets.sync(pipeline, [SHOP, TRIAL])
        shop, trial = (targets.find(pipeline, target.kind, target.name) for target in (SHOP, TRIAL))
        assert shop is not None
        assert trial is not None
        scan_id = stored_scan(pipeline, trial.target_id, started_at=MORNING - timedelta(days=90))
        findings.write(pipeline, TRIAL, trial.target_id, scan_id, [result()], rules=frozenset({"RLS001"}))
        targets.sync(pipeline, [SHOP])
        for number, removed in enumerate((date(2026, 12, 1), date(2026, 12, 11), None)):
            pipeline.execute(
                "insert into ops.exceptions (target_id, path, content_digest, title, rules, rationale, risk, mitigation, documented_on, "
                "expires_on, security_owner, security_approved_on, architect, architect_approved_on, approved_digest, approved_days, "
                "removed_at) "
                "values (%(target)s, %(path)s, repeat('a', 64), 'a title', '{RLS001}', 'why', 'what', 'how', "
                "'2026-11-01', '2026-12-10', 'kim', "
                "'2026-11-01', 'sam', '2026-11-01', repeat('b', 64), '{2026-11-01,2026-11-01}', %(removed)s)",
                {"target": shop.target_id, "path": f"docs/exceptions/{number}.md", "removed": removed},
            )
        of_shop = stored_scan(pipeline, shop.target_id, 2, started_at=MORNING - timedelta(days=90))
        for version in ("1.1.0", "1.2.0"):
            pipeline.execute(
                "with one as (insert into ops.amendments (target_id, path, version, title, approvals, accepted_on, deadline, "
                "content_digest, "
                "announced_at, scan_id) values (%(target)s, %(version)s, %(version)s, 'a title', '[]', '2026-10-01', '2026-12-01', "
                "repeat('a', 64), '2026-10-02', %(scan)s) returning amendment_id) "
                "insert into ops.amendment_targets (amendment_id, target_id, due) select amendment_id, %(target)s, '2026-12-01' from one",
                {"target": shop.target_id, "version": version, "scan": of_shop},
            )
    review = open_review(pipeline, SETTINGS, MORNING).review
    assert review is not None
    assert review.figures["findings"] == {"opened": 1, "resolved": 0, "open": 0, "open_critical": 0, "open_high": 0}
    assert review.figures["top_rules"] == [{"rule": "RLS001", "opened": 1, "open": 0}]
    assert review.figures["exceptions_lapsed"] == 2
    assert review.figures["amendments_outstanding"] == {"targets": 1, "overdue": 1}


@pytest.mark.parametrize(
    "said", [{"outcome": "done; password={word}"}, {"issue": "https://kim:{word}@git.example/1"}, {"issue": "x" * 201}]
)
def test_what_would_be_on_record_for_good_holds_no_secret(pipeline: Connection, said: dict[str, str]) -> None:
    open_review(pipeline, SETTINGS, MORNING)
    told = {"outcome": "nothing changes", **{name: text.format(word="Tr0ub4dor-" + "9317-hush") for name, text in said.items()}}
    with pytest.raises(ConfigurationError, match="without a secret") as refused:
        complete_review(pipeline, SETTINGS, year=2027, by="kim", now=MORNING, **told)
    assert "hush" not in str(refused.value)
    assert [r.completed_at for r in list_reviews(pipeline)] == [None]


def test_neither_an_empty_outcome_nor_a_review_that_nobody_opened_is_recorded(pipeline: Connection) -> None:
    open_review(pipeline, SETTINGS, MORNING)
    for year, outcome in ((2027, " \n"), (2026, "all is well")):
        with pytest.raises(ConfigurationError):
            complete_review(pipeline, SETTINGS, year=year, by="kim", outcome=outcome, now=MORNING)
    assert [r.completed_at for r in list_reviews(pipeline)] == [None]


def test_what_was_completed_is_not_changed_by_any_road(pipeline: Connection) -> None:
    open_review(pipeline, SETTINGS, MORNING)
    complete_review(pipeline, SETTINGS, year=2027, by="kim", outcome="nothing changes", now=MORNING)
    with pytest.raises(psycopg.errors.RestrictViolation), pipeline.transaction():
        pipeline.execute("update ops.reviews set outcome = 'another'")
    with pytest.raises(psycopg.errors.InsufficientPrivilege), pipeline.transaction():
        pipeline.execute("delete from ops.reviews")


def test_the_program_opens_shows_and_completes(
    pipeline_dsn: Dsn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "platformkit.yaml"
    settings.write_text("governance: {review: {participants: [kim]}}\n")
    monkeypatch.setenv(DATABASE_URL, pipeline_dsn.reveal())
    monkeypatch.setenv("PLATFORMKIT_SETTINGS", str(settings))
    year = str(datetime.now(UTC).year)
    complete = ("review", "complete", "--year", year, "--by", "kim", "--outcome", "nothing changes")
    codes = []
    far = ("review", "show", "--year", "99999999999")
    for arguments in (far, ("review", "show"), ("review", "open"), ("review", "open"), ("review", "show"), complete, complete, ("review",)):
        with pytest.raises(SystemExit) as left:
            run(list(arguments))
        codes.append(int(left.value.code or 0))
    assert codes == [2, 2, 0, 0, 0, 0, 2, 0]
    out = capsys.readouterr().out
    with pytest.raises(SystemExit):
        run(["review", "show", "--format", "json"])
    shown = json.loads(capsys.readouterr().out)
    assert (shown["schema_version"], shown["year"], shown["completed_by"]) == (1, int(year), "kim")
    assert f"{year}: opened" in out
    assert f"# Review of the constitution {year}" in out
    assert out.rstrip().endswith("by kim: nothing changes")
