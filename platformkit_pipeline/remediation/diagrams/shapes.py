"""Outlines of shapes as SVG. What has no function here is refused by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from platformkit_pipeline.remediation.diagrams.cells import Box, Point, Vertex
from platformkit_pipeline.remediation.diagrams.style import Style, UnsupportedDrawing, written

_SWIMLANE_START = 23.0
_Draw = Callable[[Vertex, str], str]


def shape_of(vertex: Vertex) -> str:
    """A vertex without its label. Raises UnsupportedDrawing for a shape that is not drawn here."""
    name = vertex.style.get("shape") or "rectangle"
    draw = _SHAPES.get(name)
    if draw is None:
        raise UnsupportedDrawing(f"{vertex.style.cell}: the shape {name[:60]} is not drawn here; drawn are {', '.join(sorted(_SHAPES))}")
    drawn = draw(vertex, paint(vertex.style, fill="#ffffff"))
    opacity = vertex.style.number("opacity", 100)
    group = f' opacity="{written(opacity / 100)}"' if opacity != 100 else ""
    shadow = ' filter="url(#shadow)"' if vertex.style.is_on("shadow") else ""
    return f"<g{group}{shadow}>{drawn}</g>" if group or shadow else drawn


def label_box(vertex: Vertex) -> Box:
    """Where a label is laid out: in the header of a swimlane, in a shape's field where `boundedLbl` says so, else in the whole shape."""
    box, style = vertex.box, vertex.style
    shape, bounded = style.get("shape"), style.is_on("boundedLbl")
    if shape == "swimlane":
        return Box(box.x, box.y, box.width, min(box.height, style.number("startSize", _SWIMLANE_START)))
    if bounded and shape == "cylinder3":
        above, below = 2 * _lid(vertex), 0.3 * _lid(vertex)
        return Box(box.x, box.y + above, box.width, max(1.0, box.height - above - below))
    if bounded and shape == "document":
        return Box(box.x, box.y, box.width, box.height - _wave(vertex))
    if bounded and shape == "process":
        return Box(box.x + _inset(vertex), box.y, box.width - 2 * _inset(vertex), box.height)
    return box


def corners_of(vertex: Vertex, shape: str) -> tuple[Point, ...]:
    """Corners of a shape of that name in the place of the vertex, in order; those of its box where it has no others."""
    box = vertex.box
    if shape == "rhombus":
        return (Point(box.center.x, box.y), Point(box.right, box.center.y), Point(box.center.x, box.bottom), Point(box.x, box.center.y))
    if shape == "triangle":
        return (Point(box.x, box.y), Point(box.right, box.center.y), Point(box.x, box.bottom))
    if shape in ("hexagon", "parallelogram"):
        return _slanted(vertex, shape)
    return (Point(box.x, box.y), Point(box.right, box.y), Point(box.right, box.bottom), Point(box.x, box.bottom))


def paint(style: Style, *, fill: str, hollow: bool = False) -> str:
    """Attributes for fill and stroke; `fill` is the colour where the style names none, `hollow` a line whatever it names."""
    stroke, width = style.colour("strokeColor", "#000000"), style.number("strokeWidth", 1)
    attributes = {"fill": "none" if hollow else style.colour("fillColor", fill), "stroke": stroke, "stroke-width": written(width)}
    for key, name in (("fillOpacity", "fill-opacity"), ("strokeOpacity", "stroke-opacity")):
        if style.get(key):
            attributes[name] = written(style.number(key, 100) / 100)
    if style.is_on("dashed"):
        factor = 1.0 if style.is_on("fixDash") else max(1.0, width)
        dashes = [style.number_of(part, "dashPattern") for part in style.get("dashPattern", "3 3").split()]
        attributes["stroke-dasharray"] = " ".join(written(dash * factor) for dash in dashes)
    return " ".join(f'{name}="{value}"' for name, value in attributes.items())


def _rectangle(vertex: Vertex, painted: str) -> str:
    box, radius = vertex.box, _radius(vertex)
    rounded = f' rx="{written(radius)}" ry="{written(radius)}"' if radius else ""
    return f"<rect {_place(box)}{rounded} {painted}/>"


