"""What an exception covers, and what covers do to scores: nothing to the raw one, and never for longer than they say."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platformkit_pipeline.governance.coverage import Violation, covers_on
from platformkit_pipeline.governance.exceptions import covers_of, entry_of
from platformkit_pipeline.model.repository.governance import Approval, ExceptionDocument, Role
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.model.score import compliance_score, score_of_counts
from platformkit_pipeline.model.waiver import Cover, CoverKind
from platformkit_pipeline_tests.model.test_score import result

TODAY = date(2026, 3, 1)
days = st.dates(date(2026, 1, 1), date(2026, 12, 31))
covers = st.builds(
    lambda first, last, pattern: Cover(CoverKind.EXCEPTION, "x", "RLS001", None, (pattern,), first, last, "why"),
    days,
    days,
    st.sampled_from(["*", "public.*", "public.orders", "other.*"]),
)
judged = st.lists(st.tuples(st.sampled_from(list(Severity)), st.sampled_from(list(Outcome))), max_size=20)


def document(**other: object) -> ExceptionDocument:
    approvals = (Approval(Role.SECURITY_OWNER, "Sam Ortiz", "2026-01-19"), Approval(Role.PLATFORM_ARCHITECT, "Kim Larsen", "2026-01-20"))
    filled = {
        "path": "docs/exceptions/2026-01-20-export.md",
        "date": "2026-01-20",
        "expiry": "2026-06-30",
        "approvals": approvals,
        "rules": ("RLS001",),
        "rationale_text": "why",
        "risk_text": "what",
        "mitigation_text": "how",
        "digest": "a" * 64,
    }
    return ExceptionDocument(**{**filled, **other})  # type: ignore[arg-type]  # fields by their names, of several types


def test_it_covers_from_the_later_approval_to_its_last_day() -> None:
    [cover] = covers_of(entry_of(document(), None, TODAY, {"shop": (1,)}))
    assert (cover.first_day, cover.last_day, cover.patterns) == (date(2026, 1, 20), date(2026, 6, 30), ("*",))
    orders = Violation("RLS001", "f" * 32, "public.orders")
    in_force = [
        day for day in (date(2026, 1, 19), date(2026, 1, 20), date(2026, 6, 30), date(2026, 7, 1)) if covers_on([cover], [orders], day)
    ]
    assert in_force == [date(2026, 1, 20), date(2026, 6, 30)]


def test_what_cannot_be_read_covers_nothing_and_stays_approved() -> None:
    before = entry_of(document(), None, TODAY, {"shop": (1,)})
    unreadable = entry_of(document(fault="is a symbolic link", digest=None), before, TODAY, {"shop": (1,)})
    assert covers_of(unreadable) == ()
    assert entry_of(document(), unreadable, TODAY, {"shop": (1,)}) == before
    assert entry_of(document(digest="b" * 64), unreadable, TODAY, {"shop": (1,)}).faults != ()


def approved_by(security: tuple[str, str], architect: tuple[str, str]) -> tuple[Approval, Approval]:
    return Approval(Role.SECURITY_OWNER, *security), Approval(Role.PLATFORM_ARCHITECT, *architect)


@pytest.mark.parametrize("second", ["sam  ortiz", "@Sam Ortiz", "Sam Ortiz\u200b", "\uff33am Ortiz", "SAM ORT\u0130Z"])
def test_one_person_is_no_two_however_the_name_is_written(second: str) -> None:
    approvals = approved_by(("Sam Ortiz", "2026-01-19"), (second, "2026-01-20"))
    entry = entry_of(document(approvals=approvals), None, TODAY, {"shop": (1,)})
    assert entry.faults == ("one person gave both approvals: two are needed",)
    assert covers_of(entry) == ()


@pytest.mark.parametrize(
    "approvals",
    [
        approved_by(("Sam Ortiz", "2026-01-19"), ("Sam Ortiz", "2026-01-20")),
        approved_by(("Sam Ortiz", "2027-01-19"), ("Kim Larsen", "2026-01-20")),
    ],
)
def test_what_was_no_approval_is_corrected_without_waiting_for_later_days(approvals: tuple[Approval, Approval]) -> None:
    first = entry_of(document(approvals=approvals, digest="b" * 64), None, TODAY, {"shop": (1,)})
    assert covers_of(first) == ()
    assert first.approved is None
    corrected = entry_of(document(), first, TODAY, {"shop": (1,)})
    assert corrected.faults == ()
    assert len(covers_of(corrected)) == 1


@pytest.mark.parametrize("day", ["20260630", "2026-W26-2", "2026-06-31", "30.06.2026", "soon"])
def test_what_is_no_day_of_the_form_has_expired(day: str) -> None:
    assert covers_of(entry_of(document(expiry=day), None, TODAY, {"shop": (1,)})) == ()


def test_without_the_eligible_target_nothing_is_covered() -> None:
    entry = entry_of(document(targets=("payments", "shop-staging")), None, TODAY, {"shop": (1,), "shop-staging": (2,)})
    assert entry.covers_target_ids == (2,)


@given(st.lists(covers, max_size=6), days, st.integers(1, 400))
def test_a_later_day_without_a_new_cover_excuses_no_more_than_was_to_come(listed: list[Cover], today: date, later: int) -> None:
    orders = [Violation("RLS001", name, f"public.{name}") for name in ("orders", "carts")]
    begun = [cover for cover in listed if cover.first_day <= today]
    assert covers_on(begun, orders, today + timedelta(days=later)).keys() <= covers_on(begun, orders, today).keys()


@given(judged, st.sets(st.integers(0, 19)), st.sets(st.integers(0, 19)))
def test_ending_covers_never_raise_the_effective_score(listed: list[tuple[Severity, Outcome]], now: set[int], ended: set[int]) -> None:
    results = [result(*one) for one in listed]
    before, after = compliance_score(results, frozenset(now)), compliance_score(results, frozenset(now - ended))
    assert before.raw == after.raw == compliance_score(results).raw
    assert after.raw <= after.effective <= before.effective


@given(judged, st.sets(st.integers(0, 19)))
def test_the_score_from_stored_numbers_is_the_score_of_the_results(listed: list[tuple[Severity, Outcome]], waived: set[int]) -> None:
    results = [result(*one) for one in listed]
    counts: dict[Outcome, dict[Severity, int]] = {}
    covered: dict[Severity, int] = {}
    for position, (severity, outcome) in enumerate(listed):
        by = counts.setdefault(outcome, {})
        by[severity] = by.get(severity, 0) + 1
        if position in waived and outcome is Outcome.FAIL:
            covered[severity] = covered.get(severity, 0) + 1
    assert score_of_counts(counts, covered) == compliance_score(results, frozenset(waived))


@given(judged)
def test_covering_every_critical_lifts_the_cap_of_the_effective_score_only(listed: list[tuple[Severity, Outcome]]) -> None:
    outcomes = [one for one in listed if one != (Severity.CRITICAL, Outcome.UNKNOWN) and one[0] is not Severity.HIGH]
    results = [result(*one) for one in [(Severity.CRITICAL, Outcome.FAIL), *outcomes, *[(Severity.MEDIUM, Outcome.PASS)] * 200]]
    criticals = frozenset(n for n, r in enumerate(results) if r.severity is Severity.CRITICAL)
    score = compliance_score(results, criticals)
    assert score.raw <= 49 < score.effective
