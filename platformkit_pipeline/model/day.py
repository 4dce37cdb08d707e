"""Days of the calendar as people write them."""

from __future__ import annotations

from datetime import date


def written_day(text: str | None) -> date | None:
    """A day of the form yyyy-mm-dd; None for anything else, also for what ISO 8601 calls a day besides: 20260301, 2026-W09-7."""
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError:
        return None
    return day if day is not None and day.isoformat() == text else None
