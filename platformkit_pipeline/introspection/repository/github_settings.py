"""Add to the observation of a clone what GitHub tells about the repository; where it tells nothing, why."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from platformkit_pipeline.model.repository.facet import GITHUB_FACETS
from platformkit_pipeline.model.repository.github import GithubSettings
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.snapshot import Unobserved
from platformkit_pipeline.model.target import GithubAccess

if TYPE_CHECKING:
    from platformkit_pipeline.introspection.github.answers import AnswerStore
    from platformkit_pipeline.introspection.web_api import Pauses


def ask_github(
    access: GithubAccess,
    *,
    environment: Mapping[str, str] = os.environ,
    store: AnswerStore | None = None,
    pauses: Pauses | None = None,
) -> GithubSettings | str:
    """The settings, or the reason why GitHub gave none; it holds no token."""
    # The client is loaded where it is used: most scans ask nobody, and it takes as long as they do.
    from platformkit_pipeline.introspection.github.answers import GithubUnavailable
    from platformkit_pipeline.introspection.github.observe import observe_github
    from platformkit_pipeline.introspection.web_api import REAL_TIME

    try:
        return observe_github(access, environment=environment, store=store, pauses=pauses or REAL_TIME)
    except GithubUnavailable as error:
        return str(error)


def with_github(snapshot: RepositorySnapshot, told: GithubSettings | str) -> RepositorySnapshot:
    """The snapshot with what `ask_github` gave. A reason stands for the facets that only GitHub tells."""
    others = [entry for entry in snapshot.unobserved if entry.what not in GITHUB_FACETS]
    if isinstance(told, str):
        missing = [Unobserved(facet, told) for facet in GITHUB_FACETS]
        return replace(snapshot, github=None, unobserved=tuple(sorted([*others, *missing])))
    return replace(snapshot, github=told, unobserved=tuple(sorted([*others, *told.unobserved])))
