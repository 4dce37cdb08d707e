"""What a replay may use up. A migration can lift every limit of its session, so the last word is not the session's."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import PlatformkitError
from platformkit_pipeline.sandbox.databases import connect

_LOOK_SECONDS = 0.5
_LEAST_FREE_BYTES = 256 * 1024**2
_END_SESSIONS = (
    "select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity where backend_type = 'client backend' and usename = %s"
)

_log = get_logger("sandbox.replay")


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds for one statement, for a lock and for all files together."""

    statement_seconds: float = 120
    lock_seconds: float = 10
    total_seconds: float = 900


class Watch:
    """Ends the sessions of the owner when time or disk space is up. `broken` then says which."""

    def __init__(self, admin: Dsn, role: str, folder: Path, seconds: float) -> None:
        self._admin, self._role, self._folder, self._seconds = admin, role, folder, seconds
        self._over = threading.Event()
        self.broken: str | None = None

    def run(self) -> None:
        deadline = time.monotonic() + self._seconds
        while not self._over.wait(_LOOK_SECONDS):
            if time.monotonic() > deadline:
                self.broken = f"all files together may take {self._seconds:g} s, and those are over"
            elif shutil.disk_usage(self._folder).free < _LEAST_FREE_BYTES:
                self.broken = "the disk is nearly full"
            if self.broken is not None:
                self._end_sessions()

    def stop(self) -> None:
        self._over.set()

    def _end_sessions(self) -> None:
        try:
            with connect(self._admin) as connection:
                connection.execute(_END_SESSIONS, [self._role])
        except (psycopg.Error, PlatformkitError) as error:
            _log.warning("sessions of the replay could not be ended", error=type(error).__name__)


@contextmanager
def watched(admin: Dsn, role: str, folder: Path, seconds: float) -> Iterator[Watch]:
    watch = Watch(admin, role, folder, seconds)
    thread = threading.Thread(target=watch.run, name="replay watch", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.stop()
        thread.join()
