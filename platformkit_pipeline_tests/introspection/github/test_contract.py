"""What an observation promises of any repository: on the stand-in always, on GitHub itself where a token is given.

PLATFORMKIT_LIVE_GITHUB_TOKEN and PLATFORMKIT_LIVE_GITHUB_REPOSITORY (owner/name) name a repository that is only read.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

import pytest

from platformkit_pipeline.introspection.github.answers import GithubUnavailable, StoredAnswer
from platformkit_pipeline.introspection.github.api import ADDRESS_VARIABLE
from platformkit_pipeline.introspection.github.observe import observe_github
from platformkit_pipeline.introspection.web_api import REAL_TIME, Pauses
from platformkit_pipeline.model.repository.github import GithubFacet, GithubSettings, SecuritySettings, Switch
from platformkit_pipeline.model.repository.github_protection import SourceKind, SourceState
from platformkit_pipeline.model.target import GithubAccess
from platformkit_pipeline.sandbox.github.serve import TOKEN, serve_github
from platformkit_pipeline.sandbox.github.state import CheckRun, Commit, Protection, PullRequest, Ruleset

LIVE_TOKEN, LIVE_REPOSITORY = "PLATFORMKIT_LIVE_GITHUB_TOKEN", "PLATFORMKIT_LIVE_GITHUB_REPOSITORY"


@dataclass
class Observed:
    access: GithubAccess
    environment: dict[str, str]
    pauses: Pauses
    store: dict[str, StoredAnswer] = field(default_factory=dict)

    def again(self, name: str | None = None, token: str | None = None) -> GithubSettings:
        access = GithubAccess(name or self.access.owner_name, self.access.token_env)
        environment = self.environment | ({} if token is None else {access.token_env: token})
        return observe_github(access, environment=environment, pauses=self.pauses, store=self.store if token is None else None)


@pytest.fixture(scope="module", params=["fake", "live"])
def observed(request: pytest.FixtureRequest) -> Iterator[tuple[Observed, GithubSettings]]:
    if request.param == "live":
        repository = os.environ.get(LIVE_REPOSITORY)
        if not os.environ.get(LIVE_TOKEN) or not repository:
            pytest.skip(f"not verified live: {LIVE_TOKEN} and {LIVE_REPOSITORY} are not set")
        live = Observed(GithubAccess(repository, LIVE_TOKEN), dict(os.environ), REAL_TIME)
        yield live, live.again()
        return
    with serve_github() as github:
        repository_ = github.repository
        checks = {"required_status_checks": [{"context": "spec", "integration_id": 15368}]}
        repository_.protections["main"] = Protection([("lint", None)])
        repository_.rulesets = [Ruleset(7, "gate", rules=[{"type": "required_status_checks", "parameters": checks}])]
        repository_.commits[0].check_runs = [CheckRun("lint")]
        repository_.pulls = [
            PullRequest(1, Commit("Merged", check_runs=[CheckRun("spec")]), state="closed", merged_at="2026-11-19T00:00:00Z")
        ]
        fake = Observed(GithubAccess("acme/shop", "TOKEN_OF_FAKE"), {"TOKEN_OF_FAKE": TOKEN, ADDRESS_VARIABLE: github.address}, REAL_TIME)
        yield fake, fake.again()


def test_the_repository_has_a_name_a_branch_and_a_visibility(observed: tuple[Observed, GithubSettings]) -> None:
    access, settings = observed
    assert settings.name.lower() == access.access.owner_name.lower()
    assert settings.default_branch
    assert settings.visibility in {"public", "private", "internal"}
    assert "pull" in settings.token.roles or settings.token.roles == ()


def test_what_is_unknown_is_listed_with_a_reason_and_what_is_known_is_not(observed: tuple[Observed, GithubSettings]) -> None:
    _, settings = observed
    facets = {entry.what for entry in settings.unobserved}
    assert facets <= {facet.value for facet in GithubFacet}
    assert all(entry.why for entry in settings.unobserved)
    assert (GithubFacet.CLASSIC_PROTECTION in facets) is (settings.protection.classic is SourceState.UNKNOWN)
    assert (GithubFacet.RULESETS in facets) is (settings.protection.rulesets is SourceState.UNKNOWN)
    assert (GithubFacet.INACTIVE_RULESETS in facets) is (settings.protection.inactive_rulesets is None)
    if settings.reports is None or not settings.reports.complete:
        assert GithubFacet.REPORTED_CONTEXTS in facets
    if settings.actions is None:
        assert GithubFacet.ACTIONS in facets
    features = [getattr(settings.security, name) for name in SecuritySettings.__slots__]
    assert all(feature.why for feature in features if feature.state is Switch.UNKNOWN)


def test_every_demand_leads_to_a_source(observed: tuple[Observed, GithubSettings]) -> None:
    _, settings = observed
    sources = {source.identifier: source for source in settings.protection.sources}
    for context in settings.protection.required_contexts:
        assert context.context
        assert context.sources
        assert set(context.sources) <= set(sources)
    assert set(settings.protection.review_sources) <= set(sources)
    for source in sources.values():
        assert source.name
        assert source.owner
        assert (source.kind is SourceKind.CLASSIC) is (source.identifier == "classic")


def test_reports_are_of_commits_that_exist(observed: tuple[Observed, GithubSettings]) -> None:
    _, settings = observed
    if settings.reports is None:
        pytest.skip("this token may not list commits")
    assert all(re.fullmatch(r"[0-9a-f]{40,64}", commit) for commit in settings.reports.commits)
    assert all(context.context and context.conclusions for context in settings.reports.contexts)
    assert all(0 < context.commits <= len(settings.reports.commits) for context in settings.reports.contexts)


def test_a_second_observation_is_confirmed_by_stored_answers(observed: tuple[Observed, GithubSettings]) -> None:
    access, settings = observed
    assert access.store
    again = access.again()
    assert (again.name, again.protection, again.security, again.actions) == (
        settings.name,
        settings.protection,
        settings.security,
        settings.actions,
    )


def test_an_observation_can_be_written_as_json_and_holds_no_token(observed: tuple[Observed, GithubSettings]) -> None:
    access, settings = observed
    told = json.dumps(asdict(settings)) + repr(access.store)
    assert access.environment[access.access.token_env] not in told


def test_a_repository_that_does_not_exist_is_an_error_that_says_so(observed: tuple[Observed, GithubSettings]) -> None:
    access, settings = observed
    with pytest.raises(GithubUnavailable, match=r"\(404\)"):
        access.again(f"{settings.name}-{'0' * 20}")


def test_a_wrong_token_is_an_error_that_does_not_repeat_it(observed: tuple[Observed, GithubSettings]) -> None:
    access, _ = observed
    wrong = "wrong" * 8
    with pytest.raises(GithubUnavailable, match=r"\(401\)") as caught:
        access.again(token=wrong)
    assert wrong not in f"{caught.value!r} {caught.value.__context__!r}"
