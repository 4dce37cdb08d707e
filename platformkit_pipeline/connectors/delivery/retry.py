"""When a delivery that failed is tried again (clause 9.2): exponential back-off with jitter, and an end."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

LONGEST_ASKED_SECONDS = 86_400.0
"""A destination may ask for more delay than the policy has, but a day is the most that one answer holds a key back."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Delays in seconds. The n-th failure waits `first · factor^(n-1)`, at most `longest`, less a random part of up to `jitter` of it.

    `jitter` 1 is "full jitter"; 0 is a constant pattern, with which all that failed together comes back together.
    Raises ValueError for values that make no policy.
    """

    first_delay_seconds: float = 1.0
    factor: float = 2.0
    longest_delay_seconds: float = 300.0
    attempts: int = 8
    """After so many failed attempts an event is a dead letter."""
    jitter: float = 0.5

    def __post_init__(self) -> None:
        if not (0 < self.first_delay_seconds <= self.longest_delay_seconds < math.inf):
            raise ValueError("delays must be positive and finite, the first at most the longest")
        if not (1 <= self.factor < math.inf and self.attempts >= 1 and 0 <= self.jitter <= 1):
            raise ValueError("factor and attempts must be at least 1, jitter between 0 and 1")

    def delay(self, failures: int, *, asked: float | None = None, chance: Callable[[], float] = random.random) -> float:
        """Seconds to wait after that many failures (at least 1). `asked` is the destination's Retry-After: never less than that."""
        growth = math.exp(min(math.log(self.factor) * (failures - 1), 700.0))  # as a power, without its overflow
        wait = min(self.first_delay_seconds * growth, self.longest_delay_seconds)
        wait *= 1 - self.jitter * chance()
        if asked is not None and asked > wait:  # false for a NaN
            wait = min(asked, LONGEST_ASKED_SECONDS)
        return wait
