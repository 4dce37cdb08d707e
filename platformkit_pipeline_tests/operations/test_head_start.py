"""What is judged before everything is there is judged the same, and nothing that has not arrived is taken for nothing."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.snapshot import CatalogKind, Policy, Server, Snapshot, Unobserved
from platformkit_pipeline.model.target import Declarations, Target, TargetKind
from platformkit_pipeline.operations import head_start as module
from platformkit_pipeline.operations.clock import Clock
from platformkit_pipeline.operations.head_start import AskedTooEarlyError, HeadStart, NotSeenYet
from platformkit_pipeline.operations.judge import judge
from platformkit_pipeline.operations.scan import scan_database
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import Rule, Scope, Source, find_rule, rules_for
from platformkit_pipeline.sandbox.sample_platform import SAMPLE_PROJECTS, SampleProject

TARGET = Target(TargetKind.SUPABASE_PROJECT, "sample")
CLOCK = Clock(now=lambda: datetime(2026, 1, 31, tzinfo=UTC), seconds=lambda: 0.0, new_scan_id=lambda: "scan-1")
RULES_ABOUT_CATALOGUES = [rule for rule in rules_for(Scope.PROJECT) if rule.source is Source.CATALOG]
STILL_THERE = {"server", "relation_statistics", "unobserved", "isolation"}


@pytest.fixture
def _worth_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WORTH_A_PROCESS", 0)


def without_what_it_does_not_require(snapshot: Snapshot, rule: Rule) -> Snapshot:
    kept = {kind.value for kind in rule.requires} | STILL_THERE
    missing: dict[str, Any] = {field.name: NotSeenYet(field.name) for field in fields(Snapshot) if field.name not in kept}
    return replace(snapshot, **missing)


@pytest.mark.parametrize("project", SAMPLE_PROJECTS, ids=lambda p: p.name)
def test_a_rule_asks_only_for_what_it_requires(sample_platform: dict[str, Dsn], project: SampleProject) -> None:
    """Otherwise it would answer PASS, not UNKNOWN, where that kind cannot be read."""
    snapshot = observe(sample_platform[project.name])
    asked = {}
    for rule in RULES_ABOUT_CATALOGUES:
        if rule.code in ("SEC010", "FUN008"):
            continue  # they say themselves what they could not look at
        try:
            evaluate(without_what_it_does_not_require(snapshot, rule), project.declarations, [rule])
        except AskedTooEarlyError as error:
            asked[rule.code] = str(error)
    assert asked == {}


@pytest.mark.usefixtures("_worth_a_process")
@pytest.mark.parametrize("project", SAMPLE_PROJECTS, ids=lambda p: p.name)
def test_a_head_start_changes_no_result(sample_platform: dict[str, Dsn], project: SampleProject, monkeypatch: pytest.MonkeyPatch) -> None:
    dsn, declarations = sample_platform[project.name], project.declarations
    with HeadStart(declarations, None) as head_start:
        snapshot = observe(dsn, meanwhile=head_start)
        assert head_start.early is not None
        assert {"RLS001", "RLS016", "TEN003", "FUN005", "IDX001"} <= head_start.early.codes
        assert not head_start.early.codes & {"FKY001", "AUD004", "KEY001", "SEC010"}
        arguments: dict[str, Any] = {
            "target": TARGET,
            "declarations": declarations,
            "rules": rules_for(Scope.PROJECT),
            "scan_id": "scan-1",
            "started_at": CLOCK.now(),
        }
        ahead = judge(snapshot, **arguments, early=head_start.early)
    monkeypatch.setattr(module, "WORTH_A_PROCESS", 10**9)
    assert ahead == judge(snapshot, **arguments)


@pytest.mark.usefixtures("_worth_a_process")
def test_rules_that_were_chosen_are_the_only_ones_that_judge(sample_platform: dict[str, Dsn]) -> None:
    rules = [rule for rule in RULES_ABOUT_CATALOGUES if rule.code in ("RLS001", "KEY001")]
    report = scan_database(sample_platform["clinic-messy"], target=TARGET, declarations=Declarations(), rules=rules, clock=CLOCK)
    assert {result.rule for result in report.results} == {"RLS001", "KEY001"}


@pytest.mark.usefixtures("_worth_a_process")
def test_a_rule_that_asks_too_early_is_asked_again(sample_platform: dict[str, Dsn]) -> None:
    keys = find_rule("KEY001")
    assert keys is not None
    forgetful = replace(keys, requires=(CatalogKind.RELATIONS,))
    dsn = sample_platform["clinic-messy"]
    early = scan_database(dsn, target=TARGET, declarations=Declarations(), rules=[forgetful], clock=CLOCK)
    late = scan_database(dsn, target=TARGET, declarations=Declarations(), rules=[keys], clock=CLOCK)
    assert early.results == late.results
    assert any(result.is_finding for result in early.results)


@pytest.mark.usefixtures("_worth_a_process")
def test_another_attempt_begins_anew() -> None:
    server = Server(version="18.6", version_num=180006, database="d", current_user="u", current_user_superuser=False)
    head_start = HeadStart(Declarations(), None)
    with head_start:
        head_start.begin(server, ())
        head_start.seen("policies", (Policy("public", "t", "p", "ALL", True, ("PUBLIC",)),))
        head_start.begin(server, (Unobserved("policies", "no SELECT privilege on pg_policy"),))
        for field in module._WANTED - {"policies"}:
            head_start.seen(field, ())
        assert head_start.early is not None
        unknown = [result for result in head_start.early.results() if result.rule == "RLS004"]
    assert [result.outcome.value for result in unknown] == ["UNKNOWN"]


def test_a_small_database_needs_no_other_process(sample_platform: dict[str, Dsn]) -> None:
    with HeadStart(Declarations(), None) as head_start:
        observe(sample_platform["shop-production"], meanwhile=head_start)
        assert head_start.early is None
