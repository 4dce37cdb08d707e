"""What clients of web APIs share: where the API is, the token that opens it, and how long to wait for it.

A token is taken from an environment variable whose name the settings hold, and travels only under TLS or on the machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from platformkit_pipeline.model.errors import ObservationError

_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Pauses:
    """Time as a client sees it; tests put their own in."""

    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


REAL_TIME = Pauses()


def token_of(variable: str, environment: Mapping[str, str], error: type[ObservationError], opens: str) -> str:
    """The token in that environment variable. Raises `error` when there is none; `opens` names the API in its message."""
    token = environment.get(variable, "").strip()
    if not token:
        raise error(f"environment variable {variable} is not set; it must hold an access token of {opens}")
    if not token.isascii() or not token.isprintable():
        raise error(f"environment variable {variable} holds no access token: it has characters that no token has")
    return token


def address_of(variable: str, environment: Mapping[str, str], error: type[ObservationError], usual: str) -> str:
    """The API's address: from that environment variable, else the usual one. Raises `error` unless it is https or local."""
    address = environment.get(variable, "").strip().rstrip("/") or usual
    if not keeps_secrets(address):
        raise error(f"{variable} must be an https address: the access token would travel in the clear")
    return address


def keeps_secrets(address: str) -> bool:
    """Whether a secret may travel there: under TLS, or without leaving the machine. False for what is no address."""
    try:
        parts = urlsplit(address)
        return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
    except ValueError:
        return False


def retry_after(value: str, now: datetime) -> float | None:
    """Seconds of a Retry-After header, which may be a number or a date; None when it is neither."""
    value = value.strip()
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    except (TypeError, ValueError):
        return None
