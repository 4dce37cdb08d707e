"""Plain tables for the commands that list things."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from platformkit_pipeline.cli.output import render, write_text


def print_rows(headings: Sequence[str], rows: Iterable[Sequence[str]], output: Path | None = None) -> None:
    """Rows under headings, folded to the terminal; one line each where there is none."""
    from rich.table import Table
    from rich.text import Text

    from platformkit_pipeline.cli.scan_table import printable

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings[:-1]:
        table.add_column(heading, overflow="fold")
    table.add_column(headings[-1], overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    write_text(render(table, plain=output is not None, unbroken=True), output)
