"""Small drawings: cells in, SVG out."""

from __future__ import annotations

from platformkit_pipeline.introspection.repository.diagram_source import read_drawio
from platformkit_pipeline.remediation.diagrams.cells import Edge, Point, Vertex, cells_of
from platformkit_pipeline.remediation.diagrams.routes import route
from platformkit_pipeline.remediation.diagrams.svg import Drawing, draw


def file_of(*cells: str, page: str = "") -> bytes:
    """A `.drawio` file of one page with the two cells that every page has."""
    root = f'<root><mxCell id="0"/><mxCell id="1" parent="0"/>{"".join(cells)}</root>'
    return f"<mxfile><diagram><mxGraphModel {page}>{root}</mxGraphModel></diagram></mxfile>".encode()


def box(
    name: str,
    x: float = 0,
    y: float = 0,
    width: float = 100,
    height: float = 50,
    *,
    style: str = "",
    label: str = "",
    parent: str = "1",
    more: str = "",
) -> str:
    """A vertex. `label` is XML text."""
    geometry = f'<mxGeometry x="{x}" y="{y}" width="{width}" height="{height}" as="geometry"/>'
    return f'<mxCell id="{name}" value="{label}" style="{style}" vertex="1" parent="{parent}" {more}>{geometry}</mxCell>'


def edge(
    source: str,
    target: str,
    *,
    style: str = "",
    label: str = "",
    points: tuple[tuple[float, float], ...] = (),
    parent: str = "1",
    inner: str = "",
) -> str:
    """An edge called after its ends."""
    corners = "".join(f'<mxPoint x="{x}" y="{y}"/>' for x, y in points)
    array = f'<Array as="points">{corners}</Array>' if points else ""
    ends = " ".join(f'{which}="{end}"' for which, end in (("source", source), ("target", target)) if end)
    geometry = f'<mxGeometry relative="1" as="geometry">{array}{inner}</mxGeometry>'
    return f'<mxCell id="{source}-{target}" value="{label}" style="{style}" edge="1" parent="{parent}" {ends}>{geometry}</mxCell>'


def drawing(*cells: str, page: str = "") -> Drawing:
    return draw(read_drawio(file_of(*cells, page=page)).pages[0])


def vertices(*cells: str) -> dict[str, Vertex]:
    return {cell.id: cell for cell in cells_of(read_drawio(file_of(*cells)).pages[0]) if isinstance(cell, Vertex)}


def way(*cells: str) -> tuple[Point, ...]:
    """The corners of the only edge."""
    (found,) = (cell for cell in cells_of(read_drawio(file_of(*cells)).pages[0]) if isinstance(cell, Edge))
    return route(found)
