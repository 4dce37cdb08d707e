"""A scan for a person at a terminal, as something that rich can render. Documents for machines are in `reporting`."""

from __future__ import annotations

import re
from collections import Counter
from itertools import groupby

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from platformkit_pipeline.model.result import Outcome, Result, Severity
from platformkit_pipeline.model.scan import ScanReport
from platformkit_pipeline.model.waiver import Cover
from platformkit_pipeline.reporting.wording import message_beside_object, waived_until

SEVERITY_STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
    Severity.INFO: "dim",
}
_GOOD_SCORE = 90
_NARROW = 76
_WIDEST_OBJECT = 0.4
# Names come from the database: an escape sequence in one must not reach the terminal, nor text that runs backwards.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")


class ScanTable:
    """Findings grouped by severity, most severe first, then the score. Fits itself to the width it is given."""

    def __init__(self, report: ScanReport) -> None:
        self._report = report

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        report = self._report
        yield _heading(report)
        counts = Counter(finding.severity for finding in report.findings)
        for severity, group in groupby(report.findings, key=lambda finding: finding.severity):
            yield Text()
            yield Text(f"{severity.value.upper()} ({counts[severity]})", style=SEVERITY_STYLES[severity])
            if options.max_width < _NARROW:
                for finding in group:
                    yield from _stacked(finding, report.cover_of(finding))
            else:
                yield _rows(report, list(group), options.max_width)
        if report.unobserved:
            yield Text()
            yield Text(f"NOT OBSERVED ({len(report.unobserved)})", style="bold")
            for item in report.unobserved:
                yield Padding(Text(f"{printable(item.what)}: {printable(item.why)}"), (0, 0, 0, 2))
        yield Text()
        yield _summary(report)
        if report.findings:
            yield Text(f"Why it matters and how to fix it: platformkit rules explain {report.findings[0].rule}", style="dim")


def scan_table(report: ScanReport) -> ScanTable:
    """Print the result with a rich console, which decides on width and colour."""
    return ScanTable(report)


def printable(text: str) -> str:
    """`text` on one line, with control characters shown as escapes."""
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text)


def _heading(report: ScanReport) -> Text:
    return Text.assemble(
        (printable(report.target.name), "bold"), f"  {report.target.environment.value}, {printable(report.observed_thing)}"
    )


def _message(finding: Result, cover: Cover | None) -> Text:
    text = Text(printable(message_beside_object(finding)))
    if cover is not None:
        return Text.assemble((f"{waived_until(cover)}: ", "bold"), text)
    return Text.assemble(("cannot tell: ", "bold"), text) if finding.outcome is Outcome.UNKNOWN else text


def _rows(report: ScanReport, findings: list[Result], width: int) -> Table:
    objects = [printable(str(finding.object)) for finding in findings]
    table = Table.grid(padding=(0, 2, 0, 0), expand=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", max_width=min(max(len(o) for o in objects), int(width * _WIDEST_OBJECT)))
    table.add_column(overflow="fold")
    for finding, name in zip(findings, objects, strict=True):
        message = _message(finding, report.cover_of(finding))
        table.add_row(Text(f"  {finding.rule}", style=SEVERITY_STYLES[finding.severity]), Text(name), message)
    return table


def _stacked(finding: Result, cover: Cover | None) -> RenderResult:
    yield Text.assemble((f"  {finding.rule} ", SEVERITY_STYLES[finding.severity]), printable(str(finding.object)), overflow="fold")
    yield Padding(_message(finding, cover), (0, 0, 0, 4))


def _summary(report: ScanReport) -> Text:
    counts = report.outcome_counts
    style = "bold green" if report.score.raw >= _GOOD_SCORE else "bold red"
    text = Text.assemble("Score ", (f"{report.score.raw_display:.1f}", style), " of 100")
    if report.score.effective != report.score.raw:
        text.append(f" ({report.score.effective_display:.1f} with waivers)")
    parts = [f"{counts[Outcome.PASS]} pass", f"{counts[Outcome.FAIL]} fail", f"{counts[Outcome.UNKNOWN]} unknown"]
    if counts[Outcome.NOT_APPLICABLE]:
        parts.append(f"{counts[Outcome.NOT_APPLICABLE]} not applicable")
    return text.append(f": {', '.join(parts)}; {report.duration_seconds:.1f} s")
