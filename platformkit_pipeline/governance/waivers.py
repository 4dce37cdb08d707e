"""What waivers cover, and how they stand on a day (clause 10.2). Days are UTC; the first and the last one count."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, date, timedelta

from platformkit_pipeline.model.target import Environment
from platformkit_pipeline.model.waiver import REMINDER_DAYS, Cover, CoverKind, Waiver, WaiverState


def covers_of(waivers: Iterable[Waiver], environment: Environment) -> tuple[Cover, ...]:
    """What `waivers` of a target of that environment cover, on past days as well; nothing in production."""
    if environment is Environment.PRODUCTION:
        return ()
    return tuple(cover for waiver in waivers if (cover := _cover(waiver)) is not None)


def last_day_of(waiver: Waiver) -> date:
    """The last day that it covers: the one before the day on which it was revoked, where it was."""
    if waiver.revoked_at is None:
        return waiver.expires_on
    return min(waiver.expires_on, waiver.revoked_at.astimezone(UTC).date() - timedelta(days=1))


def state_of(waiver: Waiver, environment: Environment, today: date) -> WaiverState:
    """How it stands on `today`; revoked goes before everything else, and lapsed before void."""
    if waiver.revoked_at is not None:
        return WaiverState.REVOKED
    if today > waiver.expires_on:
        return WaiverState.LAPSED
    if environment is Environment.PRODUCTION:
        return WaiverState.VOID
    if today < waiver.starts_on:
        return WaiverState.PENDING
    return WaiverState.EXPIRES_SOON if days_left(waiver, today) <= REMINDER_DAYS else WaiverState.ACTIVE


def days_left(waiver: Waiver, today: date) -> int:
    """0 on its last day, below 0 after it."""
    return (waiver.expires_on - today).days


def reminder_is_due(waiver: Waiver, today: date) -> bool:
    """From seven days before its last day on; never on the day of the grant, when whoever granted it knows."""
    due = max(waiver.expires_on - timedelta(days=REMINDER_DAYS), waiver.starts_on + timedelta(days=1))
    return waiver.revoked_at is None and due <= today <= waiver.expires_on


def extended_ids(waivers: Collection[Waiver]) -> frozenset[str]:
    """Those that another one goes on for, which was not revoked: they need no reminder, and their end is no lapse."""
    return frozenset(w.extends for w in waivers if w.extends is not None and w.revoked_at is None)


def _cover(waiver: Waiver) -> Cover | None:
    last = last_day_of(waiver)
    if last < waiver.starts_on:
        return None
    patterns = (waiver.object_pattern,) if waiver.object_pattern is not None else ()
    return Cover(CoverKind.WAIVER, waiver.waiver_id, waiver.rule, waiver.fingerprint, patterns, waiver.starts_on, last, waiver.reason)
