"""Exponential back-off with jitter, and what destinations may ask for."""

from __future__ import annotations

import math

import pytest

from platformkit_pipeline.connectors.delivery.retry import LONGEST_ASKED_SECONDS, RetryPolicy


def test_delays_double_up_to_the_longest() -> None:
    policy = RetryPolicy(first_delay_seconds=1, factor=2, longest_delay_seconds=10, jitter=0)
    assert [round(policy.delay(n), 9) for n in (1, 2, 3, 4, 5, 6)] == [1, 2, 4, 8, 10, 10]


def test_jitter_takes_away_up_to_its_share_and_full_jitter_up_to_all() -> None:
    half, full = RetryPolicy(jitter=0.5), RetryPolicy(jitter=1)
    assert [half.delay(1, chance=lambda c=c: c) for c in (0.0, 0.5, 1.0)] == [1, 0.75, 0.5]  # type: ignore[misc]  # the default binds it now
    assert full.delay(3, chance=lambda: 0.75) == pytest.approx(1)


def test_a_million_failures_wait_as_long_as_the_longest() -> None:
    for factor in (1.0, 1.0001, 2.0, 1e9):
        policy = RetryPolicy(factor=factor, jitter=0)
        assert policy.delay(1_000_000) == (1 if factor == 1 else 300)


def test_what_the_destination_asks_for_is_the_least_but_a_day_is_the_most() -> None:
    policy = RetryPolicy(jitter=0)
    assert policy.delay(1, asked=20) == 20
    assert policy.delay(6, asked=20) == pytest.approx(32)
    assert policy.delay(1, asked=1e12) == policy.delay(1, asked=math.inf) == LONGEST_ASKED_SECONDS
    assert policy.delay(1, asked=math.nan) == policy.delay(1, asked=-5) == 1


@pytest.mark.parametrize(
    "values",
    [
        {"first_delay_seconds": 0},
        {"first_delay_seconds": 10, "longest_delay_seconds": 1},
        {"longest_delay_seconds": math.inf},
        {"factor": 0.5},
        {"attempts": 0},
        {"jitter": 1.5},
    ],
)
def test_what_makes_no_policy_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        RetryPolicy(**values)  # type: ignore[arg-type]  # attempts is an int