def _radius(vertex: Vertex) -> float:
    if not vertex.style.is_on("rounded"):
        return 0.0
    short = min(vertex.box.width, vertex.box.height)
    if vertex.style.is_on("absoluteArcSize"):
        return min(short / 2, vertex.style.number("arcSize", 20) / 2)
    return short * min(50.0, vertex.style.number("arcSize", 15)) / 100


def _ellipse(vertex: Vertex, painted: str) -> str:
    box = vertex.box
    radii = f'rx="{written(box.width / 2)}" ry="{written(box.height / 2)}"'
    return f'<ellipse cx="{written(box.center.x)}" cy="{written(box.center.y)}" {radii} {painted}/>'


def _polygon(vertex: Vertex, painted: str) -> str:
    corners = " ".join(f"{written(p.x)},{written(p.y)}" for p in corners_of(vertex, vertex.style.get("shape")))
    return f'<polygon points="{corners}" {painted}/>'


def _slanted(vertex: Vertex, shape: str) -> tuple[Point, ...]:
    box, style = vertex.box, vertex.style
    told = style.number("size", 20 if style.is_on("fixedSize") else (0.25 if shape == "hexagon" else 0.2))
    slant = min(box.width, told if style.is_on("fixedSize") else box.width * min(1.0, told))
    if shape == "parallelogram":
        return (Point(box.x + slant, box.y), Point(box.right, box.y), Point(box.right - slant, box.bottom), Point(box.x, box.bottom))
    slant, middle = min(slant, box.width / 2), box.center.y
    return (
        *(Point(box.x + slant, box.y), Point(box.right - slant, box.y), Point(box.right, middle)),
        *(Point(box.right - slant, box.bottom), Point(box.x + slant, box.bottom), Point(box.x, middle)),
    )


def _lid(vertex: Vertex) -> float:
    return min(vertex.box.height / 2, vertex.style.number("size", 15))


def _cylinder(vertex: Vertex, painted: str) -> str:
    box, lid = vertex.box, _lid(vertex)
    arc = f"A {written(box.width / 2)} {written(lid)} 0 0"
    x, right, top, bottom = written(box.x), written(box.right), written(box.y + lid), written(box.bottom - lid)
    body = f"M {x} {top} {arc} 1 {right} {top} V {bottom} {arc} 1 {x} {bottom} Z"
    return f'<path d="{body}" {painted}/><path d="M {x} {top} {arc} 0 {right} {top}" {paint(vertex.style, fill="none", hollow=True)}/>'


def _cloud(vertex: Vertex, painted: str) -> str:
    """The curves of mxGraph's cloud, in parts of its width and height."""
    curves = (
        (0.05, 0.25, 0.0, 0.5, 0.16, 0.55),
        (0.0, 0.66, 0.18, 0.9, 0.31, 0.8),
        (0.4, 1.0, 0.7, 1.0, 0.8, 0.8),
        (1.0, 0.8, 1.0, 0.6, 0.875, 0.5),
        (1.0, 0.3, 0.8, 0.1, 0.625, 0.2),
        (0.5, 0.05, 0.3, 0.05, 0.25, 0.25),
    )
    path = f"M {_at(vertex.box, 0.25, 0.25)}"
    for a, b, c, d, e, f in curves:
        path += f" C {_at(vertex.box, a, b)}, {_at(vertex.box, c, d)}, {_at(vertex.box, e, f)}"
    return f'<path d="{path} Z" {painted}/>'


def _wave(vertex: Vertex) -> float:
    return vertex.box.height * min(1.0, max(0.0, vertex.style.number("size", 0.3)))


def _document(vertex: Vertex, painted: str) -> str:
    box = vertex.box
    wave = _wave(vertex)
    middle, low = box.bottom - wave / 2, wave * 0.7
    first = f"Q {written(box.x + box.width * 0.75)} {written(middle - low)} {written(box.center.x)} {written(middle)}"
    second = f"Q {written(box.x + box.width * 0.25)} {written(middle + low)} {written(box.x)} {written(middle)}"
    path = f"M {written(box.x)} {written(box.y)} H {written(box.right)} V {written(middle)} {first} {second} Z"
    return f'<path d="{path}" {painted}/>'


