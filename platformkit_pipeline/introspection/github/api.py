"""Questions to GitHub about one repository: conditional, paged, asked again while that helps, refusals told apart."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

import httpx

from platformkit_pipeline.introspection.github.answers import (
    AnotherShape,
    Answer,
    AnswerStore,
    GithubUnavailable,
    StoredAnswer,
    records,
    text,
)
from platformkit_pipeline.introspection.github.exchange import Patience, Response, client, exchange, same_host
from platformkit_pipeline.introspection.github.refusals import Meaning, meaning
from platformkit_pipeline.introspection.web_api import Pauses, address_of, token_of
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.repository.github import RefusedQuestion, TokenPermissions
from platformkit_pipeline.model.target import GithubAccess

ADDRESS = "https://api.github.com"
ADDRESS_VARIABLE = "PLATFORMKIT_GITHUB_API_URL"
"""Another address of the API: an enterprise server, a proxy, a stand-in. Without TLS only on the machine itself."""

_OWNER_NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]{0,99})/(?!\.{1,2}\Z)([A-Za-z0-9._-]{1,100})\Z")
_ETAG = re.compile(r'(W/)?"[!#-~]{1,200}"\Z')
_PER_PAGE = 100
_REFUSED = frozenset({403, 404})
_ABOUT_THE_TOKEN = frozenset({Meaning.NOT_PERMITTED, Meaning.NOT_FOUND, Meaning.SINGLE_SIGN_ON, Meaning.OTHER})

log = get_logger("introspection.github")


@dataclass(frozen=True, slots=True)
class Pages:
    """The items of a list. With a refusal, what came before it."""

    items: tuple[dict[str, Any], ...] = ()
    complete: bool = True
    """False: the list is longer than is read, or its pages lead in a circle."""
    refusal: Meaning | None = None
    why: str = ""


class GithubApi:
    """A connection to GitHub about one repository. Use it as a context manager.

    Raises GithubUnavailable where nothing at all can be said: no token, no name, or a token that is not accepted. Every
    other refusal is an `Answer` that says what it means.
    """

    def __init__(
        self,
        access: GithubAccess,
        environment: Mapping[str, str],
        pauses: Pauses,
        patience: Patience,
        store: AnswerStore | None = None,
    ) -> None:
        token = token_of(access.token_env, environment, GithubUnavailable, "GitHub")
        self._address = address_of(ADDRESS_VARIABLE, environment, GithubUnavailable, ADDRESS)
        named = _OWNER_NAME.match(access.owner_name)
        if named is None:
            raise GithubUnavailable("the repository's name on GitHub has to be written as owner/name")
        self._names = {"owner": named[1], "repo": named[2]}
        self._token_env = access.token_env
        self._pauses, self._patience = pauses, patience
        self._store: AnswerStore = {} if store is None else store
        # What is stored for one token is not shown through another.
        self._asker = f"{access.token_env} {access.owner_name} "
        self._used: set[str] = set()
        self._slept = 0.0
        self._given_up = ""
        self._refused: set[RefusedQuestion] = set()
        self._scopes: tuple[str, ...] | None = None
        self._http: httpx.Client = client(self._address, token, patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._http.close()

    @property
    def owner_name(self) -> str:
        """The repository that is asked about, as owner/name."""
        return f"{self._names['owner']}/{self._names['repo']}"

    def token_permissions(self, roles: tuple[str, ...] = ()) -> TokenPermissions:
        """What the token showed itself able to do so far."""
        return TokenPermissions(self._scopes, roles, tuple(sorted(self._refused)))

    def get(self, template: str, parameters: Mapping[str, str] | None = None, **names: str) -> Answer:
        """Ask for one document. `template` is the path with `{owner}`, `{repo}` and `names` left open."""
        return self._get(self._url(template, parameters or {}, names), f"GET {template}")

    def pages(
        self,
        template: str,
        parameters: Mapping[str, str] | None = None,
        *,
        within: str | None = None,
        most: int | None = None,
        **names: str,
    ) -> Pages:
        """Ask for the pages of a list, at most `most` of them; the list is the document itself or its field `within`."""
        url = self._url(template, {"per_page": str(_PER_PAGE), **(parameters or {})}, names)
        items: list[dict[str, Any]] = []
        seen: set[str] = set()
        for _ in range(most or self._patience.pages):
            seen.add(url)
            answer = self._get(url, f"GET {template}")
            if not answer.given:
                return Pages(tuple(items), False, answer.refusal, answer.why)
            try:
                items += records(answer.document[within] if within else answer.document)
            except (AnotherShape, KeyError, TypeError):
                return Pages(tuple(items), False, Meaning.NO_ANSWER, _another_shape(template))
            url = answer.following
            if not url:
                return Pages(tuple(items))
            if url in seen or not same_host(self._address, url):
                break
        return Pages(tuple(items), False)

    def send(self, method: str, template: str, body: Any = None, **names: str) -> Answer:
        """Write something. What is not certain to have failed is never sent twice by POST."""
        question = f"{method} {template}"
        response = self._patiently(method, self._url(template, {}, names), body=body, again=method != "POST")
        return self._answer(response, question)

    def forget_unused(self) -> None:
        """Drop stored answers about this repository that this connection did not ask for, such as reports on old commits."""
        for key in [k for k in self._store if k.startswith(self._asker) and k not in self._used]:
            del self._store[key]

    def pause(self, seconds: float) -> None:
        """Let GitHub come to rest."""
        self._pauses.sleep(seconds)

    def _url(self, template: str, parameters: Mapping[str, str], names: Mapping[str, str]) -> str:
        path = template.format(**{name: quote(value, safe="") for name, value in (self._names | dict(names)).items()})
        return self._address + path + (f"?{urlencode(parameters)}" if parameters else "")

    def _get(self, url: str, question: str) -> Answer:
        key = self._asker + url
        self._used.add(key)
        stored = self._store.get(key)
        response = self._patiently("GET", url, {"If-None-Match": stored.etag} if stored else {})
        if response.status == 304:
            known = _parsed(stored)
            if known is not None and stored is not None:
                return Answer(known, following=_next(stored.link))
            self._store.pop(key, None)
            response = self._patiently("GET", url)
        elif response.status == 200 and _ETAG.match(response.headers.get("etag", "")):
            kept = _without_secrets(response.document) if "/secret-scanning/" in url else response.document
            self._store[key] = StoredAnswer(response.headers["etag"], json.dumps(kept), response.headers.get("link", ""))
        return self._answer(response, question)

    def _patiently(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, *, body: Any = None, again: bool = True
    ) -> Response:
        """One exchange, repeated after a pause where the answer may be better next time."""
        response = Response(failure=self._given_up)
        for attempt in range(1, self._patience.attempts + 1):
            if self._given_up:
                return Response(failure=self._given_up)
            response = exchange(self._http, method, url, self._patience, headers=headers, body=body)
            if not (response.limited or (response.temporary and again)):
                return response
            now = self._pauses.now()
            growing = min(self._patience.first_pause * 4 ** (attempt - 1), self._patience.longest_pause)
            asked = response.asked_pause(now)
            pause = growing if asked is None else asked
            spent = self._slept + pause > self._patience.all_pauses
            if attempt == self._patience.attempts or pause > self._patience.longest_pause or spent:
                if response.limited:
                    until = (now + timedelta(seconds=min(pause, 86_400))).strftime("%Y-%m-%dT%H:%M:%SZ")
                    self._given_up = f"GitHub refuses more requests until {until} (rate limit); scan again then"
                elif response.lost:
                    self._given_up = f"{response.failure}; scan again later"
                break
            log.info("GitHub asked again", attempt=attempt, status=response.status, why=response.failure, pause_seconds=pause)
            self._pauses.sleep(pause)
            self._slept += pause
        return response

    def _answer(self, response: Response, question: str) -> Answer:
        if "x-oauth-scopes" in response.headers:
            self._scopes = tuple(sorted(s.strip() for s in response.headers["x-oauth-scopes"].split(",") if s.strip()))
        if self._given_up:
            return Answer(refusal=Meaning.NO_ANSWER, why=self._given_up)
        if response.failure or response.temporary:
            why = response.failure or f"GitHub answered {response.status}"
            return Answer(refusal=Meaning.NO_ANSWER, why=why if response.settled else f"{why}; scan again later")
        if response.status == 401:
            raise GithubUnavailable(
                f"GitHub does not accept the token in {self._token_env} (401): it is wrong, revoked or expired; make a new one"
            )
        if 200 <= response.status < 300:
            return Answer(response.document, following=_next(response.headers.get("link", "")))
        meant = meaning(response.status, response.message)
        needs = text(response.headers.get("x-accepted-github-permissions", ""))
        if response.status in _REFUSED and meant in _ABOUT_THE_TOKEN:
            self._refused.add(RefusedQuestion(question, response.status, needs))
        return Answer(refusal=meant, why=_sentence(question, response, meant, needs))


def _sentence(question: str, response: Response, meant: Meaning, needs: str) -> str:
    wanted = f"; it needs {needs}" if needs and meant in _ABOUT_THE_TOKEN else ""
    return f"{question}: {meant} ({response.status}){wanted}"


def _another_shape(template: str) -> str:
    return f"GET {template}: the answer has another shape than expected"


def _next(link: str) -> str:
    if not link:
        return ""
    following = httpx.Response(200, headers={"Link": link}).links.get("next", {}).get("url", "")
    return following if "://" in following else ""


def _parsed(stored: StoredAnswer | None) -> Any:
    try:
        return json.loads(stored.body) if stored else None
    except ValueError:
        return None


def _without_secrets(document: Any) -> Any:
    if isinstance(document, list):
        return [{k: v for k, v in item.items() if k != "secret"} if isinstance(item, dict) else item for item in document]
    return document
