"""Active rules of a branch from rulesets of the repository, its organisation and its enterprise, as demands."""

from __future__ import annotations

from typing import Any

from platformkit_pipeline.introspection.github.answers import flag, number, record, records, text
from platformkit_pipeline.introspection.github.api import GithubApi
from platformkit_pipeline.introspection.github.demands import Demands
from platformkit_pipeline.introspection.github.notes import Notes
from platformkit_pipeline.introspection.github.refusals import Meaning
from platformkit_pipeline.model.repository.github import GithubFacet
from platformkit_pipeline.model.repository.github_protection import (
    BypassActor,
    InactiveRuleset,
    ProtectionSource,
    SourceKind,
    SourceState,
)

RULES = "/repos/{owner}/{repo}/rules/branches/{branch}"
RULESETS = "/repos/{owner}/{repo}/rulesets"
RULESET = "/repos/{owner}/{repo}/rulesets/{identifier}"

_SWITCHES = {
    "deletion": "deletions_blocked",
    "non_fast_forward": "force_pushes_blocked",
    "required_linear_history": "linear_history",
    "required_signatures": "signatures",
}
_REVIEW_SWITCHES = {
    "require_code_owner_review": "code_owner_review",
    "dismiss_stale_reviews_on_push": "dismiss_stale_reviews",
    "require_last_push_approval": "last_push_approval",
    "required_review_thread_resolution": "conversation_resolution",
}
_ROLES = {"1": "read", "2": "maintain", "3": "triage", "4": "write", "5": "admin"}
"""Numbers of the built-in repository roles; others are an organisation's own."""


def read_rulesets(api: GithubApi, branch: str, demands: Demands, notes: Notes) -> SourceState:
    """Add what active rulesets demand of the branch, and say whether there are any."""
    pages = api.pages(RULES, branch=branch)
    if pages.refusal is Meaning.NOT_ON_PLAN:
        return SourceState.NOT_ON_PLAN
    owners: dict[str, str] = {}
    for rule in pages.items:
        identifier = str(number(rule["ruleset_id"]))
        owners.setdefault(identifier, text(rule.get("ruleset_source", "")))
        add_rule(rule, identifier, demands)
    demands.sources += [_source(api, identifier, owner, notes) for identifier, owner in sorted(owners.items())]
    if not pages.complete:
        notes.unobserved(GithubFacet.RULESETS, pages.why or "there are more rules than are read")
        return SourceState.UNKNOWN
    return SourceState.PRESENT if owners else SourceState.ABSENT


def read_inactive_rulesets(api: GithubApi, notes: Notes) -> tuple[InactiveRuleset, ...] | None:
    """Rulesets for branches that are switched off or only evaluated."""
    pages = api.pages(RULESETS, {"includes_parents": "true"})
    if pages.refusal is Meaning.NOT_ON_PLAN:
        return ()
    if not pages.complete:
        notes.unobserved(GithubFacet.INACTIVE_RULESETS, pages.why or "there are more rulesets than are read")
        return None
    inactive = [r for r in pages.items if r["enforcement"] != "active" and r.get("target", "branch") == "branch"]
    found = [InactiveRuleset(str(number(r["id"])), text(r["name"]), text(r["enforcement"])) for r in inactive]
    return tuple(sorted(found, key=lambda r: (r.name, r.identifier)))


def add_rule(rule: dict[str, Any], source: str, demands: Demands) -> None:
    """Add what one rule demands, in the form that rulesets and `rules/branches` share. Raises AnotherShape."""
    parameters = record(rule.get("parameters") or {})
    match text(rule["type"]):
        case "required_status_checks":
            if flag(parameters, "strict_required_status_checks_policy"):
                demands.flags.add("strict")
            for check in records(parameters.get("required_status_checks") or []):
                app = check.get("integration_id")
                demands.require(text(check["context"]), None if app is None else number(app), source)
        case "pull_request":
            demands.review(source, number(parameters.get("required_approving_review_count") or 0))
            demands.flags |= {ours for theirs, ours in _REVIEW_SWITCHES.items() if flag(parameters, theirs)}
        case "workflows":
            demands.workflows |= {text(workflow["path"]) for workflow in records(parameters.get("workflows") or [])}
        case kind if kind in _SWITCHES:
            demands.flags.add(_SWITCHES[kind])
        case kind:
            demands.other.add(kind)


def _source(api: GithubApi, identifier: str, owner: str, notes: Notes) -> ProtectionSource:
    answer = api.get(RULESET, identifier=identifier)
    name, bypass = identifier, None
    if answer.given:
        document = record(answer.document)
        name = text(document["name"])
        bypass = bypass_actors(document)
    if bypass is None:
        notes.unobserved(GithubFacet.BYPASS, answer.why or f'who may bypass the ruleset "{name}" is not visible to this token')
    return ProtectionSource(SourceKind.RULESET, identifier, name, owner, bypass)


def bypass_actors(document: dict[str, Any]) -> tuple[BypassActor, ...] | None:
    """Who may bypass a ruleset; None when its document does not say, which is not the same as nobody. Raises AnotherShape."""
    if document.get("bypass_actors") is None:
        return None
    actors = []
    for actor in records(document["bypass_actors"]):
        kind, identifier = text(actor["actor_type"]), actor.get("actor_id")
        numbered = "" if identifier is None else str(number(identifier))
        name = _ROLES.get(numbered, numbered) if kind == "RepositoryRole" else numbered
        actors.append(BypassActor(kind, numbered, name or kind, text(actor.get("bypass_mode") or "always")))
    return tuple(sorted(actors))
