"""Faults that a test orders from the stand-in: GitHub's own refusals, rate limits, and answers that never arrive whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Fault:
    """What to give instead of the right answer, so many `times`, to requests of `method` whose path contains `path` (empty: any).

    `status` None keeps the right answer, which may then be `cut` in the middle of its JSON, or be late by `delay` seconds.
    """

    status: int | None = None
    message: str = "ordered by a test"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    """Sent as it stands, in place of a JSON object with the message."""
    path: str = ""
    method: str = ""
    times: int = 1
    takes_effect: bool = False
    """The request does what it asks for, and only its answer is replaced."""
    cut: bool = False
    delay: float = 0.0


def bad_credentials(path: str = "") -> Fault:
    return Fault(401, "Bad credentials", path=path)


def upgrade(path: str = "") -> Fault:
    return Fault(403, "Upgrade to GitHub Pro or make this repository public to enable this feature.", path=path)


def not_accessible(path: str = "") -> Fault:
    return Fault(403, "Resource not accessible by personal access token", path=path)


def not_found(path: str = "") -> Fault:
    return Fault(404, "Not Found", path=path)


def too_many_requests(seconds: str = "7", path: str = "") -> Fault:
    return Fault(429, "API rate limit exceeded for user ID 1.", {"Retry-After": seconds}, path=path)


def primary_limit(reset: int, path: str = "") -> Fault:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)}
    return Fault(403, "API rate limit exceeded for user ID 1.", headers, path=path)


def secondary_limit(path: str = "") -> Fault:
    return Fault(403, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.", path=path)


def server_error(status: int = 502, path: str = "", times: int = 1) -> Fault:
    return Fault(status, "Server Error", path=path, times=times)


def truncated(path: str = "", times: int = 1) -> Fault:
    return Fault(cut=True, path=path, times=times)


def slow(seconds: float, path: str = "", times: int = 1) -> Fault:
    return Fault(delay=seconds, path=path, times=times)
