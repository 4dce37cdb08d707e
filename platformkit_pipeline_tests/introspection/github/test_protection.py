"""The effective rule of the default branch: classic protection united with active rulesets, minus bypass."""

from __future__ import annotations

from typing import Any

import pytest

from platformkit_pipeline.model.repository.github import GithubFacet
from platformkit_pipeline.model.repository.github_protection import BypassActor, BypassScope, RequiredContext, SourceState
from platformkit_pipeline.sandbox.github.faults import Fault, not_accessible, not_found, upgrade
from platformkit_pipeline.sandbox.github.state import ADMINISTRATOR, CLASSIC_READER, READER, Protection, Reviews, Ruleset
from platformkit_pipeline_tests.introspection.github.conftest import Observer, why

ADMIN = BypassActor("RepositoryRole", "5", "admin")
ADMIN_ROLE = {"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}
TEAM = {"actor_id": 42, "actor_type": "Team", "bypass_mode": "pull_request"}


def checks(*contexts: str, app: int | None = None, strict: bool = False) -> dict[str, Any]:
    named = [{"context": context} | ({} if app is None else {"integration_id": app}) for context in contexts]
    return {
        "type": "required_status_checks",
        "parameters": {"strict_required_status_checks_policy": strict, "required_status_checks": named},
    }


def pull_request(approvals: int = 1, **switches: bool) -> dict[str, Any]:
    return {"type": "pull_request", "parameters": {"required_approving_review_count": approvals, **switches}}


def test_a_branch_without_any_rule_is_known_to_be_unprotected(observer: Observer) -> None:
    protection = observer.observe().protection
    assert (protection.classic, protection.rulesets) == (SourceState.ABSENT, SourceState.ABSENT)
    assert (protection.protected, protection.complete, protection.required_contexts, protection.bypass) == (False, True, (), ())


def test_contexts_of_both_sources_are_united_by_name_and_app(observer: Observer) -> None:
    observer.repository.protections["main"] = Protection([("lint", None), ("test", 15368)], strict=True)
    observer.repository.rulesets = [Ruleset(7, "gate", rules=[checks("lint", "spec", app=15368), checks("lint")])]
    protection = observer.observe().protection
    assert protection.required_contexts == (
        RequiredContext("lint", None, ("7", "classic")),
        RequiredContext("lint", 15368, ("7",)),
        RequiredContext("spec", 15368, ("7",)),
        RequiredContext("test", 15368, ("classic",)),
    )
    assert protection.context("lint") == RequiredContext("lint", 15368, ("7",))
    assert protection.context("Lint") is None
    assert protection.sources_of("lint") == ("7", "classic")
    assert protection.strict


def test_the_strictest_review_counts(observer: Observer) -> None:
    observer.repository.protections["main"] = Protection(reviews=Reviews(1, dismiss_stale=True))
    observer.repository.rulesets = [Ruleset(7, "reviews", rules=[pull_request(2, require_code_owner_review=True)])]
    protection = observer.observe().protection
    assert (protection.pull_request_required, protection.required_approvals) == (True, 2)
    assert (protection.code_owner_review, protection.dismiss_stale_reviews, protection.last_push_approval) == (True, True, False)
    assert protection.review_sources == ("7", "classic")


def test_switches_of_classic_protection(observer: Observer) -> None:
    observer.repository.protections["main"] = Protection(
        enforce_admins=True,
        linear_history=True,
        signatures=True,
        conversation_resolution=True,
        force_pushes=True,
        lock_branch=True,
        restricted_to=["alice"],
    )
    protection = observer.observe().protection
    assert (protection.enforce_admins, protection.linear_history, protection.signatures) == (True, True, True)
    assert protection.conversation_resolution
    assert (protection.force_pushes_blocked, protection.deletions_blocked) == (False, True)
    assert protection.other_rules == ("lock_branch", "restrictions")
    assert (protection.pull_request_required, protection.required_approvals, protection.review_sources) == (False, 0, ())


def test_switches_of_rulesets(observer: Observer) -> None:
    kinds = ("deletion", "non_fast_forward", "required_linear_history", "required_signatures", "merge_queue")
    workflows = {"type": "workflows", "parameters": {"workflows": [{"path": ".github/workflows/gate.yml", "repository_id": 1}]}}
    observer.repository.rulesets = [Ruleset(7, "gate", rules=[*({"type": kind} for kind in kinds), workflows])]
    protection = observer.observe().protection
    assert (protection.deletions_blocked, protection.force_pushes_blocked) == (True, True)
    assert (protection.linear_history, protection.signatures) == (True, True)
    assert (protection.other_rules, protection.required_workflows) == (("merge_queue",), (".github/workflows/gate.yml",))


def test_a_ruleset_that_is_only_evaluated_protects_nothing(observer: Observer) -> None:
    observer.repository.rulesets = [
        Ruleset(7, "gate", "evaluate", rules=[checks("lint")]),
        Ruleset(8, "off", "disabled", rules=[checks("lint")]),
        Ruleset(9, "tags", "disabled", target="tag", rules=[{"type": "deletion"}]),
    ]
    protection = observer.observe().protection
    assert protection.protected is False
    assert [(r.name, r.enforcement) for r in protection.inactive_rulesets or ()] == [("gate", "evaluate"), ("off", "disabled")]


def test_a_ruleset_for_other_branches_protects_nothing(observer: Observer) -> None:
    observer.repository.rulesets = [
        Ruleset(7, "releases", include=["refs/heads/release/*"], rules=[checks("lint")]),
        Ruleset(8, "all but main", include=["~ALL"], exclude=["refs/heads/main"], rules=[checks("lint")]),
    ]
    assert observer.observe().protection.protected is False
    observer.repository.default_branch = "release/1"
    settings = observer.observe()
    assert [s.name for s in settings.protection.sources] == ["all but main", "releases"][::-1]


def test_a_ruleset_of_the_organisation_says_whose_it_is(observer: Observer) -> None:
    observer.repository.rulesets = [Ruleset(7, "gate", rules=[checks("lint")], source_type="Organization", source="acme")]
    [source] = observer.observe().protection.sources
    assert (source.identifier, source.name, source.owner, source.bypass) == ("7", "gate", "acme", ())


def test_administrators_bypass_classic_protection_unless_it_binds_them(observer: Observer) -> None:
    observer.repository.protections["main"] = Protection([("lint", None)])
    assert observer.observe().protection.bypass_of(["classic"]) == (ADMIN,)
    observer.repository.protections["main"].enforce_admins = True
    assert observer.observe().protection.bypass_of(["classic"]) == ()


def test_allowances_bypass_reviews_and_not_checks(observer: Observer) -> None:
    observer.repository.protections["main"] = Protection(
        [("lint", None)], enforce_admins=True, reviews=Reviews(bypass_users=["bob"], bypass_apps=["merger"])
    )
    protection = observer.observe().protection
    assert protection.bypass_of(["classic"]) == ()
    reviews = protection.bypass_of(["classic"], reviews=True)
    assert [(a.kind, a.name, a.scope) for a in reviews or ()] == [
        ("Integration", "merger", BypassScope.REVIEWS),
        ("User", "bob", BypassScope.REVIEWS),
    ]


def test_who_bypasses_one_of_two_sources_does_not_escape_the_demand(observer: Observer) -> None:
    observer.repository.protections["main"] = Protection([("lint", None), ("test", None)])
    observer.repository.rulesets = [Ruleset(7, "gate", rules=[checks("lint")], bypass_actors=[TEAM, ADMIN_ROLE])]
    protection = observer.observe().protection
    assert protection.bypass_of(protection.sources_of("lint")) == (ADMIN,)
    assert {a.kind for a in protection.bypass or ()} == {"RepositoryRole", "Team"}
    observer.repository.rulesets[0].bypass_actors = [TEAM]
    protection = observer.observe().protection
    assert protection.bypass_of(protection.sources_of("lint")) == ()
    assert protection.bypass_of(protection.sources_of("test")) == (ADMIN,)


def test_bypass_that_is_not_visible_is_unknown_and_never_nobody(observer: Observer) -> None:
    observer.repository.rulesets = [Ruleset(7, "gate", rules=[checks("lint")], bypass_actors=[ADMIN_ROLE])]
    assert observer.observe(ADMINISTRATOR).protection.bypass == (ADMIN,)
    settings = observer.observe(READER)
    assert settings.protection.context("lint")
    assert settings.protection.bypass is None
    assert settings.protection.bypass_of(["7"]) is None
    assert 'who may bypass the ruleset "gate" is not visible' in why(settings, GithubFacet.BYPASS)


def test_one_source_that_binds_everybody_settles_what_is_hidden_of_another(observer: Observer) -> None:
    observer.repository.protections["main"] = Protection([("lint", None)], enforce_admins=True)
    observer.repository.rulesets = [Ruleset(7, "gate", rules=[checks("lint")], bypass_actors=[ADMIN_ROLE])]
    observer.github.faults = [not_accessible("/rulesets/7")]
    protection = observer.observe().protection
    assert protection.bypass is None
    assert protection.bypass_of(["7"]) is None
    assert protection.bypass_of(["7", "classic"]) == ()


@pytest.mark.parametrize("who", [READER, CLASSIC_READER], ids=["403 not accessible", "404 not found"])
def test_protection_that_the_token_may_not_see_is_unknown(observer: Observer, who: Any) -> None:
    settings = observer.observe(who)
    assert (settings.protection.classic, settings.protection.rulesets) == (SourceState.UNKNOWN, SourceState.ABSENT)
    assert (settings.protection.protected, settings.protection.complete) == (None, False)
    assert "/branches/{branch}/protection" in why(settings, GithubFacet.CLASSIC_PROTECTION)


def test_what_everybody_sees_of_classic_protection_counts_for_certain(observer: Observer) -> None:
    observer.repository.protections["main"] = Protection([("lint", None)], enforce_admins=True)
    protection = observer.observe(READER).protection
    assert protection.required_contexts == (RequiredContext("lint", None, ("classic",)),)
    assert (protection.protected, protection.complete, protection.bypass) == (True, False, None)


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (upgrade(), SourceState.NOT_ON_PLAN),
        (not_accessible(), SourceState.UNKNOWN),
        (not_found(), SourceState.UNKNOWN),
        (Fault(404, "Branch not protected"), SourceState.ABSENT),
        (Fault(404, "Branch not found"), SourceState.ABSENT),
        (Fault(403, "Must have admin rights to Repository."), SourceState.UNKNOWN),
        (Fault(403, "Resource protected by organization SAML enforcement."), SourceState.UNKNOWN),
        (Fault(403, "something that nobody has seen before"), SourceState.UNKNOWN),
        (Fault(418, "something that nobody has seen before"), SourceState.UNKNOWN),
        (Fault(200, body="[]"), SourceState.UNKNOWN),
        (Fault(200, body='{"required_status_checks": {"checks": [{"context": 7}]}}'), SourceState.UNKNOWN),
        (Fault(200, body='{"required_status_checks": "all"}'), SourceState.UNKNOWN),
    ],
    ids=lambda v: f"{v.status} {v.body or v.message}" if isinstance(v, Fault) else "",
)
def test_a_refusal_is_read_by_its_message(observer: Observer, fault: Fault, state: SourceState) -> None:
    observer.github.faults = [
        Fault(fault.status, fault.message, body=fault.body, path="/branches/main/protection"),
    ]
    settings = observer.observe()
    assert settings.protection.classic is state
    assert bool(why(settings, GithubFacet.CLASSIC_PROTECTION)) is (state is SourceState.UNKNOWN)
    assert settings.protection.complete is (state is not SourceState.UNKNOWN)


