"""The way of an edge: straight, or at right angles, from outline to outline.

A straight edge, and one whose ends and corners the source fixes, runs as in the editor. Where the source leaves a way at
right angles open, it is chosen here: the shortest with the fewest corners that crosses neither of the two shapes.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import pairwise
from math import hypot, inf

from platformkit_pipeline.remediation.diagrams.cells import Box, Edge, Point, Vertex
from platformkit_pipeline.remediation.diagrams.outlines import Port, fixed_port, meeting_point, side_ports
from platformkit_pipeline.remediation.diagrams.style import UnsupportedDrawing

_DISTANCE = 20.0
"""How far a way keeps from the shapes that it runs around, as in the editor."""
_CORNER = 60.0
_OFF_THE_MIDDLE = 3.0
_MAX_WAYPOINTS = 500


def route(edge: Edge) -> tuple[Point, ...]:
    """The corners of an edge, its ends among them; at least two. Raises UnsupportedDrawing."""
    way = edge.style.get("edgeStyle") or "none"
    if len(edge.waypoints) > _MAX_WAYPOINTS:
        raise UnsupportedDrawing(f"{edge.style.cell}: the edge has more than {_MAX_WAYPOINTS} corners")
    if way == "none":
        points = _straight(edge)
    elif way not in ("orthogonalEdgeStyle", "elbowEdgeStyle"):
        raise UnsupportedDrawing(f"{edge.style.cell}: edgeStyle={way[:60]} is not drawn here; drawn are straight and orthogonal edges")
    elif edge.waypoints:
        points = tuple(_through_waypoints(edge))
    else:
        points = _shortest(edge)
    kept = _without_idle_corners(points)
    if len(kept) < 2:
        raise UnsupportedDrawing(f"{edge.style.cell}: the edge has no length")
    return kept


def _straight(edge: Edge) -> tuple[Point, ...]:
    source, target = fixed_port(edge, "exit"), fixed_port(edge, "entry")
    first = source.point if source else _center(edge.source)
    last = target.point if target else _center(edge.target)
    if edge.source is edge.target and not edge.waypoints and not (source and target):
        raise UnsupportedDrawing(f"{edge.style.cell}: a loop without corners or connection points is not drawn here")
    start = first if source else meeting_point(edge.source, edge.waypoints[0] if edge.waypoints else last)
    end = last if target else meeting_point(edge.target, edge.waypoints[-1] if edge.waypoints else first)
    return (start, *edge.waypoints, end)


def _center(end: Vertex | Point) -> Point:
    return end.box.center if isinstance(end, Vertex) else end


def _through_waypoints(edge: Edge) -> Iterator[Point]:
    """From corner to corner at right angles, each time going on in the direction that the way already has."""
    start = _port_towards(edge, "exit", edge.source, edge.waypoints[0])
    end = _port_towards(edge, "entry", edge.target, edge.waypoints[-1])
    here, horizontal = start.point, start.horizontal
    yield here
    for there in (*edge.waypoints, end.point):
        if here.x != there.x and here.y != there.y:
            if there is end.point:  # it arrives at a right angle, and turns at the last corner if need be
                horizontal = not end.horizontal
            yield Point(there.x, here.y) if horizontal else Point(here.x, there.y)
            horizontal = not horizontal
        elif here != there:
            horizontal = here.y == there.y
        yield there
        here = there


def _port_towards(edge: Edge, which: str, end: Vertex | Point, there: Point) -> Port:
    """Where the way leaves a shape for a corner: straight across where the corner is in line with the shape."""
    if port := fixed_port(edge, which):
        return port
    if isinstance(end, Point):
        return Port(end, abs(there.x - end.x) >= abs(there.y - end.y))
    box = end.box
    if box.x <= there.x <= box.right and not box.y <= there.y <= box.bottom:
        straight = Point(there.x, box.y - _DISTANCE if there.y < box.y else box.bottom + _DISTANCE)
        return Port(meeting_point(end, straight, through=Point(there.x, box.center.y)), False)
    if box.y <= there.y <= box.bottom:
        straight = Point(box.x - _DISTANCE if there.x < box.center.x else box.right + _DISTANCE, there.y)
        return Port(meeting_point(end, straight, through=Point(box.center.x, there.y)), True)
    return min(side_ports(end), key=lambda port: abs(port.point.x - there.x) + abs(port.point.y - there.y))


def _shortest(edge: Edge) -> tuple[Point, ...]:
    """Dijkstra over the few lines on which corners may lie."""
    boxes = tuple(end.box for end in (edge.source, edge.target) if isinstance(end, Vertex))
    starts, ends = _ports(edge, "exit", edge.source), _ports(edge, "entry", edge.target)
    fixed = len(starts) == len(ends) == 1
    if len(boxes) == 2 and _overlap(*boxes):
        if not fixed:
            raise UnsupportedDrawing(f"{edge.style.cell}: the edge joins shapes that overlap; give it connection points or corners")
        boxes = ()
    lines_x, lines_y, middles = _lines(boxes, (*starts, *ends))
    arrivals = {(port.point, horizontal) for port in ends for horizontal in ((port.horizontal,) if port.fixes_direction else (True, False))}
    tips = {port.point for port in (*starts, *ends)}
    heap: list[tuple[float, int, Point, bool, tuple[Point, ...]]] = []
    order = 0
    for port in starts:
        for horizontal in (port.horizontal,) if port.fixes_direction else (True, False):
            heappush(heap, (0.0, order := order + 1, port.point, horizontal, (port.point,)))
    done: dict[tuple[Point, bool], float] = {}
    while heap:
        cost, _, here, horizontal, way = heappop(heap)
        if (here, horizontal) in arrivals and len(way) > 1:
            return way
        if done.get((here, horizontal), inf) <= cost:
            continue
        done[here, horizontal] = cost
        for there in _next(here, horizontal, lines_x, lines_y):
            if _blocked(here, there, boxes):
                continue
            step = abs(there.x - here.x) + abs(there.y - here.y)
            heappush(heap, (cost + step, order := order + 1, there, horizontal, (*way, there)))
        if here not in tips:  # a way leaves and arrives in the direction of its port
            off = 0.0 if (here.x in middles[0] or here.y in middles[1]) else _OFF_THE_MIDDLE
            heappush(heap, (cost + _CORNER + off, order := order + 1, here, not horizontal, way))
    raise UnsupportedDrawing(f"{edge.style.cell}: no way at right angles was found; give the edge corners")


def _ports(edge: Edge, which: str, end: Vertex | Point) -> tuple[Port, ...]:
    if port := fixed_port(edge, which):
        return (port,)
    return (Port(end, True, fixes_direction=False),) if isinstance(end, Point) else side_ports(end)


def _lines(boxes: tuple[Box, ...], ports: tuple[Port, ...]) -> tuple[list[float], list[float], tuple[set[float], set[float]]]:
    """Where corners may lie: in line with ports, around the shapes, and in the middle between them."""
    xs, ys = {port.point.x for port in ports}, {port.point.y for port in ports}
    for box in boxes:
        xs |= {box.x - _DISTANCE, box.right + _DISTANCE}
        ys |= {box.y - _DISTANCE, box.bottom + _DISTANCE}
    middle_x, middle_y = set[float](), set[float]()
    if len(boxes) == 2:
        left, right = sorted(boxes)
        if left.right < right.x:
            middle_x.add((left.right + right.x) / 2)
        upper, lower = sorted(boxes, key=lambda box: box.y)
        if upper.bottom < lower.y:
            middle_y.add((upper.bottom + lower.y) / 2)
    return sorted(xs | middle_x), sorted(ys | middle_y), (middle_x, middle_y)


def _next(here: Point, horizontal: bool, xs: list[float], ys: list[float]) -> Iterator[Point]:
    """The neighbouring crossings on the line that the way is on."""
    line, place = (xs, here.x) if horizontal else (ys, here.y)
    at = line.index(place)
    for neighbour in line[max(0, at - 1) : at] + line[at + 1 : at + 2]:
        yield Point(neighbour, here.y) if horizontal else Point(here.x, neighbour)


def _blocked(here: Point, there: Point, boxes: tuple[Box, ...]) -> bool:
    """Whether the piece of the way runs within a shape or along its border."""
    if here.y == there.y:
        x, right = sorted((here.x, there.x))
        return any(x < box.right and right > box.x and box.y <= here.y <= box.bottom for box in boxes)
    y, bottom = sorted((here.y, there.y))
    return any(y < box.bottom and bottom > box.y and box.x <= here.x <= box.right for box in boxes)


def _overlap(a: Box, b: Box) -> bool:
    return a.x < b.right and b.x < a.right and a.y < b.bottom and b.y < a.bottom


def _without_idle_corners(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """Without points that are given twice or lie on the line between their neighbours."""
    kept: list[Point] = []
    for point in points:
        if kept and kept[-1] == point:
            continue
        if len(kept) > 1 and _between(kept[-2], kept[-1], point):
            kept.pop()
        kept.append(point)
    return tuple(kept)


def _between(a: Point, b: Point, c: Point) -> bool:
    return (a.x == b.x == c.x and (b.y - a.y) * (c.y - b.y) > 0) or (a.y == b.y == c.y and (b.x - a.x) * (c.x - b.x) > 0)


def length(points: tuple[Point, ...]) -> float:
    """Of the whole way."""
    return sum(hypot(b.x - a.x, b.y - a.y) for a, b in pairwise(points))
