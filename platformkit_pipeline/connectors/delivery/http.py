"""Delivery over HTTP: one POST for an event, and what its answer means.

A URL can be a secret, as those of webhooks are: it stands in no error and in no log. So requests go through httpx's transport, not
its client, which logs the URL of each.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

import httpx

from platformkit_pipeline.connectors.delivery.bounded_transport import BoundedTransport
from platformkit_pipeline.connectors.delivery.wire import document_of
from platformkit_pipeline.connectors.errors import DeliveryFailed, DeliveryRefused
from platformkit_pipeline.introspection.web_api import retry_after
from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.event import Event

_TRANSIENT = frozenset({408, 425, 429})
_LARGEST_ANSWER_BYTES = 4_096
_LARGEST_EXCERPT = 200
_SHORTEST_SECRET = 8


class HttpSender:
    """Callable that posts an event as JSON with its id as `Idempotency-Key`.

    `timeout_seconds` bounds the whole attempt, from connecting to the last byte that is read of the answer.

    `body` renders another document than the event itself. 408, 425, 429, 5xx and no answer raise DeliveryFailed, with the delay of
    Retry-After; every other answer that is not 2xx raises DeliveryRefused. Raises ConfigurationError for a URL that is none.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_seconds: float = 10.0,
        body: Callable[[Event], Mapping[str, Any]] = document_of,
    ) -> None:
        try:
            self._url = httpx.URL(url)
        except (httpx.InvalidURL, TypeError, ValueError):
            raise ConfigurationError("the address to deliver to is not a URL") from None
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise ConfigurationError("the address to deliver to is not an http or https URL")
        self._headers = dict(headers or {})
        self._timeout_seconds = timeout_seconds
        self._body = body
        self._transport = BoundedTransport()
        self._secrets = tuple(sorted(_secrets(url, self._url, self._headers), key=len, reverse=True))

    def __call__(self, event: Event) -> None:
        content = json.dumps(self._body(event), ensure_ascii=False, separators=(",", ":")).encode()
        try:
            response, answer = self._exchange(event, content)
        except Exception as error:  # whatever httpx says may quote the URL or a header
            raise DeliveryFailed(f"no answer ({type(error).__name__})") from None
        self._judge(response, answer)

    def close(self) -> None:
        """Close connections that are kept alive."""
        self._transport.close()

    def _exchange(self, event: Event, content: bytes) -> tuple[httpx.Response, bytes]:
        headers = {"Content-Type": "application/json", **self._headers, "Idempotency-Key": event.id, "Delivery-Attempt": str(event.attempt)}
        limits = httpx.Timeout(self._timeout_seconds).as_dict()
        self._transport.until(time.monotonic() + self._timeout_seconds)
        response = self._transport.handle_request(
            httpx.Request("POST", self._url, headers=headers, content=content, extensions={"timeout": limits})
        )
        try:
            return response, _read(response)
        finally:
            response.close()

    def _judge(self, response: httpx.Response, answer: bytes) -> None:
        status = response.status_code
        if response.is_success:
            return
        said = redact(" ".join(answer.decode(errors="replace").split()), self._secrets)[:_LARGEST_EXCERPT]
        reason = f"answered {status}" + (f": {said}" if said else "")
        if status in _TRANSIENT or status >= 500:
            asked = response.headers.get("Retry-After")
            raise DeliveryFailed(reason, retry_after_seconds=retry_after(asked, datetime.now(UTC)) if asked else None)
        raise DeliveryRefused(reason)


def _read(response: httpx.Response) -> bytes:
    """The answer's beginning. What breaks off is taken as it is: the status has said whether the event was taken."""
    answer = b""
    try:
        for chunk in response.iter_raw():
            answer += chunk[: _LARGEST_ANSWER_BYTES - len(answer)]
            if len(answer) >= _LARGEST_ANSWER_BYTES:
                break
    except (httpx.NetworkError, httpx.RemoteProtocolError):
        return answer
    return answer


def _secrets(text: str, url: httpx.URL, headers: Mapping[str, str]) -> set[str]:
    """What an answer may repeat of a request and nobody else may read: whole, and part by part, as a token without its `Bearer`."""
    query = url.query.decode(errors="replace")
    words = [word for value in headers.values() for word in (value, *value.split())]
    values = [part for pair in query.split("&") for part in (pair, pair.partition("=")[2], unquote_plus(pair.partition("=")[2]))]
    found = {text, query, url.password, *url.path.split("/"), *values, *words}
    return {part for part in found if len(part) >= _SHORTEST_SECRET}
