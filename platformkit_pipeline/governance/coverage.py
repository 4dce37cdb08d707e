"""Which violations are excused today, and by what (clauses 10.1, 10.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase

from platformkit_pipeline.model.waiver import Cover


@dataclass(frozen=True, slots=True)
class Violation:
    """What may be excused: a FAIL of one rule about one object. `shown` is the object as people read and name it."""

    rule: str
    fingerprint: str
    shown: str


def covers_on(covers: Iterable[Cover], violations: Iterable[Violation], today: date) -> Mapping[str, Cover]:
    """The cover of every violation that has one on `today` (UTC), by fingerprint; the one that lasts longest where there are several."""
    in_force = sorted((c for c in covers if c.first_day <= today <= c.last_day), key=lambda c: (c.last_day, c.cover_id), reverse=True)
    found: dict[str, Cover] = {}
    for violation in violations:
        cover = next((c for c in in_force if matches(c, violation)), None)
        if cover is not None:
            found[violation.fingerprint] = cover
    return found


def matches(cover: Cover, violation: Violation) -> bool:
    """Whether it is about this violation, whatever the day."""
    if cover.rule != violation.rule:
        return False
    if cover.fingerprint is not None:
        return cover.fingerprint == violation.fingerprint
    return any(fnmatchcase(violation.shown, pattern) for pattern in cover.patterns)
