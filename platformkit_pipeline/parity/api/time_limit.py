"""An end to work whose length a contract decides: patterns that try for ever, schemas that unfold without end."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_A_MOMENT = 0.001
_WATCHERS = frozenset({"coverage"})
"""Packages that look on while a program runs."""
_FRAMES_OF_WATCHERS = 12
"""They may also have started the program, far below."""


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

    def stop(_: int, frame: FrameType | None) -> None:
        if _is_watched(frame):
            signal.setitimer(signal.ITIMER_REAL, _A_MOMENT)
            return
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


def _is_watched(frame: FrameType | None) -> bool:
    """Somebody who looks on has the word just now and may hold a lock, which nobody would give back."""
    for _ in range(_FRAMES_OF_WATCHERS):
        if frame is None:
            return False
        if str(frame.f_globals.get("__name__")).partition(".")[0] in _WATCHERS:
            return True
        frame = frame.f_back
    return False
