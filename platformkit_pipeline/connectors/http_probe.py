"""One GET to a service: bounded in time and size, without following anything elsewhere, and told as health or as a document."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import httpx

from platformkit_pipeline.model.connector import Health, HealthStatus
from platformkit_pipeline.model.errors import ConfigurationError, ObservationError, TargetUnreachable

_LARGEST_ANSWER_BYTES = 20_000_000


def check_url(url: str, what: str) -> str:
    """The URL without a slash at its end. Raises ConfigurationError that repeats nothing of it: it may hold a secret."""
    try:
        parts = httpx.URL(url)
    except (httpx.InvalidURL, TypeError):
        raise ConfigurationError(f"{what} is not a URL") from None
    if parts.scheme not in ("http", "https") or not parts.host:
        raise ConfigurationError(f"{what} is not an http or https URL")
    return url.rstrip("/")


def health_by_get(url: str, headers: Mapping[str, str], *, seconds: float) -> Health:
    """UP for 2xx, DEGRADED for every other answer below 500, DOWN for a failure of the service or none at all. Raises nothing."""
    began = time.monotonic()
    try:
        response = httpx.get(url, headers=dict(headers), timeout=seconds, follow_redirects=False)
    except httpx.HTTPError as error:
        return Health(HealthStatus.DOWN, time.monotonic() - began, f"no answer ({type(error).__name__})")
    latency = time.monotonic() - began
    if response.is_success:
        return Health(HealthStatus.UP, latency)
    status = HealthStatus.DOWN if response.is_server_error else HealthStatus.DEGRADED
    return Health(status, latency, f"answered {response.status_code}")


def document_by_get(url: str, headers: Mapping[str, str], *, seconds: float) -> Mapping[str, Any]:
    """The JSON object there. Raises TargetUnreachable without an answer, ObservationError for another answer."""
    content = bytearray()
    try:
        with httpx.stream("GET", url, headers=dict(headers), timeout=seconds, follow_redirects=False) as response:
            for part in response.iter_bytes():
                content += part
                if len(content) > _LARGEST_ANSWER_BYTES:
                    raise ObservationError("the service's document is larger than 20 MB")
    except httpx.HTTPError as error:
        raise TargetUnreachable(f"no answer from the service ({type(error).__name__})") from None
    if not response.is_success:
        raise ObservationError(f"the service answered {response.status_code} instead of a document")
    try:
        document = json.loads(bytes(content))
    except (ValueError, RecursionError):
        raise ObservationError("the service answered something that is no JSON") from None
    if not isinstance(document, dict):
        raise ObservationError("the service's document is no JSON object")
    return document
