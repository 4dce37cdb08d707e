"""What waivers cover on which day: never in production, never on more than thirty days, never because something ended."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platformkit_pipeline.governance.coverage import CoverIndex, Violation, covers_on, waived_days
from platformkit_pipeline.governance.object_patterns import exact_name, matcher, named
from platformkit_pipeline.governance.waivers import (
    covers_of,
    days_left,
    extended_ids,
    last_day_of,
    reminder_is_due,
    state_of,
)
from platformkit_pipeline.model.target import Environment
from platformkit_pipeline.model.waiver import Waiver, WaiverState

FIRST = date(2026, 3, 1)
NEVER = datetime(2099, 1, 1, tzinfo=UTC)
ORDERS = Violation("RLS001", "0" * 32, "public.orders")
CARTS = Violation("RLS001", "1" * 32, "public.carts")
_serial = count()


def waiver(start: int, days: int, *, pattern: str | None = "public.orders", rule: str = "RLS001", revoked: int | None = None) -> Waiver:
    """From the day `start` after the first on; `revoked` is the day of its revocation, at noon."""
    moment = None if revoked is None else datetime.combine(FIRST + timedelta(days=revoked), datetime.min.time(), UTC) + timedelta(hours=12)
    return Waiver(
        waiver_id=f"waiver-{next(_serial)}",
        target_id=1,
        rule=rule,
        fingerprint=None if pattern else ORDERS.fingerprint,
        object_pattern=pattern,
        reason="a prototype",
        granted_by="kim",
        starts_on=FIRST + timedelta(days=start),
        expires_on=FIRST + timedelta(days=start + days - 1),
        revoked_at=moment,
        revoked_by="kim" if moment else None,
        revoke_reason="mended" if moment else None,
    )


def covered_days(*waivers: Waiver, violation: Violation = ORDERS, environment: Environment = Environment.STAGING) -> list[int]:
    covers = covers_of(waivers, environment)
    return [day for day in range(-5, 150) if violation.fingerprint in covers_on(covers, [violation], FIRST + timedelta(days=day))]


def test_the_first_and_the_last_day_count() -> None:
    assert covered_days(waiver(0, 5)) == [0, 1, 2, 3, 4]


def test_a_revoked_waiver_covers_nothing_from_the_day_of_its_revocation_on() -> None:
    assert covered_days(waiver(0, 5, revoked=2)) == [0, 1]
    assert covered_days(waiver(0, 5, revoked=0)) == []
    assert last_day_of(waiver(0, 5, revoked=40)) == FIRST + timedelta(days=4)


def test_an_evening_west_of_greenwich_is_the_next_day_already() -> None:
    late = datetime.fromisoformat("2026-03-02T20:00:00-08:00")
    revoked = Waiver("w", 1, "RLS001", None, "*", "r", "kim", FIRST, date(2026, 3, 20), None, late, "kim", "mended")
    assert last_day_of(revoked) == date(2026, 3, 2)


def test_only_what_it_names_is_covered() -> None:
    assert covered_days(waiver(0, 3), violation=CARTS) == []
    assert covered_days(waiver(0, 3, pattern="public.*"), violation=CARTS) == [0, 1, 2]
    assert covered_days(waiver(0, 3, rule="RLS002")) == []
    assert covered_days(waiver(0, 3, pattern=None)) == [0, 1, 2]


def test_thirty_days_in_all_whatever_they_are_put_together_from() -> None:
    parts = [waiver(0, 20, pattern="public.orders"), waiver(40, 20, pattern="public.*"), waiver(70, 30, pattern=None)]
    assert covered_days(*parts) == [*range(20), *range(40, 50)]


def test_nothing_is_covered_in_production() -> None:
    assert covered_days(waiver(0, 5), environment=Environment.PRODUCTION) == []


@pytest.mark.parametrize(
    ("day", "state"),
    [
        (-1, WaiverState.PENDING),
        (0, WaiverState.ACTIVE),
        (12, WaiverState.EXPIRES_SOON),
        (19, WaiverState.EXPIRES_SOON),
        (20, WaiverState.LAPSED),
    ],
)
def test_a_waiver_of_twenty_days_goes_through_its_states(day: int, state: WaiverState) -> None:
    listed = waiver(0, 20)
    assert state_of(listed, Environment.STAGING, FIRST + timedelta(days=day)) is state
    assert days_left(listed, FIRST + timedelta(days=day)) == 19 - day


def test_what_became_production_is_void() -> None:
    assert state_of(waiver(0, 20), Environment.PRODUCTION, FIRST) is WaiverState.VOID
    assert state_of(waiver(0, 20, revoked=1), Environment.PRODUCTION, FIRST) is WaiverState.REVOKED


def test_a_reminder_is_due_from_a_week_before_the_end_and_not_on_the_day_of_the_grant() -> None:
    def due(listed: Waiver) -> list[int]:
        return [day for day in range(-2, 40) if reminder_is_due(listed, FIRST + timedelta(days=day))]

    assert due(waiver(0, 20)) == list(range(12, 20))
    assert due(waiver(0, 3)) == [1, 2]
    assert due(waiver(0, 1)) == []
    assert due(waiver(0, 20, revoked=5)) == []


def test_what_goes_on_is_known_by_what_extends_it_and_was_not_revoked() -> None:
    first, second = waiver(0, 10), waiver(5, 10)
    goes_on = replace(second, extends=first.waiver_id)
    assert extended_ids([first, goes_on]) == {first.waiver_id}
    revoked = replace(waiver(5, 10, revoked=6), extends=first.waiver_id)
    assert extended_ids([first, revoked]) == frozenset()


waivers = st.builds(
    waiver,
    st.integers(0, 100),
    st.integers(1, 30),
    pattern=st.sampled_from(["public.orders", "public.*", "*", "public.carts", None]),
    revoked=st.none() | st.integers(0, 120),
)


def spends(listed: Waiver, violation: Violation, day: int) -> bool:
    """Whether that day counts for the violation: from the first to the last, or to the one of the revocation, this included."""
    name = listed.object_pattern
    about = violation == ORDERS if name is None else name in ("*", "public.*", violation.shown)
    return about and listed.starts_on <= FIRST + timedelta(days=day) <= min(listed.expires_on, (listed.revoked_at or NEVER).date())


@given(st.lists(waivers, max_size=8))
def test_no_set_of_waivers_covers_anything_on_more_than_thirty_days(listed: list[Waiver]) -> None:
    for violation in (ORDERS, CARTS):
        days = covered_days(*listed, violation=violation)
        spent = [day for day in range(150) if any(spends(w, violation, day) for w in listed)]
        still_on = [d for d in spent[:30] if any(spends(w, violation, d) and FIRST + timedelta(days=d) <= last_day_of(w) for w in listed)]
        assert days == still_on
        assert waived_days(CoverIndex(covers_of(listed, Environment.STAGING)), violation, FIRST + timedelta(days=150)) == len(spent)


@given(st.lists(waivers, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_waivers_does_not_matter(listed: list[Waiver], random: Random) -> None:
    shuffled = list(listed)
    random.shuffle(shuffled)
    assert covered_days(*shuffled) == covered_days(*listed)


@given(st.lists(waivers, max_size=6), waivers)
def test_another_waiver_never_takes_a_first_days_cover_away(listed: list[Waiver], one_more: Waiver) -> None:
    """More days may be used up earlier, but never fewer covered in all, except for the day on which it was revoked."""
    revoked = one_more.revoked_at is not None
    assert len(covered_days(*listed, one_more)) >= len(covered_days(*listed)) - revoked


@pytest.mark.parametrize("rounds", [1, 40])
def test_the_day_of_a_revocation_is_spent_once_however_often_it_is_granted_and_revoked_on_it(rounds: int) -> None:
    of_a_day = [waiver(day, 5, revoked=day) for day in range(10) for _ in range(rounds)]
    assert waived_days(CoverIndex(covers_of(of_a_day, Environment.STAGING)), ORDERS, FIRST + timedelta(days=100)) == 10
    assert covered_days(*of_a_day, waiver(40, 30)) == list(range(40, 60))


def test_granted_again_on_the_day_of_the_revocation_no_day_comes_back() -> None:
    parts = [waiver(start, 30, revoked=start + 6) for start in range(0, 60, 6)]
    assert covered_days(*parts) == list(range(30)), "six days are covered, and the seventh by the next one"
    gaps = [waiver(start, 30, revoked=start + 5) for start in range(0, 100, 10)]
    assert covered_days(*gaps) == [start + day for start in range(0, 50, 10) for day in range(5)], "five times six days are spent"


NAMES = [
    'public."orders[2024]"',
    "public.f(integer[], text[])",
    'public."a*b"',
    'public."a?b"',
    'public."say ""[x]"""',
    "orders/rows: [x] is *",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("other", ['public."orders2"', "public.orders2", "public.f(integeri)", 'public."axb"', 'public."say ""x"""'])
