"""Markdown of a parity run and of the merge gate, for the pull request: what was measured, what changed, what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from platformkit_pipeline.model.contract import CheckResult, Dimension
from platformkit_pipeline.model.merge_decision import MergeDecision
from platformkit_pipeline.model.parity import ParityReport, ParityScore
from platformkit_pipeline.model.parity_gate import name_of
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.score import Score, display
from platformkit_pipeline.reporting.markdown import code, escape, escape_unlinked

DEFAULT_LIMIT = 50
HEADLINES = {"yes": "may be merged", "no": "must not be merged"}
NO_ANSWER = "cannot be decided on"
NO_SCORE = "none"


def parity_markdown(report: ParityReport, decision: MergeDecision | None = None, limit: int = DEFAULT_LIMIT) -> str:
    """The run as a document of its own, headed by the verdict where the gate was asked. At most `limit` rows a table."""
    if decision:
        return merge_markdown(decision, limit) + _footer(report)
    lines = [f"# Parity of {escape(report.target.name)}: {_of_100(report.parity.score)}", ""]
    if report.parity.reason:
        lines += [escape_unlinked(report.parity.reason), ""]
    lines += _dimensions(report.parity, None)
    lines += _checks("Checks that do not pass", [r for r in report.results if r.outcome in (Outcome.FAIL, Outcome.UNKNOWN)], limit)
    return "\n".join(lines) + "\n" + _footer(report)


def merge_markdown(decision: MergeDecision, limit: int = DEFAULT_LIMIT) -> str:
    """The decision alone, as it comes from a run on an instance."""
    compared = decision.comparison
    commit = f" (commit {decision.commit[:12]})" if decision.commit else ""
    lines = [f"# {decision.verdict.upper()}: {escape(decision.target)} {HEADLINES.get(decision.verdict, NO_ANSWER)}{commit}", ""]
    lines += [f"- {escape_unlinked(reason)}" for reason in decision.reasons]
    lines += ["", *_dimensions(compared.head, compared.base)]
    worse = {r.key for r in compared.worse}
    lines += _checks("New: passed at the base", compared.worse, limit)
    lines += _checks(
        "Other checks that do not pass" if worse else "Checks that do not pass", [r for r in compared.failing if r.key not in worse], limit
    )
    lines += _removed(compared.removed, limit)
    return "\n".join(lines) + "\n"


def _dimensions(head: ParityScore, base: ParityScore | None) -> Iterator[str]:
    if not head.dimensions:
        return
    then = {d.dimension: d.score for d in base.dimensions} if base else {}
    yield from ("| Dimension | Weight | Base | Now | Checks |", "| --- | ---: | ---: | ---: | --- |")
    for d in head.dimensions:
        said = f"{d.passed} pass, {d.failed} fail, {d.unknown} unknown" + (f"; {escape_unlinked(d.reason)}" if d.reason else "")
        yield f"| {d.dimension.value} | {d.weight} | {_shown(then.get(d.dimension))} | {_shown(d.score)} | {said} |"
    yield f"| **parity** | | **{_shown(base.score if base else None)}** | **{_shown(head.score)}** | {_cap_note(head)} |"


def _cap_note(head: ParityScore) -> str:
    """Why the whole is less than the mean of its parts."""
    weight = sum(d.weight for d in head.dimensions)
    if head.score is None or not weight:
        return ""
    mean = sum((d.weight * d.score.raw for d in head.dimensions), Fraction()) / weight
    if head.score.raw >= mean:
        return ""
    return f"capped: the mean is {display(mean):g}, and a critical or high check does not pass"


def _checks(title: str, results: Iterable[CheckResult], limit: int) -> Iterator[str]:
    listed = sorted(results, key=lambda r: (r.severity.rank, r.sort_key))
    if not listed:
        return
    yield from ("", f"## {title} ({len(listed)})", "", "| Check | Severity | What is wrong, and what to do |", "| --- | --- | --- |")
    for r in listed[:limit]:
        blind = "**cannot tell**: " if r.outcome is Outcome.UNKNOWN else ""
        yield f"| {code(name_of(r))} | {r.severity.value} | {blind}{escape_unlinked(r.message)} |"
    yield from _left_out(len(listed), limit)


def _removed(removed: tuple[CheckResult, ...], limit: int) -> Iterator[str]:
    if not removed:
        return
    yield from ("", f"## Removed by this change ({len(removed)})", "", "They have no say in the score; is each meant to go?", "")
    yield from ("| Check | Severity | At the base |", "| --- | --- | --- |")
    for r in removed[:limit]:
        yield f"| {code(name_of(r))} | {r.severity.value} | {r.outcome.value} |"
    yield from _left_out(len(removed), limit)


def _left_out(count: int, limit: int) -> Iterator[str]:
    if count > limit:
        yield from ("", f"{count - limit} more are not listed here; --format json has them all.")


def _footer(report: ParityReport) -> str:
    declared = ", ".join(d.value for d in Dimension if d in report.declared) or "nothing"
    return f"\nRun {code(report.parity_id)}, contracts {code(report.contracts_digest)}: {declared}.\n"


def _shown(score: Score | None) -> str:
    if score is None:
        return NO_SCORE
    waived = f" ({score.effective_display:.1f} with waivers)" if score.effective != score.raw else ""
    return f"{score.raw_display:.1f}{waived}"


def _of_100(score: Score | None) -> str:
    return "no score" if score is None else f"{_shown(score)} of 100"
