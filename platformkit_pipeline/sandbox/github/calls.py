"""One request to the stand-in as its routes see it, their answers, and the table of routes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from platformkit_pipeline.sandbox.github.bodies import Bodies
from platformkit_pipeline.sandbox.github.state import Repository, Token

LARGEST_PAGE = 100
_USUAL_PAGE = 30


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, document (None: no body) and headers of an answer."""

    status: int = 200
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """An answer with an error status and GitHub's message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.reply = Reply(status, {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)})


def not_found() -> Refused:
    return Refused(404, "Not Found")


@dataclass(frozen=True, slots=True)
class Call:
    """A request that may be answered: who asks, about what, and what was sent."""

    url: str
    """Without its query."""
    repository: Repository
    bodies: Bodies
    token: Token
    names: Mapping[str, str]
    """Parts of the path that the route leaves open, decoded."""
    query: Mapping[str, str]
    body: dict[str, Any]
    page_size: int = LARGEST_PAGE
    """Largest page, whatever is asked for."""
    endless: bool = False
    """The list never ends: every page is the first one again, and names a next one."""

    def page(self, items: Sequence[Any], wrap: Callable[[list[Any]], Any] = lambda page: page) -> Reply:
        """One page of a list, with the Link header that leads to the others."""
        size = min(_whole(self.query.get("per_page"), _USUAL_PAGE), self.page_size)
        number = _whole(self.query.get("page"), 1)
        start = 0 if self.endless else (number - 1) * size
        links = []
        if self.endless or start + size < len(items):
            links.append(f'<{self._page(number + 1)}>; rel="next"')
            last = -(-len(items) // size)
            links.append(f'<{self._page(last)}>; rel="last"')
        if number > 1:
            links.append(f'<{self._page(number - 1)}>; rel="prev"')
        return Reply(200, wrap(list(items[start : start + size])), {"Link": ", ".join(links)} if links else {})

    def _page(self, number: int) -> str:
        return f"{self.url}?{urlencode({**self.query, 'page': number})}"


def _whole(value: str | None, otherwise: int) -> int:
    return max(1, int(value)) if value and value.isdecimal() else otherwise


Handler = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """One method and path, the permission it needs, and what answers."""

    method: str
    path: re.Pattern[str]
    permission: str
    level: str
    handler: Handler


ROUTES: list[Route] = []


def route(method: str, path: str, permission: str, level: str = "read") -> Callable[[Handler], Handler]:
    """Register a handler for a path below `/repos/{owner}/{repo}`; `{name}` stands for one segment, `{name+}` for the rest."""
    pattern = re.sub(r"\{(\w+)\+\}", r"(?P<\1>.+)", path)
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)

    def register(handler: Handler) -> Handler:
        ROUTES.append(Route(method, re.compile(pattern + r"\Z"), permission, level, handler))
        return handler

    return register
