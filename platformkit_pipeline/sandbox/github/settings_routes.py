"""Routes of the stand-in about settings: the repository, branches, protection, rulesets, security features, Actions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from platformkit_pipeline.sandbox.github.calls import Call, Refused, Reply, not_found, route
from platformkit_pipeline.sandbox.github.rules import (
    Unprocessable,
    branch_protection_summary,
    checks_body,
    checks_from,
    protection_body,
    protection_from,
    rules_of,
    ruleset_body,
    ruleset_from,
    ruleset_summary,
)
from platformkit_pipeline.sandbox.github.state import Commit, Protection, Ruleset

T = TypeVar("T")

_UPGRADE = "Upgrade to GitHub Pro or make this repository public to enable this feature."
_FIRST_RULESET = 101


@route("GET", "", "metadata")
def repository(call: Call) -> Reply:
    return Reply(200, call.bodies.repository(call.token))


@route("PATCH", "", "administration", "write")
def change_repository(call: Call) -> Reply:
    for feature, entry in (call.body.get("security_and_analysis") or {}).items():
        if entry.get("status") not in ("enabled", "disabled"):
            raise Refused(422, "Validation Failed")
        if "security" not in call.repository.ineffective:
            call.repository.security[feature] = entry["status"]
    return Reply(200, call.bodies.repository(call.token))


@route("GET", "/branches", "contents")
def branches(call: Call) -> Reply:
    heads = _heads(call)
    items = [
        {"name": name, "commit": {"sha": head, "url": f"{call.bodies.url}/commits/{head}"}, "protected": _protected(call, name)}
        for name, head in heads.items()
    ]
    return call.page(items)


@route("GET", "/branches/{branch}", "contents")
def branch(call: Call) -> Reply:
    name = call.names["branch"]
    head = _heads(call).get(name)
    if head is None:
        raise Refused(404, "Branch not found")
    url = f"{call.bodies.url}/branches/{name}"
    commit = next((c for c in call.repository.commits if c.sha == head), None) or Commit(f"Head of {name}", head)
    return Reply(
        200,
        {
            "name": name,
            "commit": call.bodies.commit(commit),
            "_links": {"self": url, "html": url},
            "protected": _protected(call, name),
            "protection": branch_protection_summary(call.bodies, name, call.repository.protections.get(name)),
            "protection_url": f"{url}/protection",
        },
    )


def _heads(call: Call) -> dict[str, str]:
    repository = call.repository
    default = {repository.default_branch: repository.commits[0].sha} if repository.commits else {}
    return default | repository.branches


def _protected(call: Call, name: str) -> bool:
    return name in call.repository.protections or bool(rules_of(call.repository, name))


def _protection(call: Call) -> Protection:
    _on_plan(call)
    if call.names["branch"] not in _heads(call):
        raise Refused(404, "Branch not found")
    protection = call.repository.protections.get(call.names["branch"])
    if protection is None:
        raise Refused(404, "Branch not protected")
    return protection


def _on_plan(call: Call) -> None:
    if not call.repository.on_plan:
        raise Refused(403, _UPGRADE)


@route("GET", "/branches/{branch}/protection", "administration")
def protection(call: Call) -> Reply:
    return Reply(200, protection_body(call.bodies, call.names["branch"], _protection(call)))


@route("PUT", "/branches/{branch}/protection", "administration", "write")
def set_protection(call: Call) -> Reply:
    _on_plan(call)
    name = call.names["branch"]
    if name not in _heads(call):
        raise Refused(404, "Branch not found")
    before = call.repository.protections.get(name)
    new = _processed(lambda: protection_from(call.body, before))
    if "protection" not in call.repository.ineffective:
        call.repository.protections[name] = new
    return Reply(200, protection_body(call.bodies, name, new))


@route("DELETE", "/branches/{branch}/protection", "administration", "write")
def remove_protection(call: Call) -> Reply:
    _protection(call)
    del call.repository.protections[call.names["branch"]]
    return Reply(204)


@route("GET", "/branches/{branch}/protection/required_status_checks", "administration")
def required_checks(call: Call) -> Reply:
    found = _protection(call)
    if found.checks is None:
        raise Refused(404, "Required status checks not enabled")
    return Reply(200, checks_body(f"{call.bodies.url}/branches/{call.names['branch']}/protection", found))


@route("PATCH", "/branches/{branch}/protection/required_status_checks", "administration", "write")
def change_required_checks(call: Call) -> Reply:
    required_checks(call)
    found = _protection(call)
    if "protection" not in call.repository.ineffective:
        if "checks" in call.body or "contexts" in call.body:
            found.checks = _processed(lambda: checks_from(call.body))
        found.strict = bool(call.body.get("strict", found.strict))
    return required_checks(call)


@route("GET", "/rules/branches/{branch}", "metadata")
def active_rules(call: Call) -> Reply:
    _on_plan(call)
    return call.page(rules_of(call.repository, call.names["branch"]))


@route("GET", "/rulesets", "metadata")
def rulesets(call: Call) -> Reply:
    _on_plan(call)
    return call.page([ruleset_summary(call.bodies, call.repository, ruleset) for ruleset in call.repository.rulesets])


@route("POST", "/rulesets", "administration", "write")
def create_ruleset(call: Call) -> Reply:
    _on_plan(call)
    taken = [ruleset.identifier for ruleset in call.repository.rulesets]
    if call.body.get("name") in {ruleset.name for ruleset in call.repository.rulesets}:
        raise Refused(422, "Validation Failed")
    new = _processed(lambda: ruleset_from(call.body, max([_FIRST_RULESET - 1, *taken]) + 1))
    if "ruleset" in call.repository.ineffective:
        new = replace(new, rules=[])
    call.repository.rulesets.append(new)
    return Reply(201, ruleset_body(call.bodies, call.repository, new, shows_bypass=True))


def _ruleset(call: Call) -> Ruleset:
    _on_plan(call)
    for ruleset in call.repository.rulesets:
        if str(ruleset.identifier) == call.names["identifier"]:
            return ruleset
    raise not_found()


@route("GET", "/rulesets/{identifier}", "metadata")
def ruleset(call: Call) -> Reply:
    shows_bypass = call.token.may("administration", "write")
    return Reply(200, ruleset_body(call.bodies, call.repository, _ruleset(call), shows_bypass=shows_bypass))


@route("PUT", "/rulesets/{identifier}", "administration", "write")
def change_ruleset(call: Call) -> Reply:
    before = _ruleset(call)
    new = _processed(lambda: ruleset_from(call.body, before.identifier, before))
    if "ruleset" not in call.repository.ineffective:
        call.repository.rulesets[call.repository.rulesets.index(before)] = new
    return Reply(200, ruleset_body(call.bodies, call.repository, new, shows_bypass=True))


@route("DELETE", "/rulesets/{identifier}", "administration", "write")
def remove_ruleset(call: Call) -> Reply:
    call.repository.rulesets.remove(_ruleset(call))
    return Reply(204)


def _processed(make: Callable[[], T]) -> T:
    try:
        return make()
    except (Unprocessable, KeyError, TypeError, ValueError, AttributeError) as error:
        raise Refused(422, str(error) if isinstance(error, Unprocessable) else "Invalid request.") from None


@route("GET", "/vulnerability-alerts", "administration")
def vulnerability_alerts(call: Call) -> Reply:
    if not call.repository.vulnerability_alerts:
        raise Refused(404, "Vulnerability alerts are disabled.")
    return Reply(204)


@route("PUT", "/vulnerability-alerts", "administration", "write")
def enable_vulnerability_alerts(call: Call) -> Reply:
    if "security" not in call.repository.ineffective:
        call.repository.vulnerability_alerts = True
    return Reply(204)


@route("DELETE", "/vulnerability-alerts", "administration", "write")
def disable_vulnerability_alerts(call: Call) -> Reply:
    call.repository.vulnerability_alerts = False
    return Reply(204)


@route("GET", "/actions/permissions", "administration")
def actions_permissions(call: Call) -> Reply:
    actions = call.repository.actions
    if not actions.enabled:
        return Reply(200, {"enabled": False})
    body = {"enabled": True, "allowed_actions": actions.allowed_actions, "sha_pinning_required": actions.sha_pinning_required}
    selected = {"selected_actions_url": f"{call.url}/selected-actions"} if actions.allowed_actions == "selected" else {}
    return Reply(200, body | selected)


@route("PUT", "/actions/permissions", "administration", "write")
def set_actions_permissions(call: Call) -> Reply:
    actions = call.repository.actions
    actions.enabled = bool(call.body["enabled"])
    actions.allowed_actions = call.body.get("allowed_actions", actions.allowed_actions)
    actions.sha_pinning_required = bool(call.body.get("sha_pinning_required", actions.sha_pinning_required))
    return Reply(204)


@route("GET", "/actions/permissions/selected-actions", "administration")
def selected_actions(call: Call) -> Reply:
    actions = call.repository.actions
    if actions.allowed_actions != "selected":
        raise Refused(409, "Conflict")
    names = ("github_owned_allowed", "verified_allowed", "patterns_allowed")
    return Reply(200, {name: getattr(actions, name) for name in names})


@route("GET", "/actions/permissions/workflow", "administration")
def workflow_permissions(call: Call) -> Reply:
    actions = call.repository.actions
    return Reply(
        200, {"default_workflow_permissions": actions.default_permissions, "can_approve_pull_request_reviews": actions.may_approve}
    )


@route("PUT", "/actions/permissions/workflow", "administration", "write")
def set_workflow_permissions(call: Call) -> Reply:
    actions = call.repository.actions
    actions.default_permissions = call.body.get("default_workflow_permissions", actions.default_permissions)
    actions.may_approve = bool(call.body.get("can_approve_pull_request_reviews", actions.may_approve))
    return Reply(204)
