"""From the bytes of a `.drawio` file to those of its picture, which carries them (clauses 1.5 and 3.2)."""

from __future__ import annotations

import zlib
from urllib.parse import quote

from platformkit_pipeline.introspection.repository.diagram_source import SEAL_KEYWORD, DiagramError, pixel_digest, read_drawio
from platformkit_pipeline.model.repository.png import Chunk, PngError, inflated, read_chunks, write_chunks
from platformkit_pipeline.remediation.diagrams.style import UnsupportedDrawing
from platformkit_pipeline.remediation.diagrams.svg import MAX_SIDE, draw
from platformkit_pipeline.sandbox.browser import screenshot

SCALE = 2
"""Pixels of the picture per pixel of the page, so that letters are sharp on any screen."""
_MOST_PIXELS = (MAX_SIDE * SCALE) ** 2 * 4 + MAX_SIDE * SCALE


def render(source: bytes, page: int = 1) -> bytes:
    """The PNG that shows one page (from 1) of a `.drawio` file, with the whole source in it and without any time.

    On one machine the same source gives the same bytes; on another one fonts may differ. Raises UnsupportedDrawing for
    what cannot be read or is not drawn here, SandboxError where there is no browser.
    """
    try:
        pages = read_drawio(source).pages
    except DiagramError as error:
        raise UnsupportedDrawing(f"the diagram {error}") from None
    if not 1 <= page <= len(pages):
        raise UnsupportedDrawing(f"the diagram has {len(pages)} pages, and page {page} was asked for")
    drawing = draw(pages[page - 1])
    return _carrying(source, screenshot(drawing.html, drawing.width, drawing.height, scale=SCALE))


def _carrying(source: bytes, picture: bytes) -> bytes:
    """The picture with its source and the seal of its pixels, and with nothing else that a writer of PNG files notes."""
    try:
        chunks = read_chunks(picture)
        packed = b"".join(chunk.data for chunk in chunks if chunk.kind == "IDAT")
        pixels = inflated(packed, _MOST_PIXELS, "its image data")
    except PngError as error:
        raise UnsupportedDrawing(f"what the browser drew {error}") from None
    image = (
        *(chunk for chunk in chunks if chunk.kind in ("IHDR", "PLTE", "tRNS")),
        Chunk("IDAT", zlib.compress(pixels, 9)),
    )
    carried = Chunk("tEXt", b"mxfile\0" + quote(source, safe="").encode("ascii"))
    seal = Chunk("tEXt", f"{SEAL_KEYWORD}\0{pixel_digest(image)}".encode("latin-1"))
    return write_chunks((image[0], carried, seal, *image[1:], Chunk("IEND", b"")))