def test_a_plan_without_protection_is_known_to_protect_nothing(observer: Observer) -> None:
    observer.repository.on_plan = False
    settings = observer.observe()
    assert (settings.protection.classic, settings.protection.rulesets) == (SourceState.NOT_ON_PLAN, SourceState.NOT_ON_PLAN)
    assert settings.protection.protected is False
    assert settings.why_unobserved([GithubFacet.CLASSIC_PROTECTION, GithubFacet.RULESETS]) is None


def test_rulesets_that_cannot_be_read_leave_the_protection_incomplete(observer: Observer) -> None:
    observer.github.faults = [not_found("/rules/branches")]
    settings = observer.observe()
    assert settings.protection.rulesets is SourceState.UNKNOWN
    assert settings.protection.protected is None
    assert "rules/branches" in why(settings, GithubFacet.RULESETS)


def test_a_branch_with_a_slash_is_one_name(observer: Observer) -> None:
    observer.repository.default_branch = "release/1.0 &more?"
    observer.repository.protections["release/1.0 &more?"] = Protection([("lint", None)])
    settings = observer.observe()
    assert settings.default_branch == "release/1.0 &more?"
    assert settings.protection.context("lint")


def test_an_empty_repository_is_unprotected_and_nothing_reports(observer: Observer) -> None:
    observer.repository.commits = []
    settings = observer.observe()
    assert settings.protection.protected is False
    assert settings.reports is not None
    assert settings.reports.commits == ()
    assert why(settings, GithubFacet.REPORTED_CONTEXTS) == ""
