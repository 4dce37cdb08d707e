"""Line charts as inline SVG: no script, no font, no address; colours come from the page, words are read out by screen readers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape

_WIDTH, _HEIGHT = 640, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 12, 12, 24
_SMALL_WIDTH, _SMALL_HEIGHT = 120, 24
_STEPS = 4

Points = Sequence[tuple[date, float]]


@dataclass(frozen=True, slots=True)
class Series:
    """One line. `style` is a class of the page: `c0` to `c5`. Points are by day."""

    name: str
    points: Points
    style: str


@dataclass(frozen=True, slots=True)
class Chart:
    """`ident` is unique in the page, letters and digits. `top` is the least that the scale goes up to."""

    ident: str
    title: str
    unit: str
    series: tuple[Series, ...]
    top: float = 1


def line_chart(chart: Chart) -> str:
    """The chart as a figure with its legend; a sentence where nothing was measured."""
    drawn = [series for series in chart.series if series.points]
    if not drawn:
        return f'<figure><figcaption>{escape(chart.title)}</figcaption><p class="none">Nothing was measured.</p></figure>'
    days = [day for series in drawn for day, _ in series.points]
    first, last = min(days), max(days)
    top = _round_up(max([chart.top, *(value for series in drawn for _, value in series.points)]))
    lines = [
        f'<figure><figcaption>{escape(chart.title)} <span class="unit">({escape(chart.unit)})</span></figcaption>',
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-labelledby="{chart.ident}-t {chart.ident}-d">',
        f'<title id="{chart.ident}-t">{escape(chart.title)}</title>',
        f'<desc id="{chart.ident}-d">{escape(_told(drawn, chart.unit, first, last))}</desc>',
        *_scale(top, first, last),
        *(_line(series, first, last, top) for series in drawn),
        "</svg>",
        '<p class="legend">' + " ".join(f'<span class="key {s.style}">{escape(s.name)}</span>' for s in drawn) + "</p></figure>",
    ]
    return "\n".join(lines)


def small_line(points: Points, label: str, top: float = 100) -> str:
    """A line without axes for a cell of a table, from 0 to `top`; `label` is read out. Empty for less than two points."""
    if len(points) < 2:
        return ""
    first, span = points[0][0], max((points[-1][0] - points[0][0]).days, 1)
    at = " ".join(
        f"{2 + (day - first).days / span * (_SMALL_WIDTH - 4):.1f},{2 + (1 - min(value, top) / top) * (_SMALL_HEIGHT - 4):.1f}"
        for day, value in points
    )
    return (
        f'<svg class="small" viewBox="0 0 {_SMALL_WIDTH} {_SMALL_HEIGHT}" role="img" aria-label="{escape(label)}">'
        f'<title>{escape(label)}</title><polyline class="line c0" points="{at}"/></svg>'
    )


def _scale(top: float, first: date, last: date) -> Iterator[str]:
    for step in range(_STEPS + 1):
        value = top * step / _STEPS
        y = _y(value, top)
        yield f'<line class="grid" x1="{_LEFT}" y1="{y}" x2="{_WIDTH - _RIGHT}" y2="{y}"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>'
    yield f'<text x="{_LEFT}" y="{_HEIGHT - 6}">{first.isoformat()}</text>'
    if last != first:
        yield f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 6}" text-anchor="end">{last.isoformat()}</text>'


def _line(series: Series, first: date, last: date, top: float) -> str:
    at = [(_x(day, first, last), _y(value, top)) for day, value in series.points]
    if len(at) == 1:
        return f'<circle class="dot {series.style}" cx="{at[0][0]}" cy="{at[0][1]}" r="3"/>'
    return f'<polyline class="line {series.style}" points="{" ".join(f"{x},{y}" for x, y in at)}"/>'


def _x(day: date, first: date, last: date) -> float:
    return round(_LEFT + (day - first).days / max((last - first).days, 1) * (_WIDTH - _LEFT - _RIGHT), 1)


def _y(value: float, top: float) -> float:
    return round(_TOP + (1 - value / top) * (_HEIGHT - _TOP - _BOTTOM), 1)


def _round_up(value: float) -> float:
    """1, 2, 4, 5, 8 or 10 times a power of ten, so that four steps are even numbers to read."""
    power = 1.0
    while power * 10 < value:
        power *= 10
    while power >= value and power > 1e-6:
        power /= 10
    return next(power * factor for factor in (1, 2, 4, 5, 8, 10) if power * factor >= value * (1 - 1e-9))


def _told(series: Sequence[Series], unit: str, first: date, last: date) -> str:
    ends = "; ".join(f"{s.name} from {s.points[0][1]:g} to {s.points[-1][1]:g}" for s in series)
    return f"From {first.isoformat()} to {last.isoformat()}, in {unit}: {ends}."
