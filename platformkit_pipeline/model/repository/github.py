"""What GitHub's API tells about one repository, at one time, to one token.

Nothing here is a secret: of an alert only its kind, severity and number are kept. What the token may not see is listed
in `GithubSettings.unobserved` by facet, with the reason, so that a rule answers UNKNOWN instead of guessing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from platformkit_pipeline.model.repository.github_protection import BranchProtection
from platformkit_pipeline.model.snapshot import Unobserved


class GithubFacet(StrEnum):
    """Parts of the observation that are read, and may be refused, on their own; `what` of an Unobserved."""

    CLASSIC_PROTECTION = "github_classic_protection"
    RULESETS = "github_rulesets"
    INACTIVE_RULESETS = "github_inactive_rulesets"
    BYPASS = "github_bypass"
    SECURITY = "github_security"
    SECRET_SCANNING_ALERTS = "github_secret_scanning_alerts"  # noqa: S105 - name of a facet
    CODE_SCANNING_ALERTS = "github_code_scanning_alerts"
    DEPENDABOT_ALERTS = "github_dependabot_alerts"
    REPORTED_CONTEXTS = "github_reported_contexts"
    ACTIONS = "github_actions"


class Switch(StrEnum):
    """State of one security feature."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    NOT_AVAILABLE = "not_available"
    """The plan does not include it, or the repository is archived: it is off and cannot be switched on as things are."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Feature:
    """One security feature; `why` says what kept it from being read, or why it is not available."""

    state: Switch = Switch.UNKNOWN
    why: str = ""


@dataclass(frozen=True, slots=True)
class SecuritySettings:
    """Security features of the repository."""

    advanced_security: Feature = Feature()
    secret_scanning: Feature = Feature()
    push_protection: Feature = Feature()
    non_provider_patterns: Feature = Feature()
    validity_checks: Feature = Feature()
    dependabot_alerts: Feature = Feature()
    dependabot_security_updates: Feature = Feature()
    code_scanning: Feature = Feature()
    """Enabled: at least one analysis was uploaded."""


class AlertKind(StrEnum):
    SECRET_SCANNING = "secret_scanning"  # noqa: S105 - name of a kind
    CODE_SCANNING = "code_scanning"
    DEPENDABOT = "dependabot"


@dataclass(frozen=True, slots=True, order=True)
class AlertCount:
    """Open alerts of one kind and label."""

    kind: AlertKind
    label: str
    """The severity in lower case (critical, high, medium, low, else the tool's own), "unrated"; for secrets their type."""
    open: int
    at_least: bool = False
    """There were more pages than are read."""


class ReportKind(StrEnum):
    CHECK_RUN = "check_run"
    STATUS = "status"


@dataclass(frozen=True, slots=True, order=True)
class ReportedContext:
    """A name under which something reported on at least one of the commits looked at."""

    context: str
    kind: ReportKind
    integration: int
    """Number of the GitHub App that reported; 0 for commit statuses, which do not tell."""
    commits: int
    """On how many of `Reports.commits`."""
    conclusions: tuple[str, ...]
    """Distinct ones, sorted: success, failure, skipped, ...; a run without an end counts with its status (queued, in_progress)."""


@dataclass(frozen=True, slots=True)
class Reports:
    """What reported on recent commits of the default branch and on the heads of pull requests lately merged into it.

    Checks of pull requests report on the head of the pull request, never on the commit that the merge makes: a required
    context that stands in neither is a gate that nobody opens, or that only administrators pass.
    """

    commits: tuple[str, ...]
    """Hashes of the commits looked at; empty when the default branch has none."""
    merged_pull_requests: int
    """How many of them are heads of merged pull requests. 0: nothing can be said of checks that run on pull requests only."""
    contexts: tuple[ReportedContext, ...] = ()
    complete: bool = True
    """False: more reported than is read, or some commits could not be asked about; a missing name then proves nothing."""

    def reported(self, context: str, integration: int | None = None) -> bool | None:
        """Whether anything of that name reported, through that App if it has to be a certain one.

        None, which is not False, where its absence proves nothing: not all could be read, no pull request was merged, or only a
        commit status has that name, which does not tell through which App it came.
        """
        named = [c for c in self.contexts if c.context == context]
        if any(integration in (None, c.integration) for c in named):
            return True
        by_status = any(c.kind == ReportKind.STATUS for c in named)
        return None if by_status or not self.complete or not self.merged_pull_requests else False


@dataclass(frozen=True, slots=True)
class ActionsPermissions:
    """What workflows of the repository may do. None: that part could not be read."""

    enabled: bool
    allowed_actions: str | None = None
    """all, local_only, selected; None also when Actions are off."""
    github_owned_allowed: bool | None = None
    verified_allowed: bool | None = None
    allowed_patterns: tuple[str, ...] | None = None
    """The three above say what "selected" means; None for other policies as well."""
    sha_pinning_required: bool | None = None
    default_workflow_permissions: str | None = None
    """read or write: what GITHUB_TOKEN may do where a workflow does not say."""
    may_approve_pull_requests: bool | None = None


@dataclass(frozen=True, slots=True, order=True)
class RefusedQuestion:
    """A question that this token may not ask."""

    question: str
    """Method and path with the names left open: GET /repos/{owner}/{repo}/branches/{branch}/protection."""
    status: int
    needs: str = ""
    """Permissions that GitHub says would be accepted (X-Accepted-GitHub-Permissions), where it says so."""


@dataclass(frozen=True, slots=True)
class TokenPermissions:
    """What the token showed itself able to do; never the token."""

    scopes: tuple[str, ...] | None = None
    """OAuth scopes of a classic token; None: the token has no scopes but fine-grained permissions."""
    roles: tuple[str, ...] = ()
    """What its owner is to the repository: admin, maintain, push, triage, pull; empty when GitHub does not say."""
    refused: tuple[RefusedQuestion, ...] = ()


@dataclass(frozen=True, slots=True)
class GithubSettings:
    """One repository as GitHub's API shows it. All tuples are sorted."""

    name: str
    """owner/name, as GitHub spells it; another than asked for when the repository moved."""
    default_branch: str
    visibility: str
    """public, private, internal."""
    archived: bool
    protection: BranchProtection
    security: SecuritySettings = SecuritySettings()
    alerts: tuple[AlertCount, ...] = ()
    """Of kinds that could be read; a kind that could not stands among the unobserved, and one that is off among the features."""
    reports: Reports | None = None
    actions: ActionsPermissions | None = None
    token: TokenPermissions = TokenPermissions()
    unobserved: tuple[Unobserved, ...] = ()

    def why_unobserved(self, facets: Iterable[GithubFacet]) -> str | None:
        """The reasons why any of these facets could not be read, as one sentence; None when all were."""
        wanted = set(facets)
        reasons = sorted({entry.why for entry in self.unobserved if entry.what in wanted})
        return "; ".join(reasons) or None
