"""A crash between sending and marking (clause 9.2): the wire ends the connector's database sessions while a request is in its hands.

To the database that is what the death of the process is: whatever the connector had not committed is gone. What goes on is a new
object of the connector, as after a restart.
"""

from __future__ import annotations

from platformkit_pipeline.connectors.acceptance.check import CannotTell, Fails, check
from platformkit_pipeline.connectors.acceptance.other_process import done_elsewhere
from platformkit_pipeline.connectors.acceptance.trial import Trial, bears_key_of, marker_of, new_event
from platformkit_pipeline.connectors.acceptance.wire import Arrival, WireAnswer, healthy
from platformkit_pipeline.connectors.questions import ask
from platformkit_pipeline.model.connector import Capability
from platformkit_pipeline.model.event import Event


def _crashed(trial: Trial, answer: WireAnswer | None) -> Event:
    """An event whose first request ends the connector's sessions before it is answered like that; then a restart, and no more faults."""
    bench = trial.workbench.fresh()
    event, other = new_event(), new_event()
    crashing = trial.connector(bench)

    def script(arrival: Arrival) -> WireAnswer | None:
        if marker_of(event) not in arrival.body or len(trial.wire.arrivals(marker_of(event))) > 1:
            return None
        trial.workbench.end_sessions()
        return answer

    trial.wire.script = script
    trial.publish(crashing, event)
    ask(crashing.relay_turn, seconds=trial.limits.call_seconds)  # may raise: its database went away
    if not trial.wire.arrivals(marker_of(event)):
        raise CannotTell("the first turn of the relay sent nothing, so that there was no moment to crash in")
    trial.wire.script = healthy
    restarted = trial.connector(bench)
    trial.publish(restarted, other)
    trial.deliver(restarted, event, other)
    trial.drive(restarted, trial.settled(restarted))
    if not trial.wire.taken(marker_of(other)):
        raise Fails("after a crash in the middle of a delivery nothing is delivered any more")
    if pending := trial.depth(restarted).pending:
        raise Fails(f"after a crash and a restart {pending} events are never done")
    return event


@check(
    "crash.nothing_lost",
    "9.2",
    "A crash while a request is under way, and unanswered: after a restart the event is sent again",
    needs=Capability.PUBLISH,
    after=("retry.tries_again",),
)
def crash_nothing_lost(trial: Trial) -> None:
    event = _crashed(trial, WireAnswer(hang_up=True))
    if not trial.wire.taken(marker_of(event)):
        raise Fails("an event was under way when the connector crashed, and is not sent again: it was marked before it was delivered")
    _kept_by_the_database(trial)


def _kept_by_the_database(trial: Trial) -> None:
    """A process publishes and ends; another delivers."""
    bench = trial.workbench.fresh()
    event = new_event()
    if done_elsewhere(trial, bench, "publish", event) and not trial.deliver(trial.connector(bench), event):
        raise Fails("a process published an event and ended, and another does not deliver it: an outbox in the process is none")


@check(
    "crash.one_effect",
    "9.2",
    "A crash after the destination took the event and before it is marked: sent again under the same key, so that it takes effect once",
    needs=Capability.PUBLISH,
    after=("crash.nothing_lost", "retry.same_key"),
)
def crash_one_effect(trial: Trial) -> None:
    event = _crashed(trial, None)
    arrivals = trial.wire.arrivals(marker_of(event))
    if not all(bears_key_of(arrival, event) for arrival in arrivals):
        raise Fails("after a crash the event was sent again under another idempotency key: the destination cannot know it again")
