"""Settings in the form in which GitHub takes them, made from the form in which it gives them, so that both can be compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from platformkit_pipeline.introspection.github.answers import flag, number, record, records, text
from platformkit_pipeline.model.repository.github_setting import RequiredCheck

Body = dict[str, Any]

_CLASSIC_SWITCHES = (
    "required_linear_history",
    "allow_force_pushes",
    "allow_deletions",
    "block_creations",
    "required_conversation_resolution",
    "lock_branch",
    "allow_fork_syncing",
)
_REVIEW_FIELDS = ("dismiss_stale_reviews", "require_code_owner_reviews", "required_approving_review_count", "require_last_push_approval")
_RULESET_FIELDS = ("name", "target", "enforcement", "conditions", "rules")

NEW_PROTECTION: Body = {
    "required_status_checks": None,
    # A rule that administrators pass without noticing is none.
    "enforce_admins": True,
    "required_pull_request_reviews": None,
    "restrictions": None,
}


def digest(body: Body | None) -> str:
    """SHA-256 of a setting, whatever the order of its fields."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def classic_body(document: Body) -> Body:
    """The body for PUT that leaves classic protection as this document of GET describes it. Raises AnotherShape."""
    checks, reviews = document.get("required_status_checks"), document.get("required_pull_request_reviews")
    restrictions = document.get("restrictions")
    return {
        "required_status_checks": None if checks is None else _checks_body(flag(record(checks), "strict"), _checks(record(checks))),
        "enforce_admins": flag(document, "enforce_admins"),
        "required_pull_request_reviews": None if reviews is None else _reviews_body(record(reviews)),
        "restrictions": None if restrictions is None else _actors(record(restrictions)),
        **{name: flag(document, name) for name in _CLASSIC_SWITCHES},
    }


def with_classic_checks(body: Body, wanted: Iterable[RequiredCheck]) -> Body:
    """The body with these checks demanded as well; a check that any App may report is bound to the wanted one."""
    before = body["required_status_checks"] or {"strict": False, "checks": []}
    checks = {check["context"]: _app(check.get("app_id")) for check in before["checks"]}
    for check in wanted:
        checks[check.context] = check.integration if check.integration is not None else checks.get(check.context)
    return body | {"required_status_checks": _checks_body(before["strict"], checks)}


def classic_checks(body: Body) -> dict[str, int | None]:
    """Context → App of a body for PUT."""
    return {check["context"]: _app(check.get("app_id")) for check in (body["required_status_checks"] or {"checks": []})["checks"]}


def _checks(document: Body) -> dict[str, int | None]:
    found: dict[str, int | None] = dict.fromkeys(map(text, document.get("contexts") or []))
    return found | {text(check["context"]): _app(check.get("app_id")) for check in records(document.get("checks") or [])}


def _app(value: Any) -> int | None:
    return None if value in (None, -1) else number(value)


def _checks_body(strict: bool, checks: dict[str, int | None]) -> Body:
    """GitHub wants both lists; where they differ, `checks` counts."""
    ordered = sorted(checks.items())
    return {
        "strict": strict,
        "contexts": [context for context, _ in ordered],
        "checks": [{"context": context, "app_id": -1 if app is None else app} for context, app in ordered],
    }


def _reviews_body(document: Body) -> Body:
    body = {name: document[name] for name in _REVIEW_FIELDS if name in document}
    for name in ("dismissal_restrictions", "bypass_pull_request_allowances"):
        if document.get(name) is not None:
            body[name] = _actors(record(document[name]))
    return body


def _actors(document: Body) -> Body:
    """People by login, teams and Apps by slug."""
    names = {"users": "login", "teams": "slug", "apps": "slug"}
    return {group: sorted(text(actor[name]) for actor in records(document.get(group) or [])) for group, name in names.items()}


def ruleset_body(document: Body) -> Body:
    """The body for PUT that leaves a ruleset as this document of GET describes it; hidden bypass actors are left alone."""
    body = {name: document[name] for name in _RULESET_FIELDS if document.get(name) is not None}
    if document.get("bypass_actors") is not None:
        body["bypass_actors"] = document["bypass_actors"]
    return body


def new_ruleset(name: str) -> Body:
    """A ruleset that demands nothing yet, and that nobody may bypass."""
    return {"name": name, "target": "branch", "enforcement": "active", "bypass_actors": [], "conditions": {}, "rules": []}


def with_ruleset_checks(body: Body, branch: str, wanted: Iterable[RequiredCheck]) -> Body:
    """The body, active, binding this branch, and demanding these checks as well. Raises AnotherShape."""
    ref_name = record(record(body.get("conditions") or {}).get("ref_name") or {})
    include = [text(pattern) for pattern in ref_name.get("include") or []]
    ref = f"refs/heads/{branch}"
    if not {ref, "~ALL"} & set(include):
        include.append(ref)
    rules = records(body["rules"])
    others = [rule for rule in rules if rule["type"] != "required_status_checks"]
    parameters = record(next((rule["parameters"] for rule in rules if rule["type"] == "required_status_checks"), {}))
    checks = {text(c["context"]): c.get("integration_id") for c in records(parameters.get("required_status_checks") or [])}
    for check in wanted:
        checks[check.context] = check.integration if check.integration is not None else checks.get(check.context)
    named = [{"context": c} | ({} if app is None else {"integration_id": app}) for c, app in sorted(checks.items())]
    demanded = {"strict_required_status_checks_policy": False, **parameters, "required_status_checks": named}
    return body | {
        "enforcement": "active",
        "conditions": {"ref_name": {"include": include, "exclude": list(ref_name.get("exclude") or [])}},
        "rules": [*others, {"type": "required_status_checks", "parameters": demanded}],
    }
