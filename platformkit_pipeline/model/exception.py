"""An exception as it is on record: one row of `ops.exceptions` (clause 10.1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Signature:
    """One of the two approvals: who, and on which day (UTC). None where nobody filled it in."""

    name: str | None = None
    day: date | None = None


@dataclass(frozen=True, slots=True)
class ApprovedText:
    """What was approved: the digest of the document when these approvals were first read."""

    digest: str
    security_day: date
    architect_day: date


@dataclass(frozen=True, slots=True)
class ExceptionEntry:
    """What one document comes to. Days are UTC; the last one is included. It covers something only where `faults` is empty."""

    path: str
    content_digest: str
    """SHA-256, 64 hex digits."""
    approved: ApprovedText | None = None
    """None before both approvals were there."""
    title: str = ""
    rules: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    """Shell patterns; none means every object of the rules."""
    target_names: tuple[str, ...] = ()
    """As the document says; none means the repository and its projects."""
    covers_target_ids: tuple[int, ...] = ()
    rationale: str = ""
    risk: str = ""
    mitigation: str = ""
    documented_on: date | None = None
    expires_on: date | None = None
    security: Signature = Signature()
    architect: Signature = Signature()
    faults: tuple[str, ...] = ()
    """Why it covers nothing, one sentence each."""

    @property
    def approved_on(self) -> date | None:
        """Day of the later approval; None before both are there."""
        if self.security.day is None or self.architect.day is None:
            return None
        return max(self.security.day, self.architect.day)


@dataclass(frozen=True, slots=True)
class StoredException:
    """A row. `target_id` is the repository's; `removed_at` is set since a scan no longer found the document."""

    exception_id: int
    target_id: int
    entry: ExceptionEntry
    commit: str | None = None
    scan_id: str | None = None
    removed_at: datetime | None = None
