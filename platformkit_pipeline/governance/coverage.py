"""Which violations are excused today, and by what (clauses 10.1, 10.2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from platformkit_pipeline.governance.object_patterns import exact_name, matcher, meant
from platformkit_pipeline.model.waiver import LONGEST_WAIVER_DAYS, Cover, CoverKind

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Violation:
    """What may be excused: a FAIL of one rule about one object. `shown` is the object as people read and name it."""

    rule: str
    fingerprint: str
    shown: str


class CoverIndex:
    """Finds the covers of a violation without a look at each of them: by fingerprint and by name; only true patterns are tried.

    Names that are given as they are shown match themselves, whatever characters they hold.
    """

    def __init__(self, covers: Iterable[Cover]) -> None:
        self._covers = tuple(covers)
        self._by_fingerprint: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._by_name: dict[tuple[str, str], list[int]] = defaultdict(list)
        of_rule: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for number, cover in enumerate(self._covers):
            if cover.fingerprint is not None:
                self._by_fingerprint[cover.rule, cover.fingerprint].append(number)
                continue
            for pattern in cover.patterns:
                if exact_name(pattern) is None:
                    of_rule[cover.rule][pattern].append(number)
                for known in {pattern, meant(pattern)}:
                    self._by_name[cover.rule, known].append(number)
        self._patterns: dict[str, list[tuple[Callable[[str], object], list[int]]]] = {
            rule: [(matcher(pattern), numbers) for pattern, numbers in patterns.items()] for rule, patterns in of_rule.items()
        }

    def of(self, violation: Violation) -> list[Cover]:
        """Those that are about it, whatever the day, in the order in which they were given."""
        found = {
            *self._by_fingerprint.get((violation.rule, violation.fingerprint), ()),
            *self._by_name.get((violation.rule, violation.shown), ()),
        }
        for matched, numbers in self._patterns.get(violation.rule, ()):
            if matched(violation.shown):
                found.update(numbers)
        return [self._covers[number] for number in sorted(found)]

    def about(self, violations: Iterable[Violation]) -> Mapping[str, Sequence[Violation]]:
        """The violations that each cover is about, by its id; without those that are about none."""
        found: dict[str, list[Violation]] = defaultdict(list)
        for violation in violations:
            for cover_id in dict.fromkeys(cover.cover_id for cover in self.of(violation)):
                found[cover_id].append(violation)
        return found


def covers_on(covers: Iterable[Cover], violations: Iterable[Violation], today: date) -> Mapping[str, Cover]:
    """The cover of every violation that has one on `today` (UTC), by fingerprint; the one that lasts longest where there are several.

    Give all covers, those of the past too: waivers excuse a violation on 30 days in all, whichever waivers these days come from.
    """
    index = CoverIndex(covers)
    found: dict[str, Cover] = {}
    for violation in violations:
        matching = index.of(violation)
        in_force = [c for c in matching if c.first_day <= today <= c.last_day]
        if any(c.kind is CoverKind.WAIVER for c in in_force) and _spent(matching, today) >= LONGEST_WAIVER_DAYS:
            in_force = [c for c in in_force if c.kind is not CoverKind.WAIVER]
        if in_force:
            found[violation.fingerprint] = max(in_force, key=lambda c: (c.last_day, c.cover_id))
    return found


def waived_days(covers: CoverIndex, violation: Violation, before: date) -> int:
    """How many of the days before `before` waivers spent on the violation: a day of two waivers counts once, and so does the day on which
    one was revoked."""
    return _spent(covers.of(violation), before)


def _spent(covers: Iterable[Cover], before: date) -> int:
    """Days of the union of the waivers among `covers`, before that day."""
    total, counted_to = 0, date.min
    for first, last in sorted((c.first_day, c.spent_to or c.last_day) for c in covers if c.kind is CoverKind.WAIVER):
        begin, end = max(first, counted_to + _ONE_DAY if counted_to > date.min else first), min(last, before - _ONE_DAY)
        if end >= begin:
            total += (end - begin).days + 1
            counted_to = end
    return total
