"""Publishing: what is written to the outbox is delivered, once where nothing goes wrong, and the depth of the queue is true (clause 9.2)."""

from __future__ import annotations

import time

from platformkit_pipeline.connectors.acceptance.check import Fails, check
from platformkit_pipeline.connectors.acceptance.trial import Trial, about, bears_key_of, marker_of, new_event
from platformkit_pipeline.connectors.acceptance.wire import Arrival, WireAnswer
from platformkit_pipeline.model.connector import Capability

_QUIET_SECONDS = 0.1
"""How long the relay is driven on to see that nothing more is sent."""
_FAR_SECONDS = "30"


@check("publish.delivers", "9.2", "What is published arrives, once, with its id as idempotency key; then nothing waits", needs=Capability.PUBLISH)
def publish_delivers(trial: Trial) -> None:
    connector = trial.connector(trial.workbench.fresh())
    events = [new_event(), new_event()]
    trial.publish(connector, *events)
    if trial.wire.arrivals(marker_of(events[0])) and not trial.wire.taken(marker_of(events[0])):
        raise Fails("publish() sends itself instead of leaving it to relay_turn()")
    if not trial.drive(connector, lambda: all(trial.wire.taken(marker_of(event)) for event in events)):
        raise Fails(f"{sum(not trial.wire.taken(marker_of(e)) for e in events)} of 2 events did not arrive at a healthy destination")
    trial.drive_for(connector, _QUIET_SECONDS)
    for event in events:
        arrivals = trial.wire.arrivals(marker_of(event))
        if len(arrivals) != 1:
            raise Fails(f"an event that was taken the first time was sent {len(arrivals)} times")
        if not bears_key_of(arrivals[0], event):
            raise Fails("the event's id is not the idempotency key of its request, neither as header Idempotency-Key nor in the body")
    if pending := trial.depth(connector).pending:
        raise Fails(f"queue_depth() says that {pending} events wait after all were delivered")


@check(
    "publish.idempotent",
    "9.2",
    "The same id published twice is one event and one delivery",
    needs=Capability.PUBLISH,
    after=("publish.delivers",),
)
def publish_idempotent(trial: Trial) -> None:
    connector = trial.connector(trial.workbench.fresh())
    event, other = new_event(), new_event()
    trial.publish(connector, event)
    trial.publish(connector, event, other)
    trial.drive(connector, lambda: bool(trial.wire.taken(marker_of(other)) and trial.wire.taken(marker_of(event))))
    trial.drive_for(connector, _QUIET_SECONDS)
    if not trial.wire.taken(marker_of(other)):
        raise Fails("an event that was published together with one that stood there already did not arrive")
    if (count := len(trial.wire.arrivals(marker_of(event)))) != 1:
        raise Fails(f"an event that was published twice was sent {count} times")


@check(
    "queue_depth.true",
    "9.2",
    "queue_depth() tells what waits, what is due, how old it is and what is dead",
    needs=Capability.PUBLISH,
    after=("publish.delivers",),
)
def queue_depth_true(trial: Trial) -> None:
    connector = trial.connector(trial.workbench.fresh())
    _expect(trial.depth(connector).pending == 0, "nothing was published, and queue_depth() says that something waits")
    taken, refused, late = new_event(), new_event(), new_event()
    trial.publish(connector, taken, refused, late)
    time.sleep(_QUIET_SECONDS)
    before = trial.depth(connector)
    _expect(before.pending == 3, f"3 events were published, and queue_depth() says that {before.pending} wait")
    _expect(before.due == 3, f"3 events could be delivered now, and queue_depth() says that {before.due} are due")
    _expect(
        _QUIET_SECONDS * 0.8 <= before.oldest_age_seconds < 60,
        f"the oldest event waits since {_QUIET_SECONDS:g} s, and queue_depth() says {before.oldest_age_seconds:g} s",
    )

    def script(arrival: Arrival) -> WireAnswer | None:
        event = about(arrival, (refused, late))
        if event is None:
            return None
        return WireAnswer(422) if event is refused else WireAnswer(503, {"Retry-After": _FAR_SECONDS})

    trial.wire.script = script
    trial.drive(connector, lambda: all(trial.wire.arrivals(marker_of(event)) for event in (taken, refused, late)))
    after = trial.depth(connector)
    _expect(after.pending == 1, f"one event waits for its next attempt, and queue_depth() says that {after.pending} wait")


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Fails(otherwise)
