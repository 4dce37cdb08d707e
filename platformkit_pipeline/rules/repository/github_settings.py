"""Settings of a repository on GitHub beside its branch protection (clauses 1.5, 4.1): SEC006 to SEC008, CIC033, CIC034, CIC039, CIC040."""

from __future__ import annotations

from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.github import AlertKind, Feature, GithubFacet, GithubSettings, Switch
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.rules.registry import PASSED, Family, Source, Verdict, Verdicts, failed, unknown
from platformkit_pipeline.rules.repository_github import settings_of
from platformkit_pipeline.rules.repository_subject import RepositorySubject, repository_identity, repository_rule

_SECRETS = "https://docs.github.com/en/code-security/secret-scanning"
_ACTIONS = "https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/enabling-features-for-your-repository"


@repository_rule(
    "SEC006",
    "secret-scanning-off",
    clause="2.4",
    severity=Severity.HIGH,
    family=Family.REPOSITORY_SECRETS,
    source=Source.GITHUB,
    title="GitHub does not scan the repository for secrets",
    why="GitHub tells providers of leaked tokens, who revoke them. With scanning off nobody is told.",
    how_to_fix="Switch secret scanning on under Settings, Advanced Security.",
    references=(_SECRETS,),
    patch=PatchKind.SETTING,
    requires=(RepositoryFacet.SECURITY_SETTINGS,),
    violating="=== github\nsecurity: {secret_scanning: disabled}",
    clean="=== github\nsecurity: {secret_scanning_validity_checks: disabled}",
)
def secret_scanning_off(subject: RepositorySubject) -> Verdicts:
    settings = settings_of(subject)
    yield _switched_on(settings, settings.security.secret_scanning, "secret scanning")


@repository_rule(
    "SEC007",
    "push-protection-off",
    clause="2.4",
    severity=Severity.HIGH,
    family=Family.REPOSITORY_SECRETS,
    source=Source.GITHUB,
    title="GitHub lets pushes with secrets in",
    why="A secret that was pushed has to be replaced. One whose push was refused has not.",
    how_to_fix="Switch push protection on under Settings, Advanced Security.",
    references=(_SECRETS,),
    patch=PatchKind.SETTING,
    requires=(RepositoryFacet.SECURITY_SETTINGS,),
    violating="=== github\nsecurity: {secret_scanning_push_protection: disabled}",
    clean="=== github\nsecurity: {secret_scanning_non_provider_patterns: disabled}",
)
def push_protection_off(subject: RepositorySubject) -> Verdicts:
    settings = settings_of(subject)
    yield _switched_on(settings, settings.security.push_protection, "push protection")


@repository_rule(
    "SEC008",
    "open-secret-alerts",
    clause="2.4",
    severity=Severity.CRITICAL,
    family=Family.REPOSITORY_SECRETS,
    source=Source.GITHUB,
    title="GitHub found secrets, and nobody dealt with them",
    why="A secret that GitHub found can be found by others. Until it is revoked it opens what it opens.",
    how_to_fix="Revoke each secret where it was issued, then close its alert. Taking it out of the files is not enough.",
    references=(_SECRETS,),
    requires=(RepositoryFacet.SECURITY_SETTINGS,),
    violating="=== github\nsecret_alerts: [{secret: made up, secret_type: supabase_service_key}]",
    clean="=== github\nsecret_alerts: [{secret: made up, secret_type: supabase_service_key, state: resolved}]",
)
def open_secret_alerts(subject: RepositorySubject) -> Verdicts:
    settings = settings_of(subject)
    yield from _open_alerts(
        settings, AlertKind.SECRET_SCANNING, GithubFacet.SECRET_SCANNING_ALERTS, settings.security.secret_scanning, None
    )


@repository_rule(
    "CIC033",
    "workflow-token-may-write",
    clause="4.1",
    severity=Severity.MEDIUM,
    family=Family.REQUIRED_CHECKS,
    source=Source.GITHUB,
    title="Workflows may write unless they say otherwise",
    why="A workflow that states no permissions gets a token that may push. One compromised action is enough then.",
    how_to_fix="Set the default workflow permissions to read under Settings, Actions, and grant more in the jobs that need it.",
    references=(_ACTIONS,),
    patch=PatchKind.SETTING,
    requires=(RepositoryFacet.SECURITY_SETTINGS,),
    violating="=== github\nactions: {default_permissions: write}",
    clean="=== github\nactions: {default_permissions: read, sha_pinning_required: false}",
)
def workflow_token_may_write(subject: RepositorySubject) -> Verdicts:
    settings = settings_of(subject)
    granted = settings.actions.default_workflow_permissions if settings.actions else None
    yield _action_setting(
        settings, "default workflow permissions", None if granted is None else granted == "read", "the token of workflows may write"
    )


