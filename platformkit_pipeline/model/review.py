"""The annual review of the constitution (clause 11.2): when it is due, and what is known of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

_LAST_MONTH = 3


@dataclass(frozen=True, slots=True)
class Review:
    """A row of `ops.reviews`. `figures` are of the time from `since` to `opened_at`; versions are None where none was observed."""

    year: int
    due: date
    opened_at: datetime
    since: datetime
    agenda: str
    figures: Mapping[str, Any]
    constitution_before: str | None = None
    issue: str | None = None
    completed_at: datetime | None = None
    completed_by: str | None = None
    outcome: str | None = None
    constitution_after: str | None = None


def review_is_due(today: date) -> bool:
    """Whether `today` (UTC) is in the first quarter, when reviews are opened."""
    return today.month <= _LAST_MONTH


def review_due_date(year: int) -> date:
    """The last day of the year's first quarter."""
    return date(year, _LAST_MONTH, 31)
