"""The cells of a page: vertices and edges in the order in which they are drawn, in coordinates of the page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from platformkit_pipeline.introspection.repository.diagram_source import Page
from platformkit_pipeline.introspection.repository.diagram_xml import Element
from platformkit_pipeline.remediation.diagrams.style import Style, UnsupportedDrawing, number, read_style

MAX_NESTING = 40
MAX_CELLS = 5_000


class Point(NamedTuple):
    x: float
    y: float

    def plus(self, other: Point) -> Point:
        return Point(self.x + other.x, self.y + other.y)


ORIGIN = Point(0, 0)


class Box(NamedTuple):
    """A rectangle; `x` and `y` are its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def center(self) -> Point:
        return Point(self.x + self.width / 2, self.y + self.height / 2)


@dataclass(frozen=True, slots=True)
class Vertex:
    id: str
    label: str
    style: Style
    box: Box


@dataclass(frozen=True, slots=True)
class EdgeLabel:
    """`along` runs from -1 at the source to 1 at the target; `aside` is the distance from the line; `offset` moves it further."""

    text: str
    style: Style
    along: float = 0.0
    aside: float = 0.0
    offset: Point = ORIGIN


@dataclass(frozen=True, slots=True)
class Edge:
    """`source` and `target` are vertices, or points where the edge ends freely."""

    id: str
    style: Style
    source: Vertex | Point
    target: Vertex | Point
    waypoints: tuple[Point, ...]
    labels: tuple[EdgeLabel, ...]


@dataclass(slots=True)
class _Cell:
    """A cell as it stands in the source."""

    id: str
    value: str
    element: Element
    name: str
    children: list[_Cell] = field(default_factory=list)

    def attribute(self, key: str) -> str:
        return self.element.attributes.get(key, "")

    @property
    def geometry(self) -> Element:
        return self.element.find("mxGeometry") or Element("mxGeometry", {})

    @property
    def style(self) -> Style:
        return read_style(self.attribute("style"), self.name)


def cells_of(page: Page) -> tuple[Vertex | Edge, ...]:
    """What is drawn, from the back to the front. Raises UnsupportedDrawing."""
    cells = _tree(page)
    walk = _Walk()
    for cell in cells:
        walk.visit(cell, Box(0, 0, 0, 0), 0)
    drawn: list[Vertex | Edge] = []
    for cell, origin in walk.order:
        if cell.attribute("edge") == "1":
            if edge := walk.edge(cell, origin):
                drawn.append(edge)
        else:
            drawn.append(walk.vertices[cell.id])
    return tuple(drawn)


def _tree(page: Page) -> list[_Cell]:
    """Cells without a parent, the others below them."""
    root = page.model.find("root")
    elements = root.children if root else []
    if len(elements) > MAX_CELLS:
        raise UnsupportedDrawing(f"the page has {len(elements)} cells; more than {MAX_CELLS} are not drawn here")
    cells: dict[str, _Cell] = {}
    for element in elements:
        cell = _cell(element)
        if cell.id in cells:
            raise UnsupportedDrawing(f"{cell.name}: there are two cells of that id")
        cells[cell.id] = cell
    tops, attached = [], 0
    for cell in cells.values():
        parent = cell.attribute("parent")
        if not parent:
            tops.append(cell)
        elif parent in cells and parent != cell.id:
            cells[parent].children.append(cell)
        else:
            raise UnsupportedDrawing(f"{cell.name}: its parent {parent[:60]!r} is not on the page")
    stack = list(tops)
    while stack:
        attached += 1
        stack += stack.pop().children
    if attached != len(cells):
        raise UnsupportedDrawing("the cells of the page are nested in a circle")
    return tops


def _cell(element: Element) -> _Cell:
    inner, label, identity = element, element.attributes.get("value", ""), element.attributes.get("id", "")
    if element.tag in ("object", "UserObject"):
        found = element.find("mxCell")
        if found is None:
            raise UnsupportedDrawing(f"cell {identity[:60]!r} has no mxCell in it")
        inner, label = found, element.attributes.get("label", "")
        if element.attributes.get("placeholders") == "1" and "%" in label:
            raise UnsupportedDrawing(f"cell {identity[:60]!r}: placeholders in labels are not drawn here")
    elif element.tag != "mxCell":
        raise UnsupportedDrawing(f"<{element.tag[:60]}> is no cell")
    shown = " ".join(label.split())[:40]
    return _Cell(identity, label, inner, f"cell {identity[:60]!r}" + (f" ({shown})" if shown else ""))


