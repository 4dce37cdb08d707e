"""One request to GitHub and its response: bounded in size and time, never to another host, and what a rate limit asks for."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from platformkit_pipeline import __version__
from platformkit_pipeline.introspection.github.refusals import LIMITS
from platformkit_pipeline.introspection.web_api import retry_after

API_VERSION = "2026-03-10"
_REDIRECTS = 3
_MOVED = frozenset({301, 302, 307, 308})
_TEMPORARY = frozenset({500, 502, 503, 504})
_SECONDARY_PAUSE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client bears with the API. Times are in seconds."""

    attempts: int = 4
    first_pause: float = 1.0
    longest_pause: float = 60.0
    all_pauses: float = 300.0
    """Of one observation, over all its questions."""
    connect: float = 10.0
    read: float = 30.0
    answer: float = 60.0
    """From the request to the last byte."""
    largest_answer: int = 10_000_000
    """Bytes of one answer."""
    pages: int = 20
    """Of one list."""


@dataclass(frozen=True, slots=True)
class Response:
    """What came back: an answer that can be read, or `failure`, why there is none."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    document: Any = None
    """The parsed JSON; None without a body."""
    failure: str = ""
    lost: bool = False
    """Nothing was understood at all (no connection, time is up), so that other questions will hardly fare better."""
    settled: bool = False
    """The failure will be the same next time."""

    @property
    def message(self) -> str:
        """GitHub's own words; only compared with known ones, because they may repeat what was sent."""
        value = self.document.get("message") if isinstance(self.document, dict) else None
        return value if isinstance(value, str) else ""

    @property
    def limited(self) -> bool:
        """A rate limit, primary or secondary, refused the request."""
        if self.status == 429:
            return True
        said = any(part in self.message.casefold() for part in LIMITS)
        return self.status == 403 and (said or "retry-after" in self.headers or self.headers.get("x-ratelimit-remaining") == "0")

    @property
    def temporary(self) -> bool:
        return (bool(self.failure) and not self.settled) or self.status in _TEMPORARY

    def asked_pause(self, now: datetime) -> float | None:
        """Seconds that a rate limit wants us to wait; None when it is not one or does not say."""
        if not self.limited:
            return retry_after(self.headers.get("retry-after", ""), now)
        asked = retry_after(self.headers.get("retry-after", ""), now)
        reset = self.headers.get("x-ratelimit-reset", "")
        if asked is None and self.headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal() and len(reset) < 12:
            asked = max(0.0, int(reset) - now.timestamp()) + 1
        return _SECONDARY_PAUSE_SECONDS if asked is None else asked


def client(address: str, token: str, patience: Patience) -> httpx.Client:
    """An HTTP client that sends the token to that address."""
    headers = {
        "Authorization": f"Bearer {token}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": API_VERSION,
        "User-Agent": f"platformkit/{__version__}",
    }
    timeout = httpx.Timeout(patience.read, connect=patience.connect)
    return httpx.Client(headers=headers, timeout=timeout, follow_redirects=False)


def exchange(
    http: httpx.Client, method: str, url: str, patience: Patience, *, headers: Mapping[str, str] | None = None, body: Any = None
) -> Response:
    """Send one request and read its response; a moved GET is followed on the same host. Raises nothing of the network."""
    for _ in range(_REDIRECTS + 1):
        response = _once(http, method, url, patience, headers or {}, body)
        if response.status not in _MOVED:
            return response
        target = _target(url, response.headers.get("location", ""))
        if not same_host(url, target):
            return Response(response.status, failure="GitHub points to another host, where the token is not sent", settled=True)
        if method != "GET":
            return Response(response.status, failure="the repository has moved: use the name that it has now", settled=True)
        url = target
    return Response(failure="GitHub points from one address to the next without end", settled=True)


def _target(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        return ""


def same_host(one: str, other: str) -> bool:
    """Whether both addresses have the same scheme, host and port."""
    try:
        a, b = urlsplit(one), urlsplit(other)
        return (a.scheme, a.hostname, a.port) == (b.scheme, b.hostname, b.port) and b.username is None
    except ValueError:
        return False


def _once(http: httpx.Client, method: str, url: str, patience: Patience, headers: Mapping[str, str], body: Any) -> Response:
    until = time.monotonic() + patience.answer
    sent = {} if body is None else {"json": body}
    try:
        with http.stream(method, url, headers=dict(headers), **sent) as response:
            content = bytearray()
            for part in response.iter_bytes():
                content += part
                if len(content) > patience.largest_answer:
                    return Response(failure="GitHub sent more than was asked for", settled=True)
                if time.monotonic() > until:
                    return Response(failure="GitHub took too long to answer", lost=True)
            return _read(response.status_code, {k.lower(): v for k, v in response.headers.items()}, bytes(content))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Response(failure=f"no answer from GitHub ({type(error).__name__})", lost=True)


def _read(status: int, headers: Mapping[str, str], content: bytes) -> Response:
    if not content or status in (204, 304):
        return Response(status, headers)
    try:
        return Response(status, headers, json.loads(content))
    except (ValueError, RecursionError):
        if status < 300:
            return Response(failure="GitHub sent something that is no JSON")
        return Response(status, headers)
