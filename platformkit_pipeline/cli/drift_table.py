"""A comparison of migrations with what is live, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from platformkit_pipeline.cli.scan_table import printable
from platformkit_pipeline.model.migration_history import DriftReport, VersionState
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.reporting.drift import conclusion_line, drift_rows

_STYLES = {Outcome.PASS: "bold green", Outcome.FAIL: "bold red", Outcome.UNKNOWN: "bold yellow"}
_SHOWN = 300
"""Characters of a text; the JSON has all of it."""


def drift_table(report: DriftReport) -> RenderableType:
    """The conclusion, then what fails, what differs, what was lost, and versions that folder and project do not share."""
    history = report.history
    name = Text(printable(report.target.name), style="bold")
    parts: list[RenderableType] = [Text.assemble(name, "  ", (conclusion_line(report), _STYLES[report.conclusion]))]
    if history.replay.failure is not None:
        failure = history.replay.failure
        parts += [
            Text(),
            Text(printable(f"{failure.file}, line {failure.line}: {failure.message}")),
            *(Padding(Text(printable(text)), (0, 0, 0, 2)) for text in (failure.reason, failure.statement) if text),
        ]
    for skipped in history.files.skipped:
        parts.append(Text(printable(f"passed over: {skipped.path} {skipped.reason}"), style="dim"))
    for duplicate in history.files.duplicates:
        parts.append(Text(printable(f"version {duplicate.version} is shared by {', '.join(duplicate.paths)}"), style="yellow"))
    if history.differences:
        rows = [(name, word, aspect, declared, live) for name, word, aspect, declared, live in drift_rows(history.differences)]
        parts += [Text(), _table(("object", "difference", "aspect", "declared", "live"), rows)]
    if history.regressions:
        lost = [(r.object, r.protection, r.before, r.after) for r in history.regressions]
        parts += [
            Text(),
            Text("Lost since the previous observation", style="bold"),
            _table(("object", "protection", "before", "after"), lost),
        ]
    if history.versions_unobserved is not None:
        parts += [Text(), Text(printable(f"which versions are applied is not known: {history.versions_unobserved}"), style="dim")]
    odd = [(r.version, r.file, r.applied_as, r.state.value) for r in history.versions if r.state is not VersionState.APPLIED]
    if odd:
        parts += [Text(), _table(("version", "file", "applied as", "state"), odd)]
    return Group(*parts)


def _table(headings: tuple[str, ...], rows: Sequence[tuple[str | None, ...]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(cell), style="dim" if cell is None else "") for cell in row))
    return table


def _cell(text: str | None) -> str:
    if text is None:
        return "none"
    shown = " ".join(text.split())
    return printable(shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]} ...")
