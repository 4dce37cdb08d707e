"""The verdict about a set of migrations: results, and what a gate makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from platformkit_pipeline.model.migration import SkippedFile
from platformkit_pipeline.model.result import Outcome, Result, Severity
from platformkit_pipeline.model.target import Target


class LintDecision(StrEnum):
    """What a deployment gate says (clause 8.2); one exit code each."""

    APPROVED = "approved"
    NEEDS_APPROVAL = "needs manual approval"
    REJECTED = "rejected"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class LintReport:
    """One run over one folder. `results` are sorted by severity, rule and place."""

    target: Target
    folder: str
    base: str | None
    """The merge base whose later changes were judged; None when the whole folder was."""
    server_major: int
    files: int
    judged: tuple[str, ...]
    skipped: tuple[SkippedFile, ...]
    ruleset_digest: str
    results: tuple[Result, ...]
    decision: LintDecision
    fail_on: Severity | None
    """Least severity that rejects; None for never."""
    approved_by: str | None = None
    left_out: tuple[str, ...] = ()
    """Rules that somebody left out of this run."""

    @property
    def findings(self) -> tuple[Result, ...]:
        return tuple(r for r in self.results if r.is_finding)


def decide(
    results: Sequence[Result], *, fail_on: Severity | None, breaking: frozenset[str], approval: str, approved_by: str | None
) -> LintDecision:
    """A failure at or above `fail_on` rejects; what is unknown there leaves the answer open; a breaking change waits for a person.

    `breaking` are the codes that speak of breaking changes and `approval` is the one among them that asks for a person.
    """
    severe = [r for r in results if r.is_finding and fail_on is not None and r.severity.at_least(fail_on) and r.rule != approval]
    if any(r.outcome is Outcome.FAIL for r in severe):
        return LintDecision.REJECTED
    if severe or any(is_blind(r) for r in results):
        return LintDecision.CANNOT_TELL
    if approved_by is None and any(r.is_finding and r.rule in breaking for r in results):
        return LintDecision.NEEDS_APPROVAL
    return LintDecision.APPROVED


def is_blind(result: Result) -> bool:
    """The rule could not judge the set at all, whatever its severity: never a pass."""
    return result.outcome is Outcome.UNKNOWN and not result.object.name
