"""A parity run for a person at a terminal, as something that rich can render."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from platformkit_pipeline.cli.scan_table import SEVERITY_STYLES, printable
from platformkit_pipeline.model.contract import CheckResult
from platformkit_pipeline.model.merge_decision import MergeDecision
from platformkit_pipeline.model.parity import ParityReport
from platformkit_pipeline.model.parity_gate import name_of
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.score import Score
from platformkit_pipeline.reporting.parity_markdown import HEADLINES, NO_ANSWER

_VERDICT_STYLES = {"yes": "bold green", "no": "bold red"}
_GOOD_SCORE = 90


class ParityTable:
    """Checks that do not pass, then the dimensions, then the score and, where it was asked, the gate."""

    def __init__(self, report: ParityReport, decision: MergeDecision | None) -> None:
        self._report, self._decision = report, decision

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        report = self._report
        yield Text.assemble((printable(report.target.name), "bold"), f"  {report.target.environment.value}")
        listed = sorted(
            (r for r in report.results if r.outcome in (Outcome.FAIL, Outcome.UNKNOWN)), key=lambda r: (r.severity.rank, r.sort_key)
        )
        for result in listed:
            yield _check(result, waived=result.key in report.waived)
        yield Text()
        if report.parity.dimensions:
            yield _dimensions(report, self._decision)
        yield _score(report)
        if self._decision:
            yield Text()
            yield Group(*_gate(self._decision))


def _check(result: CheckResult, *, waived: bool) -> RenderableType:
    heading = Text.assemble((f"{result.severity.value:8} ", SEVERITY_STYLES[result.severity]), printable(name_of(result)), overflow="fold")
    said = Text(printable(result.message))
    if result.outcome is Outcome.UNKNOWN:
        said = Text.assemble(("cannot tell: ", "bold"), said)
    elif waived:
        said = Text.assemble(("waived: ", "bold"), said)
    return Group(heading, Padding(said, (0, 0, 0, 9)))


def _dimensions(report: ParityReport, decision: MergeDecision | None) -> Table:
    base = decision.comparison.base if decision else None
    then = {d.dimension: d.score for d in base.dimensions} if base else {}
    table = Table.grid(padding=(0, 2, 0, 0))
    for d in report.parity.dimensions:
        was = f"{_shown(then.get(d.dimension))} ->" if base else ""
        counts = f"{d.passed} pass, {d.failed} fail, {d.unknown} unknown"
        reason = f"; {printable(d.reason)}" if d.reason else ""
        table.add_row(d.dimension.value, f"weight {d.weight}", was, _shown(d.score), counts + reason)
    return table


def _score(report: ParityReport) -> Text:
    score = report.parity.score
    if score is None:
        return Text(f"No score: {report.parity.reason}", style="bold")
    style = "bold green" if score.raw >= _GOOD_SCORE else "bold red"
    text = Text.assemble("Parity ", (f"{score.raw_display:.1f}", style), " of 100")
    if score.effective != score.raw:
        text.append(f" ({score.effective_display:.1f} with waivers)")
    return text.append(f"; {len(report.results)} checks, {report.duration_seconds:.1f} s")


def _gate(decision: MergeDecision) -> Iterator[Text]:
    said = HEADLINES.get(decision.verdict, NO_ANSWER)
    style = _VERDICT_STYLES.get(decision.verdict, "bold")
    yield Text.assemble((decision.verdict.upper(), style), f": {printable(decision.target)} {said}")
    yield from (Text(f"  {printable(reason)}") for reason in decision.reasons)
    yield from (Text(f"  removed: {printable(name_of(r))}, {r.outcome.value} at the base") for r in decision.comparison.removed)


def _shown(score: Score | None) -> str:
    return "none" if score is None else f"{score.raw_display:.1f}"
