"""Alerts as issues on GitHub: one for each, whatever is repeated and whatever answer is lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from platformkit_pipeline.connectors.errors import DeliveryFailed, DeliveryRefused
from platformkit_pipeline.introspection.github.api import ADDRESS_VARIABLE
from platformkit_pipeline.model.event import Event
from platformkit_pipeline.model.settings import GithubIssues, Notifications
from platformkit_pipeline.operations.deliver_events import Destination, destinations
from platformkit_pipeline.sandbox.github.faults import Fault, bad_credentials, secondary_limit, server_error, too_many_requests
from platformkit_pipeline.sandbox.github.serve import TOKEN, Github, serve_github

SETTINGS = Notifications(github_issues=GithubIssues(repository="acme/shop", token_env="ISSUES_TOKEN", labels=("platformkit",)))
TARGET = {"kind": "supabase_project", "name": "shop", "environment": "production"}


@pytest.fixture
def github() -> Iterator[Github]:
    with serve_github() as served:
        yield served


@pytest.fixture
def issues(github: Github) -> Iterator[Destination]:
    (made,) = destinations(SETTINGS, {"ISSUES_TOKEN": TOKEN, ADDRESS_VARIABLE: github.address})
    yield made
    made.send.close()


def event(kind: str, **payload: Any) -> Event:
    return Event(str(uuid4()), "target", "supabase_project/shop", kind, {"target": TARGET, "headline": "Told", **payload})


def criticals(*objects: str, over: bool = False, left: int = 0) -> Event:
    findings = [{"rule": "RLS001", "outcome": "FAIL", "object": name, "message": "no @everyone policy"} for name in objects]
    return event("finding.critical.settled" if over else "finding.critical", findings=findings, open=left)


def standing(github: Github) -> list[tuple[str, str, int]]:
    return [(issue.title, issue.state, len(issue.comments)) for issue in github.repository.issues]


def test_criticals_of_a_target_are_one_issue_that_is_closed_when_none_is_left_and_a_new_one_the_next_time(
    github: Github, issues: Destination
) -> None:
    steps = [
        (criticals("orders", "carts"), ("open", 0)),
        (criticals("invoices"), ("open", 1)),
        (criticals("orders", over=True, left=2), ("open", 2)),
        (criticals("carts", "invoices", over=True), ("closed", 3)),
    ]
    for told, after in steps:
        for _ in range(2):
            issues.send(told)
            assert standing(github) == [("Critical findings on shop", *after)]
    issues.send(steps[-1][0])
    issues.send(criticals("orders"))
    assert [state for _, state, _ in standing(github)] == ["closed", "open"]
    first = github.repository.issues[0]
    assert first.labels == ["platformkit"]
    assert "@everyone" not in first.body
    assert "`platformkit plan --target shop`" in first.body


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_took_effect_though_its_answer_was_lost_is_not_done_twice(github: Github, issues: Destination, method: str) -> None:
    begun, over = (event(kind, subject="chain", occurrence=1) for kind in ("audit.broken", "audit.broken.settled"))
    for told in (begun, over):
        fault = Fault(502, path="/issues", method=method, takes_effect=True)
        if (told is over) or method == "POST":
            github.faults.append(fault)
            with pytest.raises(DeliveryFailed):
                issues.send(told)
        issues.send(told)
    assert standing(github) == [("Told", "closed", 1)]


def test_limits_and_outages_are_waited_for_and_a_wrong_token_is_not(github: Github, issues: Destination) -> None:
    told = event("audit.broken", subject="chain", occurrence=1)
    pauses = []
    for fault in (too_many_requests("7"), secondary_limit(), server_error(502)):
        github.faults.append(fault)
        with pytest.raises(DeliveryFailed) as failed:
            issues.send(told)
        pauses.append(failed.value.retry_after_seconds)
    assert pauses == [7, 60, None]
    github.faults.append(bad_credentials())
    with pytest.raises(DeliveryRefused) as refused:
        issues.send(told)
    assert TOKEN not in str(refused.value)
    assert standing(github) == []


def test_what_is_read_and_done_is_no_issue(github: Github, issues: Destination) -> None:
    for kind in ("scan.failed", "waiver.expires", "amendment.accepted", "parity.regressed"):
        issues.send(event(kind))
    assert github.asked == []


def test_a_review_brings_its_own_agenda_and_calls_whom_it_names(github: Github, issues: Destination) -> None:
    issues.send(
        event("review.due", subject="2026", occurrence=1, body="## Agenda\n- [ ] figures", mentions=["ann", "no one", "acme/board"])
    )
    (issue,) = github.repository.issues
    assert issue.body.startswith("## Agenda\n- [ ] figures")
    assert "@ann @acme/board" in issue.body
    assert "no one" not in issue.body
