"""Anchors of the audit log: what its end was at one moment, noted outside of the database (clause 11.1)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime

_HASH = re.compile(r"[0-9a-f]{64}\Z")
_BEGINNING = "0" * 64
_LONGEST = 2**63 - 1
"""What PostgreSQL counts rows with."""


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
    try:
        document = json.loads(line)
    except RecursionError:
        raise ValueError("an anchor is one flat object") from None
    if not isinstance(document, dict) or set(document) != {"noted_at", "length", "head_hash"}:
        raise ValueError("an anchor has noted_at, length and head_hash")
    noted_at, length, head_hash = document["noted_at"], document["length"], document["head_hash"]
    if not isinstance(noted_at, str) or not isinstance(head_hash, str) or not _HASH.match(head_hash):
        raise ValueError("the head hash of an anchor is 64 hex digits")
    if not isinstance(length, int) or isinstance(length, bool) or not 0 <= length <= _LONGEST:
        raise ValueError("the length of an anchor is a number of rows")
    if length == 0 and head_hash != _BEGINNING:
        raise ValueError("a chain without rows has the hash that every chain begins with")
    at = datetime.fromisoformat(noted_at)
    if at.tzinfo is None:
        raise ValueError("the time of an anchor has an offset")
    try:
        return AuditAnchor(at.astimezone(UTC), length, head_hash)
    except OverflowError:
        raise ValueError("the time of an anchor is none in UTC") from None
