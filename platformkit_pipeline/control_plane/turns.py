"""Runs on one target take turns, so that a run judges, plans for and decides on the very observation it made."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from platformkit_pipeline.control_plane.connection import Connection, one_row
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.model.target import Target

PATIENCE_SECONDS = 600.0
_SECONDS_BETWEEN_TRIES = 0.2
_TRY = "select pg_catalog.pg_try_advisory_lock(pg_catalog.hashtext('platformkit.turn'), pg_catalog.hashtext(%s))"
_RELEASE = "select pg_catalog.pg_advisory_unlock(pg_catalog.hashtext('platformkit.turn'), pg_catalog.hashtext(%s))"


@contextmanager
def turn_on(connection: Connection, target: Target, patience_seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Have `target` to oneself inside the block; the turn ends with the session at the latest, however that ends.

    Takes a session of the server for itself, so no transaction pooler. Commits what the connection has open. Raises
    ControlPlaneError when another run still has its turn after `patience_seconds`.
    """
    name = f"{target.kind.value}/{target.name}"
    deadline = time.monotonic() + patience_seconds
    while not _ask(connection, _TRY, name):  # asked again and again: a waiting session would hold a snapshot
        if time.monotonic() > deadline:
            raise ControlPlaneError(
                f"another run has been working on {target.name} for {patience_seconds:.0f} s; try again when it has ended"
            )
        time.sleep(_SECONDS_BETWEEN_TRIES)
    try:
        yield
    finally:
        if not connection.closed and not connection.broken:
            connection.rollback()  # of what failed; what succeeded was committed
            _ask(connection, _RELEASE, name)


def _ask(connection: Connection, query: str, name: str) -> bool:
    answer = bool(one_row(connection.execute(query.encode(), (name,)))[0])
    connection.commit()
    return answer
