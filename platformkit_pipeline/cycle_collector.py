"""Python's cycle collector, and when it is in the way."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the collector from running while hundreds of thousands of values are made, none of them garbage.

    It would visit all of them over and over, and take longer than everything else together. Usable as a decorator. Left
    as it was found, however the block ends.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def collector_spared() -> Iterator[None]:
    """For a command that makes much and then ends: no collection while it runs, and none of what it made at the exit."""
    with collector_paused():
        try:
            yield
        finally:
            gc.freeze()
