"""The depth of the queue, which is what somebody looks at to know whether events are delivered (clause 9.2)."""

from __future__ import annotations

import time

from platformkit_pipeline.connectors.acceptance.check import Fails, check
from platformkit_pipeline.connectors.acceptance.trial import Trial, about, marker_of, new_event
from platformkit_pipeline.connectors.acceptance.wire import Arrival, WireAnswer
from platformkit_pipeline.model.connector import Capability

_QUIET_SECONDS = 0.1
_FAR_SECONDS = "30"
"""Retry-After of the event that is to be waiting when the queue is asked."""


@check(
    "queue_depth.true",
    "9.2",
    "queue_depth() tells what waits, what is due, how old it is and what is dead",
    needs=Capability.PUBLISH,
    after=("dead_letters.refused_at_once", "retry.tries_again"),
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
    _expect(after.dead_letters == 1, f"one event was refused, and queue_depth() says that {after.dead_letters} are dead letters")


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Fails(otherwise)
