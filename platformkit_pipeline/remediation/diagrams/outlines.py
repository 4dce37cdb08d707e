"""Where edges meet shapes: at connection points that the source fixes, or where their line crosses the outline."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import hypot

from platformkit_pipeline.remediation.diagrams.cells import Box, Edge, Point, Vertex
from platformkit_pipeline.remediation.diagrams.shapes import corners_of

_PERIMETERS = {
    "ellipsePerimeter": "ellipse",
    "rhombusPerimeter": "rhombus",
    "trianglePerimeter": "triangle",
    "hexagonPerimeter": "hexagon",
    "hexagonPerimeter2": "hexagon",
    "parallelogramPerimeter": "parallelogram",
}
"""What edges meet is said by the style, not by the shape: a cloud, for instance, has the perimeter of an ellipse."""


@dataclass(frozen=True, slots=True)
class Port:
    """A point where an edge ends, and whether it arrives there horizontally."""

    point: Point
    horizontal: bool
    fixes_direction: bool = True


def fixed_port(edge: Edge, which: str) -> Port | None:
    """The connection point that the style fixes at one end, `exit` or `entry`; None where it fixes none."""
    end = edge.source if which == "exit" else edge.target
    style = edge.style
    if not isinstance(end, Vertex) or not (style.get(f"{which}X") and style.get(f"{which}Y")):
        return None
    x, y = style.number(f"{which}X", 0.5), style.number(f"{which}Y", 0.5)
    box = end.box
    point = Point(box.x + x * box.width, box.y + y * box.height)
    # From the middle line of the shape the nearest side decides; a corner counts as one of the sides above and below it.
    horizontal = min(abs(x), abs(1 - x)) < min(abs(y), abs(1 - y))
    if style.get(f"{which}Perimeter", "1") != "0" and point != box.center:
        point = meeting_point(end, _beyond(box, point))
    moved = Point(point.x + style.number(f"{which}Dx", 0), point.y + style.number(f"{which}Dy", 0))
    return Port(moved, horizontal)


def side_ports(vertex: Vertex) -> tuple[Port, ...]:
    """The middle of each side: right, below, left, above."""
    box = vertex.box
    return (
        Port(meeting_point(vertex, Point(box.right + 1, box.center.y)), True),
        Port(meeting_point(vertex, Point(box.center.x, box.bottom + 1)), False),
        Port(meeting_point(vertex, Point(box.x - 1, box.center.y)), True),
        Port(meeting_point(vertex, Point(box.center.x, box.y - 1)), False),
    )


def meeting_point(end: Vertex | Point, there: Point, *, through: Point | None = None) -> Point:
    """Where the line from `through`, the centre unless given, to `there` leaves the outline; the end itself where it is a point."""
    if isinstance(end, Point):
        return end
    inside = through or end.box.center
    perimeter = _PERIMETERS.get(end.style.get("perimeter"), "rectangle")
    if perimeter == "ellipse":
        return _on_ellipse(end.box, inside, there)
    corners = corners_of(end, perimeter)
    crossings = [crossing for a, b in pairwise((*corners, corners[0])) if (crossing := _crossing(inside, there, a, b))]
    return min(crossings, key=lambda point: hypot(point.x - there.x, point.y - there.y), default=inside)


def _beyond(box: Box, point: Point) -> Point:
    """A point outside of the shape on the line from its centre through `point`."""
    dx, dy = point.x - box.center.x, point.y - box.center.y
    factor = 2 * (box.width + box.height + 1) / hypot(dx, dy)
    return Point(box.center.x + dx * factor, box.center.y + dy * factor)


def _on_ellipse(box: Box, inside: Point, there: Point) -> Point:
    a, b = box.width / 2, box.height / 2
    if not a or not b:
        return inside
    dx, dy = (there.x - inside.x) / a, (there.y - inside.y) / b
    ox, oy = (inside.x - box.center.x) / a, (inside.y - box.center.y) / b
    square, half, rest = dx * dx + dy * dy, ox * dx + oy * dy, ox * ox + oy * oy - 1
    if not square or half * half < square * rest:
        return inside
    factor = (-half + (half * half - square * rest) ** 0.5) / square
    return _rounded(inside.x + factor * (there.x - inside.x), inside.y + factor * (there.y - inside.y))


def _crossing(a: Point, b: Point, c: Point, d: Point) -> Point | None:
    """Where the piece from a to b crosses the one from c to d."""
    across = (b.x - a.x) * (d.y - c.y) - (b.y - a.y) * (d.x - c.x)
    if not across:
        return None
    along = ((c.x - a.x) * (d.y - c.y) - (c.y - a.y) * (d.x - c.x)) / across
    beside = ((c.x - a.x) * (b.y - a.y) - (c.y - a.y) * (b.x - a.x)) / across
    slack = 1e-9
    if not (-slack <= along <= 1 + slack and -slack <= beside <= 1 + slack):
        return None
    return _rounded(a.x + along * (b.x - a.x), a.y + along * (b.y - a.y))


def _rounded(x: float, y: float) -> Point:
    """Points that ought to be the same are the same, whatever the order of the arithmetic."""
    return Point(round(x, 4), round(y, 4))
