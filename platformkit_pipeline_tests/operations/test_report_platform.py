"""The page: complete, the same for the same state, self-contained, and harmless whatever things are called."""

from __future__ import annotations

import json
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from platformkit_pipeline.control_plane import targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.target import TargetKind
from platformkit_pipeline.operations.report_platform import report_platform
from platformkit_pipeline.reporting.html import report_html
from platformkit_pipeline.reporting.platform_report import PlatformReport, report_document, report_markdown
from platformkit_pipeline.sandbox.browser import screenshot
from platformkit_pipeline_tests.browsers import needs_browser
from platformkit_pipeline_tests.fleet_history import FIRST_NIGHT, HOSTILE, nights_behind

_VOID = {"meta", "line", "polyline", "circle"}
_REASON = "<img src=x onerror=alert(1)> & \"friends\" 'too'"


class _Page(HTMLParser):
    """Checks nesting, and takes down every element and id."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += attrs
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def _reported(connection: Connection, nights: int, size: int) -> PlatformReport:
    now = nights_behind(connection, nights=nights, size=size)
    last = targets.find(connection, TargetKind.SUPABASE_PROJECT, f"shop-{size - 1:03}")
    assert last is not None
    connection.execute(
        "insert into ops.waivers (waiver_id, target_id, environment, rule, object_pattern, reason, granted_by, starts_on, expires_on) "
        "values (gen_random_uuid(), %s, 'staging', 'RLS001', 'public.t1', %s, 'ada', %s, %s)",
        (last.target_id, _REASON, now.date(), now.date() + timedelta(days=3)),
    )
    connection.commit()
    return report_platform(connection, now)


def test_the_page_shows_everything_and_loads_and_runs_nothing(pipeline: Connection) -> None:
    report = _reported(pipeline, nights=4, size=3)
    html = report_html(report)
    assert html == report_html(report_platform(pipeline, report.made_at)), "the same state gives the same bytes"
    page = _Page()
    page.feed(html)
    assert page.open == []
    assert page.names.isdisjoint({"script", "img", "link", "a", "iframe", "object", "form", "base"})
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("href", "src", "style")]
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert html.count("<svg") == html.count("<title") - 1
    assert "default-src 'none'" in html
    text = "".join(page.text)
    shown = HOSTILE.replace("\u2028", "\ufffd").replace("\n", "\ufffd")
    for word in (shown, _REASON, "ends in 3 days", report.audit_head, "2026-11-01", "2026-11-04", "cannot be scanned"):
        assert word in text, word


def test_the_figures_are_those_of_the_nights(pipeline: Connection) -> None:
    report = _reported(pipeline, nights=4, size=3)
    days = [FIRST_NIGHT.date() + timedelta(days=i) for i in range(4)]
    # of two fleets' halves 4, 3, 2, 1 and 3, 2, 1, 0 tables are open: t0, t1, t2, t3, of which the odd are critical
    assert report.findings[Severity.CRITICAL] == tuple(zip(days, (5, 3, 2, 0), strict=True))
    assert report.findings[Severity.HIGH] == tuple(zip(days, (6, 5, 3, 2), strict=True))
    assert [len(history.scores) for history in report.targets] == [4, 4, 4]
    assert report.parity == tuple((day, 100.0) for day in days)
    assert [value for _, value in report.scan_seconds] == pytest.approx([0.5, 0.6, 0.7, 0.8])
    assert report.alerts_by_day == tuple(zip(days, (0, 0, 0, 1), strict=True))
    document = json.loads(json.dumps(report_document(report)))
    assert document["covers"][0]["days_left"] == 3
    assert HOSTILE in [target["name"] for target in document["targets"]]
    assert "<script>" not in report_markdown(report)


def test_an_empty_control_plane_has_a_page_too(pipeline: Connection) -> None:
    html = report_html(report_platform(pipeline, FIRST_NIGHT))
    assert html.count("Nothing was measured.") == 5  # alerts are counted from none on
    assert "None is in force." in html


@needs_browser
@pytest.mark.exhaustive
@pytest.mark.timeout(300)
def test_a_page_of_two_hundred_targets_is_small_and_a_browser_draws_it(pipeline: Connection) -> None:
    page = report_html(_reported(pipeline, nights=6, size=200))
    assert len(page) < 500_000
    empty = page[: page.index("<body>")] + "<body></body></html>"
    for width in (1280, 390):
        assert len(screenshot(page, width, 1200, scale=1)) > 5 * len(screenshot(empty, width, 1200, scale=1))
