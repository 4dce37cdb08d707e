"""The stand-in as a server: tokens, permissions, rate limit, ETags, faults, and the block that serves it."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from platformkit_pipeline.sandbox.github import activity_routes, settings_routes
from platformkit_pipeline.sandbox.github.bodies import Bodies
from platformkit_pipeline.sandbox.github.calls import LARGEST_PAGE, ROUTES, Call, Refused, Reply, Route, not_found
from platformkit_pipeline.sandbox.github.faults import Fault
from platformkit_pipeline.sandbox.github.state import ADMINISTRATOR, MOMENT, Repository, Token
from platformkit_pipeline.sandbox.loopback import loopback_server

_REGISTERED = (activity_routes, settings_routes)
TOKEN = "token_of_the_stand_in_for_github"  # noqa: S105 - opens nothing but this stand-in
_LONGEST_BODY = 1_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def token(self) -> str:
        """GitHub takes both words before it."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token if scheme.lower() in ("bearer", "token") else ""


@dataclass(slots=True)
class Github:
    """State of the stand-in; change it while it serves."""

    address: str
    repositories: dict[str, Repository] = field(default_factory=lambda: {"acme/shop": Repository("acme", "shop")})
    moved: dict[str, str] = field(default_factory=dict)
    """Former owner/name → the address that it leads to."""
    tokens: dict[str, Token] = field(default_factory=lambda: {TOKEN: ADMINISTRATOR})
    """Token → who it is; any other gets 401."""
    faults: list[Fault] = field(default_factory=list)
    """Given first, in order, to the requests that they are meant for."""
    page_size: int = LARGEST_PAGE
    endless: str = ""
    """Lists whose path contains this never end; empty: all do."""
    etags: bool = True
    limit: int = 5000
    remaining: int = 5000
    """Requests that are left; confirmed ones (304) cost nothing."""
    reset: int = 1_795_000_000
    """When there are more again, in seconds since 1970."""
    asked: list[Asked] = field(default_factory=list)

    @property
    def repository(self) -> Repository:
        """The first one."""
        return next(iter(self.repositories.values()))

    def answer(self, asked: Asked) -> tuple[Reply, Fault | None]:
        """The reply to one request, with the fault to work on it."""
        self.asked.append(asked)
        fault = self._fault(asked)
        if fault is not None and fault.status is not None:
            if fault.takes_effect:
                self._answered(asked)
            return Reply(fault.status, {"message": fault.message, "status": str(fault.status)}, fault.headers), fault
        try:
            reply = self._answered(asked)
        except Refused as refused:
            reply = refused.reply
        return self._counted(asked, reply), fault

    def _fault(self, asked: Asked) -> Fault | None:
        for fault in self.faults:
            if fault.path in asked.path and fault.method in ("", asked.method):
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                return fault
        return None

    def _answered(self, asked: Asked) -> Reply:
        token = self.tokens.get(asked.token)
        if token is None or token.status != 200:
            raise Refused(401, "Bad credentials")
        if self.remaining <= 0:
            raise Refused(403, f"API rate limit exceeded for {token.login}.")
        if asked.path == "/rate_limit":
            left = {"limit": self.limit, "remaining": self.remaining, "reset": self.reset, "used": self.limit - self.remaining}
            return Reply(200, {"resources": {"core": left, "search": left}, "rate": left})
        if asked.path == "/user":
            return Reply(200, self._user(token))
        parts = asked.path.split("/", 4)
        if len(parts) < 4 or parts[1] != "repos":
            raise not_found()
        return self._about_repository(asked, token, "/".join(parts[2:4]), f"/{parts[4]}" if len(parts) > 4 else "")

    def _about_repository(self, asked: Asked, token: Token, name: str, rest: str) -> Reply:
        if name in self.moved:
            return Reply(301, {"message": "Moved Permanently"}, {"Location": f"{self.moved[name]}{rest}"})
        repository = self.repositories.get(name)
        if repository is None or (repository.private and not token.may("metadata", "read")):
            raise not_found()
        route, names = _route(asked.method, rest)
        # Whoever may not even read it sees of a public repository what everybody sees.
        if not token.may(route.permission, route.level) and not (route.permission == "metadata" and not repository.private):
            raise self._denied(token, route)
        return route.handler(
            Call(
                url=self.address + asked.path,
                repository=repository,
                bodies=Bodies(self.address, repository),
                token=token,
                names=names,
                query=asked.query,
                body=asked.body,
                page_size=self.page_size,
                endless=bool(self.endless) and self.endless in asked.path,
            )
        )

    def _denied(self, token: Token, route: Route) -> Refused:
        if token.scopes is not None:
            return not_found()
        refused = Refused(403, "Resource not accessible by personal access token")
        needs = {"X-Accepted-GitHub-Permissions": f"{route.permission}={route.level}"}
        refused.reply = Reply(403, refused.reply.document, needs)
        return refused

    def _counted(self, asked: Asked, reply: Reply) -> Reply:
        """The reply with its ETag and the headers of the rate limit; 304 if it is the one that was asked about."""
        token = self.tokens.get(asked.token, Token())
        headers = dict(reply.headers)
        if token.scopes is not None:
            headers["X-OAuth-Scopes"] = ", ".join(token.scopes)
        if asked.method == "GET" and reply.status == 200 and self.etags:
            etag = f'W/"{hashlib.sha256(json.dumps([reply.document, headers]).encode()).hexdigest()}"'
            headers["ETag"] = etag
            if asked.headers.get("if-none-match") == etag:
                return Reply(304, None, headers | self._rate())
        self.remaining = max(0, self.remaining - 1)
        return Reply(reply.status, reply.document, headers | self._rate())

    def _rate(self) -> dict[str, str]:
        return {"X-RateLimit-Limit": str(self.limit), "X-RateLimit-Remaining": str(self.remaining), "X-RateLimit-Reset": str(self.reset)}

    def _user(self, token: Token) -> dict[str, Any]:
        counts = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
        unset = dict.fromkeys(("name", "company", "blog", "location", "email", "hireable", "bio"))
        user = Bodies(self.address, self.repository).user(token.login)
        return {**user, **counts, **unset, "created_at": MOMENT, "updated_at": MOMENT}


