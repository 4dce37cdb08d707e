"""Every document of the stand-in has the form that GitHub publishes: read over HTTP through a client with GitHub's own schemas.

The only module that imports githubkit: that takes two seconds.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from githubkit import GitHub
from githubkit_schemas.v2026_03_10 import models
from pydantic import BaseModel

from platformkit_pipeline.introspection.github.exchange import API_VERSION
from platformkit_pipeline.sandbox.github.calls import ROUTES
from platformkit_pipeline.sandbox.github.serve import TOKEN, Github, serve_github
from platformkit_pipeline.sandbox.github.state import (
    ADMINISTRATOR,
    CheckRun,
    CodeAlert,
    Commit,
    DependencyAlert,
    Issue,
    Protection,
    PullRequest,
    Repository,
    Reviews,
    Ruleset,
    SecretAlert,
)

RULES: list[dict[str, Any]] = [
    {"type": "deletion"},
    {"type": "non_fast_forward"},
    {
        "type": "required_status_checks",
        "parameters": {
            "strict_required_status_checks_policy": True,
            "required_status_checks": [{"context": "lint", "integration_id": 15368}, {"context": "test"}],
        },
    },
    {
        "type": "pull_request",
        "parameters": {
            "dismiss_stale_reviews_on_push": True,
            "require_code_owner_review": True,
            "require_last_push_approval": False,
            "required_approving_review_count": 1,
            "required_review_thread_resolution": False,
        },
    },
    {"type": "workflows", "parameters": {"workflows": [{"path": ".github/workflows/gate.yml", "repository_id": 1}]}},
]


def full_repository() -> Repository:
    repository = Repository("acme", "shop", vulnerability_alerts=True, analysed=True)
    repository.security["secret_scanning"] = "enabled"
    repository.protections["main"] = Protection(
        [("lint", 15368), ("test", None)],
        reviews=Reviews(2, bypass_users=["bob"], bypass_apps=["merger"]),
        restricted_to=["alice"],
    )
    repository.rulesets.append(Ruleset(7, "gate", rules=RULES, bypass_actors=[{"actor_id": 5, "actor_type": "RepositoryRole"}]))
    repository.commits[0].check_runs = [CheckRun("lint"), CheckRun("test", None)]
    repository.commits[0].statuses = {"ci": "success"}
    repository.pulls = [PullRequest(1, Commit("One"), state="closed", merged_at="2026-11-19T00:00:00Z"), PullRequest(2, Commit("Two"))]
    repository.issues = [Issue(3, "Fault", labels=["bug"], comments=["Seen"])]
    repository.secret_alerts = [SecretAlert("made up")]
    repository.code_alerts = [CodeAlert("py/sql", security_severity="high")]
    repository.dependency_alerts = [DependencyAlert("leftpad")]
    repository.files = {"docs/a.md": b"text"}
    repository.branches = {"change": "1" * 40}
    repository.actions.allowed_actions = "selected"
    return repository


@pytest.fixture
def github() -> Iterator[Github]:
    with serve_github() as served:
        served.repositories["acme/shop"] = full_repository()
        yield served


NAMES = {"owner": "acme", "repo": "shop"}
HEAD = full_repository().commits[0].sha
CONTENT = base64.b64encode(b"text").decode()
CHECKS: dict[str, Any] = {"strict": False, "checks": [{"context": "lint", "app_id": -1}]}
PROTECTION: dict[str, Any] = {
    "required_status_checks": {**CHECKS, "contexts": ["lint"]},
    "enforce_admins": True,
    "required_pull_request_reviews": None,
    "restrictions": None,
}
NEW_RULESET: dict[str, Any] = {"name": "new", "enforcement": "active", "rules": RULES}

QUESTIONS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "repository": ("GET ", lambda r: r.repos.get(**NAMES)),
    "security": ("PATCH ", lambda r: r.repos.update(**NAMES, security_and_analysis={"secret_scanning": {"status": "disabled"}})),
    "branches": ("GET /branches", lambda r: r.repos.list_branches(**NAMES)),
    "branch": ("GET /branches/x", lambda r: r.repos.get_branch(**NAMES, branch="main")),
    "protection": ("GET /branches/x/protection", lambda r: r.repos.get_branch_protection(**NAMES, branch="main")),
    "set protection": ("PUT /branches/x/protection", lambda r: r.repos.update_branch_protection(**NAMES, branch="main", **PROTECTION)),
    "remove protection": ("DELETE /branches/x/protection", lambda r: r.repos.delete_branch_protection(**NAMES, branch="main")),
    "required checks": (
        "GET /branches/x/protection/required_status_checks",
        lambda r: r.repos.get_status_checks_protection(**NAMES, branch="main"),
    ),
    "set required checks": (
        "PATCH /branches/x/protection/required_status_checks",
        lambda r: r.repos.update_status_check_protection(**NAMES, branch="main", **CHECKS),
    ),
    "rules": ("GET /rules/branches/x", lambda r: r.repos.get_branch_rules(**NAMES, branch="main")),
    "rulesets": ("GET /rulesets", lambda r: r.repos.get_repo_rulesets(**NAMES)),
    "ruleset": ("GET /rulesets/7", lambda r: r.repos.get_repo_ruleset(**NAMES, ruleset_id=7)),
    "create ruleset": ("POST /rulesets", lambda r: r.repos.create_repo_ruleset(**NAMES, **NEW_RULESET)),
    "change ruleset": ("PUT /rulesets/7", lambda r: r.repos.update_repo_ruleset(**NAMES, ruleset_id=7, enforcement="disabled")),
    "remove ruleset": ("DELETE /rulesets/7", lambda r: r.repos.delete_repo_ruleset(**NAMES, ruleset_id=7)),
    "vulnerability alerts": ("GET /vulnerability-alerts", lambda r: r.repos.check_vulnerability_alerts(**NAMES)),
    "enable vulnerability alerts": ("PUT /vulnerability-alerts", lambda r: r.repos.enable_vulnerability_alerts(**NAMES)),
    "disable vulnerability alerts": ("DELETE /vulnerability-alerts", lambda r: r.repos.disable_vulnerability_alerts(**NAMES)),
    "actions": ("GET /actions/permissions", lambda r: r.actions.get_github_actions_permissions_repository(**NAMES)),
    "set actions": ("PUT /actions/permissions", lambda r: r.actions.set_github_actions_permissions_repository(**NAMES, enabled=True)),
    "selected actions": ("GET /actions/permissions/selected-actions", lambda r: r.actions.get_allowed_actions_repository(**NAMES)),
    "workflow permissions": (
        "GET /actions/permissions/workflow",
        lambda r: r.actions.get_github_actions_default_workflow_permissions_repository(**NAMES),
    ),
    "set workflow permissions": (
        "PUT /actions/permissions/workflow",
        lambda r: r.actions.set_github_actions_default_workflow_permissions_repository(**NAMES, default_workflow_permissions="read"),
    ),
    "commits": ("GET /commits", lambda r: r.repos.list_commits(**NAMES)),
    "commit": ("GET /commits/x", lambda r: r.repos.get_commit(**NAMES, ref=HEAD)),
    "check runs": ("GET /commits/x/check-runs", lambda r: r.checks.list_for_ref(**NAMES, ref=HEAD)),
    "status": ("GET /commits/x/status", lambda r: r.repos.get_combined_status_for_ref(**NAMES, ref=HEAD)),
    "statuses": ("GET /commits/x/statuses", lambda r: r.repos.list_commit_statuses_for_ref(**NAMES, ref=HEAD)),
    "create status": ("POST /statuses/x", lambda r: r.repos.create_commit_status(**NAMES, sha=HEAD, state="success", context="ci")),
    "secret alerts": ("GET /secret-scanning/alerts", lambda r: r.secret_scanning.list_alerts_for_repo(**NAMES)),
    "code alerts": ("GET /code-scanning/alerts", lambda r: r.code_scanning.list_alerts_for_repo(**NAMES)),
    "dependabot alerts": ("GET /dependabot/alerts", lambda r: r.dependabot.list_alerts_for_repo(**NAMES)),
    "pulls": ("GET /pulls", lambda r: r.pulls.list(**NAMES, state="all")),
    "pull": ("GET /pulls/1", lambda r: r.pulls.get(**NAMES, pull_number=1)),
    "open pull": ("POST /pulls", lambda r: r.pulls.create(**NAMES, title="New", head="change", base="main")),
    "issues": ("GET /issues", lambda r: r.issues.list_for_repo(**NAMES)),
    "open issue": ("POST /issues", lambda r: r.issues.create(**NAMES, title="New")),
    "change issue": ("PATCH /issues/3", lambda r: r.issues.update(**NAMES, issue_number=3, state="closed")),
    "comments": ("GET /issues/3/comments", lambda r: r.issues.list_comments(**NAMES, issue_number=3)),
    "comment": ("POST /issues/3/comments", lambda r: r.issues.create_comment(**NAMES, issue_number=3, body="Over")),
    "content": ("GET /contents/x", lambda r: r.repos.get_content(**NAMES, path="docs/a.md")),
    "write content": (
        "PUT /contents/x",
        lambda r: r.repos.create_or_update_file_contents(**NAMES, path="b.md", message="New", content=CONTENT),
    ),
    "dispatch": ("POST /dispatches", lambda r: r.repos.create_dispatch_event(**NAMES, event_type="order.paid", client_payload={"id": "1"})),
    "rate limit": ("", lambda r: r.rate_limit.get()),
    "user": ("", lambda r: r.users.get_authenticated()),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_has_the_published_form(github: Github, question: str) -> None:
    with GitHub(TOKEN, base_url=github.address, http_cache=False, auto_retry=False) as client:
        response = QUESTIONS[question][1](client.rest(API_VERSION))
    assert 200 <= response.status_code < 300
    if response.status_code == 204:
        return
    document = response.parsed_data
    assert isinstance(document, BaseModel | list)
    assert document, "an empty list would have any form"


def test_every_route_is_among_them() -> None:
    asked = {question for question, _ in QUESTIONS.values()}
    missing = [
        f"{route.method} {route.path.pattern}"
        for route in ROUTES
        if not any(q.startswith(f"{route.method} ") and route.path.match(q.partition(" ")[2]) for q in asked)
    ]
    assert missing == []
    assert len(ROUTES) >= 40


def test_lists_hold_something_in_the_published_form(github: Github) -> None:
    """The models of these lists are unions that accept almost anything, so the members are named."""
    with GitHub(TOKEN, base_url=github.address, http_cache=False) as client:
        rules = client.rest(API_VERSION).repos.get_branch_rules(**NAMES, branch="main").parsed_data
        content = client.rest(API_VERSION).repos.get_content(**NAMES, path="docs/a.md").parsed_data
    assert [rule.type for rule in rules] == [rule["type"] for rule in RULES]
    assert {rule.ruleset_id for rule in rules} == {7}
    assert isinstance(content, models.ContentFile)
    assert base64.b64decode(content.content) == b"text"


def test_a_wrong_form_is_noticed(github: Github) -> None:
    github.repository.protections["main"].checks = [(["lint"], None)]  # type: ignore[list-item]  # a wrong value is what is tested
    with GitHub(TOKEN, base_url=github.address, http_cache=False) as client, pytest.raises(ValueError, match="contexts"):
        _ = client.rest(API_VERSION).repos.get_branch_protection(**NAMES, branch="main").parsed_data


def test_the_whole_body_of_protection_is_pinned(github: Github) -> None:
    """Nearly every field of the published form may be missing, so that it would accept an empty body."""
    with GitHub(TOKEN, base_url=github.address, http_cache=False) as client:
        body = client.rest(API_VERSION).repos.get_branch_protection(**NAMES, branch="main").json()
    assert ADMINISTRATOR.may("administration", "write")
    assert set(body) == {
        "url",
        "required_status_checks",
        "enforce_admins",
        "required_pull_request_reviews",
        "restrictions",
        "required_linear_history",
        "required_signatures",
        "allow_force_pushes",
        "allow_deletions",
        "block_creations",
        "required_conversation_resolution",
        "lock_branch",
        "allow_fork_syncing",
    }
    assert body["required_status_checks"] | {"url": "", "contexts_url": ""} == {
        "url": "",
        "contexts_url": "",
        "strict": False,
        "contexts": ["lint", "test"],
        "checks": [{"context": "lint", "app_id": 15368}, {"context": "test", "app_id": None}],
    }
    assert set(body["required_pull_request_reviews"]) == {
        "url",
        "dismiss_stale_reviews",
        "require_code_owner_reviews",
        "required_approving_review_count",
        "require_last_push_approval",
        "bypass_pull_request_allowances",
    }
