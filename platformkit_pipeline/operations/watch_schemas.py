"""Which projects have another schema than when somebody last asked for their scan. Decides; asks no database, knows no clock.

What is remembered between two looks is one JSON document, so that whoever keeps it may be restarted in between. It holds
markers and times, never where a database is.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

VERSION = 1
_MARKER_DIGITS = 16
"""Of 32: a chance of one in 10^19 to miss a change, at half of the memory."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`looks` and `requests` are for one tick, the others in seconds."""

    looks: int = 1500
    requests: int = 25
    between_scans: float = 60.0
    """A schema that keeps changing is scanned so often, and once more when it has stopped."""
    first_pause: float = 60.0
    """After a look that failed; twice as long after each further one."""
    longest_pause: float = 900.0


@dataclass(frozen=True, slots=True)
class Seen:
    """`marker` is the one that a scan was last requested for, at `requested` (seconds since 1970); `moved` says that another one was
    seen since."""

    marker: str
    requested: float = 0.0
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Failing:
    """So many looks in a row failed; not before `again` (seconds since 1970) is the next one."""

    times: int
    again: float


@dataclass(frozen=True, slots=True)
class Remembered:
    """`requests` counts the ticks that requested something since `origin`, the moment when memory began; `after` names the project that
    the last tick ended with."""

    seen: Mapping[str, Seen] = field(default_factory=dict)
    failing: Mapping[str, Failing] = field(default_factory=dict)
    requests: int = 0
    after: str = ""
    origin: str = field(default_factory=lambda: uuid.uuid4().hex[:12])

    def to_json(self) -> str:
        """A project that is at rest takes its name and 16 digits."""
        value = {
            "version": VERSION,
            "seen": {name: _seen_to_json(seen) for name, seen in self.seen.items()},
            "failing": {name: [failing.times, round(failing.again)] for name, failing in self.failing.items()},
            "requests": self.requests,
            "after": self.after,
            "origin": self.origin,
        }
        return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | None) -> Remembered:
        """What `to_json` wrote; nothing is remembered of what cannot be read, so everything is scanned again."""
        try:
            value = json.loads(text or "{}")
            if value["version"] != VERSION:
                return cls()
            return cls(
                {name: _seen_from_json(seen) for name, seen in value["seen"].items()},
                {name: Failing(int(times), float(again)) for name, (times, again) in value["failing"].items()},
                int(value["requests"]),
                str(value["after"]),
                str(value["origin"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls()


def _seen_to_json(seen: Seen) -> str | list[Any]:
    return [seen.marker, round(seen.requested, 3), int(seen.moved)] if seen.requested or seen.moved else seen.marker


def _seen_from_json(value: Any) -> Seen:
    if isinstance(value, str):
        return Seen(value)
    marker, requested, moved = value
    return Seen(str(marker), float(requested), bool(moved))


@dataclass(frozen=True, slots=True)
class Request:
    """`occasion` differs for every request: of a schema that was there before, and of one that memory has lost."""

    name: str
    marker: str
    occasion: str


@dataclass(frozen=True, slots=True)
class Decision:
    """`waiting` are changed, and are requested at a later tick: a run is under way, the last one was a moment ago, or the tick is full."""

    requests: tuple[Request, ...]
    waiting: tuple[str, ...]
    remembered: Remembered


def due(names: Collection[str], remembered: Remembered, now: float, limits: Limits = Limits()) -> tuple[str, ...]:
    """Whom to look at in this tick, those first that waited longest. Projects that failed pause, and are left out while they do."""
    ready = [name for name in names if (failing := remembered.failing.get(name)) is None or not _pauses(failing, now, limits)]
    return tuple(sorted(ready, key=lambda name: (name <= remembered.after, name))[: limits.looks])


def decide(
    names: Collection[str],
    looked: Mapping[str, str | None],
    busy: Collection[str],
    remembered: Remembered,
    now: float,
    limits: Limits = Limits(),
) -> Decision:
    """Compare what was `looked` at with what is remembered, and say which scans to request.

    `looked` maps names, in the order of `due`, to markers, None for a look that failed; `busy` are projects whose scan is queued or
    running. What is not among `names` any more is forgotten.
    """
    seen = {name: _settled(one, now, limits) for name, one in remembered.seen.items() if name in names}
    failing = {name: one for name, one in remembered.failing.items() if name in names}
    wanted: list[tuple[str, str]] = []
    waiting: list[str] = []
    for name, marker in looked.items():
        if marker is None:
            failing[name] = _once_more(failing.get(name), now, limits)
            continue
        failing.pop(name, None)
        short, before = marker[:_MARKER_DIGITS], seen.get(name)
        if before is not None and before.marker == short and not before.moved:
            continue
        if before is not None:
            seen[name] = before = replace(before, moved=True)
        if name in busy or (before is not None and before.requested) or len(wanted) == limits.requests:
            waiting.append(name)
            continue
        wanted.append((name, short))
        seen[name] = Seen(short, now)
    count = remembered.requests + bool(wanted)
    occasion = f"{remembered.origin}-{count}"
    return Decision(
        requests=tuple(Request(name, marker, f"{name}@{marker}#{occasion}") for name, marker in wanted),
        waiting=tuple(waiting),
        remembered=Remembered(seen, failing, count, _end(names, looked), remembered.origin),
    )


def _settled(seen: Seen, now: float, limits: Limits) -> Seen:
    """The time of a request is of no interest once the next one may be made; nor is one that a clock set back puts into the future."""
    return seen if 0 <= now - seen.requested < limits.between_scans else replace(seen, requested=0.0)


def _pauses(failing: Failing, now: float, limits: Limits) -> bool:
    """No pause is longer than the longest: else a clock that was ahead for a while would leave a project unwatched for as long."""
    return now < failing.again <= now + limits.longest_pause + 1


def _once_more(failing: Failing | None, now: float, limits: Limits) -> Failing:
    times = 1 if failing is None else failing.times + 1
    return Failing(times, now + min(limits.longest_pause, limits.first_pause * 2.0 ** min(times - 1, 20)))


def _end(names: Collection[str], looked: Mapping[str, str | None]) -> str:
    """Where the next tick goes on: at the beginning when everybody was looked at."""
    order: Sequence[str] = tuple(looked)
    return order[-1] if order and len(order) < len(names) else ""
