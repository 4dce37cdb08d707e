"""Which violations are excused today, and by what (clauses 10.1, 10.2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fnmatch import fnmatchcase

from platformkit_pipeline.model.waiver import LONGEST_WAIVER_DAYS, Cover, CoverKind

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Violation:
    """What may be excused: a FAIL of one rule about one object. `shown` is the object as people read and name it."""

    rule: str
    fingerprint: str
    shown: str


def covers_on(covers: Iterable[Cover], violations: Iterable[Violation], today: date) -> Mapping[str, Cover]:
    """The cover of every violation that has one on `today` (UTC), by fingerprint; the one that lasts longest where there are several.

    Give all covers, those of the past too: waivers excuse a violation on 30 days in all, whichever waivers these days come from.
    """
    of_rule: dict[str, list[Cover]] = defaultdict(list)
    for cover in covers:
        of_rule[cover.rule].append(cover)
    found: dict[str, Cover] = {}
    for violation in violations:
        matching = [c for c in of_rule.get(violation.rule, ()) if matches(c, violation)]
        in_force = [c for c in matching if c.first_day <= today <= c.last_day and _within_limit(c, matching, today)]
        if in_force:
            found[violation.fingerprint] = max(in_force, key=lambda c: (c.last_day, c.cover_id))
    return found


def matches(cover: Cover, violation: Violation) -> bool:
    """Whether it is about this violation, whatever the day."""
    if cover.rule != violation.rule:
        return False
    if cover.fingerprint is not None:
        return cover.fingerprint == violation.fingerprint
    return any(fnmatchcase(violation.shown, pattern) for pattern in cover.patterns)


def waived_days(covers: Iterable[Cover], violation: Violation, before: date) -> int:
    """On how many days before `before` waivers were in force for the violation; a day of two waivers counts once."""
    return _days(_spans([c for c in covers if matches(c, violation)]), before)


def _within_limit(cover: Cover, matching: Sequence[Cover], today: date) -> bool:
    return cover.kind is not CoverKind.WAIVER or _days(_spans(matching), today) < LONGEST_WAIVER_DAYS


def _spans(covers: Iterable[Cover]) -> list[tuple[date, date]]:
    return sorted((c.first_day, c.last_day) for c in covers if c.kind is CoverKind.WAIVER)


def _days(spans: Iterable[tuple[date, date]], before: date) -> int:
    """Days of the union of `spans`, which are sorted, before that day."""
    total, counted_to = 0, date.min
    for first, last in spans:
        begin, end = max(first, counted_to + _ONE_DAY if counted_to > date.min else first), min(last, before - _ONE_DAY)
        if end >= begin:
            total += (end - begin).days + 1
            counted_to = end
    return total
