"""Events whose delivery was given up, and their way back (clause 9.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import tuple_row

from platformkit_pipeline.connectors.delivery.outbox import CHANNEL
from platformkit_pipeline.connectors.delivery.statements import statement
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.event import Event

LARGEST_REASON = 1_000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`reason` is what the last attempt ended with: at most 1000 characters, without secrets."""

    event: Event
    destination: str
    attempts: int
    reason: str
    died_at: datetime


class DeadLetters:
    """The table `dead_letters` of one schema. A letter that was replayed is no longer open."""

    def __init__(self, schema: str = "ops") -> None:
        self.schema = schema

    def listed(self, connection: Connection, *, most: int = 1_000) -> tuple[DeadLetter, ...]:
        """Open dead letters, the oldest first."""
        with connection.cursor(row_factory=tuple_row) as cursor:
            rows = cursor.execute(statement("dead_letters", self.schema), {"most": most}).fetchall()
        return tuple(
            DeadLetter(
                event=Event(str(r[0]), r[2], r[3], r[4], payload=r[5], headers=r[6], created_at=r[9], attempt=r[7]),
                destination=r[1],
                attempts=r[7],
                reason=r[8],
                died_at=r[10],
            )
            for r in rows
        )

    def replay(self, connection: Connection, ids: Sequence[str] | None = None) -> int:
        """Put open dead letters (all, or those of these events) back into the outbox with fresh attempts; returns how many.

        They come after whatever waits of their key, among themselves in their old order, and under their old idempotency key: a
        destination that let one take effect and failed to say so knows it again, as long as its inbox remembers
        (`retention.INBOX_KEPT`). In the caller's transaction if there is one.
        """
        wanted = {"ids": None if ids is None else list(ids), "schema": self.schema}
        with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
            keys = cursor.execute(statement("dead_letter_keys", self.schema), wanted).fetchall()
            if not keys:
                return 0
            locked = {"aggregatetypes": [k[0] for k in keys], "aggregateids": [k[1] for k in keys], "schema": self.schema}
            cursor.execute(statement("lock_keys", self.schema), locked)
            count = cursor.execute(statement("replay", self.schema), wanted).rowcount
            cursor.execute("select pg_notify(%s, %s)", (CHANNEL, self.schema))
        return count
