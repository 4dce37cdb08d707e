"""An event on its way from an outbox to whoever is to hear of it (clause 9.2). Debezium's names for the columns of an outbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """`payload` and `headers` hold JSON values only and never a secret."""

    id: str
    """UUID as text; the idempotency key. The same id is the same event, however often it arrives."""
    aggregatetype: str
    """Kind of the thing that the event is about; with `aggregateid` the key whose order is kept."""
    aggregateid: str
    type: str
    """What happened, as in `finding.opened`."""
    payload: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime | None = None
    """When it was written to the outbox; None before."""
    attempt: int = 1
    """Counts the times that its delivery was tried, this one included."""

    @property
    def key(self) -> tuple[str, str]:
        """Events of one key take effect in the order in which they were written."""
        return (self.aggregatetype, self.aggregateid)
