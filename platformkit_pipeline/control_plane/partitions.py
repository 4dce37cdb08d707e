"""Monthly partitions of history and metrics."""

from __future__ import annotations

from datetime import datetime

from platformkit_pipeline.control_plane.connection import Connection, one_row


def ensure(connection: Connection, at: datetime | None = None) -> tuple[str, ...]:
    """Make the partitions of the month of `at` (default now) and of the next month; returns the names of those made.

    Cheap when they exist. Give it a transaction of its own: attaching locks the default partition until commit.
    """
    (made,) = one_row(connection.execute("select ops.ensure_partitions(coalesce(%s, now()))", (at,)))
    return tuple(made)
