"""How long-running commands end when they are told to: once, and then undisturbed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


class Stopped(BaseException):
    """A signal asked this process to end."""


_TO_END = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def raised_once(ending: type[BaseException]) -> Iterator[None]:
    """Raise `ending` at the first signal to end. Those after it are ignored for good: the process is on its way out already."""
    ended = False

    def end(_number: int, _frame: FrameType | None) -> NoReturn:
        nonlocal ended
        ended = True
        for number in _TO_END:
            signal.signal(number, signal.SIG_IGN)
        raise ending

    former = {number: signal.signal(number, end) for number in _TO_END}
    try:
        yield
    finally:
        if not ended:
            for number, handler in former.items():
                signal.signal(number, handler)


@contextmanager
def until_told() -> Iterator[None]:
    """What stands inside runs until a signal comes, is left in order, and was no failure."""
    try:
        with raised_once(Stopped):
            yield
    except Stopped:
        pass
