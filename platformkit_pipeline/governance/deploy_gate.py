"""The answer about one scan: may this be deployed, registered, or - of a repository - merged (clauses 1.3, 4.2, 9.1, 12)?

Contract: no on any unwaived finding of a blocking severity, on one that could not be judged, on a stale scan (26 hours) and on one
that failed since. Only a FAIL can be excused. Unknown when nothing was ever scanned to the end, which nobody can override. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC

from platformkit_pipeline.governance.gate_inputs import MERGE, REGISTRATION, CoveredFinding, GateInputs, SevereFinding
from platformkit_pipeline.model.consequence import CONSEQUENCES, Category, Consequence, consequences_text, stops_a_merge
from platformkit_pipeline.model.gate_override import GateOverride
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.model.score import Score, score_of_counts

REGISTRATION_REFUSED = "registration is blocked (clause 12)"


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """`verdict` is yes, no or unknown; `judged` is what it would be without the override, and differs only where one is in force."""

    verdict: str
    judged: str
    reasons: tuple[str, ...]
    blocking: tuple[SevereFinding, ...]
    """FAILs first; each in the order of fingerprints."""
    covered: tuple[CoveredFinding, ...]
    """FAILs that something excuses today."""
    score: Score | None
    """`effective` is that of now: what lapsed since the scan does not count any more."""

    @property
    def overridden(self) -> bool:
        return self.verdict != self.judged


def decide(inputs: GateInputs) -> GateVerdict:
    """The answer; the same inputs in any order give the same."""
    covered = _covered_today(inputs)
    excused = {cover.fingerprint for cover in covered}
    standing = sorted(
        (f for f in inputs.findings if not (f.outcome is Outcome.FAIL and f.fingerprint in excused)), key=lambda f: f.fingerprint
    )
    severe = [f for f in standing if _blocks(inputs, f)]
    failing = [f for f in severe if f.outcome is Outcome.FAIL]
    blind = [f for f in severe if f.outcome is Outcome.UNKNOWN]
    scan = inputs.scan
    judged = "unknown" if scan is None else "no" if failing or blind or _stale(inputs) or _failed(inputs) else "yes"
    override = inputs.override if inputs.override and inputs.override.in_force(inputs.decided_at) else None
    verdict = "yes" if judged == "no" and override else judged
    reasons = (
        *([_overridden(override)] if override and verdict != judged else []),
        *([REGISTRATION_REFUSED] if inputs.gate == REGISTRATION and judged == "no" else []),
        *_about(f"open {_severities(inputs)} findings", failing, inputs),
        *_about(f"objects that a {_severities(inputs)} rule could not judge", blind, inputs),
        *_about_the_scan(inputs),
    ) or (f"no {_severities(inputs)} finding is open",)
    waived = [c for c in covered if c.severity in inputs.blocking]
    notes = (
        *([f"{_severities(inputs)} findings that waivers or exceptions excuse today: {len(waived)}"] if waived else []),
        *_about_plans(standing, severe),
    )
    score = score_of_counts(scan.counts, Counter(c.severity for c in covered)) if scan and scan.counts else None
    return GateVerdict(verdict, judged, (*reasons, *notes), (*failing, *blind), covered, score)


def _covered_today(inputs: GateInputs) -> tuple[CoveredFinding, ...]:
    """One per finding. A cover that has ended excuses nothing, and what could not be judged cannot be excused."""
    today = inputs.decided_at.astimezone(UTC).date()
    valid = [c for c in inputs.covers if c.outcome is Outcome.FAIL and c.last_day >= today]
    return tuple({c.fingerprint: c for c in sorted(valid, key=lambda c: (c.fingerprint, c.last_day, c.cover_id))}.values())


def _blocks(inputs: GateInputs, finding: SevereFinding) -> bool:
    if finding.severity not in inputs.blocking:
        return False
    # A rule that has left the book has no category; nobody can say that it does not matter.
    return inputs.gate != MERGE or finding.category is None or stops_a_merge(finding.category)


def _stale(inputs: GateInputs) -> bool:
    return inputs.scan is not None and inputs.decided_at - inputs.scan.started_at > inputs.stale_after


def _failed(inputs: GateInputs) -> bool:
    return inputs.scan is not None and inputs.failed_at is not None and inputs.failed_at > inputs.scan.started_at


# ---------------------------------------------------------------- reasons for a person


def _severities(inputs: GateInputs) -> str:
    return " or ".join(s.value for s in Severity if s in inputs.blocking)


def _about(what: str, findings: Iterable[SevereFinding], inputs: GateInputs) -> Iterator[str]:
    """One reason for each category, in the order of clause 12."""
    numbers = Counter(f.category for f in findings)
    for category in (*Category, None):
        if numbers[category]:
            yield f"{what}: {numbers[category]} ({_consequence(category, inputs)})"


def _consequence(category: Category | None, inputs: GateInputs) -> str:
    if category is None:
        return "of a rule that is not in the book any more"
    said = consequences_text(category)
    if inputs.gate not in (MERGE, REGISTRATION) and Consequence.DEPLOYMENT_BLOCKED not in CONSEQUENCES[category]:
        return f"{said}; {_severities(inputs)} ones of every category block a deployment"
    return said


def _about_the_scan(inputs: GateInputs) -> Iterator[str]:
    scan = inputs.scan
    if scan is None:
        yield "the target has no complete scan"
        return
    if _stale(inputs):
        hours = f"{inputs.stale_after.total_seconds() / 3600:g}"
        yield f"the last complete scan started at {scan.started_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC, more than {hours} hours ago"
    if inputs.failed_at is not None and _failed(inputs):
        yield f"the last attempt to scan, at {inputs.failed_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC, failed"


def _about_plans(standing: Iterable[SevereFinding], severe: list[SevereFinding]) -> Iterator[str]:
    slow = [f for f in standing if f.category is Category.PERFORMANCE and f.outcome is Outcome.FAIL and f not in severe]
    if slow:
        yield f"findings that do not block: {len(slow)} ({consequences_text(Category.PERFORMANCE)})"


def _overridden(override: GateOverride) -> str:
    return (
        f"no, overridden until {override.ends_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC by {override.requested_by}, "
        f"approved by {override.approved_by}: {override.reason}"
    )
