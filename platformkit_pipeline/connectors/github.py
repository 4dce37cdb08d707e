"""GitHub: the repositories and branches that a token may see, and events as repository_dispatch (clauses 9.1 and 9.2).

GitHub takes no idempotency key: a dispatch that arrives twice starts its workflows twice. The event's id goes along as
`client_payload.id`, the same at every attempt; a workflow that must not do a thing twice has to remember it. What this connector
promises is delivery at least once, in the order of each key; it can promise no more, and says so (`docs/connectors.md`).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import httpx

from platformkit_pipeline.connectors.delivery.wire import document_of
from platformkit_pipeline.connectors.errors import DeliveryFailed, DeliveryRefused
from platformkit_pipeline.connectors.event_connector import EventConnector
from platformkit_pipeline.connectors.interface import Bench, StandIn
from platformkit_pipeline.introspection.github.answers import AnotherShape, Answer, GithubUnavailable, flag, record, text
from platformkit_pipeline.introspection.github.api import ADDRESS, ADDRESS_VARIABLE, GithubApi
from platformkit_pipeline.introspection.github.exchange import Patience, client, exchange
from platformkit_pipeline.introspection.web_api import REAL_TIME, address_of, token_of
from platformkit_pipeline.model.connector import Capability, ConnectorObject, ContractTestResult, Health, HealthStatus
from platformkit_pipeline.model.errors import ConfigurationError, ObservationError
from platformkit_pipeline.model.event import Event
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.target import GithubAccess

_LONGEST_EVENT_TYPE = 100
_LARGEST_PAYLOAD = 65_535
_FEW_REQUESTS = 0.05
"""Below this part of the rate limit the connector counts as degraded."""
_TEMPORARY = frozenset({401, 403, 408, 425, 429})
"""A token can be renewed and a permission granted; 5xx are temporary to the client already."""
_ONE_TRY = Patience(attempts=1, connect=5.0, read=10.0, answer=15.0)
"""Who retries is the relay."""
_ON_BENCH = "acme/shop"


class GithubConnector(EventConnector):
    """Options: `repositories`, a list of owner/name; `token_env`, the variable with the token.

    With `dsn_env`, the variable with a database that has the delivery tables in `schema`, events are published to the first of
    them as repository_dispatch, whose type is the event's. Another address of the API comes from PLATFORMKIT_GITHUB_API_URL.
    """

    def __init__(self, repositories: Sequence[str], token_env: str, dsn_env: str | None = None, schema: str = "ops") -> None:
        super().__init__(dsn_env=dsn_env or "", schema=schema)
        if isinstance(repositories, str) or not repositories:
            raise ConfigurationError("the option repositories is a list of owner/name, of at least one")
        self._repositories, self._token_env = tuple(repositories), token_env
        self._publishes = dsn_env is not None
        self._environment: Mapping[str, str] = os.environ

    @classmethod
    def stand_in(cls) -> AbstractContextManager[StandIn | None]:
        return _stand_in()

    def use_bench(self, bench: Bench) -> None:
        """On the bench there is one repository."""
        self._repositories = (_ON_BENCH,)
        self._environment = {ADDRESS_VARIABLE: bench.url, self._token_env: bench.token}

    def capabilities(self) -> frozenset[Capability]:
        return super().capabilities() if self._publishes else frozenset()

    # ---------------------------------------------------------------- clause 9.1

    def inventory(self) -> Iterable[ConnectorObject]:
        """Each repository and its branches. Raises ObservationError when one of them is not shown to the token."""
        return [item for name in self._repositories for item in self._objects(name)]

    def health(self) -> Health:
        """By the rate limit, asking for which costs nothing of it."""
        began = time.monotonic()
        try:
            with self._api(self._repositories[0], _ONE_TRY) as api:
                answer = api.get("/rate_limit")
            latency = time.monotonic() - began
            left, limit = _rate(_given(answer))
        except (ObservationError, AnotherShape) as error:
            return Health(HealthStatus.DOWN, time.monotonic() - began, str(error) or "the answer has another shape than expected")
        if left < limit * _FEW_REQUESTS:
            return Health(HealthStatus.DEGRADED, latency, f"{left} of {limit} requests are left of the rate limit")
        return Health(HealthStatus.UP, latency)

    def contract_tests(self) -> Sequence[ContractTestResult]:
        """Each repository can be seen, and the one that events go to accepts them from this token."""
        results = []
        for name in self._repositories:
            try:
                document = self._repository(name)
            except (ObservationError, AnotherShape) as error:
                results.append(ContractTestResult(f"{name} can be seen", Outcome.UNKNOWN, str(error) or "the answer has another shape"))
                continue
            results.append(ContractTestResult(f"{name} can be seen", Outcome.PASS))
            if self._publishes and name == self._repositories[0]:
                results.append(_may_dispatch(name, document))
        return results

    def _objects(self, name: str) -> Iterator[ConnectorObject]:
        try:
            document = self._repository(name)
            facts = {"archived": flag(document, "archived"), "default_branch": text(document.get("default_branch"))}
            yield ConnectorObject("repository", name, {**facts, "private": flag(document, "private")})
            with self._api(name) as api:
                pages = api.pages("/repos/{owner}/{repo}/branches")
            if not pages.complete:
                raise ObservationError(f"branches of {name}: {pages.why or 'there are more than are read'}")
            for branch in pages.items:
                yield ConnectorObject("branch", f"{name}:{text(branch.get('name'))}", {"protected": flag(branch, "protected")})
        except AnotherShape:
            raise ObservationError(f"GitHub's answer about {name} has another shape than expected") from None

    def _repository(self, name: str) -> dict[str, Any]:
        with self._api(name) as api:
            return record(_given(api.get("/repos/{owner}/{repo}")))

    def _api(self, name: str, patience: Patience | None = None) -> GithubApi:
        return GithubApi(
            GithubAccess(name, self._token_env), self._environment, REAL_TIME, patience or Patience(attempts=2, all_pauses=10.0)
        )

    # ---------------------------------------------------------------- clause 9.2

    def ready_to_send(self) -> None:
        try:
            _ = self._http
        except GithubUnavailable as error:
            raise ConfigurationError(str(error)) from None

    def send(self, event: Event) -> None:
        """One repository_dispatch; 204 is all that GitHub says to it."""
        response = exchange(self._http, "POST", self._dispatches, _ONE_TRY, headers={"Idempotency-Key": event.id}, body=_dispatch(event))
        if 200 <= response.status < 300:
            return
        why = response.failure or f"GitHub answered {response.status}"
        if response.temporary or response.limited or response.status in _TEMPORARY:
            raise DeliveryFailed(why, retry_after_seconds=response.asked_pause(datetime.now(UTC)))
        raise DeliveryRefused(why)

    @cached_property
    def _http(self) -> httpx.Client:
        opened = client(self._dispatches, token_of(self._token_env, self._environment, GithubUnavailable, "GitHub"), _ONE_TRY)
        self.on_close.callback(self._forget_http)
        return opened

    def _forget_http(self) -> None:
        """A closed client cannot be opened again: the next event makes another."""
        self.__dict__.pop("_http").close()

    @property
    def _dispatches(self) -> str:
        return f"{address_of(ADDRESS_VARIABLE, self._environment, GithubUnavailable, ADDRESS)}/repos/{self._repositories[0]}/dispatches"


def _dispatch(event: Event) -> dict[str, Any]:
    """GitHub takes at most ten properties and 65,535 characters. Raises DeliveryRefused for an event that does not fit."""
    document = document_of(event)
    if len(event.type) > _LONGEST_EVENT_TYPE:
        raise DeliveryRefused(f"GitHub takes event types of at most {_LONGEST_EVENT_TYPE} characters")
    if len(json.dumps(document)) > _LARGEST_PAYLOAD:
        raise DeliveryRefused(f"GitHub takes payloads of at most {_LARGEST_PAYLOAD} characters")
    return {"event_type": document.pop("type"), "client_payload": document}


def _may_dispatch(name: str, document: Mapping[str, Any]) -> ContractTestResult:
    test = f"{name} accepts repository_dispatch from this token"
    permissions = document.get("permissions")
    if not isinstance(permissions, Mapping):
        return ContractTestResult(test, Outcome.UNKNOWN, "GitHub does not say what the token may do there")
    if permissions.get("push") is not True:
        return ContractTestResult(test, Outcome.FAIL, "the token may not write contents there, which repository_dispatch needs")
    return ContractTestResult(test, Outcome.PASS)


def _given(answer: Answer) -> Any:
    if not answer.given:
        raise ObservationError(answer.why)
    return answer.document


def _rate(document: Any) -> tuple[int, int]:
    core = record(record(record(document).get("resources")).get("core"))
    left, limit = core.get("remaining"), core.get("limit")
    if not isinstance(left, int) or not isinstance(limit, int):
        raise AnotherShape
    return left, limit


@contextmanager
def _stand_in() -> Iterator[StandIn | None]:
    from platformkit_pipeline.sandbox.github.serve import TOKEN, serve_github

    with serve_github() as github:
        yield StandIn(github.address, TOKEN)
