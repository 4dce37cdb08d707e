"""Defaults that are the time of the insert."""

from __future__ import annotations

import pytest

from platformkit_pipeline.sqltext.clocks import is_clock


@pytest.mark.parametrize(
    "default",
    [
        "now()",
        "CURRENT_TIMESTAMP",
        "CURRENT_TIMESTAMP(3)",
        "clock_timestamp()",
        "timezone('utc'::text, now())",
        "(now() AT TIME ZONE 'utc')",
    ],
)
def test_the_servers_clock(default: str) -> None:
    assert is_clock(default)


@pytest.mark.parametrize(
    "default", ["'2026-01-01 00:00:00+00'::timestamptz", "(now() + '1 day'::interval)", "public.now()", "CURRENT_USER", "no ( sense"]
)
def test_any_other_value(default: str) -> None:
    assert not is_clock(default)
