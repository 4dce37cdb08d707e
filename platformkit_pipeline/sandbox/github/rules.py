"""Classic protection and rulesets as GitHub writes them and takes them."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from platformkit_pipeline.sandbox.github.bodies import Bodies
from platformkit_pipeline.sandbox.github.state import MOMENT, Protection, Repository, Reviews, Ruleset


class Unprocessable(Exception):
    """A body that GitHub refuses with 422; the message says why."""


def protection_body(bodies: Bodies, branch: str, protection: Protection) -> dict[str, Any]:
    """As `GET .../protection` gives it. What is not demanded is left out or `enabled: false`, as GitHub does it."""
    url = f"{bodies.url}/branches/{branch}/protection"
    body: dict[str, Any] = {
        "url": url,
        "required_signatures": {"url": f"{url}/required_signatures", "enabled": protection.signatures},
        "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": protection.enforce_admins},
        "required_linear_history": {"enabled": protection.linear_history},
        "allow_force_pushes": {"enabled": protection.force_pushes},
        "allow_deletions": {"enabled": protection.deletions},
        "block_creations": {"enabled": protection.block_creations},
        "required_conversation_resolution": {"enabled": protection.conversation_resolution},
        "lock_branch": {"enabled": protection.lock_branch},
        "allow_fork_syncing": {"enabled": protection.fork_syncing},
    }
    if protection.checks is not None:
        body["required_status_checks"] = checks_body(url, protection)
    if protection.reviews is not None:
        body["required_pull_request_reviews"] = _reviews_body(bodies, url, protection.reviews)
    if protection.restricted_to is not None:
        links = {f"{group}_url": f"{url}/restrictions/{group}" for group in ("users", "teams", "apps")}
        users = [bodies.user(login) for login in protection.restricted_to]
        body["restrictions"] = {"url": f"{url}/restrictions", **links, "users": users, "teams": [], "apps": []}
    return body


def checks_body(url: str, protection: Protection) -> dict[str, Any]:
    """As `GET .../required_status_checks` gives it."""
    checks = protection.checks or []
    return {
        "url": f"{url}/required_status_checks",
        "strict": protection.strict,
        "contexts": [context for context, _ in checks],
        "contexts_url": f"{url}/required_status_checks/contexts",
        "checks": [{"context": context, "app_id": app} for context, app in checks],
    }


def _reviews_body(bodies: Bodies, url: str, reviews: Reviews) -> dict[str, Any]:
    body: dict[str, Any] = {
        "url": f"{url}/required_pull_request_reviews",
        "dismiss_stale_reviews": reviews.dismiss_stale,
        "require_code_owner_reviews": reviews.code_owners,
        "required_approving_review_count": reviews.approvals,
        "require_last_push_approval": reviews.last_push,
    }
    if reviews.bypass_users or reviews.bypass_apps:
        apps = [bodies.app(1000 + i) | {"slug": slug} for i, slug in enumerate(reviews.bypass_apps)]
        users = [bodies.user(login) for login in reviews.bypass_users]
        body["bypass_pull_request_allowances"] = {"users": users, "teams": [], "apps": apps}
    return body


def branch_protection_summary(bodies: Bodies, branch: str, protection: Protection | None) -> dict[str, Any]:
    """The block `protection` of a branch, which everybody sees who may read the repository."""
    url = f"{bodies.url}/branches/{branch}/protection"
    if protection is None:
        return {"enabled": False, "required_status_checks": {"enforcement_level": "off", "contexts": [], "checks": []}}
    level = "off" if protection.checks is None else "everyone" if protection.enforce_admins else "non_admins"
    checks = checks_body(url, protection)
    return {"enabled": True, "required_status_checks": {"enforcement_level": level, **{k: checks[k] for k in ("contexts", "checks")}}}


def protection_from(body: dict[str, Any], before: Protection | None) -> Protection:
    """What `PUT .../protection` sets. Raises Unprocessable for what GitHub refuses: its four first fields have to be there."""
    missing = [
        field
        for field in ("required_status_checks", "enforce_admins", "required_pull_request_reviews", "restrictions")
        if field not in body
    ]
    if missing:
        raise Unprocessable(f"Invalid request. {missing[0]} wasn't supplied.")
    checks, reviews, restrictions = body["required_status_checks"], body["required_pull_request_reviews"], body["restrictions"]
    return Protection(
        checks=None if checks is None else checks_from(checks),
        strict=bool(checks and checks.get("strict")),
        enforce_admins=bool(body["enforce_admins"]),
        reviews=None if reviews is None else _reviews_from(reviews),
        restricted_to=None if restrictions is None else list(restrictions["users"]),
        linear_history=bool(body.get("required_linear_history")),
        force_pushes=bool(body.get("allow_force_pushes")),
        deletions=bool(body.get("allow_deletions")),
        block_creations=bool(body.get("block_creations")),
        conversation_resolution=bool(body.get("required_conversation_resolution")),
        lock_branch=bool(body.get("lock_branch")),
        fork_syncing=bool(body.get("allow_fork_syncing")),
        # A setting of its own path, which this request leaves alone.
        signatures=before.signatures if before else False,
    )


def checks_from(body: dict[str, Any]) -> list[tuple[str, int | None]]:
    """Contexts of a body with `checks`, or with the older `contexts`."""
    if "checks" in body:
        return [(check["context"], _any_app(check.get("app_id"))) for check in body["checks"]]
    if "contexts" not in body:
        raise Unprocessable("Invalid request. No subschema in anyOf matched.")
    return [(context, None) for context in body["contexts"]]


def _any_app(app: int | None) -> int | None:
    return None if app == -1 else app


def _reviews_from(body: dict[str, Any]) -> Reviews:
    allowed = body.get("bypass_pull_request_allowances") or {}
    return Reviews(
        approvals=int(body.get("required_approving_review_count", 1)),
        code_owners=bool(body.get("require_code_owner_reviews")),
        dismiss_stale=bool(body.get("dismiss_stale_reviews")),
        last_push=bool(body.get("require_last_push_approval")),
        bypass_users=list(allowed.get("users", [])),
        bypass_apps=list(allowed.get("apps", [])),
    )


def ruleset_summary(bodies: Bodies, repository: Repository, ruleset: Ruleset) -> dict[str, Any]:
    """As the list of rulesets gives it."""
    url = f"{bodies.url}/rulesets/{ruleset.identifier}"
    return {
        "id": ruleset.identifier,
        "name": ruleset.name,
        "target": ruleset.target,
        "source_type": ruleset.source_type,
        "source": ruleset.source or repository.full_name,
        "enforcement": ruleset.enforcement,
        "node_id": f"RRS_{ruleset.identifier}",
        "_links": {"self": {"href": url}, "html": {"href": url}},
        "created_at": MOMENT,
        "updated_at": MOMENT,
    }


def ruleset_body(bodies: Bodies, repository: Repository, ruleset: Ruleset, *, shows_bypass: bool) -> dict[str, Any]:
    """As `GET .../rulesets/{id}` gives it; `bypass_actors` only to whoever may write the ruleset."""
    body = ruleset_summary(bodies, repository, ruleset) | {
        "conditions": {"ref_name": {"include": ruleset.include, "exclude": ruleset.exclude}},
        "rules": ruleset.rules,
        "current_user_can_bypass": "never",
    }
    return body | ({"bypass_actors": ruleset.bypass_actors} if shows_bypass else {})


def ruleset_from(body: dict[str, Any], identifier: int, before: Ruleset | None = None) -> Ruleset:
    """What POST and PUT of a ruleset set; PUT leaves alone what is not sent."""
    if before is None and not {"name", "enforcement"} <= body.keys():
        raise Unprocessable("Invalid request. name and enforcement are needed.")
    ruleset = before or Ruleset(identifier, "", rules=[])
    ref_name = (body.get("conditions") or {}).get("ref_name", {})
    return Ruleset(
        identifier=identifier,
        name=body.get("name", ruleset.name),
        enforcement=body.get("enforcement", ruleset.enforcement),
        target=body.get("target", ruleset.target),
        include=list(ref_name.get("include", ruleset.include if before else [])),
        exclude=list(ref_name.get("exclude", ruleset.exclude)),
        rules=[dict(rule) for rule in body.get("rules", ruleset.rules)],
        bypass_actors=[dict(actor) for actor in body.get("bypass_actors", ruleset.bypass_actors)],
        source_type=ruleset.source_type,
        source=ruleset.source,
    )


def rules_of(repository: Repository, branch: str) -> list[dict[str, Any]]:
    """Active rules of a branch, as `GET .../rules/branches/{branch}` gives them."""
    return [
        {
            **rule,
            "ruleset_source_type": ruleset.source_type,
            "ruleset_source": ruleset.source or repository.full_name,
            "ruleset_id": ruleset.identifier,
        }
        for ruleset in repository.rulesets
        if ruleset.enforcement == "active" and ruleset.target == "branch" and _binds(ruleset, branch, repository.default_branch)
        for rule in ruleset.rules
    ]


def _binds(ruleset: Ruleset, branch: str, default: str) -> bool:
    def matches(pattern: str) -> bool:
        if pattern in ("~ALL", "~DEFAULT_BRANCH"):
            return pattern == "~ALL" or branch == default
        return fnmatchcase(f"refs/heads/{branch}", pattern)

    return any(map(matches, ruleset.include)) and not any(map(matches, ruleset.exclude))
