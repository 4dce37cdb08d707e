"""Delivery to GitHub's issues: one that is opened, added to and closed. A repeat finds what the lost answer was about.

Each event leaves a hidden marker with its id in the issue or comment that it made, and each issue one with the key of what it is about.
Issues are listed, not searched for: GitHub's search shows a new issue only after a while.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from platformkit_pipeline.connectors.errors import DeliveryFailed, DeliveryRefused
from platformkit_pipeline.introspection.github.exchange import Patience, Response, client, exchange
from platformkit_pipeline.model.event import Event

_PATIENCE = Patience(connect=5, read=10, answer=15)
_PER_PAGE, _MOST_PAGES = 100, 10
_TRANSIENT = frozenset({408, 425})


@dataclass(frozen=True, slots=True)
class IssueNote:
    """What an event comes to. `key` names the thing that the issue is about; `closes`: it is over, and so is the issue."""

    key: str
    title: str
    body: str
    over: bool = False
    closes: bool = False


class GithubIssueSender:
    """Callable that keeps the issues of one repository in step with events. `render` gives None for an event that is no issue.

    Something new goes to the open issue of its key, else to a new one: what a person closed is not opened again. The end of something
    goes to the open issue, which is closed; without one to nobody. Raises DeliveryFailed for limits, with the pause that GitHub
    asks for, for 5xx and no answer; DeliveryRefused for every other refusal.
    """

    def __init__(
        self, address: str, token: str, repository: str, *, render: Callable[[Event], IssueNote | None], labels: Sequence[str] = ()
    ) -> None:
        self._http = client(address, token, _PATIENCE)
        self._url = f"{address}/repos/{repository}/issues"
        self._render, self._labels = render, list(labels)

    def __call__(self, event: Event) -> None:
        note = self._render(event)
        if note is None:
            return
        told, about = _marker("event", event.id), _marker("alert", note.key)
        issues = [i for i in self._listed(self._url, state="all", labels=",".join(self._labels)) if "pull_request" not in i]
        if any(told in _body(issue) for issue in issues):
            return
        issue = next((i for i in issues if i.get("state") == "open" and about in _body(i)), None)
        if issue is not None:
            self._add(f"{self._url}/{int(issue['number'])}", note, told)
        elif not note.over:
            body = "\n\n".join((note.body, f"{about}\n{told}"))
            self._ask("POST", self._url, {"title": note.title, "body": body, "labels": self._labels})

    def close(self) -> None:
        """Close connections that are kept alive."""
        self._http.close()

    def _add(self, url: str, note: IssueNote, told: str) -> None:
        if not any(told in _body(comment) for comment in self._listed(f"{url}/comments")):
            self._ask("POST", f"{url}/comments", {"body": f"{note.body}\n\n{told}"})
        if note.closes:
            self._ask("PATCH", url, {"state": "closed", "state_reason": "completed"})

    def _listed(self, url: str, **asked: str) -> Iterator[dict[str, Any]]:
        """Newest first where it is issues; more than a thousand are not looked through."""
        question = "".join(f"&{name}={_quoted(value)}" for name, value in asked.items() if value)
        for page in range(1, _MOST_PAGES + 1):
            response = self._ask("GET", f"{url}?per_page={_PER_PAGE}&page={page}{question}")
            if not isinstance(response.document, list):
                raise DeliveryFailed("GitHub sent something that is no list")
            yield from (item for item in response.document if isinstance(item, dict))
            if 'rel="next"' not in response.headers.get("link", ""):
                return

    def _ask(self, method: str, url: str, body: Any = None) -> Response:
        response = exchange(self._http, method, url, _PATIENCE, body=body)
        if 200 <= response.status < 300 and not response.failure:
            return response
        if response.limited:
            raise DeliveryFailed("GitHub's rate limit is used up", retry_after_seconds=response.asked_pause(datetime.now(UTC)))
        reason = response.failure or f"GitHub answered {response.status} to {method} of issues"
        if response.temporary or response.failure or response.status >= 500 or response.status in _TRANSIENT:
            raise DeliveryFailed(reason, retry_after_seconds=response.asked_pause(datetime.now(UTC)))
        raise DeliveryRefused(reason)


def _marker(what: str, value: str) -> str:
    """A comment of HTML, which no reader sees. Two dashes or a bracket in a name would end it early."""
    return f"<!-- platformkit:{what} {_quoted(value).replace('--', '%2D%2D')} -->"


def _quoted(text: str) -> str:
    return quote(text, safe="/.")


def _body(item: dict[str, Any]) -> str:
    body = item.get("body")
    return body if isinstance(body, str) else ""
