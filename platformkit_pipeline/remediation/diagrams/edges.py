"""Edges as SVG: the line, its corners, its arrows, its labels."""

from __future__ import annotations

from itertools import pairwise
from math import hypot

from platformkit_pipeline.remediation.diagrams.cells import Box, Edge, EdgeLabel, Point
from platformkit_pipeline.remediation.diagrams.labels import edge_label, room_of
from platformkit_pipeline.remediation.diagrams.routes import length, route
from platformkit_pipeline.remediation.diagrams.shapes import paint
from platformkit_pipeline.remediation.diagrams.style import UnsupportedDrawing, written

_ARROWS = ("classic", "classicThin", "block", "blockThin", "open", "openThin", "oval", "diamond", "diamondThin")
_OPEN = ("open", "openThin")
_NONE = ("none", "")


def edge_of(edge: Edge) -> tuple[str, tuple[Box, ...]]:
    """An edge with its labels, and how much of the page they take. Raises UnsupportedDrawing."""
    if (shape := edge.style.get("shape") or "connector") != "connector":
        raise UnsupportedDrawing(f"{edge.style.cell}: edges in the shape {shape[:60]} are not drawn here")
    points = route(edge)
    start, end = edge.style.get("startArrow", "none"), edge.style.get("endArrow", "classic")
    arrows = [_arrow(edge, "start", start, points[1], points[0]), _arrow(edge, "end", end, points[-2], points[-1])]
    line = _shortened(_shortened(points, _covered(edge, "end", end))[::-1], _covered(edge, "start", start))[::-1]
    labels = [(label, _place(points, label)) for label in edge.labels]
    room = [_around(points), *(room_of(label.text, label.style, place) for label, place in labels)]
    path = _path(line, radius=edge.style.number("arcSize", 20) / 2 if edge.style.is_on("rounded", default=True) else 0.0)
    drawn = "".join([f'<path d="{path}" {paint(edge.style, fill="none", hollow=True)}/>', *arrows])
    opacity = edge.style.number("opacity", 100)
    if opacity != 100:
        drawn = f'<g opacity="{written(opacity / 100)}">{drawn}</g>'
    return drawn + "".join(edge_label(label.text, label.style, place) for label, place in labels), tuple(room)


def _path(points: tuple[Point, ...], *, radius: float) -> str:
    path = f"M {_at(points[0])}"
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        reach = min(radius, _distance(before, corner) / 2, _distance(corner, after) / 2)
        if reach > 0:
            path += f" L {_at(_towards(corner, before, reach))} Q {_at(corner)} {_at(_towards(corner, after, reach))}"
        else:
            path += f" L {_at(corner)}"
    return f"{path} L {_at(points[-1])}"


def _size(edge: Edge, which: str) -> float:
    return edge.style.number(f"{which}Size", 6) + edge.style.number("strokeWidth", 1)


def _covered(edge: Edge, which: str, arrow: str) -> float:
    """How much of the line lies below its arrow and is left away, so that it does not show at the tip or in an empty arrow."""
    if arrow in _NONE:
        return 0.0
    if arrow in _OPEN:
        return edge.style.number("strokeWidth", 1)
    size = _size(edge, which)
    return {"oval": size / 2, "diamond": size * 1.4, "diamondThin": size * 1.4}.get(arrow, size * 0.75 if "classic" in arrow else size)


def _shortened(points: tuple[Point, ...], covered: float) -> tuple[Point, ...]:
    """Without the last bit of the way; at least a tenth of its last piece stays."""
    last = _distance(points[-2], points[-1])
    return (*points[:-1], _towards(points[-1], points[-2], min(covered, last * 0.9)))


def _arrow(edge: Edge, which: str, arrow: str, before: Point, tip: Point) -> str:
    if arrow in _NONE:
        return ""
    if arrow not in _ARROWS:
        raise UnsupportedDrawing(f"{edge.style.cell}: {which}Arrow={arrow[:60]} is not drawn here; drawn are {', '.join(_ARROWS)}")
    size, far = _size(edge, which), _distance(before, tip)
    back = Point((before.x - tip.x) / far, (before.y - tip.y) / far)
    stroke, width = edge.style.colour("strokeColor", "#000000"), written(edge.style.number("strokeWidth", 1))
    fill = stroke if edge.style.is_on(f"{which}Fill", default=True) else edge.style.colour("fillColor", "#ffffff")
    if arrow == "oval":
        place = f'cx="{written(tip.x)}" cy="{written(tip.y)}" r="{written(size / 2)}"'
        return f'<circle {place} fill="{fill}" stroke="{stroke}" stroke-width="{width}"/>'
    half = size / (3 if arrow.endswith("Thin") else 2)
    outline: tuple[tuple[float, float], ...]
    if arrow.startswith("diamond"):
        outline = ((0.0, 0.0), (size * 0.7, half), (size * 1.4, 0.0), (size * 0.7, -half))
    elif arrow.startswith("classic"):
        outline = ((0.0, 0.0), (size, half), (size * 0.75, 0.0), (size, -half))
    else:
        outline = ((size, half), (0.0, 0.0), (size, -half))
    corners = " ".join(_at(Point(tip.x + back.x * a - back.y * b, tip.y + back.y * a + back.x * b)).replace(" ", ",") for a, b in outline)
    if arrow in _OPEN:
        return f'<polyline points="{corners}" fill="none" stroke="{stroke}" stroke-width="{width}"/>'
    return f'<polygon points="{corners}" fill="{fill}" stroke="{stroke}" stroke-width="{width}" stroke-linejoin="miter"/>'


def _place(points: tuple[Point, ...], label: EdgeLabel) -> Point:
    """The centre of a label: so far along the way, so far from the line, and then moved."""
    left = length(points) * (label.along + 1) / 2
    for a, b in pairwise(points):
        piece = _distance(a, b)
        if left <= piece or b is points[-1]:
            on_line = _towards(a, b, min(left, piece))
            aside = Point((b.y - a.y) / piece * label.aside, -(b.x - a.x) / piece * label.aside)
            return on_line.plus(aside).plus(label.offset)
        left -= piece
    raise AssertionError("a way has at least one piece")


def _around(points: tuple[Point, ...]) -> Box:
    x, y = min(p.x for p in points), min(p.y for p in points)
    return Box(x, y, max(p.x for p in points) - x, max(p.y for p in points) - y)


def _towards(a: Point, b: Point, distance: float) -> Point:
    whole = _distance(a, b)
    return a if not whole else Point(a.x + (b.x - a.x) * distance / whole, a.y + (b.y - a.y) * distance / whole)


def _distance(a: Point, b: Point) -> float:
    return hypot(b.x - a.x, b.y - a.y)


def _at(point: Point) -> str:
    return f"{written(point.x)} {written(point.y)}"