def _note(vertex: Vertex, painted: str) -> str:
    box = vertex.box
    fold = min(box.width, box.height, vertex.style.number("size", 30))
    inner = f"{written(box.right - fold)} {written(box.y)}"
    edge = f"M {written(box.x)} {written(box.y)} H {written(box.right - fold)} L {written(box.right)} {written(box.y + fold)}"
    path = f"{edge} V {written(box.bottom)} H {written(box.x)} Z M {inner} V {written(box.y + fold)} H {written(box.right)}"
    shade = vertex.style.number("darkOpacity", 0)
    corner = f"M {inner} V {written(box.y + fold)} H {written(box.right)} Z"
    shaded = f'<path d="{corner}" fill="#000000" fill-opacity="{written(min(1.0, shade))}"/>' if shade > 0 else ""
    return f'<path d="{path}" {painted}/>{shaded}'


def _inset(vertex: Vertex) -> float:
    return vertex.box.width * min(0.5, max(0.0, vertex.style.number("size", 0.1)))


def _process(vertex: Vertex, painted: str) -> str:
    box = vertex.box
    inset = _inset(vertex)
    sides = "".join(f" M {written(x)} {written(box.y)} V {written(box.bottom)}" for x in (box.x + inset, box.right - inset))
    return f'{_rectangle(vertex, painted)}<path d="{sides.strip()}" {paint(vertex.style, fill="none", hollow=True)}/>'


def _line(vertex: Vertex, _: str) -> str:
    box = vertex.box
    return f'<path d="M {_at(box, 0, 0.5)} L {_at(box, 1, 0.5)}" {paint(vertex.style, fill="none", hollow=True)}/>'


def _actor(vertex: Vertex, painted: str) -> str:
    """The stick figure of UML."""
    box, arms, hips = vertex.box, 1 / 3, 2 / 3
    head = f'<ellipse cx="{written(box.center.x)}" cy="{written(box.y + box.height / 8)}"'
    head += f' rx="{written(box.width / 4)}" ry="{written(box.height / 8)}" {painted}/>'
    lines = f"M {_at(box, 0.5, 0.25)} L {_at(box, 0.5, hips)} M {_at(box, 0, arms)} L {_at(box, 1, arms)}"
    lines += f" M {_at(box, 0, 1)} L {_at(box, 0.5, hips)} L {_at(box, 1, 1)}"
    return f'{head}<path d="{lines}" {paint(vertex.style, fill="none", hollow=True)}/>'


def _swimlane(vertex: Vertex, painted: str) -> str:
    """A header in the fill colour, and the field below it, which is empty unless `swimlaneFillColor` says otherwise."""
    box, style = vertex.box, vertex.style
    start = min(box.height, style.number("startSize", _SWIMLANE_START))
    if style.is_on("rounded"):
        raise UnsupportedDrawing(f"{style.cell}: rounded swimlanes are not drawn here")
    stroke, field = style.colour("strokeColor", "#000000"), style.colour("swimlaneFillColor", "none")
    frame = f'<rect {_place(box)} fill="{field}" stroke="{stroke}" stroke-width="{written(style.number("strokeWidth", 1))}"/>'
    return f"{frame}<rect {_place(Box(box.x, box.y, box.width, start))} {painted}/>"


def _place(box: Box) -> str:
    return f'x="{written(box.x)}" y="{written(box.y)}" width="{written(box.width)}" height="{written(box.height)}"'


def _at(box: Box, x: float, y: float) -> str:
    return f"{written(box.x + box.width * x)} {written(box.y + box.height * y)}"


_SHAPES: Mapping[str, _Draw] = {
    "rectangle": _rectangle,
    "label": _rectangle,
    "ellipse": _ellipse,
    "rhombus": _polygon,
    "triangle": _polygon,
    "hexagon": _polygon,
    "parallelogram": _polygon,
    "cylinder3": _cylinder,
    "cloud": _cloud,
    "document": _document,
    "line": _line,
    "note": _note,
    "process": _process,
    "umlActor": _actor,
    "swimlane": _swimlane,
}
