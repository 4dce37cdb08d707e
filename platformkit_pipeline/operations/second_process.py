"""Work that a copy of this process does while this one goes on: Python itself uses one processor only.

For pure functions of values that are there already: the copy sees what was in memory when it was made, and gives its
result back through a pipe. Nothing is asked of the caller's environment: where a copy is not possible or would not be
safe, the work is done here, later, with the same result.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def done_beside(work: Callable[[], T]) -> Iterator[Callable[[], T]]:
    """Begin `work` in a copy of this process; calling what the block gets waits for the result. The result must be picklable.

    A copy that fails or is killed is nobody's loss: the work is then done here, and whatever it raises is raised here.
    """
    copy = _copied(work) if _may_copy() else None
    if copy is None:
        yield work
        return
    child, reading = copy
    ended = False

    def result() -> T:
        nonlocal ended
        with os.fdopen(reading, "rb", closefd=False) as pipe:
            given = pipe.read()
        _, status = os.waitpid(child, 0)
        ended = True
        if status != 0:
            return work()
        value: T = pickle.loads(given)  # noqa: S301 - written by our own copy
        return value

    try:
        yield result
    finally:
        os.close(reading)
        if not ended:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _may_copy() -> bool:
    """A copy has one thread only: a lock that another one holds at that moment would never be released in it.

    Whoever ignores or handles SIGCHLD may take the news of its end from us.
    """
    return (
        hasattr(os, "fork")
        and (os.cpu_count() or 1) > 1
        and threading.active_count() == 1
        and signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL
    )


def _copied(work: Callable[[], T]) -> tuple[int, int] | None:
    """The copy that does the work, and where its result is read; None when the system has no room for one."""
    reading, writing = os.pipe()
    try:
        child = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        return None
    if child == 0:
        os.close(reading)
        _give_back(work, writing)
    os.close(writing)
    return child, reading


def _give_back(work: Callable[[], T], writing: int) -> None:
    """The copy's whole life. It leaves without tidying up, because everything it would tidy belongs to the original."""
    status = 1
    try:
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(work(), pipe, protocol=pickle.HIGHEST_PROTOCOL)
        status = 0
    except BaseException:
        status = 1
    finally:
        os._exit(status)
