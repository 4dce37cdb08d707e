"""The pattern of retries as the wire sees it: delays that grow, and that differ between events which failed together (clause 9.2).

A machine that is busy delays requests as well. So every verdict allows for how long the relay was busy, and where that leaves it
open the same is played once more with longer delays.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from platformkit_pipeline.connectors.acceptance.check import CannotTell, Fails, check
from platformkit_pipeline.connectors.acceptance.trial import TURN_PAUSE_SECONDS, Trial, gaps, marker_of, new_event
from platformkit_pipeline.connectors.acceptance.wire import WireAnswer
from platformkit_pipeline.connectors.acceptance.workbench import TIME_SCALE
from platformkit_pipeline.model.connector import Capability

_EVENTS = 10
_SCALES = (TIME_SCALE, TIME_SCALE * 5)
_FEWEST_GAPS = 3
_CLEAR = 4.0
"""The longest delay is to be so many times what the machine adds, before anything is said of it."""
_GROWTH = 2.0
"""The last delay is at least so many times the first: with the least sensible factor of 1.5 three delays give 2.25."""
_SPREAD = 0.12
"""Delays of events that failed together differ by at least this part of their median."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """Delays by attempt, each with one entry per event, and what the machine may have added to one. In seconds."""

    delays: tuple[tuple[float, ...], ...]
    added: float

    @property
    def medians(self) -> list[float]:
        return [median(of_attempt) for of_attempt in self.delays]

    @property
    def grows(self) -> bool | None:
        """None: the machine may have made up the difference."""
        if not self._clear:
            return None
        first, longest = self.medians[0], max(self.medians)
        if longest >= _GROWTH * first + self.added:
            return True
        return False if longest + self.added < _GROWTH * max(first - self.added, 0) else None

    @property
    def differs(self) -> bool | None:
        """As `grows`, about the longest delays."""
        if not self._clear:
            return None
        spread, wanted = max(self.longest) - min(self.longest), _SPREAD * median(self.longest)
        if spread >= wanted + self.added:
            return True
        return False if spread < wanted else None

    @property
    def longest(self) -> tuple[float, ...]:
        return max(self.delays, key=median)

    @property
    def decided(self) -> bool:
        return False in (self.grows, self.differs) or (self.grows is True and self.differs is True)

    @property
    def _clear(self) -> bool:
        return len(self.delays) >= _FEWEST_GAPS and max(self.medians) >= _CLEAR * self.added


@check(
    "retry.back_off",
    "9.2",
    "Delays between attempts grow, and differ between events that failed together (jitter)",
    needs=Capability.PUBLISH,
    after=("retry.tries_again",),
)
def retry_back_off(trial: Trial) -> None:
    pattern = Pattern((), 0.0)
    for scale in _SCALES:
        pattern = _pattern(trial, scale)
        if pattern.decided:
            break
    if pattern.grows is False:
        raise Fails(f"delays between attempts do not grow: {_shown(pattern.medians)}")
    if pattern.differs is False:
        raise Fails(f"delays have no jitter: {_EVENTS} events that failed together come back together after {_shown(pattern.longest)}")
    if pattern.decided:
        return
    raise CannotTell(
        f"{len(pattern.delays) + 1} attempts were seen, with delays of {_shown(pattern.medians) or 'nothing'}, and the machine adds up to "
        f"{_shown([pattern.added])} to each: too little to see a pattern in"
    )


def _pattern(trial: Trial, scale: float) -> Pattern:
    """Several events of different keys, published together, at a destination that always answers 503, until enough was seen."""
    connector = trial.connector(trial.workbench.fresh(scale))
    events = [new_event() for _ in range(_EVENTS)]
    markers = [marker_of(event) for event in events]
    trial.wire.script = lambda _: WireAnswer(503)
    trial.publish(connector, *events)
    nothing_waits = trial.settled(connector)
    busy = [0.0]
    end = time.monotonic() + trial.limits.give_up_seconds
    pattern = Pattern((), 0.0)
    while time.monotonic() < end and not pattern.decided and not nothing_waits():
        began = time.monotonic()
        turn = trial.turn(connector)
        time.sleep(TURN_PAUSE_SECONDS)
        if not turn.idle:
            busy[-1] += time.monotonic() - began
        elif busy[-1]:
            busy.append(0.0)
        pattern = _seen(trial, markers, busy)
    return pattern


def _seen(trial: Trial, markers: Sequence[str], busy: Sequence[float]) -> Pattern:
    """What is due while the relay is busy waits: `busy` are the seconds for which it had something to do without a pause."""
    of_events = [gaps(trial.wire.arrivals(marker)) for marker in markers]
    longest = sorted(busy)[-max(1, len(busy) // 4)]
    return Pattern(tuple(zip(*of_events, strict=False)), longest)


def _shown(delays: Sequence[float]) -> str:
    return ", ".join(f"{delay * 1000:.0f} ms" for delay in delays)
