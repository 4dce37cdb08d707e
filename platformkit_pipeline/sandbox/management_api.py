"""A stand-in for the Supabase management API on loopback: real HTTP, projects with logs, tokens, faults to order.

For tests and the self-test of rules. It answers one question, the one of `sql/activity/endpoints.sql`, from the requests
it was told of; any other SQL is refused as the platform refuses SQL it cannot run.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from platformkit_pipeline.locations import read_sql
from platformkit_pipeline.sandbox.loopback import loopback_server

TOKEN = "sbp_stand_in_for_the_management_api"  # noqa: S105 - opens nothing but this stand-in
PROJECT = "standinproject000000"
_WIDEST_WINDOW = timedelta(hours=24)
_FEWEST_REQUESTS = 20
_LEFT_OUT = ("/storage/v1/", "/realtime/v1/")


@dataclass(frozen=True, slots=True)
class Fault:
    """One answer to give instead of the right one."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = '{"message": "ordered by a test"}'


@dataclass(slots=True)
class ManagementApi:
    """State of the stand-in; change it while it serves."""

    address: str
    projects: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {PROJECT: []})
    """Reference of a project → its requests: method, path, status, milliseconds, and how many of them (`requests`, 1)."""
    tokens: dict[str, int] = field(default_factory=lambda: {TOKEN: 200})
    """Token → status that it gets; any other token gets 401."""
    faults: list[Fault] = field(default_factory=list)
    """Given first, in order."""
    asked: list[dict[str, str]] = field(default_factory=list)
    """Parameters of the questions that reached a project."""

    def log(self, requests: Iterable[Mapping[str, Any]], project: str = PROJECT) -> None:
        self.projects.setdefault(project, []).extend(dict(r) for r in requests)

    def answer(self, target: str, authorization: str) -> Fault:
        """Status, headers and body for one GET."""
        if self.faults:
            return self.faults.pop(0)
        status = self.tokens.get(authorization.removeprefix("Bearer "), 401)
        if status != 200:
            return Fault(status, body='{"message": "Unauthorized"}')
        url = urlsplit(target)
        parts = url.path.strip("/").split("/")
        if len(parts) != 6 or parts[:2] != ["v1", "projects"] or parts[3:] != ["analytics", "endpoints", "logs"]:
            return Fault(404, body='{"message": "Cannot GET that"}')
        if parts[2] not in self.projects:
            return Fault(404, body='{"message": "Project not found"}')
        parameters = {name: values[-1] for name, values in parse_qs(url.query).items()}
        self.asked.append(parameters)
        return _answered(parameters, self.projects[parts[2]])


def _answered(parameters: dict[str, str], requests: list[dict[str, Any]]) -> Fault:
    try:
        start, end = (datetime.fromisoformat(parameters[f"iso_timestamp_{edge}"]) for edge in ("start", "end"))
    except (KeyError, ValueError):
        return Fault(400, body='{"message": "a window is needed"}')
    if end - start > _WIDEST_WINDOW:
        return Fault(400, body='{"message": "the window must not exceed 24 hours"}')
    if parameters.get("sql") != read_sql("activity/endpoints.sql"):
        return Fault(200, body=json.dumps({"result": [], "error": "this stand-in does not know the query"}))
    return Fault(200, body=json.dumps({"result": _endpoints(requests)}))


def _endpoints(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What `sql/activity/endpoints.sql` says."""
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for request in requests:
        method, path = str(request.get("method", "GET")), str(request["path"])
        if method != "OPTIONS" and not path.startswith(_LEFT_OUT):
            times[method, path] += [float(request["milliseconds"])] * int(request.get("requests", 1))
    rows = [
        {
            "method": method,
            "path": path,
            "requests": len(values),
            "p95_ms": round(_quantile(values, 0.95)),
            "p99_ms": round(_quantile(values, 0.99)),
        }
        for (method, path), values in times.items()
        if len(values) >= _FEWEST_REQUESTS
    ]
    return sorted(rows, key=lambda r: (-int(r["p95_ms"]), -int(r["requests"]), r["method"], r["path"]))


def _quantile(values: list[float], level: float) -> float:
    """Linear between neighbours, as ClickHouse's `quantile` is."""
    ordered = sorted(values)
    position = level * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


@contextmanager
def serve_management_api() -> Iterator[ManagementApi]:
    """The stand-in on a free port of the loopback interface, as long as the block lasts."""
    with loopback_server(_Handler) as (server, address):
        api = ManagementApi(address)
        server.api = api  # type: ignore[attr-defined]  # the server carries its state
        yield api


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        api: ManagementApi = self.server.api  # type: ignore[attr-defined]  # the server carries its state
        answer = api.answer(self.path, self.headers.get("Authorization", ""))
        body = answer.body.encode()
        self.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is written to standard error."""
