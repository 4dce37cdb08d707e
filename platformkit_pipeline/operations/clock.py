"""Where time and identity of a scan come from."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _new_scan_id() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Clock:
    """Tests put their own in."""

    now: Callable[[], datetime] = field(default=_utc_now)
    seconds: Callable[[], float] = field(default=time.monotonic)
    new_scan_id: Callable[[], str] = field(default=_new_scan_id)


SYSTEM_CLOCK = Clock()
