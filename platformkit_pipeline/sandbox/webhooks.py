"""A stand-in for services that take webhooks, on loopback: real HTTP, a memory of what was posted, and bad manners to order."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from platformkit_pipeline.sandbox.loopback import loopback_server


@dataclass(frozen=True, slots=True)
class Answer:
    """How to answer a POST; an answer that is not 2xx means that it was not taken."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = "ok"
    delay_seconds: float = 0.0
    drip_seconds: float = 0.0
    """Pause before each byte of the body."""


@dataclass(frozen=True, slots=True)
class Post:
    """One POST that arrived, whatever it was answered. Names of headers are lower case."""

    path: str
    headers: Mapping[str, str]
    document: Any
    """The body as JSON; None where it is none."""
    answered: int
    at: float
    """Seconds on the monotonic clock."""


@dataclass(slots=True)
class Webhooks:
    """State of the stand-in; change it while it serves."""

    address: str
    posts: list[Post] = field(default_factory=list)
    orders: dict[str, list[Answer]] = field(default_factory=dict)
    """Path → answers to give first, in this order."""
    usual: dict[str, Answer] = field(default_factory=dict)
    """Path → answer to give otherwise; 200 for a path that is not here."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def order(self, path: str, *answers: Answer) -> None:
        """Answer the next POSTs to this path like that."""
        with self._lock:
            self.orders.setdefault(path, []).extend(answers)

    def taken(self, path: str) -> list[Post]:
        """What was posted there and answered 2xx, in the order of arrival."""
        with self._lock:
            return [post for post in self.posts if post.path == path and 200 <= post.answered < 300]

    def arrived(self, path: str) -> list[Post]:
        """What was posted there, in the order of arrival."""
        with self._lock:
            return [post for post in self.posts if post.path == path]

    def answer(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Note one POST; returns how it is answered."""
        with self._lock:
            queue = self.orders.get(path)
            answer = queue.pop(0) if queue else self.usual.get(path, Answer())
            self.posts.append(Post(path, headers, _document(body), answer.status, time.monotonic()))
        return answer


def _document(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


@contextmanager
def serve_webhooks() -> Iterator[Webhooks]:
    """The stand-in on a free port of the loopback interface, as long as the block lasts."""
    with loopback_server(_Handler) as (server, address):
        state = Webhooks(address)
        server.state = state  # type: ignore[attr-defined]  # the server carries its state
        yield state


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        state: Webhooks = self.server.state  # type: ignore[attr-defined]  # the server carries its state
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        answer = state.answer(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        time.sleep(answer.delay_seconds)
        self._send(answer)

    def do_GET(self) -> None:
        self._send(Answer())

    def _send(self, answer: Answer) -> None:
        body = answer.body.encode()
        self.send_response(answer.status)
        for name, value in {"Content-Type": "text/plain; charset=utf-8", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        with suppress(ConnectionError):  # a client that waits no longer
            self.end_headers()
            for part in [body[n : n + 1] for n in range(len(body))] if answer.drip_seconds else [body]:
                time.sleep(answer.drip_seconds)
                self.wfile.write(part)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is written to standard error."""
