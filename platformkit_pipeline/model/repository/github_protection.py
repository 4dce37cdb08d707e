"""The effective rule of a repository's default branch: classic protection united with active rulesets, and who may bypass.

What stands in a `BranchProtection` is demanded for certain. What does *not* stand there is certain only where
`complete` says so: a source that the token may not see could demand more. Absence is never read as an all-clear.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class SourceKind(StrEnum):
    CLASSIC = "classic"
    RULESET = "ruleset"


class SourceState(StrEnum):
    """What is known of one of the two places where a branch is protected."""

    PRESENT = "present"
    ABSENT = "absent"
    NOT_ON_PLAN = "not_on_plan"
    """The owner's plan does not include it, so it protects nothing."""
    UNKNOWN = "unknown"
    """Not visible to this token; the reason is among the unobserved facets."""


class BypassScope(StrEnum):
    EVERYTHING = "everything"
    REVIEWS = "reviews"
    """Only the demand for a pull request with its approvals; checks stay required (classic protection's allowances)."""


@dataclass(frozen=True, slots=True, order=True)
class BypassActor:
    """Somebody whom a source does not bind."""

    kind: str
    """GitHub's actor_type: RepositoryRole, OrganizationAdmin, Team, User, Integration, DeployKey, EnterpriseOwner."""
    identifier: str
    """Its number or slug as text; a RepositoryRole that is an administrator is "5" in classic protection and rulesets alike."""
    name: str
    mode: str = "always"
    """GitHub's bypass_mode: always, pull_request, exempt."""
    scope: BypassScope = BypassScope.EVERYTHING


@dataclass(frozen=True, slots=True)
class ProtectionSource:
    """Classic protection or one active ruleset that binds the default branch."""

    kind: SourceKind
    identifier: str
    """Number of the ruleset as text; "classic" for classic protection."""
    name: str
    owner: str
    """Who set it: the repository ("acme/shop"), an organisation ("acme") or an enterprise."""
    bypass: tuple[BypassActor, ...] | None = None
    """None: not visible to this token, so unknown and never "nobody"."""


@dataclass(frozen=True, slots=True)
class RequiredContext:
    """One check that must have passed before a change reaches the default branch."""

    context: str
    integration: int | None
    """Number of the GitHub App that has to report it; None: whoever may write statuses."""
    sources: tuple[str, ...]
    """Identifiers of the `ProtectionSource`s that demand it."""


@dataclass(frozen=True, slots=True)
class InactiveRuleset:
    """A ruleset that is there and binds nobody. It need not be about the default branch."""

    identifier: str
    name: str
    enforcement: str
    """disabled or evaluate."""


@dataclass(frozen=True, slots=True)
class BranchProtection:
    """What the default branch demands. A True, a number above 0 and a listed name are certain; the rest only if `complete`."""

    classic: SourceState
    rulesets: SourceState
    sources: tuple[ProtectionSource, ...] = ()
    required_contexts: tuple[RequiredContext, ...] = ()
    required_workflows: tuple[str, ...] = ()
    """Paths of workflows that rulesets of an organisation demand."""
    strict: bool = False
    """A branch has to be up to date before it is merged."""
    pull_request_required: bool = False
    review_sources: tuple[str, ...] = ()
    """Identifiers of the sources that demand a pull request, for `bypass_of`."""
    required_approvals: int = 0
    """The largest number that any source demands."""
    code_owner_review: bool = False
    dismiss_stale_reviews: bool = False
    last_push_approval: bool = False
    conversation_resolution: bool = False
    linear_history: bool = False
    signatures: bool = False
    force_pushes_blocked: bool = False
    deletions_blocked: bool = False
    enforce_admins: bool = False
    """Classic protection binds administrators. Rulesets say the same by listing no administrator in `bypass`."""
    other_rules: tuple[str, ...] = ()
    """Types of further rules of rulesets, as GitHub names them: merge_queue, code_scanning, required_deployments, ..."""
    inactive_rulesets: tuple[InactiveRuleset, ...] | None = None
    """None: the list could not be read."""

    @property
    def protected(self) -> bool | None:
        """Whether any source binds the branch; None when none is seen and one could not be looked at."""
        if self.sources or self.required_contexts:
            return True
        return False if self.complete else None

    @property
    def complete(self) -> bool:
        """Both sources were seen, so what does not stand here is not demanded."""
        return SourceState.UNKNOWN not in (self.classic, self.rulesets)

    @property
    def bypass(self) -> tuple[BypassActor, ...] | None:
        """Who may bypass at least one source, sorted; None when that is not visible for one of them."""
        seen: set[BypassActor] = set()
        for source in self.sources:
            if source.bypass is None:
                return None
            seen.update(source.bypass)
        return tuple(sorted(seen))

    def context(self, name: str) -> RequiredContext | None:
        """The required check of that exact name; the one that a certain App has to report, where sources differ in that."""
        named = [c for c in self.required_contexts if c.context == name]
        return max(named, key=lambda c: c.integration is not None, default=None)

    def sources_of(self, name: str) -> tuple[str, ...]:
        """Identifiers of all sources that demand a check of that exact name, for `bypass_of`."""
        return tuple(sorted({source for c in self.required_contexts if c.context == name for source in c.sources}))

    def bypass_of(self, identifiers: Iterable[str], *, reviews: bool = False) -> tuple[BypassActor, ...] | None:
        """Who escapes a demand made by these sources: whom *all* of them let pass; None when that is not visible.

        One source that binds everybody settles it, whatever is hidden of the others. `reviews` asks about the demand for
        a pull request and its approvals, which classic protection lets more people pass than its checks.
        """
        named = set(identifiers)
        demanding = [source for source in self.sources if source.identifier in named]
        passed = [_passed(source.bypass, reviews) for source in demanding]
        if any(actors == {} for actors in passed):
            return ()
        visible = [actors for actors in passed if actors is not None]
        if len(visible) < len(passed) or not visible:
            return None
        everywhere = set.intersection(*(set(actors) for actors in visible))
        return tuple(sorted(visible[0][who] for who in everywhere))


def _passed(bypass: tuple[BypassActor, ...] | None, reviews: bool) -> dict[tuple[str, str], BypassActor] | None:
    if bypass is None:
        return None
    return {(a.kind, a.identifier): a for a in bypass if reviews or a.scope == BypassScope.EVERYTHING}
