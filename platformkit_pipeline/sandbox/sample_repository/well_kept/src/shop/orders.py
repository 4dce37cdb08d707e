"""Cancel an order."""

from __future__ import annotations

import structlog

log = structlog.get_logger("shop.orders")


def cancel(order: str) -> None:
    """Cancel the order of that number."""
    log.info("cancelled", order=order)
