"""A page of a diagram as one SVG, in an HTML document that a browser shows as it is."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

from platformkit_pipeline.introspection.repository.diagram_source import Page
from platformkit_pipeline.remediation.diagrams.cells import Box, Edge, Vertex, cells_of
from platformkit_pipeline.remediation.diagrams.edges import edge_of
from platformkit_pipeline.remediation.diagrams.labels import is_outside, room_of, vertex_label
from platformkit_pipeline.remediation.diagrams.shapes import label_box, shape_of
from platformkit_pipeline.remediation.diagrams.style import Style, UnsupportedDrawing

BORDER = 10
"""Around the drawing, in pixels of the page."""
MAX_SIDE = 6000
_SHADOW = (
    '<defs><filter id="shadow"><feDropShadow dx="2" dy="3" stdDeviation="1.7" flood-color="#000000" flood-opacity="0.25"/></filter></defs>'
)
_DOCUMENT = (
    '<!doctype html><html><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" '
    "content=\"default-src 'none'; style-src 'unsafe-inline'\"><style>"
    "html,body{{margin:0;padding:0;background:{background}}}svg{{display:block}}foreignObject{{overflow:visible}}"
    "p,h1,h2,h3,h4,h5,h6,ul,ol,blockquote{{margin-top:0;margin-bottom:0}}"
    "</style></head><body>{svg}</body></html>"
)


@dataclass(frozen=True, slots=True)
class Drawing:
    """An HTML document whose upper left `width` × `height` CSS pixels are the drawing."""

    html: str
    width: int
    height: int


def draw(page: Page) -> Drawing:
    """Draw a page. The same page gives the same document. Raises UnsupportedDrawing, also for an empty page."""
    attributes = page.model.attributes
    if attributes.get("math", "0") not in ("", "0"):
        raise UnsupportedDrawing("formulas (math) are not drawn here")
    background = Style({"background": attributes.get("background", "")}, "the page").colour("background", "#ffffff")
    parts: list[str] = []
    room: list[Box] = []
    for cell in cells_of(page):
        drawn, boxes = edge_of(cell) if isinstance(cell, Edge) else _vertex(cell)
        parts.append(drawn)
        room += boxes
    if not room:
        raise UnsupportedDrawing("there is nothing on the page")
    left, top = floor(min(box.x for box in room)) - BORDER, floor(min(box.y for box in room)) - BORDER
    width, height = ceil(max(box.right for box in room)) + BORDER - left, ceil(max(box.bottom for box in room)) + BORDER - top
    if max(width, height) > MAX_SIDE:
        raise UnsupportedDrawing(f"the drawing has {width} × {height} pixels; more than {MAX_SIDE} on a side are not drawn here")
    shadow = _SHADOW if any("url(#shadow)" in part for part in parts) else ""
    frame = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="{left} {top} {width} {height}">'
    background = "#ffffff" if background == "none" else background
    return Drawing(_DOCUMENT.format(background=background, svg=f"{frame}{shadow}{''.join(parts)}</svg>"), width, height)


def _vertex(vertex: Vertex) -> tuple[str, tuple[Box, ...]]:
    room = [_with_line(vertex)]
    if is_outside(vertex.style) and vertex.label.strip():
        room.append(_beside(vertex))
    return shape_of(vertex) + vertex_label(vertex.label, vertex.style, label_box(vertex)), tuple(room)


def _with_line(vertex: Vertex) -> Box:
    half = vertex.style.number("strokeWidth", 1) / 2
    box = vertex.box
    return Box(box.x - half, box.y - half, box.width + 2 * half, box.height + 2 * half)


def _beside(vertex: Vertex) -> Box:
    """Room for a label beside its shape, on every side where it might stand."""
    label = room_of(vertex.label, vertex.style, vertex.box.center)
    box = vertex.box
    horizontal, vertical = vertex.style.get("labelPosition", "center"), vertex.style.get("verticalLabelPosition", "middle")
    x = {"left": box.x - label.width, "right": box.right}.get(horizontal, label.x)
    y = {"top": box.y - label.height, "bottom": box.bottom}.get(vertical, label.y)
    return Box(x, y, label.width, label.height)
