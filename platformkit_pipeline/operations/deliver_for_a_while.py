"""A share of the delivery of the product's own events, for whoever comes by again and again and must not stay (clause 9.2)."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field

from platformkit_pipeline.connectors.delivery.outbox import Outbox
from platformkit_pipeline.connectors.delivery.relay import Relay
from platformkit_pipeline.connectors.interface import Turn
from platformkit_pipeline.control_plane.connection import control_plane_errors, session
from platformkit_pipeline.control_plane.migrations import require_current
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.connector import QueueDepth
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.settings import Notifications
from platformkit_pipeline.operations.clock import SYSTEM_CLOCK, Clock
from platformkit_pipeline.operations.deliver_events import limits_wanted, relay_to, sum_up, usable_destinations
from platformkit_pipeline.operations.hand_out_events import handing_out

_log = get_logger("operations.deliver_for_a_while")


@dataclass(frozen=True, slots=True)
class Share:
    """What was done in one go, by destination; `handed_out` events got their destinations."""

    turns: dict[str, Turn]
    handed_out: int
    left: QueueDepth
    unusable: dict[str, str] = field(default_factory=dict)
    """Why a destination that the settings name could not be used; what is for it waits."""


def deliver_for_a_while(
    dsn: Dsn, notifications: Notifications, *, seconds: float = 20, batch: int = 50, clock: Clock = SYSTEM_CLOCK
) -> Share:
    """Hand out, then one turn after the other for each destination, until nothing is due or no turn is begun any more.

    Each destination has its part of the time, and one turn at least, so that one that hangs holds back no other. A turn begins no
    attempt after half of `seconds`, and the last attempt may take the ten seconds of a webhook. The settings must name a destination.
    A destination whose variable is not set is named in the result, and what is for it waits. Raises ConfigurationError when none can be
    used, before anything is handed out; ControlPlaneError.
    """
    to, unusable = usable_destinations(notifications)
    end = time.monotonic() + seconds
    with session(dsn) as connection:
        require_current(connection)
    relays = {d.name: relay_to(dsn, d, batch=batch, hold_seconds=seconds / 2) for d in to}
    addressing = handing_out(dsn, limits_wanted(notifications))
    with ExitStack() as opened:
        for closes in (addressing.close, *(relay.close for relay in relays.values()), *(d.send.close for d in to)):
            opened.callback(closes)
        with control_plane_errors():
            handed = _turns(addressing, end)
            sum_up(dsn, to, clock)
            turns = {}
            for waiting, (name, relay) in zip(range(len(relays), 0, -1), relays.items(), strict=True):
                began = time.monotonic()
                turns[name] = _turns(relay, began + (end - began) / waiting)
    for name, why in unusable.items():
        _log.error("destination cannot be used", destination=name, reason=why)
    for name, turn in turns.items():
        if turn != Turn():
            _log.info("delivered", destination=name, delivered=turn.delivered, postponed=turn.postponed, dead=turn.dead)
    with session(dsn) as connection:
        return Share(turns, handed.delivered, Outbox().depth(connection), unusable)


def _turns(relay: Relay, end: float) -> Turn:
    """One turn at least: who comes last must not wait for ever because of those before."""
    total = Turn()
    while not (done := relay.turn()).idle:
        total = Turn(total.delivered + done.delivered, total.postponed + done.postponed, total.dead + done.dead)
        if time.monotonic() >= end:
            break
    return total
