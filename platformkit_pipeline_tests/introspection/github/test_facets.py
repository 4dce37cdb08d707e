"""Security features, alerts, reports, Actions and the token's permissions, as an observation finds them."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from platformkit_pipeline.introspection.github.answers import GithubUnavailable, StoredAnswer
from platformkit_pipeline.model.repository.github import (
    ActionsPermissions,
    AlertCount,
    AlertKind,
    GithubFacet,
    RefusedQuestion,
    ReportedContext,
    ReportKind,
    SecuritySettings,
    Switch,
)
from platformkit_pipeline.model.target import GithubAccess
from platformkit_pipeline.sandbox.github.faults import Fault, not_accessible, not_found
from platformkit_pipeline.sandbox.github.state import (
    CLASSIC_READER,
    READER,
    STRANGER,
    CheckRun,
    CodeAlert,
    Commit,
    DependencyAlert,
    PullRequest,
    SecretAlert,
)
from platformkit_pipeline_tests.introspection.github.conftest import ACCESS, Observer, why


def states(settings: SecuritySettings) -> dict[str, str]:
    return {name: getattr(settings, name).state.value for name in SecuritySettings.__slots__}


def test_features_that_are_on_off_and_not_told(observer: Observer) -> None:
    observer.repository.security = {"secret_scanning": "enabled", "secret_scanning_push_protection": "disabled"}
    observer.repository.vulnerability_alerts = True
    settings = observer.observe()
    assert states(settings.security) == {
        "advanced_security": "unknown",
        "secret_scanning": "enabled",
        "push_protection": "disabled",
        "non_provider_patterns": "unknown",
        "validity_checks": "unknown",
        "dependabot_alerts": "enabled",
        "dependabot_security_updates": "unknown",
        "code_scanning": "disabled",
    }
    assert "does not say whether advanced_security is on" in settings.security.advanced_security.why


def test_features_are_unknown_to_whoever_is_no_administrator(observer: Observer) -> None:
    observer.repository.security = {"secret_scanning": "enabled", "secret_scanning_push_protection": "enabled"}
    settings = observer.observe(READER)
    assert set(states(settings.security).values()) == {"unknown"}
    assert "administrators only" in settings.security.push_protection.why
    assert "administrators only" in why(settings, GithubFacet.SECURITY)
    for facet in (GithubFacet.SECRET_SCANNING_ALERTS, GithubFacet.CODE_SCANNING_ALERTS, GithubFacet.DEPENDABOT_ALERTS):
        assert "lacks the permission" in why(settings, facet)


@pytest.mark.parametrize(
    ("path", "feature", "fault", "state"),
    [
        ("secret-scanning", "secret_scanning", Fault(404, "Secret scanning is disabled on this repository."), Switch.DISABLED),
        ("secret-scanning", "secret_scanning", not_found(), Switch.UNKNOWN),
        ("secret-scanning", "secret_scanning", not_accessible(), Switch.UNKNOWN),
        ("code-scanning", "code_scanning", Fault(404, "no analysis found"), Switch.DISABLED),
        ("code-scanning", "code_scanning", Fault(403, "Code scanning is not enabled for this repository."), Switch.DISABLED),
        (
            "code-scanning",
            "code_scanning",
            Fault(403, "Advanced Security must be enabled for this repository to use code scanning."),
            Switch.DISABLED,
        ),
        ("code-scanning", "code_scanning", not_accessible(), Switch.UNKNOWN),
        ("dependabot", "dependabot_alerts", Fault(403, "Dependabot alerts are disabled for this repository."), Switch.DISABLED),
        (
            "dependabot",
            "dependabot_alerts",
            Fault(403, "Dependabot alerts are not available for archived repositories."),
            Switch.NOT_AVAILABLE,
        ),
        ("dependabot", "dependabot_alerts", not_found(), Switch.UNKNOWN),
    ],
)
def test_the_message_tells_switched_off_from_hidden(observer: Observer, path: str, feature: str, fault: Fault, state: Switch) -> None:
    observer.repository.security = {}
    observer.github.faults = [Fault(fault.status, fault.message, path=f"/{path}/alerts"), not_found("/vulnerability-alerts")]
    settings = observer.observe()
    assert getattr(settings.security, feature).state is state
    facet = GithubFacet(f"github_{path.replace('-', '_')}_alerts")
    assert bool(why(settings, facet)) is (state is Switch.UNKNOWN)


def test_vulnerability_alerts_tell_off_from_hidden_as_well(observer: Observer) -> None:
    observer.github.faults = [not_accessible("/dependabot/alerts")]
    assert observer.observe().security.dependabot_alerts.state is Switch.DISABLED
    observer.repository.vulnerability_alerts = True
    observer.github.faults = [not_accessible("/dependabot/alerts")]
    assert observer.observe().security.dependabot_alerts.state is Switch.ENABLED


def test_open_alerts_are_counted_by_kind_and_severity(observer: Observer) -> None:
    repository = observer.repository
    repository.security["secret_scanning"] = "enabled"
    repository.vulnerability_alerts = repository.analysed = True
    repository.secret_alerts = [SecretAlert("one"), SecretAlert("two"), SecretAlert("three", state="resolved"), SecretAlert("four", "jwt")]
    repository.code_alerts = [CodeAlert("py/sql", "error", "critical"), CodeAlert("py/style", "note"), CodeAlert("x", state="fixed")]
    repository.dependency_alerts = [DependencyAlert("a", "low"), DependencyAlert("b", "high"), DependencyAlert("c", "high")]
    assert observer.observe().alerts == (
        AlertCount(AlertKind.CODE_SCANNING, "critical", 1),
        AlertCount(AlertKind.CODE_SCANNING, "note", 1),
        AlertCount(AlertKind.DEPENDABOT, "high", 2),
        AlertCount(AlertKind.DEPENDABOT, "low", 1),
        AlertCount(AlertKind.SECRET_SCANNING, "jwt", 1),
        AlertCount(AlertKind.SECRET_SCANNING, "supabase_service_key", 2),
    )


def test_alerts_over_many_pages_are_all_counted(observer: Observer) -> None:
    observer.repository.vulnerability_alerts = True
    observer.repository.dependency_alerts = [DependencyAlert(f"package-{i}") for i in range(23)]
    observer.github.page_size = 5
    assert observer.observe().alerts == (AlertCount(AlertKind.DEPENDABOT, "high", 23),)


def test_more_alerts_than_are_read_count_as_at_least_so_many(observer: Observer) -> None:
    observer.repository.vulnerability_alerts = True
    observer.repository.dependency_alerts = [DependencyAlert(f"package-{i}") for i in range(23)]
    observer.github.page_size = 2
    assert observer.observe().alerts == (AlertCount(AlertKind.DEPENDABOT, "high", 20, at_least=True),)


def test_a_leaked_value_is_neither_asked_for_nor_kept(observer: Observer) -> None:
    leaked = "".join(["sb", "_secret_", "0123456789" * 3])
    observer.repository.security["secret_scanning"] = "enabled"
    observer.repository.secret_alerts = [SecretAlert(leaked)]
    store: dict[str, StoredAnswer] = {}
    settings = observer.observe(store=store)
    [asked] = [a for a in observer.github.asked if "secret-scanning" in a.path]
    assert asked.query["hide_secret"] == "true"
    assert leaked not in f"{settings} {store}"
    # A server that knows nothing of hide_secret.
    observer.github.faults = [
        Fault(200, headers={"ETag": '"1"'}, body=json.dumps([{"secret_type": "jwt", "secret": leaked}]), path="/secret-scanning")
    ]
    settings = observer.observe(store=store)
    assert AlertCount(AlertKind.SECRET_SCANNING, "jwt", 1) in settings.alerts
    assert any('"jwt"' in answer.body for answer in store.values())
    assert leaked not in f"{settings} {store}"


def test_what_reported_on_the_branch_and_on_merged_pull_requests(observer: Observer) -> None:
    repository = observer.repository
    repository.commits = [
        Commit("Newest", check_runs=[CheckRun("lint"), CheckRun("deploy", None)], statuses={"ci": "success"}),
        Commit("Older", check_runs=[CheckRun("lint", "failure")]),
        *(Commit(f"Old {i}") for i in range(3)),
        Commit("Oldest", check_runs=[CheckRun("forgotten")]),
    ]
    repository.pulls = [
        PullRequest(
            1, Commit("Merged", check_runs=[CheckRun("spec", "skipped", app=99)]), state="closed", merged_at="2026-11-19T00:00:00Z"
        ),
        PullRequest(2, Commit("Given up", check_runs=[CheckRun("other")]), state="closed"),
        PullRequest(3, Commit("Elsewhere", check_runs=[CheckRun("x")]), base="dev", state="closed", merged_at="2026-11-19T00:00:00Z"),
        PullRequest(4, Commit("Open", check_runs=[CheckRun("y")])),
    ]
    reports = observer.observe().reports
    assert reports is not None
    assert reports.contexts == (
        ReportedContext("ci", ReportKind.STATUS, 0, 1, ("success",)),
        ReportedContext("deploy", ReportKind.CHECK_RUN, 15368, 1, ("in_progress",)),
        ReportedContext("lint", ReportKind.CHECK_RUN, 15368, 2, ("failure", "success")),
        ReportedContext("spec", ReportKind.CHECK_RUN, 99, 1, ("skipped",)),
    )
    assert (len(reports.commits), reports.merged_pull_requests, reports.complete) == (6, 1, True)
    assert reports.reported("spec")
    assert reports.reported("spec", 99)
    assert reports.reported("spec", 15368) is False
    assert reports.reported("forgotten") is False
    assert reports.reported("ci") is True
    assert reports.reported("ci", 15368) is None, "a status does not tell through which App it came"


def test_absence_proves_nothing_where_no_pull_request_was_merged(observer: Observer) -> None:
    observer.repository.commits[0].check_runs = [CheckRun("lint")]
    reports = observer.observe().reports
    assert reports is not None
    assert (reports.merged_pull_requests, reports.reported("lint"), reports.reported("spec")) == (0, True, None)


def test_many_check_runs_come_in_pages(observer: Observer) -> None:
    observer.repository.commits = [Commit("One", check_runs=[CheckRun(f"check {i}") for i in range(9)])]
    observer.github.page_size = 2
    reports = observer.observe().reports
    assert reports is not None
    assert (len(reports.contexts), reports.complete) == (9, True)


def test_reports_that_cannot_be_read_prove_nothing(observer: Observer) -> None:
    observer.repository.commits = [Commit("One", check_runs=[CheckRun("lint")], statuses={"ci": "success"})]
    observer.github.faults = [not_accessible("/check-runs")]
    settings = observer.observe()
    assert settings.reports is not None
    assert settings.reports.complete is False
    assert settings.reports.reported("ci")
    assert settings.reports.reported("lint") is None
    assert "check-runs" in why(settings, GithubFacet.REPORTED_CONTEXTS)
    observer.github.faults = [not_accessible("/commits")]
    settings = observer.observe()
    assert settings.reports is None
    assert "/commits" in why(settings, GithubFacet.REPORTED_CONTEXTS)


def test_permissions_of_actions(observer: Observer) -> None:
    actions = observer.repository.actions
    assert observer.observe().actions == ActionsPermissions(
        True, "all", sha_pinning_required=False, default_workflow_permissions="read", may_approve_pull_requests=False
    )
    actions.allowed_actions, actions.patterns_allowed, actions.default_permissions = "selected", ["b/*", "a/*"], "write"
    assert observer.observe().actions == ActionsPermissions(True, "selected", True, False, ("a/*", "b/*"), False, "write", False)
    actions.enabled = False
    found = observer.observe().actions
    assert found is not None
    assert (found.enabled, found.allowed_actions) == (False, None)


def test_permissions_of_actions_may_be_hidden_in_part(observer: Observer) -> None:
    observer.github.faults = [not_accessible("/actions/permissions/workflow")]
    settings = observer.observe()
    assert settings.actions is not None
    assert settings.actions.default_workflow_permissions is None
    assert "/workflow" in why(settings, GithubFacet.ACTIONS)
    assert observer.observe(READER).actions is None


def test_the_questions_that_were_refused_say_what_they_need(observer: Observer) -> None:
    token = observer.observe(READER).token
    assert token.scopes is None
    assert token.roles == ("pull",)
    assert RefusedQuestion("GET /repos/{owner}/{repo}/branches/{branch}/protection", 403, "administration=read") in token.refused
    assert RefusedQuestion("GET /repos/{owner}/{repo}/dependabot/alerts", 403, "vulnerability_alerts=read") in token.refused
    assert "GET /repos/{owner}/{repo}" not in {refused.question for refused in token.refused}


def test_a_classic_token_shows_its_scopes(observer: Observer) -> None:
    token = observer.observe(CLASSIC_READER).token
    assert token.scopes == ("public_repo", "repo:status")
    assert {refused.status for refused in token.refused} == {404}


def test_a_feature_that_is_off_is_no_refusal(observer: Observer) -> None:
    assert observer.observe().token.refused == ()


def test_a_repository_that_is_hidden_cannot_be_observed(observer: Observer) -> None:
    observer.repository.private = True
    with pytest.raises(GithubUnavailable, match=r"acme/shop: .*does not show it to this token, whether it is there or not \(404\)"):
        observer.observe(STRANGER)
    with pytest.raises(GithubUnavailable, match="acme/none"):
        observer.observe(access=GithubAccess("acme/none", ACCESS.token_env))


def test_a_public_repository_shows_a_stranger_little_and_says_so(observer: Observer) -> None:
    settings = observer.observe(STRANGER)
    assert settings.visibility == "public"
    assert {entry.what for entry in settings.unobserved} >= {facet.value for facet in GithubFacet} - {
        GithubFacet.RULESETS,
        GithubFacet.INACTIVE_RULESETS,
        GithubFacet.BYPASS,
    }


def test_an_observation_is_plain_json(observer: Observer) -> None:
    observer.repository.commits[0].check_runs = [CheckRun("lint")]
    settings = observer.observe()
    written = json.loads(json.dumps(asdict(settings)))
    assert written["reports"]["contexts"][0]["context"] == "lint"
    assert written["protection"]["classic"] == "absent"


def test_an_archived_private_repository_says_so(observer: Observer) -> None:
    observer.repository.private = observer.repository.archived = True
    settings = observer.observe()
    assert (settings.name, settings.visibility, settings.archived) == ("acme/shop", "private", True)
    assert settings.security.dependabot_alerts.state is Switch.NOT_AVAILABLE
