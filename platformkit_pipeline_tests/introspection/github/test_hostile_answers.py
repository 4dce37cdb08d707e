"""Answers of any form at any place: the observation says what it could not read, and neither breaks nor believes it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from platformkit_pipeline.introspection.github.answers import GithubUnavailable
from platformkit_pipeline.model.repository.github import GithubSettings
from platformkit_pipeline.sandbox.github.faults import Fault
from platformkit_pipeline.sandbox.github.serve import TOKEN
from platformkit_pipeline.sandbox.github.state import (
    CheckRun,
    CodeAlert,
    Commit,
    DependencyAlert,
    Protection,
    PullRequest,
    Reviews,
    Ruleset,
    SecretAlert,
)
from platformkit_pipeline_tests.introspection.github.conftest import Observer

VALUES: tuple[Any, ...] = (None, True, -1, 10**400, 1.5, "", "\ud800\x00\n", "x" * 5000, [], [[]], {}, {"a": 1}, [None], [{}])
PATHS = (
    "",
    "/branches/main/protection",
    "/rules/branches/main",
    "/rulesets/7",
    "/rulesets",
    "/secret-scanning/alerts",
    "/code-scanning/alerts",
    "/dependabot/alerts",
    "/commits",
    "/pulls",
    "/commits/{head}/check-runs",
    "/commits/{head}/status",
    "/actions/permissions",
    "/actions/permissions/selected-actions",
    "/actions/permissions/workflow",
)
READ_FROM_THE_REPOSITORY = ("default_branch", "full_name", "archived", "visibility", "private", "permissions", "security_and_analysis")


def fill(observer: Observer) -> None:
    repository = observer.repository
    repository.security["secret_scanning"] = "enabled"
    repository.vulnerability_alerts = repository.analysed = True
    repository.secret_alerts, repository.code_alerts = [SecretAlert("x")], [CodeAlert("x")]
    repository.dependency_alerts = [DependencyAlert("x")]
    repository.protections["main"] = Protection([("lint", 1)], reviews=Reviews(bypass_users=["bob"]))
    checks = {"required_status_checks": [{"context": "spec", "integration_id": 15368}]}
    rules = [{"type": "required_status_checks", "parameters": checks}, {"type": "pull_request", "parameters": {}}]
    repository.rulesets = [Ruleset(7, "gate", rules=rules, bypass_actors=[{"actor_id": 5, "actor_type": "RepositoryRole"}])]
    repository.commits = [Commit("One", check_runs=[CheckRun("lint")], statuses={"ci": "success"})]
    repository.pulls = [PullRequest(1, Commit("Two"), state="closed", merged_at="2026-11-19T00:00:00Z")]
    repository.actions.allowed_actions = "selected"


def places(document: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    if isinstance(document, dict):
        for key, value in document.items():
            yield from places(value, (*at, key))
    if isinstance(document, list):
        for index, value in enumerate(document):
            yield from places(value, (*at, index))


def replaced(document: Any, at: tuple[Any, ...], value: Any) -> Any:
    if not at:
        return value
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[at[0]] = replaced(document[at[0]], at[1:], value)
    return copy


def told(settings: GithubSettings) -> str:
    return json.dumps([settings.name, settings.default_branch, [u.why for u in settings.unobserved]], ensure_ascii=False)


@pytest.mark.parametrize("path", PATHS)
def test_any_value_at_any_place_is_survived(observer: Observer, path: str) -> None:
    fill(observer)
    path = path.format(head=observer.repository.commits[0].sha)
    with httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        got = client.get(f"{observer.github.address}/repos/acme/shop{path}")
    document = got.json() if got.content else {}
    choice = random.Random(path)  # The same places and values in every run.
    everywhere = [at for at in places(document) if path or not at or at[0] in READ_FROM_THE_REPOSITORY]
    whole = observer.observe()
    assert whole.protection.complete
    outcomes, messages = set(), []
    for _ in range(12):
        at, value = choice.choice(everywhere), choice.choice(VALUES)
        body = json.dumps(replaced(document, at, value))
        observer.github.faults = [Fault(200, body=body, path=f"/repos/acme/shop{path}")]
        try:
            settings = observer.observe()
        except GithubUnavailable as error:
            outcomes.add("refused")
            messages.append(str(error))
        else:
            outcomes.add("same" if settings == whole else "other")
            assert "\\u0000" not in told(settings)
            assert told(settings).encode(), "no lone surrogates"
    assert outcomes - {"same"}, "something of what was replaced is read"
    assert all(message.isprintable() for message in messages)


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 100_000, '"\\ud800"', "NaN", "\x00", "\xff\xfe", "{} {}"])
def test_no_answer_is_too_strange(observer: Observer, body: str) -> None:
    observer.github.faults = [Fault(200, body=body, times=9)]
    with pytest.raises(GithubUnavailable):
        observer.observe()


@pytest.mark.parametrize(
    "headers",
    [
        {"Link": "<http://[>; rel=next"},
        {"Link": ";;;,,,<<>>"},
        {"ETag": "é"},
        {"ETag": '"a b"'},
        {"X-RateLimit-Reset": "9" * 50},
        {"X-OAuth-Scopes": ",, ,"},
        {"Retry-After": "soon"},
    ],
    ids=str,
)
def test_strange_headers_are_survived(observer: Observer, headers: dict[str, str]) -> None:
    observer.github.faults = [Fault(200, headers=headers, body="[]", path="/rulesets"), Fault(429, headers=headers, path="/pulls")]
    store: dict[str, Any] = {}
    observer.observe(store=store)
    assert observer.observe(store=store).name == "acme/shop"


@pytest.mark.parametrize("location", ["", "http://[", "//", "\\\\evil.example.test", "http://127.0.0.1@evil.example.test/"])
def test_strange_redirects_lead_nowhere(observer: Observer, location: str) -> None:
    observer.github.faults = [Fault(301, headers={"Location": location}, times=9)]
    with pytest.raises(GithubUnavailable):
        observer.observe()
