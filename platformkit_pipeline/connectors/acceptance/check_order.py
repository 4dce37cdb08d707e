"""Order by key, and one bad event that must not hold up the rest (clause 9.2)."""

from __future__ import annotations

from dataclasses import dataclass

from platformkit_pipeline.connectors.acceptance.check import Fails, check
from platformkit_pipeline.connectors.acceptance.trial import Trial, about, marker_of, new_event
from platformkit_pipeline.connectors.acceptance.wire import Arrival, WireAnswer
from platformkit_pipeline.model.connector import Capability
from platformkit_pipeline.model.event import Event

_HEAD_FAILS = 3
_POISON_FAILS = 2
_OF_A_KEY = 3


@dataclass(frozen=True, slots=True)
class FailingHead:
    """What was seen of two keys, of which the first event of one failed three times."""

    held: tuple[Event, ...]
    """Of the key whose head failed."""
    free: tuple[Event, ...]
    sent: tuple[Event, ...]
    """One per arrival, in order."""
    taken: tuple[Event, ...]
    """One per arrival that was answered with success."""


def failing_head(trial: Trial) -> FailingHead:
    connector = trial.connector(trial.workbench.fresh())
    held = tuple(new_event("held", n + 1) for n in range(_OF_A_KEY))
    free = tuple(new_event("free", n + 1) for n in range(_OF_A_KEY))

    def script(arrival: Arrival) -> WireAnswer | None:
        fails = about(arrival, held[:1]) is not None and len(trial.wire.arrivals(marker_of(held[0]))) <= _HEAD_FAILS
        return WireAnswer(503) if fails else None

    trial.wire.script = script
    trial.publish(connector, *held, *free)
    trial.deliver(connector, *held, *free)
    everything = (*held, *free)
    sent = tuple(event for arrival in trial.wire.arrivals() if (event := about(arrival, everything)))
    taken = tuple(event for arrival in trial.wire.taken() if (event := about(arrival, everything)))
    if missing := len(everything) - len({event.id for event in taken}):
        raise Fails(f"{missing} of {len(everything)} events did not arrive, of which one failed {_HEAD_FAILS} times")
    return FailingHead(held, free, sent, taken)


@check(
    "ordering.per_key",
    "9.2",
    "Events of one key arrive in the order in which they were published, also while the first of them fails",
    needs=Capability.ORDERED,
    after=("retry.tries_again",),
)
def ordering_per_key(trial: Trial) -> None:
    seen = trial.once("failing_head", failing_head)
    for events in (seen.held, seen.free):
        order = [event.payload["position"] for event in seen.taken if event in events]
        if order != sorted(order):
            raise Fails(f"events of one key were taken in the order {order}")
    head = seen.held[0]
    before = seen.sent[: len(seen.sent) - 1 - seen.sent[::-1].index(head)]
    if overtaking := [event for event in before if event in seen.held[1:]]:
        raise Fails(f"{len(overtaking)} later events of a key were sent while its first one waited for its next attempt")


@check(
    "ordering.other_keys_go_on",
    "9.2",
    "A failing event holds up its own key and no other",
    needs=Capability.ORDERED,
    after=("retry.tries_again",),
)
def other_keys_go_on(trial: Trial) -> None:
    seen = trial.once("failing_head", failing_head)
    head_taken = seen.taken.index(seen.held[0])
    if waited := [event for event in seen.free if seen.taken.index(event) > head_taken]:
        raise Fails(f"{len(waited)} of {len(seen.free)} events of another key waited for an event that failed {_HEAD_FAILS} times")


@check(
    "poison.does_not_block",
    "9.2",
    "An event that ends every request it is in does not keep others from being delivered, and is given up",
    needs=Capability.PUBLISH,
    after=("dead_letters.refused_at_once", "retry.tries_again"),
)
def poison_does_not_block(trial: Trial) -> None:
    connector = trial.connector(trial.workbench.fresh())
    poison, successor = new_event("poisoned", 1), new_event("poisoned", 2)
    others = tuple(new_event() for _ in range(3))

    def script(arrival: Arrival) -> WireAnswer | None:
        if about(arrival, (poison,)) is None:
            return None
        return WireAnswer(hang_up=True) if len(trial.wire.arrivals(marker_of(poison))) <= _POISON_FAILS else WireAnswer(422)

    trial.wire.script = script
    trial.publish(connector, poison, successor, *others)
    everything = (successor, *others)
    if not trial.deliver(connector, *everything):
        late = sum(not trial.wire.taken(marker_of(event)) for event in everything)
        raise Fails(f"{late} of {len(everything)} events behind a poison message were not delivered")
    trial.drive(connector, trial.settled(connector))
    last_attempt = trial.wire.arrivals(marker_of(poison))[-1].at
    if blocked := [event for event in others if trial.wire.taken(marker_of(event))[0].at > last_attempt]:
        raise Fails(f"{len(blocked)} events of other keys waited until a poison message was given up")
    depth = trial.depth(connector)
    if (depth.dead_letters, depth.pending) != (1, 0):
        raise Fails(f"a poison message was refused, and queue_depth() says {depth.dead_letters} dead letters, {depth.pending} waiting")