def _route(method: str, path: str) -> tuple[Route, dict[str, str]]:
    for route in ROUTES:
        match = route.path.match(path) if route.method == method else None
        if match:
            return route, {name: unquote(value) for name, value in match.groupdict().items()}
    raise not_found()


@contextmanager
def serve_github() -> Iterator[Github]:
    """The stand-in on a free port of the loopback interface, as long as the block lasts."""
    with loopback_server(_Handler) as (server, address):
        github = Github(address)
        server.github = github  # type: ignore[attr-defined]  # the server carries its state
        server.turn = threading.Lock()  # type: ignore[attr-defined]  # the server carries its state
        yield github


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet: two would wait 40 ms for the acknowledgement of the first.
    wbufsize = -1
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        github: Github = self.server.github  # type: ignore[attr-defined]  # the server carries its state
        url = urlsplit(self.path)
        length = min(int(self.headers.get("Content-Length", 0)), _LONGEST_BODY)
        sent = json.loads(self.rfile.read(length)) if length else {}
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.server.turn:  # type: ignore[attr-defined]  # the server carries its state
            reply, fault = github.answer(Asked(self.command, url.path, query, headers, sent))
        body = b"" if reply.document is None else json.dumps(reply.document).encode()
        if fault is not None:
            time.sleep(fault.delay)
            body = fault.body.encode() if fault.body is not None else body[: len(body) // 2] if fault.cut else body
        self._send(reply, body)

    def _send(self, reply: Reply, body: bytes) -> None:
        try:
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json; charset=utf-8", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()
        except (BrokenPipeError, ConnectionResetError):
            # Whoever asked did not wait.
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is written to standard error."""
