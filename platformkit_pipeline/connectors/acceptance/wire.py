"""The wire of the bench: a real HTTP server on the loopback interface that writes down what arrives and answers as the suite wants."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

_LONGEST_BODY = 10_000_000
_HOP_BY_HOP = frozenset(
    {"connection", "content-length", "host", "transfer-encoding", "accept-encoding", "content-encoding", "date", "server"}
)

PLAIN_SERVICE: Mapping[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "A service that takes events", "version": "1"},
    "paths": {
        "/events": {"post": {"operationId": "takeEvent", "responses": {"202": {"description": "Taken"}}}},
        "/health": {"get": {"operationId": "health", "responses": {"200": {"description": "Healthy"}}}},
    },
    "status": "ok",
}
"""What the wire answers to every GET without a stand-in behind it: the description of itself."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request that writes, as it came in."""

    at: float
    """By the monotonic clock, in seconds, when the last byte was read."""
    method: str
    path: str
    headers: Mapping[str, str]
    """By names in lower case."""
    body: str

    @property
    def key(self) -> str:
        """The idempotency key; empty without one."""
        return self.headers.get("idempotency-key", "")


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """What the suite wants a request to be answered. `hang_up` closes the connection instead."""

    status: int = 202
    headers: Mapping[str, str] = field(default_factory=dict)
    hang_up: bool = False


Script = Callable[[Arrival], WireAnswer | None]
"""What to answer; None for what the service itself answers."""


def healthy(_: Arrival) -> WireAnswer | None:
    return None


class Wire:
    """Change `script` at any time; `arrivals` grows in the order in which requests were read."""

    def __init__(self, address: str, service: str | None) -> None:
        self.url = address
        self.script: Script = healthy
        self._arrivals: list[tuple[Arrival, int]] = []
        self._lock = threading.Lock()
        self._service = httpx.Client(base_url=service, timeout=10.0) if service else None

    def reset(self, script: Script = healthy) -> None:
        """Forget what arrived."""
        with self._lock:
            self._arrivals.clear()
        self.script = script

    def arrivals(self, marker: str = "") -> list[Arrival]:
        """Requests whose body holds the marker, by time."""
        with self._lock:
            return [arrival for arrival, _ in self._arrivals if marker in arrival.body]

    def taken(self, marker: str = "") -> list[Arrival]:
        """Those that were answered with success."""
        with self._lock:
            return [arrival for arrival, status in self._arrivals if marker in arrival.body and 200 <= status < 300]

    def answer(self, arrival: Arrival) -> tuple[int, Mapping[str, str], bytes] | None:
        """Status, headers and body; None to hang up."""
        with self._lock:
            self._arrivals.append((arrival, 0))
            position = len(self._arrivals) - 1
        wanted = self.script(arrival)
        if wanted is None:
            status, headers, body = self._of_service(arrival)
        else:
            status, headers, body = wanted.status, wanted.headers, b"{}"
        hung_up = wanted is not None and wanted.hang_up
        with self._lock:
            if position < len(self._arrivals) and self._arrivals[position][0] is arrival:
                self._arrivals[position] = (arrival, 0 if hung_up else status)
        return None if hung_up else (status, headers, body)

    def looked_at(self, path: str, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
        """The answer to a request that only reads."""
        return self._of_service(Arrival(time.monotonic(), "GET", path, headers, ""))

    def close(self) -> None:
        if self._service is not None:
            self._service.close()

    def _of_service(self, arrival: Arrival) -> tuple[int, Mapping[str, str], bytes]:
        if self._service is None:
            return (200, {}, json.dumps(PLAIN_SERVICE).encode()) if arrival.method == "GET" else (202, {}, b"{}")
        headers = {name: value for name, value in arrival.headers.items() if name not in _HOP_BY_HOP}
        try:
            response = self._service.request(arrival.method, arrival.path, headers=headers, content=arrival.body.encode() or None)
        except httpx.HTTPError:
            return 502, {}, b"{}"
        return response.status_code, {n: v for n, v in response.headers.items() if n.lower() not in _HOP_BY_HOP}, response.content


@contextmanager
def open_wire(service: str | None = None) -> Iterator[Wire]:
    """A wire on a free port, as long as the block lasts; `service` is the address that answers what the suite does not."""
    server = _Server(("127.0.0.1", 0), _Handler)
    wire = Wire(f"http://127.0.0.1:{server.server_address[1]}", service)
    server.wire = wire
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield wire
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        wire.close()


@contextmanager
def closed_port() -> Iterator[int]:
    """A port of the loopback interface that refuses every connection, and that nobody else gets as long as the block lasts."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    wire: Wire

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is killed in the middle is what the bench is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet: two would wait 40 ms for the acknowledgement of the first.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._send(self.server.wire.looked_at(self.path, self._lower()))

    def _write(self) -> None:
        length = min(int(self.headers.get("Content-Length", 0)), _LONGEST_BODY)
        body = self.rfile.read(length).decode("utf-8", errors="replace")
        self._send(self.server.wire.answer(Arrival(time.monotonic(), self.command, self.path, self._lower(), body)))

    do_POST = do_PUT = do_PATCH = do_DELETE = _write

    def _lower(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _send(self, answer: tuple[int, Mapping[str, str], bytes] | None) -> None:
        if answer is None:
            self.close_connection = True
            return
        status, headers, body = answer
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **{n.title(): v for n, v in headers.items()}}.items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status not in (204, 304):
            self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is written to standard error."""
