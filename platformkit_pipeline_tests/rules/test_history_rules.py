"""MIG050 and MIG051 against their own examples, and in what words they speak."""

from __future__ import annotations

from dataclasses import replace

import pytest

from platformkit_pipeline.model.drift import Aspect, Difference, DifferenceKind
from platformkit_pipeline.model.identity import ObjectIdentity, relation_identity
from platformkit_pipeline.model.migration import MigrationSet
from platformkit_pipeline.model.migration_history import FailureCause, MigrationHistory, Replay, ReplayFailure
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.operations.check_drift import history_rules
from platformkit_pipeline.operations.self_test_history import complaints_about_history_rule
from platformkit_pipeline.rules.evaluate import evaluate_history
from platformkit_pipeline.rules.registry import Rule

REPLAYED = MigrationHistory("supabase/migrations", MigrationSet(()), Replay("18.0", ("1_a.sql", "2_b.sql")))
ORDERS = relation_identity("table", "public", "orders")


def judged(history: MigrationHistory) -> list[Result]:
    return list(evaluate_history(history, history_rules()))


@pytest.mark.parametrize("rule", history_rules(), ids=lambda rule: rule.code)
def test_each_rule_fires_on_its_violating_example_alone(rule: Rule) -> None:
    assert list(complaints_about_history_rule(rule)) == []


@pytest.mark.parametrize("rule", history_rules(), ids=lambda rule: rule.code)
def test_a_rule_whose_examples_are_exchanged_is_complained_about(rule: Rule) -> None:
    assert list(complaints_about_history_rule(replace(rule, violating=rule.clean)))


def test_a_replay_that_nobody_compared_says_nothing_about_drift() -> None:
    assert [(r.rule, r.outcome, r.count) for r in judged(REPLAYED)] == [("MIG050", Outcome.PASS, 2)]


@pytest.mark.parametrize(
    ("cause", "outcome"),
    [
        (FailureCause.MIGRATION, Outcome.FAIL),
        (FailureCause.STAND_IN, Outcome.UNKNOWN),
        (FailureCause.UNREADABLE, Outcome.UNKNOWN),
        (FailureCause.LIMIT, Outcome.UNKNOWN),
    ],
)
def test_only_a_fault_of_the_file_is_a_failure(cause: FailureCause, outcome: Outcome) -> None:
    failure = ReplayFailure("3_c.sql", 7, "select", "no such thing", "42P01", cause, "the reason")
    results = judged(replace(REPLAYED, replay=replace(REPLAYED.replay, failure=failure, untried=("4_d.sql",))))
    [finding] = [r for r in results if r.is_finding]
    assert (finding.rule, finding.outcome, finding.object) == ("MIG050", outcome, ObjectIdentity("migration", None, "3_c.sql"))
    assert "the reason" in finding.message
    assert "line 7" in finding.message
    assert "1 later file was not tried" in finding.message
    assert finding.evidence["untried"] == ["4_d.sql"]


def test_a_difference_is_told_with_both_texts_and_in_full_as_evidence() -> None:
    long = "x" * 200
    aspects = (Aspect("comment", None, long), Aspect("row_security", "true", "false"))
    different = Difference(DifferenceKind.DIFFERENT, ORDERS, aspects)
    missing = Difference(
        DifferenceKind.ONLY_LIVE, relation_identity("table", "public", "extra"), (Aspect("object", None, "t"),), ("column public.extra.id",)
    )
    unseen = Difference(DifferenceKind.UNKNOWN, ObjectIdentity("catalog", None, "policies"), reason="live: no right")
    results = judged(replace(REPLAYED, differences=(different, missing, unseen), compared=10))
    told = {r.object.canonical: r for r in results if r.rule == "MIG051" and r.is_finding}
    assert told["table public.orders"].message == "public.orders differs: comment; row_security is declared as true and live false"
    assert told["table public.orders"].evidence["aspects"][0] == {"aspect": "comment", "declared": None, "live": long}
    assert "exists only live, with 1 object of its own" in told["table public.extra"].message
    assert told["catalog policies"].outcome is Outcome.UNKNOWN
    [passed] = [r for r in results if r.rule == "MIG051" and r.outcome is Outcome.PASS]
    assert passed.count == 10 - 3
