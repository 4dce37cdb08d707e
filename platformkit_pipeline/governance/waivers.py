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
    return min(waiver.expires_on, _revoked_on(waiver) - timedelta(days=1)) if waiver.revoked_at else waiver.expires_on


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
    """None for one that was revoked before it began. One that was revoked on its first day covers nothing, and has spent that day."""
    last = last_day_of(waiver)
    spent = min(waiver.expires_on, _revoked_on(waiver)) if waiver.revoked_at else last
    if spent < waiver.starts_on:
        return None
    return Cover(
        kind=CoverKind.WAIVER,
        cover_id=waiver.waiver_id,
        rule=waiver.rule,
        fingerprint=waiver.fingerprint,
        patterns=(waiver.object_pattern,) if waiver.object_pattern is not None else (),
        first_day=waiver.starts_on,
        last_day=last,
        reason=waiver.reason,
        spent_to=spent,
    )


def _revoked_on(waiver: Waiver) -> date:
    return waiver.revoked_at.astimezone(UTC).date() if waiver.revoked_at else date.max
