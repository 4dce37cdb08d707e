"""Publishing: what is written to the outbox is delivered, once where nothing goes wrong (clause 9.2)."""

from __future__ import annotations

from platformkit_pipeline.connectors.acceptance.check import Fails, check
from platformkit_pipeline.connectors.acceptance.trial import Trial, bears_key_of, marker_of, new_event
from platformkit_pipeline.model.connector import Capability

_QUIET_SECONDS = 0.1
"""How long the relay is driven on to see that nothing more is sent."""


@check(
    "publish.delivers",
    "9.2",
    "What is published arrives, once, with its id as idempotency key; then nothing waits",
    needs=Capability.PUBLISH,
)
def publish_delivers(trial: Trial) -> None:
    connector = trial.connector(trial.workbench.fresh())
    events = [new_event(), new_event()]
    trial.publish(connector, *events)
    if trial.wire.arrivals():
        raise Fails("publish() sends itself instead of leaving it to relay_turn()")
    if not trial.deliver(connector, *events):
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
    trial.deliver(connector, event, other)
    trial.drive_for(connector, _QUIET_SECONDS)
    if not trial.wire.taken(marker_of(other)):
        raise Fails("an event that was published together with one that stood there already did not arrive")
    if (count := len(trial.wire.arrivals(marker_of(event)))) != 1:
        raise Fails(f"an event that was published twice was sent {count} times")
