"""What workflows of a repository may do, and which actions they may use."""

from __future__ import annotations

from typing import Any

from platformkit_pipeline.introspection.github.answers import AnotherShape, Answer, record, text
from platformkit_pipeline.introspection.github.api import GithubApi
from platformkit_pipeline.introspection.github.notes import Notes
from platformkit_pipeline.model.repository.github import ActionsPermissions, GithubFacet

_PERMISSIONS = "/repos/{owner}/{repo}/actions/permissions"


def read_actions(api: GithubApi, notes: Notes) -> ActionsPermissions | None:
    """Permissions of Actions; None, with a note, when the token may not see them."""
    answer = api.get(_PERMISSIONS)
    if not answer.given:
        notes.unobserved(GithubFacet.ACTIONS, answer.why)
        return None
    policy = record(answer.document)
    enabled = _switch(policy, "enabled")
    if enabled is None:
        raise AnotherShape
    allowed = text(policy["allowed_actions"]) if policy.get("allowed_actions") is not None else None
    selected = _document(api.get(f"{_PERMISSIONS}/selected-actions"), notes) if allowed == "selected" else {}
    workflow = _document(api.get(f"{_PERMISSIONS}/workflow"), notes)
    patterns = selected.get("patterns_allowed")
    rights = workflow.get("default_workflow_permissions")
    return ActionsPermissions(
        enabled=enabled,
        allowed_actions=allowed,
        github_owned_allowed=_switch(selected, "github_owned_allowed"),
        verified_allowed=_switch(selected, "verified_allowed"),
        allowed_patterns=None if patterns is None else tuple(sorted(text(pattern) for pattern in patterns)),
        sha_pinning_required=_switch(policy, "sha_pinning_required"),
        default_workflow_permissions=None if rights is None else text(rights),
        may_approve_pull_requests=_switch(workflow, "can_approve_pull_request_reviews"),
    )


def _document(answer: Answer, notes: Notes) -> dict[str, Any]:
    if answer.given:
        return record(answer.document)
    notes.unobserved(GithubFacet.ACTIONS, answer.why)
    return {}


def _switch(document: dict[str, Any], name: str) -> bool | None:
    value = document.get(name)
    if not isinstance(value, bool | None):
        raise AnotherShape
    return value
