"""`platformkit report`: one page of how the fleet stands and went."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from platformkit_pipeline.cli.control_plane import DEMO, control_plane_session
from platformkit_pipeline.cli.output import check_output, write_text

if TYPE_CHECKING:
    from platformkit_pipeline.reporting.platform_report import PlatformReport

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class ReportFormat(StrEnum):
    HTML = "html"
    MARKDOWN = "markdown"
    JSON = "json"


@app.command()
def report(
    output_format: ReportFormat = typer.Option(ReportFormat.HTML, "--format", help="Form of the report."),
    output: Path | None = typer.Option(None, "--output", metavar="FILE", help="Write to a file, replaced whole, instead of stdout."),
    days: int = typer.Option(90, "--days", min=1, max=730, help="How many days back the charts go."),
    demo: bool = DEMO,
) -> None:
    """Make one page of how the fleet stands and went: scores, findings, parity, queues, alerts, waivers, head of the audit log.

    The HTML is one file that loads nothing. Reads the control plane only.

    \b
    Examples:
      platformkit report --output report.html
      platformkit report --format markdown --days 30
    """
    from platformkit_pipeline.operations.report_platform import report_platform

    check_output(output)
    with control_plane_session(demo=demo) as connection:
        made = report_platform(connection, datetime.now(UTC), days)
    write_text(_rendered(made, output_format), output)


def _rendered(made: PlatformReport, output_format: ReportFormat) -> str:
    match output_format:
        case ReportFormat.HTML:
            from platformkit_pipeline.reporting.html import report_html

            return report_html(made)
        case ReportFormat.MARKDOWN:
            from platformkit_pipeline.reporting.platform_report import report_markdown

            return report_markdown(made)
        case ReportFormat.JSON:
            from platformkit_pipeline.reporting.platform_report import report_document

            return json.dumps(report_document(made), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
