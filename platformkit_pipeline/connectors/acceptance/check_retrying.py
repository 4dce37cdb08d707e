"""Retries as the wire sees them: tried again, the destination's own wish, one key for all attempts (clause 9.2)."""

from __future__ import annotations

from dataclasses import dataclass

from platformkit_pipeline.connectors.acceptance.check import Fails, check
from platformkit_pipeline.connectors.acceptance.trial import Trial, bears_key_of, gaps, marker_of, new_event
from platformkit_pipeline.connectors.acceptance.wire import Arrival, WireAnswer
from platformkit_pipeline.connectors.interface import Connector
from platformkit_pipeline.model.connector import Capability, QueueDepth
from platformkit_pipeline.model.event import Event

_EVENTS = 6
_ASKED_SECONDS = 1
_TOLERANCE = 0.95
_FEW_ATTEMPTS, _SLOW_MACHINES = 8, 4
"""Where no more attempts were made than that, it is the machine that is slow: it gets its time so many times."""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """What was seen of events that a destination fails for ever."""

    connector: Connector
    events: tuple[Event, ...]
    arrivals: tuple[tuple[Arrival, ...], ...]
    """By event."""
    depth: QueueDepth
    reasons: tuple[str, ...]


@check(
    "retry.tries_again",
    "9.2",
    "A delivery that failed for now is tried again until it is taken",
    needs=Capability.PUBLISH,
    after=("publish.delivers",),
)
def retry_tries_again(trial: Trial) -> None:
    connector = trial.connector(trial.workbench.fresh())
    event = new_event()
    failing = {503: 1, 408: 1}

    def script(_: Arrival) -> WireAnswer | None:
        for status, left in failing.items():
            if left:
                failing[status] = 0
                return WireAnswer(status)
        return None

    trial.wire.script = script
    trial.publish(connector, event)
    if trial.deliver(connector, event):
        return
    attempts = len(trial.wire.arrivals(marker_of(event)))
    depth = trial.depth(connector)
    became = f"{depth.dead_letters} dead letters, {depth.pending} waiting"
    raise Fails(f"a destination that fails twice (503, 408) and then takes the event was tried {attempts} times ({became})")


def given_up(trial: Trial) -> GivenUp:
    """Several events of different keys, published together, at a destination that always answers 503."""
    bench = trial.workbench.fresh()
    connector = trial.connector(bench)
    events = tuple(new_event() for _ in range(_EVENTS))
    trial.wire.script = lambda _: WireAnswer(503)
    trial.publish(connector, *events)
    for _ in range(_SLOW_MACHINES):
        settled = trial.drive(connector, trial.settled(connector), seconds=trial.limits.give_up_seconds)
        if settled or len(trial.wire.arrivals()) > len(events) * _FEW_ATTEMPTS:
            break
    arrivals = tuple(tuple(trial.wire.arrivals(marker_of(event))) for event in events)
    return GivenUp(connector, events, arrivals, trial.depth(connector), trial.workbench.dead_letter_reasons(bench))


@check(
    "retry.same_key",
    "9.2",
    "Every attempt carries the same idempotency key",
    needs=Capability.PUBLISH,
    after=("retry.tries_again",),
)
def retry_same_key(trial: Trial) -> None:
    seen = trial.once("given_up", given_up)
    for event, arrivals in zip(seen.events, seen.arrivals, strict=True):
        if not all(bears_key_of(arrival, event) for arrival in arrivals):
            keys = len({arrival.key for arrival in arrivals})
            raise Fails(f"{len(arrivals)} attempts of one event carried {keys} keys, and not always the event's id")


@check(
    "retry.honours_retry_after",
    "9.2",
    "A destination that asks for a pause (Retry-After) gets it",
    needs=Capability.PUBLISH,
    after=("retry.tries_again",),
)
def retry_honours_retry_after(trial: Trial) -> None:
    connector = trial.connector(trial.workbench.fresh())
    event = new_event()
    asked = {"Retry-After": str(_ASKED_SECONDS)}
    trial.wire.script = lambda _: WireAnswer(429, asked) if len(trial.wire.arrivals(marker_of(event))) == 1 else None
    trial.publish(connector, event)
    if not trial.deliver(connector, event):
        raise Fails(f"a destination that asked for {_ASKED_SECONDS} s was not tried again")
    pause = gaps(trial.wire.arrivals(marker_of(event)))[0]
    if pause < _ASKED_SECONDS * _TOLERANCE:
        raise Fails(f"a destination that asked for a pause of {_ASKED_SECONDS} s was tried again after {pause:.2f} s")
