"""An end to work whose length a contract decides: patterns that try for ever, schemas that unfold without end."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class TookTooLong(Exception):
    """The time is up."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises TookTooLong inside of the block. Only the main thread can be interrupted: in others, and on Windows, there is no limit.

    A timer that somebody else has set goes on afterwards; where theirs is due first, there is no limit of ours.
    """
    bounded = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
    theirs, repeated = signal.getitimer(signal.ITIMER_REAL) if bounded else (0.0, 0.0)
    if not bounded or 0 < theirs <= seconds:
        yield
        return
    started = time.monotonic()

    def stop(_: int, __: FrameType | None) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if theirs:
            signal.setitimer(signal.ITIMER_REAL, max(theirs - (time.monotonic() - started), 0.001), repeated)
