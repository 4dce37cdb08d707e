"""The union of what classic protection and rulesets demand of a branch, per named context."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from platformkit_pipeline.model.repository.github_protection import (
    BranchProtection,
    InactiveRuleset,
    ProtectionSource,
    RequiredContext,
    SourceState,
)


@dataclass(slots=True)
class Demands:
    """What the sources seen so far demand; `flags` are names of `BranchProtection`'s switches that are on."""

    sources: list[ProtectionSource] = field(default_factory=list)
    contexts: dict[tuple[str, int | None], set[str]] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)
    approvals: int = 0
    reviewed_by: set[str] = field(default_factory=set)
    workflows: set[str] = field(default_factory=set)
    other: set[str] = field(default_factory=set)

    def require(self, context: str, integration: int | None, source: str) -> None:
        """A check that this source demands."""
        self.contexts.setdefault((context, integration), set()).add(source)

    def review(self, source: str, approvals: int) -> None:
        """A pull request with so many approvals that this source demands."""
        self.flags.add("pull_request_required")
        self.reviewed_by.add(source)
        self.approvals = max(self.approvals, approvals)

    def united(self, classic: SourceState, rulesets: SourceState, inactive: tuple[InactiveRuleset, ...] | None) -> BranchProtection:
        """The effective rule."""
        switches: dict[str, Any] = dict.fromkeys(self.flags, True)
        return BranchProtection(
            classic=classic,
            rulesets=rulesets,
            sources=tuple(sorted(self.sources, key=lambda s: (s.kind, s.identifier))),
            required_contexts=tuple(
                RequiredContext(context, integration, tuple(sorted(sources)))
                for (context, integration), sources in sorted(self.contexts.items(), key=lambda c: (c[0][0], c[0][1] or 0))
            ),
            required_workflows=tuple(sorted(self.workflows)),
            review_sources=tuple(sorted(self.reviewed_by)),
            required_approvals=self.approvals,
            other_rules=tuple(sorted(self.other)),
            inactive_rulesets=inactive,
            **switches,
        )