@repository_rule(
    "CIC034",
    "actions-approve-pull-requests",
    clause="4.1",
    severity=Severity.MEDIUM,
    family=Family.REQUIRED_CHECKS,
    source=Source.GITHUB,
    title="Workflows may approve pull requests",
    why="An approval is somebody's word that the change was looked at. A workflow can give one to its own change.",
    how_to_fix="Take away from GitHub Actions the right to create and approve pull requests, under Settings, Actions.",
    references=(_ACTIONS,),
    patch=PatchKind.SETTING,
    requires=(RepositoryFacet.SECURITY_SETTINGS,),
    violating="=== github\nactions: {may_approve: true}",
    clean="=== github\nactions: {allowed_actions: selected}",
)
def actions_approve_pull_requests(subject: RepositorySubject) -> Verdicts:
    settings = settings_of(subject)
    may = settings.actions.may_approve_pull_requests if settings.actions else None
    yield _action_setting(settings, "approvals by workflows", None if may is None else not may, "workflows may approve pull requests")


@repository_rule(
    "CIC039",
    "dependency-alerts-off",
    clause="4.1",
    severity=Severity.MEDIUM,
    family=Family.REQUIRED_CHECKS,
    source=Source.GITHUB,
    title="Nobody is told of holes in dependencies",
    why="Most holes become known after the dependency was added, when no pull request looks at it any more.",
    how_to_fix="Switch Dependabot alerts on under Settings, Advanced Security.",
    references=("https://docs.github.com/en/code-security/dependabot/dependabot-alerts",),
    patch=PatchKind.SETTING,
    requires=(RepositoryFacet.SECURITY_SETTINGS,),
    violating="=== github\nvulnerability_alerts: false",
    clean="=== github\nsecurity: {dependabot_security_updates: disabled}",
)
def dependency_alerts_off(subject: RepositorySubject) -> Verdicts:
    settings = settings_of(subject)
    yield _switched_on(settings, settings.security.dependabot_alerts, "Dependabot alerts")


@repository_rule(
    "CIC040",
    "open-dependency-alerts",
    clause="4.1",
    severity=Severity.HIGH,
    family=Family.REQUIRED_CHECKS,
    source=Source.GITHUB,
    title="Dependencies have known holes of high or critical severity",
    why="A known hole comes with instructions for its use.",
    how_to_fix="Update the dependency, or dismiss the alert with the reason why it does not concern the repository.",
    references=("https://docs.github.com/en/code-security/dependabot/dependabot-alerts",),
    requires=(RepositoryFacet.SECURITY_SETTINGS,),
    violating="=== github\ndependency_alerts: [{package: left-pad, severity: critical}]",
    clean="=== github\ndependency_alerts: [{package: left-pad, severity: low}, {package: right-pad, severity: high, state: fixed}]",
)
def open_dependency_alerts(subject: RepositorySubject) -> Verdicts:
    settings = settings_of(subject)
    severe = ("critical", "high")
    yield from _open_alerts(settings, AlertKind.DEPENDABOT, GithubFacet.DEPENDABOT_ALERTS, settings.security.dependabot_alerts, severe)


def _switched_on(settings: GithubSettings, feature: Feature, name: str) -> Verdict | None:
    identity = repository_identity(name)
    match feature.state:
        case Switch.ENABLED:
            return PASSED
        case Switch.UNKNOWN:
            return unknown(
                identity, f"whether {name} is on: {feature.why or settings.why_unobserved([GithubFacet.SECURITY]) or 'not visible'}"
            )
        case Switch.NOT_AVAILABLE:
            return failed(identity, f"{name} is off, and cannot be switched on as things are: {feature.why}")
        case Switch.DISABLED:
            return failed(identity, f"{name} is off")


def _open_alerts(
    settings: GithubSettings, kind: AlertKind, facet: GithubFacet, feature: Feature, labels: tuple[str, ...] | None
) -> Verdicts:
    """One verdict per label with open alerts. Where the feature is off another rule speaks."""
    if feature.state in (Switch.DISABLED, Switch.NOT_AVAILABLE):
        return
    if why := settings.why_unobserved([facet]):
        yield unknown(repository_identity(f"{kind.value} alerts"), f"whether there are open alerts: {why}")
        return
    found = [count for count in settings.alerts if count.kind is kind and count.open and (labels is None or count.label in labels)]
    for count in found:
        number = f"at least {count.open}" if count.at_least else str(count.open)
        message = f"{number} open {kind.value.replace('_', ' ')} alerts: {count.label}"
        yield failed(repository_identity(f"{kind.value} alerts: {count.label}"), message, open=count.open)
    if not found:
        yield PASSED


def _action_setting(settings: GithubSettings, what: str, kept: bool | None, complaint: str) -> Verdict | None:
    if settings.actions is not None and not settings.actions.enabled:
        return PASSED
    if kept is None:
        why = settings.why_unobserved([GithubFacet.ACTIONS]) or "not visible to this token"
        return unknown(repository_identity(what), f"{what}: {why}")
    return PASSED if kept else failed(repository_identity(what), complaint)
