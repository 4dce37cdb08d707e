"""What excuses a violation for a time: waivers (clause 10.2), and exceptions (clause 10.1) as far as they cover something."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

LONGEST_WAIVER_DAYS = 30
"""In all, for one rule and object, however many waivers they come from (clause 10.2)."""
REMINDER_DAYS = 7
"""So many days before the last one people are reminded (clause 10.2)."""


class CoverKind(StrEnum):
    WAIVER = "waiver"
    EXCEPTION = "exception"


class WaiverState(StrEnum):
    """`void` is one whose target has become production since."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRES_SOON = "expires_soon"
    LAPSED = "lapsed"
    REVOKED = "revoked"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Waiver:
    """A row of `ops.waivers`. Days are UTC and both ends are included; `fingerprint` or `object_pattern` says what it is for."""

    waiver_id: str
    target_id: int
    rule: str
    """Code of a rule, or `parity/<dimension>` for checks of contracts."""
    fingerprint: str | None
    object_pattern: str | None
    reason: str
    granted_by: str
    starts_on: date
    expires_on: date
    extends: str | None = None
    revoked_at: datetime | None = None
    revoked_by: str | None = None
    revoke_reason: str | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Cover:
    """One span of days on which FAILs of one rule do not count in the effective score and at gates. Raw scores know none of it.

    Matches a finding by `fingerprint` where there is one, else by any of `patterns` (`governance.object_patterns`).
    """

    kind: CoverKind
    cover_id: str
    """The waiver's id, or the path of the exception document."""
    rule: str
    fingerprint: str | None
    patterns: tuple[str, ...]
    first_day: date
    last_day: date
    reason: str
    """For a person: why, in one line."""
    spent_to: date | None = None
    """Of a waiver: the last day that counts among the 30, where it is not `last_day`. The day of its revocation is spent, not covered."""

    def to_json(self) -> dict[str, Any]:
        """As it stands in the field `waiver` of a finding."""
        return {"kind": self.kind.value, "id": self.cover_id, "expires_on": self.last_day.isoformat(), "reason": self.reason}
