"""Events that are written without a destination, because whoever writes them in a transaction knows no settings, get theirs.

A relay whose destination is the outbox itself: one row for each destination, all under the event's id, so that nothing is handed out
twice however often this is killed, and in the order of each key.
"""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from platformkit_pipeline.connectors.delivery.outbox import Outbox
from platformkit_pipeline.connectors.delivery.relay import Relay
from platformkit_pipeline.connectors.delivery.retry import RetryPolicy
from platformkit_pipeline.connectors.errors import DeliveryFailed
from platformkit_pipeline.control_plane.connection import Connection, connect, session
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.model.event import Event
from platformkit_pipeline.operations.hold_floods import Limits, hand_over

LASTING = RetryPolicy(attempts=300)
"""What people are to be told outlasts an outage of half a day: with the longest delay of five minutes, less up to half by chance, the
last attempt is at least twelve hours after the first. A dead letter is read by nobody before morning."""
UNADDRESSED = ""
"""Destination of events that are not handed out yet."""


def hand_out(connection: Connection, names: Sequence[str], events: Sequence[Event]) -> int:
    """Write events for the destinations of these names, in the caller's transaction; returns how many rows are new."""
    return sum(Outbox().publish(connection, events, destination=name) for name in names)


def connection_of_relay(dsn: Dsn) -> Connection:
    """Raises psycopg's errors, by which a relay knows what to do."""
    try:
        return connect(dsn)
    except ControlPlaneError as error:
        raise psycopg.OperationalError(str(error)) from None


def handing_out(dsn: Dsn, limits: Limits) -> Relay:
    """The relay from events without a destination to the destinations that `limits` names, of which there must be one."""
    if not limits:
        raise ValueError("events for nobody stay where they are")

    def send(event: Event) -> None:
        try:
            with session(dsn) as connection, connection.transaction():
                hand_over(connection, event, limits)
        except ControlPlaneError as error:
            raise DeliveryFailed(str(error)) from None

    return Relay(lambda: connection_of_relay(dsn), send, policy=LASTING, destination=UNADDRESSED)
