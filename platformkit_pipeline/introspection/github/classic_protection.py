"""Classic branch protection of one branch, as demands; and what is visible of it to everybody who may read the repository."""

from __future__ import annotations

from typing import Any

from platformkit_pipeline.introspection.github.answers import flag, number, record, records, text
from platformkit_pipeline.introspection.github.api import GithubApi
from platformkit_pipeline.introspection.github.demands import Demands
from platformkit_pipeline.introspection.github.notes import Notes
from platformkit_pipeline.introspection.github.refusals import Meaning
from platformkit_pipeline.model.repository.github import GithubFacet
from platformkit_pipeline.model.repository.github_protection import BypassActor, BypassScope, ProtectionSource, SourceKind, SourceState

IDENTIFIER = "classic"
PROTECTION = "/repos/{owner}/{repo}/branches/{branch}/protection"
_BRANCH = "/repos/{owner}/{repo}/branches/{branch}"
_ADMINISTRATORS = BypassActor("RepositoryRole", "5", "admin")
"""5 is the number that rulesets give the role of an administrator."""

_ABSENT = frozenset({Meaning.NOT_PROTECTED, Meaning.NO_BRANCH, Meaning.EMPTY})
_SWITCHES = {
    "required_linear_history": "linear_history",
    "required_signatures": "signatures",
    "required_conversation_resolution": "conversation_resolution",
    "enforce_admins": "enforce_admins",
}


def read_classic_protection(api: GithubApi, branch: str, demands: Demands, notes: Notes) -> SourceState:
    """Add what classic protection demands of the branch, and say whether there is any."""
    answer = api.get(PROTECTION, branch=branch)
    if answer.given:
        add_classic_protection(record(answer.document), demands, api.owner_name)
        return SourceState.PRESENT
    if answer.refusal in _ABSENT:
        return SourceState.ABSENT
    if answer.refusal is Meaning.NOT_ON_PLAN:
        return SourceState.NOT_ON_PLAN
    notes.unobserved(GithubFacet.CLASSIC_PROTECTION, answer.why)
    _add_what_everybody_sees(api, branch, demands, notes)
    return SourceState.UNKNOWN


def add_classic_protection(document: dict[str, Any], demands: Demands, owner: str) -> None:
    """Add what a document of `GET .../protection` demands. Raises AnotherShape."""
    demands.flags |= {ours for theirs, ours in _SWITCHES.items() if flag(document, theirs)}
    demands.flags |= {f"{what}_blocked" for what in ("force_pushes", "deletions") if not flag(document, f"allow_{what}")}
    demands.other |= {name for name in ("lock_branch", "block_creations") if flag(document, name)}
    if document.get("restrictions") is not None:
        demands.other.add("restrictions")
    checks = document.get("required_status_checks")
    if checks is not None:
        _add_checks(record(checks), demands)
    bypass = set() if flag(document, "enforce_admins") else {_ADMINISTRATORS}
    reviews = document.get("required_pull_request_reviews")
    if reviews is not None:
        bypass |= _add_reviews(record(reviews), demands)
    demands.sources.append(ProtectionSource(SourceKind.CLASSIC, IDENTIFIER, "branch protection", owner, tuple(sorted(bypass))))


def _add_checks(checks: dict[str, Any], demands: Demands) -> None:
    if flag(checks, "strict"):
        demands.flags.add("strict")
    apps = {text(check["context"]): check.get("app_id") for check in records(checks.get("checks") or [])}
    for context in {*map(text, checks.get("contexts") or []), *apps}:
        app = apps.get(context)
        # GitHub writes "any App" as null, as -1, or not at all.
        demands.require(context, None if app in (None, -1) else number(app), IDENTIFIER)


def _add_reviews(reviews: dict[str, Any], demands: Demands) -> set[BypassActor]:
    demands.review(IDENTIFIER, number(reviews.get("required_approving_review_count") or 0))
    named = {
        "require_code_owner_reviews": "code_owner_review",
        "dismiss_stale_reviews": "dismiss_stale_reviews",
        "require_last_push_approval": "last_push_approval",
    }
    demands.flags |= {ours for theirs, ours in named.items() if flag(reviews, theirs)}
    allowed = record(reviews.get("bypass_pull_request_allowances") or {})
    kinds = (("users", "User", "login"), ("teams", "Team", "slug"), ("apps", "Integration", "slug"))
    return {
        BypassActor(kind, str(number(actor["id"])), text(actor[name]), scope=BypassScope.REVIEWS)
        for group, kind, name in kinds
        for actor in records(allowed.get(group) or [])
    }


def _add_what_everybody_sees(api: GithubApi, branch: str, demands: Demands, notes: Notes) -> None:
    """Required checks stand in the branch itself as well. What does not stand there proves nothing."""
    answer = api.get(_BRANCH, branch=branch)
    if not answer.given:
        return
    checks = record(record(answer.document).get("protection") or {}).get("required_status_checks")
    level = record(checks or {}).get("enforcement_level")
    if level not in ("non_admins", "everyone"):
        return
    before = len(demands.contexts)
    _add_checks(record(checks), demands)
    if len(demands.contexts) > before:
        demands.sources.append(ProtectionSource(SourceKind.CLASSIC, IDENTIFIER, "branch protection", api.owner_name, None))
        notes.unobserved(GithubFacet.BYPASS, "who may bypass branch protection is not visible to this token")
