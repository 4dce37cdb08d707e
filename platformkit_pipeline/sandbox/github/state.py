"""What the stand-in holds: repositories and their settings, as dataclasses that a test changes while it serves."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

ACTIONS_APP = 15368
"""Number of the App under which GitHub Actions reports."""
MOMENT = "2026-11-20T12:00:00Z"


def sha(text: str) -> str:
    """A commit hash made from any text."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


@dataclass(slots=True)
class Reviews:
    """Classic protection's demand for a pull request."""

    approvals: int = 1
    code_owners: bool = False
    dismiss_stale: bool = False
    last_push: bool = False
    bypass_users: list[str] = field(default_factory=list)
    bypass_apps: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Protection:
    """Classic protection of one branch."""

    checks: list[tuple[str, int | None]] | None = None
    """Context → number of the App that has to report it; None: no checks are demanded."""
    strict: bool = False
    enforce_admins: bool = False
    reviews: Reviews | None = None
    restricted_to: list[str] | None = None
    """Logins that may push."""
    linear_history: bool = False
    force_pushes: bool = False
    deletions: bool = False
    block_creations: bool = False
    conversation_resolution: bool = False
    lock_branch: bool = False
    fork_syncing: bool = False
    signatures: bool = False


@dataclass(slots=True)
class Ruleset:
    """One ruleset, in the form of the API where that form is free."""

    identifier: int
    name: str
    enforcement: str = "active"
    target: str = "branch"
    include: list[str] = field(default_factory=lambda: ["~DEFAULT_BRANCH"])
    exclude: list[str] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(default_factory=list)
    bypass_actors: list[dict[str, Any]] = field(default_factory=list)
    source_type: str = "Repository"
    source: str = ""
    """The repository's own name if empty."""


@dataclass(slots=True)
class CheckRun:
    name: str
    conclusion: str | None = "success"
    app: int = ACTIONS_APP


@dataclass(slots=True)
class Commit:
    """A commit and what reported on it."""

    message: str
    sha: str = ""
    check_runs: list[CheckRun] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)
    """Context → state."""

    def __post_init__(self) -> None:
        self.sha = self.sha or sha(self.message)


@dataclass(slots=True)
class PullRequest:
    number: int
    head: Commit
    title: str = "A change"
    body: str = ""
    base: str = "main"
    branch: str = "change"
    state: str = "open"
    merged_at: str | None = None


@dataclass(slots=True)
class Issue:
    number: int
    title: str
    body: str = ""
    state: str = "open"
    labels: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class SecretAlert:
    secret: str
    """The leaked value; the stand-in sends it unless it is asked to hide it, as GitHub does."""
    secret_type: str = "supabase_service_key"  # noqa: S105 - name of a kind
    state: str = "open"


@dataclass(slots=True)
class CodeAlert:
    rule: str
    severity: str = "error"
    security_severity: str | None = None
    state: str = "open"


@dataclass(slots=True)
class DependencyAlert:
    package: str
    severity: str = "high"
    state: str = "open"


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A repository_dispatch that was accepted; the same thing sent twice stands there twice."""

    event_type: str
    client_payload: dict[str, Any]


@dataclass(slots=True)
class Actions:
    enabled: bool = True
    allowed_actions: str = "all"
    sha_pinning_required: bool = False
    github_owned_allowed: bool = True
    verified_allowed: bool = False
    patterns_allowed: list[str] = field(default_factory=list)
    default_permissions: str = "read"
    may_approve: bool = False


@dataclass(slots=True)
class Repository:
    """One repository; `security` is the block security_and_analysis, feature → status."""

    owner: str
    name: str
    private: bool = False
    archived: bool = False
    default_branch: str = "main"
    on_plan: bool = True
    """False: protection and rulesets are refused as on a free plan with a private repository."""
    protections: dict[str, Protection] = field(default_factory=dict)
    rulesets: list[Ruleset] = field(default_factory=list)
    security: dict[str, str] = field(default_factory=lambda: {"secret_scanning": "disabled", "secret_scanning_push_protection": "disabled"})
    vulnerability_alerts: bool = False
    analysed: bool = False
    """Code scanning has uploaded an analysis."""
    secret_alerts: list[SecretAlert] = field(default_factory=list)
    code_alerts: list[CodeAlert] = field(default_factory=list)
    dependency_alerts: list[DependencyAlert] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=lambda: [Commit("Begin")])
    """Of the default branch, newest first."""
    branches: dict[str, str] = field(default_factory=dict)
    """Further branches → their head."""
    pulls: list[PullRequest] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    actions: Actions = field(default_factory=Actions)
    dispatches: list[Dispatch] = field(default_factory=list)
    ineffective: set[str] = field(default_factory=set)
    """Writes that are answered with success and change nothing: protection, ruleset, security."""

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"

    def next_number(self) -> int:
        """Issues and pull requests share their numbers."""
        return 1 + max([0, *(i.number for i in self.issues), *(p.number for p in self.pulls)])


@dataclass(frozen=True, slots=True)
class Token:
    """Who asks. `scopes` makes it a classic token, which hides what it may not see behind "Not Found"."""

    login: str = "robot"
    permissions: dict[str, str] = field(default_factory=dict)
    """Permission → read or write, as fine-grained tokens have them."""
    scopes: tuple[str, ...] | None = None
    status: int = 200
    """401 for a token that was revoked."""

    def may(self, permission: str, level: str) -> bool:
        return self.permissions.get(permission) in ("write", level)


_ALL = (
    "metadata",
    "contents",
    "administration",
    "checks",
    "statuses",
    "pull_requests",
    "issues",
    "secret_scanning_alerts",
    "security_events",
    "vulnerability_alerts",
)

ADMINISTRATOR = Token("admin", dict.fromkeys(_ALL, "write"))
READER = Token("reader", dict.fromkeys(("metadata", "contents", "checks", "statuses", "pull_requests", "issues"), "read"))
CLASSIC_READER = Token("classic-reader", dict(READER.permissions), scopes=("repo:status", "public_repo"))
STRANGER = Token("stranger", {})
REVOKED = Token("revoked", {}, status=401)
