"""The properties of the gate about a scan (design: score and gate)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from platformkit_pipeline.governance.deploy_gate import decide
from platformkit_pipeline.governance.gate_inputs import (
    DEPLOY,
    MERGE,
    REGISTRATION,
    CoveredFinding,
    GateInputs,
    ScanInputs,
    SevereFinding,
    inputs_from_json,
    inputs_to_json,
)
from platformkit_pipeline.model.consequence import Category
from platformkit_pipeline.model.gate_override import GateOverride
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.model.score import Score
from platformkit_pipeline.model.waiver import CoverKind

NOW = datetime(2026, 3, 1, 2, 30, tzinfo=UTC)
TODAY = NOW.date()
SEVERE = (Severity.CRITICAL, Severity.HIGH)
DAY = timedelta(days=1)


def finding(
    name: str = "a",
    outcome: Outcome = Outcome.FAIL,
    severity: Severity = Severity.CRITICAL,
    category: Category | None = Category.SECURITY,
) -> SevereFinding:
    return SevereFinding(name, "RLS001", severity, outcome, category)


def cover(of: SevereFinding, last_day: date = TODAY) -> CoveredFinding:
    return CoveredFinding(of.fingerprint, of.severity, of.outcome, CoverKind.WAIVER, f"waiver of {of.fingerprint}", last_day)


def scan(hours_ago: float = 1, fails: int = 1, passes: int = 9, unknown: int = 0, severity: Severity = Severity.CRITICAL) -> ScanInputs:
    counts = {Outcome.PASS: {severity: passes}, Outcome.FAIL: {severity: fails}, Outcome.UNKNOWN: {severity: unknown}}
    return ScanInputs("scan", NOW - timedelta(hours=hours_ago), "catalogue", "rules", None, counts)


def asked(*findings: SevereFinding, gate: str = DEPLOY, **more: object) -> GateInputs:
    blocking = (Severity.CRITICAL,) if gate == DEPLOY else SEVERE
    plain = GateInputs(gate, "supabase_project", "shop", "staging", NOW, blocking, timedelta(hours=26), scan(), findings)
    return replace(plain, **more)  # type: ignore[arg-type]  # fields of one dataclass, named by the test


names = st.sampled_from("abcdef")
findings = st.builds(
    finding,
    names,
    st.sampled_from([Outcome.FAIL, Outcome.UNKNOWN]),
    st.sampled_from([*SEVERE, Severity.MEDIUM]),
    st.sampled_from([*Category, None]),
)
unique = st.lists(findings, max_size=6, unique_by=lambda f: f.fingerprint)
moments = st.integers(-40, 40).map(lambda hours: NOW + timedelta(hours=hours))
overrides = st.builds(
    lambda starts, hours: GateOverride("o", DEPLOY, "outage", "ann", "bob", starts, starts + timedelta(hours=hours)),
    moments,
    st.integers(1, 24),
)


@st.composite
def inputs(draw: st.DrawFn) -> GateInputs:
    listed = draw(unique)
    covered = [cover(f, TODAY + draw(st.integers(-2, 2)) * DAY) for f in listed if draw(st.booleans())]
    return asked(
        *listed,
        gate=draw(st.sampled_from([DEPLOY, REGISTRATION, MERGE])),
        covers=tuple(covered),
        scan=draw(st.none() | st.builds(scan, st.integers(0, 40), *[st.integers(0, 5)] * 3, st.sampled_from(SEVERE))),
        failed_at=draw(st.none() | moments),
        override=draw(st.none() | overrides),
    )


@given(inputs(), st.randoms(use_true_random=False))
def test_from_the_stored_document_the_same_is_decided_again_in_whatever_order_it_came(asked_for: GateInputs, order: Random) -> None:
    document = json.dumps(inputs_to_json(asked_for))
    again = inputs_from_json(json.loads(document))
    assert decide(again) == decide(asked_for)
    shuffled = tuple(order.sample(asked_for.findings, len(asked_for.findings)))
    other = replace(asked_for, findings=shuffled, covers=tuple(order.sample(asked_for.covers, len(asked_for.covers))))
    assert decide(other) == decide(asked_for)
    assert json.dumps(inputs_to_json(other)) == document


@given(inputs())
def test_losing_sight_of_what_fails_never_makes_a_yes(asked_for: GateInputs) -> None:
    blinded = replace(asked_for, findings=tuple(replace(f, outcome=Outcome.UNKNOWN) for f in asked_for.findings))
    if decide(asked_for).judged != "yes":
        assert decide(blinded).judged != "yes"


@given(inputs())
def test_a_cover_matters_for_a_fail_alone(asked_for: GateInputs) -> None:
    blind = replace(asked_for, findings=tuple(replace(f, outcome=Outcome.UNKNOWN) for f in asked_for.findings))
    blind = replace(blind, covers=tuple(cover(f) for f in blind.findings))
    uncovered = replace(blind, covers=())
    assert (decide(blind), decide(blind).covered) == (decide(uncovered), ())


@given(inputs(), st.integers(1, 400))
def test_time_that_passes_lets_nobody_through_and_raises_no_score(asked_for: GateInputs, days: int) -> None:
    """Covers lapse and scans grow stale; only an override that begins could open a gate, so there is none here."""
    before = replace(asked_for, override=None)
    later = replace(before, decided_at=NOW + days * DAY)
    now, then = decide(before), decide(later)
    assert not (now.verdict != "yes" and then.verdict == "yes")
    if now.score and then.score:
        assert then.score.effective <= now.score.effective
        assert then.score.raw == now.score.raw


@given(inputs())
def test_an_override_turns_a_no_into_a_yes_and_touches_nothing_else(asked_for: GateInputs) -> None:
    plain = decide(replace(asked_for, override=None))
    answer = decide(asked_for)
    in_force = asked_for.override is not None and asked_for.override.in_force(NOW)
    assert answer.judged == plain.verdict
    assert answer.verdict == ("yes" if in_force and plain.verdict == "no" else plain.verdict)
    assert answer.reasons[-len(plain.reasons) :] == plain.reasons
    assert answer.overridden == (len(answer.reasons) > len(plain.reasons))


@given(inputs())
def test_nothing_that_is_excused_moves_the_raw_score_or_lowers_the_effective_one(asked_for: GateInputs) -> None:
    plain, answer = decide(replace(asked_for, covers=())), decide(asked_for)
    if plain.score and answer.score:
        assert plain.score.raw == answer.score.raw
        assert plain.score.effective <= answer.score.effective <= 100


def test_a_waived_critical_lets_the_target_through_on_its_last_day_and_not_on_the_next() -> None:
    one = finding()
    covered = asked(one, covers=(cover(one),), scan=scan(fails=1, passes=3))
    answer = decide(covered)
    assert (answer.verdict, answer.score) == ("yes", Score(Fraction(49), Fraction(100)))
    assert answer.reasons == ("no critical finding is open", "critical findings that waivers or exceptions excuse today: 1")
    midnight = decide(replace(covered, decided_at=datetime(2026, 3, 2, tzinfo=UTC)))
    assert (midnight.verdict, midnight.score) == ("no", Score(Fraction(49), Fraction(49)))
    assert midnight.reasons == ("open critical findings: 1 (Security: pull request blocked, deployment blocked)",)


def test_a_scan_is_stale_after_26_hours_and_not_before() -> None:
    assert decide(asked(scan=scan(hours_ago=26))).verdict == "yes"
    stale = decide(asked(scan=scan(hours_ago=26.01)))
    assert stale.verdict == "no"
    assert stale.reasons[0].endswith("more than 26 hours ago")


def test_an_attempt_that_failed_since_the_last_complete_scan_is_a_no_and_an_earlier_one_is_not() -> None:
    assert decide(asked(failed_at=NOW - timedelta(minutes=30))).reasons == ("the last attempt to scan, at 2026-03-01 02:00 UTC, failed",)
    assert decide(asked(failed_at=NOW - timedelta(hours=2))).verdict == "yes"


def test_a_merge_is_stopped_by_the_categories_that_stop_pull_requests_and_by_no_other() -> None:
    stopped = {c for c in Category if decide(asked(finding(severity=Severity.HIGH, category=c), gate=MERGE)).verdict == "no"}
    assert stopped == {Category.SECURITY, Category.GOVERNANCE, Category.QUALITY}
    assert decide(asked(finding(category=None), gate=MERGE)).verdict == "no", "nobody knows that it does not matter"


def test_slow_queries_never_block_and_have_a_plan_for_their_consequence() -> None:
    answer = decide(asked(finding(severity=Severity.HIGH, category=Category.PERFORMANCE)))
    assert answer.verdict == "yes"
    assert answer.reasons[-1] == "findings that do not block: 1 (Performance: remediation plan created)"


def test_what_was_never_scanned_cannot_be_overridden() -> None:
    force = GateOverride("o", DEPLOY, "outage", "ann", "bob", NOW, NOW + timedelta(hours=1))
    assert decide(asked(scan=None, override=force)).verdict == "unknown"
