"""A share of the delivery of the product's own events, for whoever comes by again and again and must not stay (clause 9.2).

Events that are written without a destination, because whoever wrote them in a transaction knows no settings, are handed out first: a
relay whose destination is the outbox itself, with one row for each destination of the settings. The id stays the same, so that nothing is
handed out twice however often a tick is killed, and the order of a key is kept.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass

from platformkit_pipeline.connectors.delivery.outbox import Outbox
from platformkit_pipeline.connectors.delivery.relay import Relay
from platformkit_pipeline.connectors.errors import DeliveryFailed
from platformkit_pipeline.connectors.interface import Turn
from platformkit_pipeline.control_plane.connection import connect, control_plane_errors, session
from platformkit_pipeline.control_plane.migrations import require_current
from platformkit_pipeline.model.connector import QueueDepth
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.model.event import Event
from platformkit_pipeline.model.settings import Notifications
from platformkit_pipeline.operations.deliver_events import destinations, publish_to_all

UNADDRESSED = ""
"""Destination of events that are not handed out yet."""


@dataclass(frozen=True, slots=True)
class Share:
    """What was done in one go, by destination; `handed_out` events got their destinations."""

    turns: dict[str, Turn]
    handed_out: int
    left: QueueDepth


def deliver_for_a_while(dsn: Dsn, notifications: Notifications, *, seconds: float = 20, batch: int = 50) -> Share:
    """Hand out, then one turn after the other for each destination, until nothing is due or no turn is begun any more.

    A turn begins no attempt after half of `seconds`, and the last attempt may take the ten seconds of a webhook. Raises
    ConfigurationError for a webhook whose variable is not set, before anything is sent; ControlPlaneError.
    """
    to = destinations(notifications)
    end = time.monotonic() + seconds
    with session(dsn) as connection:
        require_current(connection)
    relays = {d.name: Relay(lambda: connect(dsn), d.send, batch=batch, destination=d.name, hold_seconds=seconds / 2) for d in to}
    handing_out = Relay(lambda: connect(dsn), _Addresser(dsn, notifications), batch=batch, destination=UNADDRESSED)
    with ExitStack() as opened:
        for closes in (handing_out.close, *(relay.close for relay in relays.values()), *(d.send.close for d in to)):
            opened.callback(closes)
        with control_plane_errors():
            handed = _turns(handing_out, end)
            turns = {name: _turns(relay, end) for name, relay in relays.items()}
    with session(dsn) as connection:
        return Share(turns, handed.delivered, Outbox().depth(connection))


@dataclass(frozen=True, slots=True)
class _Addresser:
    """Sends an event to the outbox, in a transaction of its own."""

    dsn: Dsn
    notifications: Notifications

    def __call__(self, event: Event) -> None:
        try:
            with session(self.dsn) as connection, connection.transaction():
                publish_to_all(connection, self.notifications, [event])
        except ControlPlaneError as error:
            raise DeliveryFailed(str(error)) from None


def _turns(relay: Relay, end: float) -> Turn:
    total = Turn()
    while time.monotonic() < end and not (done := relay.turn()).idle:
        total = Turn(total.delivered + done.delivered, total.postponed + done.postponed, total.dead + done.dead)
    return total