@dataclass(slots=True)
class _Walk:
    """Vertices that are visible, by id, and everything visible in the order of drawing, with the origin of its coordinates."""

    vertices: dict[str, Vertex] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    order: list[tuple[_Cell, Point]] = field(default_factory=list)
    labels: dict[str, list[_Cell]] = field(default_factory=lambda: defaultdict(list))

    def visit(self, cell: _Cell, parent: Box, depth: int) -> None:
        if depth > MAX_NESTING:
            raise UnsupportedDrawing(f"{cell.name}: cells are nested deeper than {MAX_NESTING}")
        if cell.attribute("visible") == "0":
            self._hide(cell)
            return
        if cell.attribute("collapsed") == "1":
            raise UnsupportedDrawing(f"{cell.name}: collapsed groups are not drawn here")
        box = parent
        if cell.attribute("vertex") == "1":
            box = _box(cell, parent)
            self.vertices[cell.id] = Vertex(cell.id, cell.value, cell.style, box)
            self.order.append((cell, Point(parent.x, parent.y)))
        elif cell.attribute("edge") == "1":
            self.order.append((cell, Point(parent.x, parent.y)))
            self.labels[cell.id] = cell.children
            return
        for child in cell.children:
            self.visit(child, box, depth + 1)

    def _hide(self, cell: _Cell) -> None:
        pending = [cell]
        while pending:
            hidden = pending.pop()
            self.hidden.add(hidden.id)
            pending += hidden.children

    def edge(self, cell: _Cell, origin: Point) -> Edge | None:
        """None for an edge that ends at something hidden."""
        if {cell.attribute("source"), cell.attribute("target")} & self.hidden:
            return None
        labels = [_edge_label(cell.value, cell.style, cell.geometry, cell.name)] if cell.value.strip() else []
        labels += [_edge_label(child.value, child.style, child.geometry, child.name) for child in self._visible_labels(cell)]
        return Edge(
            id=cell.id,
            style=cell.style,
            source=self._end(cell, "source", origin),
            target=self._end(cell, "target", origin),
            waypoints=tuple(_waypoints(cell, origin)),
            labels=tuple(labels),
        )

    def _visible_labels(self, cell: _Cell) -> Iterator[_Cell]:
        for child in self.labels[cell.id]:
            if child.attribute("visible") == "0":
                continue
            if child.children or child.attribute("vertex") != "1" or child.geometry.attributes.get("relative") != "1":
                raise UnsupportedDrawing(f"{child.name}: on an edge only labels are drawn here")
            yield child

    def _end(self, cell: _Cell, which: str, origin: Point) -> Vertex | Point:
        named = cell.attribute(which)
        if named in self.vertices:
            return self.vertices[named]
        if named:
            raise UnsupportedDrawing(f"{cell.name}: its {which} {named[:60]!r} is no shape on the page")
        for point in cell.geometry.all("mxPoint"):
            if point.attributes.get("as") == f"{which}Point":
                return _point(point, cell.name).plus(origin)
        raise UnsupportedDrawing(f"{cell.name}: the edge has no {which}")


def _box(cell: _Cell, parent: Box) -> Box:
    geometry = cell.geometry
    x, y, width, height = (number(geometry.attributes.get(key) or "0", f"{cell.name}: {key}") for key in ("x", "y", "width", "height"))
    if width < 0 or height < 0:
        raise UnsupportedDrawing(f"{cell.name}: its size is negative")
    if geometry.attributes.get("relative") == "1":
        offset = next((_point(p, cell.name) for p in geometry.all("mxPoint") if p.attributes.get("as") == "offset"), ORIGIN)
        x, y = x * parent.width + offset.x, y * parent.height + offset.y
    return Box(parent.x + x, parent.y + y, width, height)


def _edge_label(text: str, style: Style, geometry: Element, name: str) -> EdgeLabel:
    along, aside = (number(geometry.attributes.get(key) or "0", f"{name}: {key}") for key in ("x", "y"))
    offset = next((_point(p, name) for p in geometry.all("mxPoint") if p.attributes.get("as") == "offset"), ORIGIN)
    return EdgeLabel(text, style, max(-1.0, min(1.0, along)), aside, offset)


def _waypoints(cell: _Cell, origin: Point) -> Iterator[Point]:
    for array in cell.geometry.all("Array"):
        if array.attributes.get("as") == "points":
            yield from (_point(point, cell.name).plus(origin) for point in array.all("mxPoint"))


def _point(element: Element, name: str) -> Point:
    return Point(*(number(element.attributes.get(key) or "0", f"{name}: {key}") for key in ("x", "y")))
