"""Faults that a test orders from the stand-in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Fault:
    """What to give instead of the right answer, so many `times`, to requests of `method` whose path contains `path` (empty: any).

    `status` None keeps the right answer, which may then be `cut` in the middle, late by `delay` seconds, or sent as `content_type`.
    """

    status: int | None = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str | None = None
    path: str = ""
    method: str = ""
    times: int = 1
    cut: bool = False
    delay: float = 0.0
    drip: bool = False
    """One byte at a time, `delay` seconds apart: an answer that never ends while every read succeeds."""
    endless: bool = False
    """Blanks without end, and no length announced."""


def unavailable(path: str = "", times: int = 1) -> Fault:
    return Fault(503, b'{"message":"name resolution failed"}', path=path, times=times)


def redirect(location: str, path: str = "") -> Fault:
    return Fault(302, b"", {"Location": location}, path=path)
