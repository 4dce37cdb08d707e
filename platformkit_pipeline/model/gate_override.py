"""A person's decision to go on although a gate says no: for one target and one gate, at most a day, by two people (clause 11.1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

LONGEST_OVERRIDE_HOURS = 24


@dataclass(frozen=True, slots=True)
class GateOverride:
    """A row of `ops.gate_overrides`. In force from `starts_at` (included) to `ends_at` or `ended_at` (excluded); UTC."""

    override_id: str
    gate: str
    reason: str
    requested_by: str
    approved_by: str
    starts_at: datetime
    ends_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None

    def in_force(self, now: datetime) -> bool:
        until = min(self.ends_at, self.ended_at) if self.ended_at else self.ends_at
        return self.starts_at <= now < until
