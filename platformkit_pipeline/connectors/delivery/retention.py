"""How long delivery remembers, and the forgetting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from psycopg import sql
from psycopg.rows import tuple_row

from platformkit_pipeline.control_plane.connection import Connection

SETTLED_KEPT = timedelta(days=7)
"""Delivered events stay so long in the outbox: to be looked at, and so that publishing one again does nothing."""
INBOX_KEPT = timedelta(days=30)
"""Must exceed the longest time between two deliveries of one event: retries end within hours (`RetryPolicy`), so what counts is how
late a dead letter is replayed, and `SETTLED_KEPT` for publishers that publish again."""
_ROWS_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Purged:
    """Rows that went."""

    outbox: int
    inbox: int
    dead_letters: int

    @property
    def most(self) -> int:
        return max(self.outbox, self.inbox, self.dead_letters)


def purge(
    connection: Connection,
    schema: str = "ops",
    *,
    settled_kept: timedelta = SETTLED_KEPT,
    inbox_kept: timedelta = INBOX_KEPT,
    rows: int = _ROWS_AT_ONCE,
) -> Purged:
    """Forget what is older: settled events of the outbox, replayed dead letters, the inbox. At most so many rows of each table.

    Call it again, each time in a transaction of its own, until `most` is below `rows`. What waits and open dead letters always stay;
    inbox rows stay for a day whatever is asked.
    """
    if inbox_kept <= settled_kept:
        raise ValueError("the inbox must remember longer than the outbox: else an event that is published again takes effect again")
    query = sql.SQL("select * from {}.delivery_purge(now() - %s, now() - %s, %s)").format(sql.Identifier(schema))
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(query, (settled_kept, inbox_kept, rows)).fetchone()
    return Purged(*row) if row else Purged(0, 0, 0)
