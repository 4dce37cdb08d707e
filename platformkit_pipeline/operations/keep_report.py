"""Keep the page of a day in a folder, where it outlives the database (clause 11: the head of the audit log stands in it)."""

from __future__ import annotations

from pathlib import Path

from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.operations.place_file import place_file
from platformkit_pipeline.reporting.html import report_html
from platformkit_pipeline.reporting.platform_report import PlatformReport

_log = get_logger("operations.keep_report")

FOLDER = "reports"


def keep_report(report: PlatformReport, home: Path) -> Path | None:
    """Write `<home>/reports/compliance-<day>.html`; a later page of the day takes its place. None where it cannot be written."""
    path = home / FOLDER / f"compliance-{report.made_at.date().isoformat()}.html"
    try:
        place_file(report_html(report), path)
    except OSError as error:
        _log.error("the page cannot be kept", path=str(path), reason=error)
        return None
    _log.info("page kept", path=str(path), targets=len(report.targets), alerts=len(report.alerts))
    return path
