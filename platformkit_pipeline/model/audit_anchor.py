"""Anchors of the audit log: what its end was at one moment, noted outside of the database (clause 11.1)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime

_HASH = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class AuditAnchor:
    """At `noted_at` (UTC) the chain had `length` rows, and the last of them the hash `head_hash` (64 hex digits)."""

    noted_at: datetime
    length: int
    head_hash: str

    def to_line(self) -> str:
        """One line of JSON without its end."""
        return json.dumps({"noted_at": self.noted_at.astimezone(UTC).isoformat(), "length": self.length, "head_hash": self.head_hash})

    def __str__(self) -> str:
        return f"the anchor of {self.noted_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC, row {self.length}, hash {self.head_hash[:16]}…"


def anchor_of_line(line: str) -> AuditAnchor:
    """Inverse of `to_line`. Raises ValueError for anything else."""
    document = json.loads(line)
    if not isinstance(document, dict) or set(document) != {"noted_at", "length", "head_hash"}:
        raise ValueError("an anchor has noted_at, length and head_hash")
    noted_at, length, head_hash = document["noted_at"], document["length"], document["head_hash"]
    if not isinstance(noted_at, str) or not isinstance(head_hash, str) or not _HASH.match(head_hash):
        raise ValueError("the head hash of an anchor is 64 hex digits")
    if not isinstance(length, int) or isinstance(length, bool) or length < 0:
        raise ValueError("the length of an anchor is a number of rows")
    at = datetime.fromisoformat(noted_at)
    if at.tzinfo is None:
        raise ValueError("the time of an anchor has an offset")
    return AuditAnchor(at, length, head_hash)
