"""The inbox (clause 9.2): what makes "at least once over the wire" an effect that happens exactly once."""

from __future__ import annotations

from collections.abc import Callable

from platformkit_pipeline.connectors.delivery.statements import statement
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.event import Event


class Inbox:
    """The table `inbox` of one schema, in the database in which events take effect."""

    def __init__(self, schema: str = "ops") -> None:
        self.schema = schema

    def receive(self, connection: Connection, consumer: str, event: Event, effect: Callable[[Connection], None]) -> bool:
        """Remember the event and let it take effect, in one transaction. False for a duplicate: then nothing happens.

        Inside a transaction of the caller both are part of it, else of one that is committed here. An error of `effect` passes
        through and takes the memory back with it. Of two that arrive at once, the second waits for what becomes of the first.
        """
        with connection.transaction():
            row = {
                "consumer": consumer,
                "id": event.id,
                "aggregatetype": event.aggregatetype,
                "aggregateid": event.aggregateid,
                "type": event.type,
            }
            with connection.cursor() as cursor:
                if cursor.execute(statement("receive", self.schema), row).rowcount == 0:
                    return False
            effect(connection)
        return True
