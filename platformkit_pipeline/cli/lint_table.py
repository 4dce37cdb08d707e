"""The verdict about migrations for a person at a terminal: findings by file, then the decision."""

from __future__ import annotations

from itertools import groupby

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from platformkit_pipeline.cli.scan_table import SEVERITY_STYLES, printable
from platformkit_pipeline.model.lint import LintDecision, LintReport, is_blind
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.reporting.lint import counted, file_of, line_of, sentence

_DECISIONS = {
    LintDecision.APPROVED: "bold green",
    LintDecision.NEEDS_APPROVAL: "bold yellow",
    LintDecision.REJECTED: "bold red",
    LintDecision.CANNOT_TELL: "bold yellow",
}
_FEW = 10


class LintTable:
    """Files in the order of application, what was found in each by line, and what follows from it."""

    def __init__(self, report: LintReport) -> None:
        self._report = report

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        report = self._report
        yield Text.assemble((printable(report.folder), "bold"), f"  {counted(report)}, for PostgreSQL {report.server_major}")
        blind = [f for f in report.findings if is_blind(f)]
        placed = sorted((f for f in report.findings if not is_blind(f)), key=_place)
        for path, group in groupby(placed, key=lambda finding: file_of(report, finding)):
            yield Text()
            yield Text(printable(path), style="bold")
            yield _rows(list(group))
        if blind:
            yield Text()
            yield Text.assemble(
                ("cannot tell: ", "bold"), f"{len(blind)} rules, of {blind[0].rule} to {blind[-1].rule}: {blind[0].message}"
            )
        yield Text()
        yield Text(sentence(report), style=_DECISIONS[report.decision])
        if report.left_out:
            few = len(report.left_out) <= _FEW
            yield Text(f"Left out of this run: {', '.join(report.left_out) if few else f'{len(report.left_out)} rules'}", style="dim")
        if report.findings:
            yield Text(f"Why it matters and how to fix it: platformkit rules explain {report.findings[0].rule}", style="dim")


def _place(finding: Result) -> tuple[str, int, int, str]:
    return (finding.object.name, line_of(finding), finding.severity.rank, finding.rule)


def _rows(findings: list[Result]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0), expand=False)
    table.add_column(no_wrap=True, justify="right")
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        message = Text(printable(finding.message))
        if finding.outcome is Outcome.UNKNOWN:
            message = Text.assemble(("cannot tell: ", "bold"), message)
        style = SEVERITY_STYLES[finding.severity]
        table.add_row(f"  {line_of(finding)}", Text(finding.rule, style=style), Text(finding.severity.value, style=style), message)
    return table
