"""Dead letters: what cannot be delivered is given up, kept with its reason, and sent again when somebody says so (clause 9.2)."""

from __future__ import annotations

from dataclasses import dataclass

from platformkit_pipeline.connectors.acceptance.check import CannotTell, Fails, check
from platformkit_pipeline.connectors.acceptance.check_retrying import given_up
from platformkit_pipeline.connectors.acceptance.trial import Trial, bears_key_of, marker_of, new_event
from platformkit_pipeline.connectors.acceptance.wire import WireAnswer, healthy
from platformkit_pipeline.connectors.interface import Connector
from platformkit_pipeline.model.connector import Capability
from platformkit_pipeline.model.event import Event

_QUIET_SECONDS = 0.2
_REFUSAL = 422


@dataclass(frozen=True, slots=True)
class Refused:
    """What was seen of an event that a destination refuses for good."""

    connector: Connector
    event: Event
    attempts: int
    dead_letters: int
    pending: int


def refused(trial: Trial) -> Refused:
    connector = trial.connector(trial.workbench.fresh())
    event = new_event()
    trial.wire.script = lambda _: WireAnswer(_REFUSAL)
    trial.publish(connector, event)
    trial.drive(connector, lambda: bool(trial.wire.arrivals(marker_of(event))))
    trial.drive_for(connector, _QUIET_SECONDS)
    depth = trial.depth(connector)
    return Refused(connector, event, len(trial.wire.arrivals(marker_of(event))), depth.dead_letters, depth.pending)


@check(
    "dead_letters.refused_at_once",
    "9.2",
    "What the destination refuses for good (4xx) is a dead letter after one attempt",
    needs=Capability.PUBLISH,
    after=("publish.delivers",),
)
def refused_at_once(trial: Trial) -> None:
    seen = trial.once("refused", refused)
    if seen.attempts != 1:
        raise Fails(f"an event that the destination refuses with {_REFUSAL} was sent {seen.attempts} times")
    if seen.pending or seen.dead_letters != 1:
        raise Fails(
            f"an event was refused with {_REFUSAL}, and queue_depth() says {seen.dead_letters} dead letters, {seen.pending} waiting"
        )


@check(
    "dead_letters.after_attempts",
    "9.2",
    "What fails for ever is given up and kept as a dead letter",
    needs=Capability.PUBLISH,
    after=("retry.tries_again",),
)
def after_attempts(trial: Trial) -> None:
    seen = trial.once("given_up", given_up)
    attempts = max(len(arrivals) for arrivals in seen.arrivals)
    if seen.depth.pending:
        raise Fails(
            f"after {attempts} attempts in {trial.limits.give_up_seconds:g} s of the bench "
            f"{seen.depth.pending} of {len(seen.events)} events are still tried that fail for ever"
        )
    if seen.depth.dead_letters != len(seen.events):
        raise Fails(f"{len(seen.events)} events were given up, and queue_depth() says {seen.depth.dead_letters} dead letters")


@check(
    "dead_letters.reason",
    "9.2",
    "A dead letter says what the last attempt ended with",
    needs=Capability.PUBLISH,
    after=("dead_letters.after_attempts",),
)
def reason(trial: Trial) -> None:
    seen = trial.once("given_up", given_up)
    if not seen.reasons:
        raise CannotTell("the dead letters are not in the table dead_letters of the bench, so that their reasons cannot be read")
    if len(seen.reasons) != len(seen.events):
        raise Fails(f"{len(seen.events)} events were given up, and the table dead_letters holds {len(seen.reasons)}")
    if silent := [text for text in seen.reasons if "503" not in text]:
        raise Fails(f"the destination answered 503, and a dead letter gives as its reason {silent[0]!r}")


@check(
    "replay.delivers",
    "9.2",
    "replay_dead_letters() sends all of them again under their old key",
    needs=Capability.REPLAY,
    after=("dead_letters.refused_at_once",),
)
def replay_delivers(trial: Trial) -> None:
    seen = trial.once("refused", refused)
    connector, event = seen.connector, seen.event
    trial.wire.script = healthy
    count = trial.call("replay_dead_letters()", connector.replay_dead_letters)
    if not trial.deliver(connector, event):
        raise Fails(f"replay_dead_letters() answers {count!r}, and the dead letter was not sent again")
    if count != 1:
        raise Fails(f"replay_dead_letters() answers {count!r} for one dead letter")
    if not all(bears_key_of(arrival, event) for arrival in trial.wire.arrivals(marker_of(event))):
        raise Fails("a dead letter was sent again under another idempotency key")
    trial.drive_for(connector, _QUIET_SECONDS / 2)
    depth = trial.depth(connector)
    if depth.dead_letters or depth.pending:
        raise Fails(f"after the replay was delivered queue_depth() says {depth.dead_letters} dead letters, {depth.pending} waiting")
