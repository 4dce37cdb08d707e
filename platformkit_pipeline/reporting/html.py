"""The report as one HTML file that needs nothing else: no script, no address, and every word of others escaped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from html import escape
from statistics import median

from platformkit_pipeline.locations import templates_directory
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.reporting.fleet import KINDS
from platformkit_pipeline.reporting.platform_report import CoverLine, DayValues, PlatformReport, TargetHistory, days_left
from platformkit_pipeline.reporting.svg_chart import Chart, Series, line_chart, small_line

_SEVERITIES = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW)
_STYLES = {Severity.CRITICAL: "c1", Severity.HIGH: "c2", Severity.MEDIUM: "c3", Severity.LOW: "c4"}
_SOON_DAYS = 7
_UNPRINTABLE = {ord(sign): "\ufffd" for sign in (*map(chr, range(32)), "\x7f", "\u2028", "\u2029", *map(chr, range(0x202A, 0x202F)))}
_UNPRINTABLE |= dict.fromkeys((*range(128, 160), *range(8294, 8298), *range(55296, 57344)), "�")


def report_html(report: PlatformReport) -> str:
    """The page. The same report gives the same bytes."""
    style = (templates_directory() / "report.css").read_text(encoding="utf-8")
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
            "form-action 'none'\">",
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">',
            f"<title>Compliance report, {report.made_at:%Y-%m-%d}</title>",
            f"<style>\n{style}</style></head><body>",
            *_body(report),
            "</body></html>\n",
        ]
    )


def _body(report: PlatformReport) -> Iterator[str]:
    yield f"<header><h1>Compliance report</h1><p>{report.made_at:%Y-%m-%d %H:%M} UTC, with the {report.days} days before.</p></header>"
    yield f"<main>{_figures(report)}"
    yield '<section aria-labelledby="went"><h2 id="went">How it went</h2><div class="charts">'
    yield from map(line_chart, _charts(report))
    yield "</div></section>"
    yield from _alerts(report)
    yield from _covers(report)
    yield from _targets(report)
    yield "</main>"
    yield (
        f"<footer><p>Audit log: {report.audit_length} rows, head <code>{escape(report.audit_head)}</code>. "
        "Keep this page where the database cannot reach it: <code>platformkit db verify-audit --anchor</code> takes the head.</p></footer>"
    )


def _figures(report: PlatformReport) -> str:
    scanned = [h.standing.raw_score for h in report.targets if h.standing.raw_score is not None]
    critical = sum(h.standing.open_findings[Severity.CRITICAL] for h in report.targets)
    figures = [
        ("Targets", str(len(report.targets))),
        ("Never scanned", str(len(report.targets) - len(scanned))),
        ("Lowest score", f"{min(scanned):.1f}" if scanned else "none"),
        ("Open critical findings", str(critical)),
        ("Open alerts", str(len(report.alerts))),
        ("Waivers and exceptions", str(len(report.covers))),
    ]
    return '<dl class="figures">' + "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in figures) + "</dl>"


def _charts(report: PlatformReport) -> Iterator[Chart]:
    yield Chart("scores", "Compliance score", "percent, raw", _score_series(report.targets), 100)
    found = tuple(Series(s.value, report.findings.get(s, ()), _STYLES[s]) for s in _SEVERITIES)
    yield Chart("findings", "Open findings by severity", "findings", found)
    yield Chart("parity", "Parity score", "percent, mean of targets", (Series("mean", report.parity, "c0"),), 100)
    yield Chart("queue", "Events that wait for delivery", "events, most of the day", (Series("waiting", report.queue, "c0"),))
    yield Chart("durations", "Duration of a scan", "seconds, mean of targets", (Series("mean", report.scan_seconds, "c0"),))
    yield Chart("alerts", "Open alerts", "alerts", (Series("open", report.alerts_by_day, "c1"),))


def _score_series(targets: Sequence[TargetHistory]) -> tuple[Series, ...]:
    """Lowest, median and highest: a line for each of hundreds would show nothing; each has its own in the table."""
    by_day: dict[date, list[float]] = {}
    for history in targets:
        for day, score in history.scores:
            by_day.setdefault(day, []).append(score)
    days = sorted(by_day)

    def of(name: str, style: str, choose: Callable[[list[float]], float]) -> Series:
        return Series(name, tuple((day, choose(by_day[day])) for day in days), style)

    return of("highest", "c4", max), of("median", "c0", median), of("lowest", "c1", min)


def _alerts(report: PlatformReport) -> Iterator[str]:
    rows = [(a.severity, a.target, a.headline, f"{a.raised_at:%Y-%m-%d %H:%M}") for a in report.alerts]
    yield from _section("alerts-open", "Open alerts", ("Severity", "Target", "What", "Since (UTC)"), rows, "No alert is open.")


def _covers(report: PlatformReport) -> Iterator[str]:
    rows = [(c.sort, c.target, c.rules, c.objects, c.reason, _ends(c, report), c.by) for c in report.covers]
    heads = ("Sort", "Target", "Rules", "Objects", "Reason", "Last day", "By")
    yield from _section("covers", "Waivers and exceptions in force", heads, rows, "None is in force.")


def _ends(cover: CoverLine, report: PlatformReport) -> str:
    left = days_left(cover, report)
    soon = f", ends in {left} days" if 0 < left <= _SOON_DAYS else ", ends today" if left == 0 else ""
    return f"{cover.last_day.isoformat()}{soon}"


def _section(ident: str, title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], none: str) -> Iterator[str]:
    yield f'<section aria-labelledby="{ident}"><h2 id="{ident}">{title}</h2>'
    if rows:
        yield from _table(title, heads, (("".join(f"<td>{_shown(cell)}</td>" for cell in row)) for row in rows))
    else:
        yield f'<p class="none">{none}</p>'
    yield "</section>"


def _targets(report: PlatformReport) -> Iterator[str]:
    heads = ("Target", "Kind", "Environment", "Raw", "Effective", *(s.value.capitalize() for s in _SEVERITIES), "Unknown", "Scanned (UTC)")
    ordered = sorted(report.targets, key=lambda h: (-1.0 if h.standing.raw_score is None else h.standing.raw_score, h.standing.name))
    yield '<section aria-labelledby="targets"><h2 id="targets">Targets, worst first</h2>'
    yield from _table("Targets", (*heads, "Raw score over time"), map(_target, ordered))
    yield "</section>"


def _target(history: TargetHistory) -> str:
    s = history.standing
    words = (s.name, KINDS[s.kind], s.environment.value)
    numbers = (
        _score(s.raw_score),
        _score(s.effective_score),
        *(str(s.open_findings[severity]) for severity in _SEVERITIES),
        str(s.unknown),
    )
    scanned = f"{s.scanned_at:%Y-%m-%d %H:%M}" if s.scanned_at else "never"
    return (
        f'<th scope="row">{_shown(words[0])}</th>'
        + "".join(f'<td class="short">{_shown(word)}</td>' for word in words[1:])
        + "".join(f'<td class="number">{number}</td>' for number in numbers)
        + f'<td class="short">{scanned}</td><td>{_way(history.scores)}</td>'
    )


def _way(scores: DayValues) -> str:
    return small_line(scores, f"from {scores[0][1]:.1f} to {scores[-1][1]:.1f}") if scores else ""


def _table(caption: str, heads: Iterable[str], rows: Iterable[str]) -> Iterator[str]:
    yield f'<div class="scroll" tabindex="0" role="region" aria-label="{caption}"><table><thead><tr>'
    yield "".join(f'<th scope="col">{head}</th>' for head in heads)
    yield "</tr></thead><tbody>"
    yield from (f"<tr>{row}</tr>" for row in rows)
    yield "</tbody></table></div>"


def _shown(text: str) -> str:
    """What others named, on one line and without signs that change how the rest of the page reads."""
    return escape(text.translate(_UNPRINTABLE))


def _score(score: float | None) -> str:
    return "none" if score is None else f"{score:.1f}"
