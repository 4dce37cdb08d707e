"""The stand-in for GitHub, and an observation of its repository."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from platformkit_pipeline.introspection.github.answers import AnswerStore
from platformkit_pipeline.introspection.github.api import ADDRESS_VARIABLE, GithubApi
from platformkit_pipeline.introspection.github.exchange import Patience
from platformkit_pipeline.introspection.github.observe import USUAL_PATIENCE, observe_github
from platformkit_pipeline.introspection.web_api import Pauses
from platformkit_pipeline.model.repository.github import GithubFacet, GithubSettings
from platformkit_pipeline.model.target import GithubAccess
from platformkit_pipeline.sandbox.github.serve import TOKEN, Github, serve_github
from platformkit_pipeline.sandbox.github.state import Repository, Token

ACCESS = GithubAccess("acme/shop", "SHOP_GITHUB_TOKEN")
NOON = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


@dataclass
class Observer:
    """Observes the stand-in's repository without waiting; what it would have waited stands in `slept`."""

    github: Github
    patience: Patience = USUAL_PATIENCE
    slept: list[float] = field(default_factory=list)

    @property
    def repository(self) -> Repository:
        return self.github.repository

    def environment(self, token: str = TOKEN) -> dict[str, str]:
        return {ACCESS.token_env: token, ADDRESS_VARIABLE: self.github.address}

    @property
    def pauses(self) -> Pauses:
        return Pauses(self.slept.append, lambda: NOON)

    def observe(self, who: Token | None = None, access: GithubAccess = ACCESS, store: AnswerStore | None = None) -> GithubSettings:
        if who is not None:
            self.github.tokens[TOKEN] = who
        return observe_github(access, environment=self.environment(), pauses=self.pauses, patience=self.patience, store=store)

    def api(self) -> GithubApi:
        return GithubApi(ACCESS, self.environment(), self.pauses, self.patience)


@pytest.fixture
def observer() -> Iterator[Observer]:
    with serve_github() as served:
        yield Observer(served)


def why(settings: GithubSettings, facet: GithubFacet) -> str:
    """The reasons why a facet was not read; empty when it was."""
    return settings.why_unobserved([facet]) or ""
