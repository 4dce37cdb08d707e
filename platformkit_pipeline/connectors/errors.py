"""How one attempt to deliver an event may end other than well."""

from __future__ import annotations


class DeliveryFailed(Exception):
    """It may work later: try again with growing delay, and give up after so many attempts.

    `retry_after_seconds` is the least delay that the destination asked for.
    """

    def __init__(self, reason: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds


class DeliveryRefused(Exception):
    """It will not work however often it is tried (the destination says that the event is wrong): a dead letter at once."""