def test_what_is_named_as_it_is_shown_is_covered_and_nothing_else(name: str, other: str) -> None:
    listed = waiver(0, 3, pattern=named(name))
    assert covered_days(listed, violation=Violation("RLS001", "2" * 32, name)) == [0, 1, 2]
    assert covered_days(listed, violation=Violation("RLS001", "3" * 32, other)) == []
    unchanged = waiver(0, 3, pattern=name)
    assert covered_days(unchanged, violation=Violation("RLS001", "2" * 32, name)) == [0, 1, 2]
    assert covered_days(unchanged, violation=Violation("RLS001", "3" * 32, other)) == []


@given(st.text(alphabet='a*?[]!"-^\\\n.', min_size=1, max_size=12), st.text(alphabet='a*?[]!"-^\\\n.', max_size=12))
def test_a_named_object_is_that_one_whatever_its_name(name: str, other: str) -> None:
    assert exact_name(named(name)) == name
    assert matcher(named(name))(name)
    assert bool(matcher(named(name))(other)) is (name == other)
    listed = [waiver(0, 1, pattern=name)]
    assert covered_days(*listed, violation=Violation("RLS001", "2" * 32, name)) == [0]


@pytest.mark.parametrize(
    ("pattern", "covered"),
    [
        ("public.*", [True, True, True, True]),
        ("public.[co]*", [True, True, False, False]),
        ("public.[!c]*", [True, False, True, True]),
        ("public.order?", [True, False, False, False]),
        ('public."Old*"', [False, False, False, False]),
        ("public.?Old*", [False, False, True, True]),
        ("*.orders", [True, False, False, False]),
    ],
)
def test_shell_patterns_are_matched(pattern: str, covered: list[bool]) -> None:
    shown = ["public.orders", "public.carts", 'public."Old one"', 'public."Old[1]"']
    assert [bool(covered_days(waiver(0, 1, pattern=pattern), violation=Violation("RLS001", "2" * 32, name))) for name in shown] == covered


def test_five_thousand_waivers_and_findings_are_brought_together_without_trying_each_with_each() -> None:
    """Twenty-five million trials took half a minute; what names an object or a finding is looked up."""
    violations = [Violation("RLS001", f"{n:032x}", f"public.t{n}") for n in range(5_000)]
    named_ones = [waiver(0, 30, pattern=f"public.t{n}") for n in range(2_490)]
    of_findings = [replace(waiver(0, 30, pattern=None), fingerprint=f"{n:032x}") for n in range(2_490, 4_980)]
    patterns = [waiver(0, 30, pattern=f"public.t49{n}?") for n in range(8, 10)] + [waiver(0, 30, pattern="drafts.*") for _ in range(18)]
    covers = covers_of([*named_ones, *of_findings, *patterns], Environment.STAGING)
    assert len(covers) == 5_000
    began = time.process_time()
    found = covers_on(covers, violations, FIRST)
    took = time.process_time() - began
    assert found.keys() == {v.fingerprint for v in violations}
    assert took < 2
