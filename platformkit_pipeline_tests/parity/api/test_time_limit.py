"""Work whose length a contract decides comes to an end, and never inside of somebody who holds a lock."""

from __future__ import annotations

import threading
import time
from types import FunctionType

import pytest

from platformkit_pipeline.parity.api.time_limit import TookTooLong, at_most


def test_what_goes_on_for_ever_is_ended() -> None:
    with pytest.raises(TookTooLong), at_most(0.05):
        _go_on_for_ever()


def test_what_ends_by_itself_is_left_alone() -> None:
    with at_most(5):
        done = True
    assert done


def test_one_who_looks_on_and_holds_a_lock_is_never_interrupted() -> None:
    lock = threading.Lock()

    def look_on() -> None:
        lock.acquire()
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            pass
        lock.release()

    looking_on = FunctionType(look_on.__code__, {"time": time, "__name__": "coverage.collector"}, closure=look_on.__closure__)

    def both() -> None:
        looking_on()
        _go_on_for_ever()

    with pytest.raises(TookTooLong), at_most(0.05):
        both()
    assert not lock.locked()


def _go_on_for_ever() -> None:
    while True:
        pass
