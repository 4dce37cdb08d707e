"""One observation of a repository through GitHub's API: every facet on its own, so that one refusal hides nothing else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from platformkit_pipeline.introspection.github.actions import read_actions
from platformkit_pipeline.introspection.github.answers import AnotherShape, AnswerStore, GithubUnavailable, flag, record, text
from platformkit_pipeline.introspection.github.api import GithubApi
from platformkit_pipeline.introspection.github.classic_protection import read_classic_protection
from platformkit_pipeline.introspection.github.demands import Demands
from platformkit_pipeline.introspection.github.exchange import Patience
from platformkit_pipeline.introspection.github.notes import Notes
from platformkit_pipeline.introspection.github.reports import read_reports
from platformkit_pipeline.introspection.github.rulesets import read_inactive_rulesets, read_rulesets
from platformkit_pipeline.introspection.github.security import read_security
from platformkit_pipeline.introspection.web_api import REAL_TIME, Pauses
from platformkit_pipeline.model.repository.github import GithubFacet, GithubSettings, SecuritySettings
from platformkit_pipeline.model.repository.github_protection import BranchProtection, SourceState
from platformkit_pipeline.model.target import GithubAccess

REPOSITORY = "/repos/{owner}/{repo}"
USUAL_PATIENCE = Patience()


def observe_github(
    access: GithubAccess,
    *,
    environment: Mapping[str, str] = os.environ,
    pauses: Pauses = REAL_TIME,
    patience: Patience = USUAL_PATIENCE,
    store: AnswerStore | None = None,
) -> GithubSettings:
    """All that GitHub tells this token about the repository and its default branch.

    With a `store` that is kept between observations, questions are asked conditionally; it keeps the answers of the last
    observation of each repository only. Raises GithubUnavailable when the
    repository itself cannot be read; whatever else cannot be read is listed in `unobserved`.
    """
    with GithubApi(access, environment, pauses, patience, store) as api:
        settings = observe_through(api)
        api.forget_unused()
        return settings


def observe_through(api: GithubApi) -> GithubSettings:
    """The observation, over a connection that is already there."""
    repository = read_repository(api)
    try:
        branch = text(repository["default_branch"])
        name, archived = text(repository["full_name"]), flag(repository, "archived")
        if not branch or not name:
            raise AnotherShape
        visibility = text(repository.get("visibility") or ("private" if repository["private"] else "public"))
        roles = tuple(sorted(text(role) for role, held in record(repository.get("permissions") or {}).items() if held is True))
    except (AnotherShape, KeyError):
        raise GithubUnavailable("GitHub describes the repository in another shape than expected") from None
    notes = Notes()
    protection = read_protection(api, branch, notes)
    nothing: tuple[SecuritySettings, tuple[Any, ...]] = (SecuritySettings(), ())
    security, alerts = notes.reading(GithubFacet.SECURITY, lambda: read_security(api, repository, notes), nothing)
    reports = notes.reading(GithubFacet.REPORTED_CONTEXTS, lambda: read_reports(api, branch, notes), None)
    actions = notes.reading(GithubFacet.ACTIONS, lambda: read_actions(api, notes), None)
    return GithubSettings(
        name=name,
        default_branch=branch,
        visibility=visibility,
        archived=archived,
        protection=protection,
        security=security,
        alerts=alerts,
        reports=reports,
        actions=actions,
        token=api.token_permissions(roles),
        unobserved=tuple(sorted(notes.entries)),
    )


def read_repository(api: GithubApi) -> dict[str, Any]:
    """The document of the repository. Raises GithubUnavailable."""
    answer = api.get(REPOSITORY)
    if not answer.given:
        raise GithubUnavailable(f"{api.owner_name}: {answer.why}")
    try:
        return record(answer.document)
    except AnotherShape:
        raise GithubUnavailable("GitHub describes the repository in another shape than expected") from None


def read_protection(api: GithubApi, branch: str, notes: Notes) -> BranchProtection:
    """The effective rule of a branch: classic protection united with active rulesets, and who may bypass which."""
    demands = Demands()
    unknown = SourceState.UNKNOWN
    classic = notes.reading(GithubFacet.CLASSIC_PROTECTION, lambda: read_classic_protection(api, branch, demands, notes), unknown)
    rulesets = notes.reading(GithubFacet.RULESETS, lambda: read_rulesets(api, branch, demands, notes), unknown)
    inactive = notes.reading(GithubFacet.INACTIVE_RULESETS, lambda: read_inactive_rulesets(api, notes), None)
    return demands.united(classic, rulesets, inactive)
