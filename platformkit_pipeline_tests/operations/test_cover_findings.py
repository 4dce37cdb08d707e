"""An exception on record excuses a critical finding of a real project, on its days and for its targets: in every report, never in raw."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from platformkit_pipeline.control_plane import scans, targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.scan import ScanReport
from platformkit_pipeline.model.score import Score
from platformkit_pipeline.model.settings import Settings, target_of
from platformkit_pipeline.model.target import Declarations, Target
from platformkit_pipeline.operations.cover_findings import covers_for, score_on
from platformkit_pipeline.operations.judge_repository_target import judge_repository_target
from platformkit_pipeline.operations.judge_target import judge_target
from platformkit_pipeline.operations.observe_repository_target import observe_repository_target
from platformkit_pipeline.operations.observe_target import observe_target
from platformkit_pipeline.operations.report_fleet import report_fleet
from platformkit_pipeline.operations.score_parity import keep_parity, with_waivers
from platformkit_pipeline.operations.sync_exceptions import sync_exceptions
from platformkit_pipeline.operations.sync_targets import targets_of
from platformkit_pipeline.reporting.junit import junit_xml
from platformkit_pipeline.reporting.markdown import scan_markdown
from platformkit_pipeline.reporting.sarif import sarif_document
from platformkit_pipeline.reporting.scan_document import scan_document
from platformkit_pipeline.rules.registry import Scope, rules_for
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder
from platformkit_pipeline_tests.cli.test_scan_repository import SCHEMA
from platformkit_pipeline_tests.operations.test_merge_gate import run
from platformkit_pipeline_tests.operations.test_sync_exceptions import DOCUMENT, PATH
from platformkit_pipeline_tests.rules.conftest import run_sql

pytestmark = pytest.mark.usefixtures("without_secret_search")

TODAY, LAST, AFTER = date(2026, 2, 1), datetime(2026, 6, 30, 23, 59, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
NIGHT = datetime(2026, 2, 1, 2, tzinfo=UTC)
SETTINGS = Settings.model_validate(
    {
        "repositories": [{"name": "shop"}],
        "projects": [
            {"name": "shop-production", "environment": "production", "database": {"dsn_env": "A"}, "repository": "shop"},
            {"name": "payments", "environment": "production", "database": {"dsn_env": "B"}},
        ],
    }
)
SHOP, PAYMENTS = map(target_of, SETTINGS.projects)
REPOSITORY = target_of(SETTINGS.repositories[0])


@pytest.fixture
def recorded(pipeline: Connection, tmp_path: Path) -> RepositoryBuilder:
    """RLS001 and RLS002 of `public.orders`, and checks of a data contract, are excused for its projects from 20 January to 30 June."""
    with pipeline.transaction():
        targets.sync(pipeline, targets_of(SETTINGS))
    built = RepositoryBuilder(tmp_path / "shop")
    built.init()
    text = DOCUMENT.replace("RLS001, TEN001", "RLS001, RLS002, parity/data")
    built.write(PATH, text.replace("`public.legacy_*`", "`public.ord*`, `orders/check 09?`"))
    built.commit("An exception")
    observe_repository_target(pipeline, REPOSITORY, built.folder, run_id=None, cache=tmp_path / "cache")
    assert sync_exceptions(pipeline, SETTINGS, NIGHT).unread == {}
    return built


def judged(connection: Connection, target: Target, dsn: Dsn, today: date = TODAY) -> ScanReport:
    observe_target(connection, target, dsn, run_id=None)
    return judge_target(connection, target, Declarations(), run_id=None, today=today).report


def effective(connection: Connection, target: Target, now: datetime) -> Score:
    score = score_on(connection, target, now)
    assert score is not None
    return score


@pytest.mark.usefixtures("recorded")
def test_a_covered_critical_lifts_the_effective_score_until_the_last_day_and_for_its_target_only(
    pipeline: Connection, well_kept: Dsn
) -> None:
    run_sql(well_kept, "alter table public.orders disable row level security")
    mine, theirs = judged(pipeline, SHOP, well_kept), judged(pipeline, PAYMENTS, well_kept)
    assert theirs.score.raw == theirs.score.effective == mine.score.raw <= 49
    assert mine.score.effective > 49
    assert theirs.covers == covers_for(pipeline, PAYMENTS, NIGHT) == {}
    covers = covers_for(pipeline, SHOP, NIGHT)
    assert covers == mine.covers
    assert sorted((cover.rule, cover.cover_id) for cover in covers.values()) == [("RLS001", PATH), ("RLS002", PATH)]
    assert effective(pipeline, SHOP, LAST) == mine.score
    assert effective(pipeline, SHOP, AFTER) == theirs.score
    stored = scans.find(pipeline, mine.scan_id)
    assert stored is not None
    assert stored.score == mine.score
    shown = {(s.name, now): s.effective_score for now in (LAST, AFTER) for s in report_fleet(pipeline, now).standings}
    assert shown["shop-production", LAST] == mine.score.effective_display > 49
    assert shown["shop-production", AFTER] == shown["payments", LAST] == mine.score.raw_display
    assert judged(pipeline, SHOP, well_kept, AFTER.date()).score == theirs.score


@pytest.mark.usefixtures("recorded")
def test_every_form_of_the_report_names_the_cover(pipeline: Connection, well_kept: Dsn) -> None:
    run_sql(well_kept, "alter table public.orders disable row level security")
    report = judged(pipeline, SHOP, well_kept)
    document = scan_document(report)
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(document)
    waived = {finding["rule"]: finding["waiver"] for finding in document["findings"] if finding["waiver"]}
    reason = "Legacy export without row level security"
    cover = {"kind": "exception", "id": PATH, "expires_on": "2026-06-30", "reason": reason}
    assert waived == {"RLS001": cover, "RLS002": cover}
    results = sarif_document(report, rules_for(Scope.PROJECT))["runs"][0]["results"]
    suppressed, _ = [result for result in results if "suppressions" in result]
    assert suppressed["suppressions"][0]["kind"] == "external"
    assert suppressed["suppressions"][0]["justification"] == f"waived until 2026-06-30 by exception {PATH}: {reason}"
    assert "<skipped" in junit_xml(report)
    assert "<failure" not in junit_xml(replace(report, results=tuple(r for r in report.results if r.rule == "RLS001")))
    assert "**waived until 2026-06-30**" in scan_markdown(report)


def test_a_check_of_a_contract_is_waived_by_its_name(pipeline: Connection, recorded: RepositoryBuilder) -> None:
    measured = run(SHOP, 90)
    excused = with_waivers(pipeline, measured, NIGHT)
    assert {check for _, _, check in excused.waived} == {f"check {n:03}" for n in range(90, 100)}
    assert excused.parity.score is not None
    assert measured.parity.score is not None
    assert (excused.parity.score.raw, excused.parity.score.effective) == (measured.parity.score.raw, 100)
    assert with_waivers(pipeline, measured, AFTER) == measured
    assert keep_parity(pipeline, excused).new


def test_the_control_plane_answers_whether_an_exception_is_on_record(
    pipeline: Connection, recorded: RepositoryBuilder, tmp_path: Path
) -> None:
    recorded.write(PATH.replace("legacy", "another"), DOCUMENT)
    recorded.commit("Another one")
    observe_repository_target(pipeline, REPOSITORY, recorded.folder, run_id=None, cache=tmp_path / "cache")

    def answers() -> dict[str, Outcome]:
        report = judge_repository_target(pipeline, REPOSITORY, today=TODAY, run_id=None).report
        assert "recorded_exceptions" not in {u.what for u in report.unobserved}
        return {r.object.name: r.outcome for r in report.results if r.rule == "EXC003" and r.is_finding}

    assert answers() == {PATH.replace("legacy", "another"): Outcome.FAIL}
    sync_exceptions(pipeline, SETTINGS, NIGHT)
    assert answers() == {}
