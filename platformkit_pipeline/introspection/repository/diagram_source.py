"""The draw.io source in a `.drawio` file or in a PNG, in one form: pages of cells, without what the editor notes for itself.

A `.drawio` file is XML, its pages plain or compressed. A PNG that was exported with the diagram included carries the same XML
in a text chunk, in one of the ways that the editor and its desktop application write. Clauses 1.5 and 3.2.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from platformkit_pipeline.introspection.repository.diagram_xml import Element, XmlError, read_xml
from platformkit_pipeline.model.repository.png import Chunk, PngError, inflated, read_chunks, read_text

MAX_SOURCE_BYTES = 16 * 1024 * 1024
"""The most that the XML of one diagram may have, each page inflated."""
MAX_PAGES = 200
SOURCE_KEYWORDS = ("mxfile", "mxGraphModel")
"""Keywords of the text chunks that hold a diagram's source."""
SEAL_KEYWORD = "platformkit-pixels"
"""Keyword of the text chunk in which our renderer notes the digest of the picture that it drew."""

_NEUTRAL = {"background": ("", "none"), "math": ("", "0"), "shadow": ("", "0")}
"""Attributes of a page that change the picture, and the values that say nothing. All others are the editor's own affair."""


class DiagramError(Exception):
    """Why no source could be had, as the rest of a sentence about the file."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page. `name` is None where the source does not give it one; `model` is its `mxGraphModel`."""

    name: str | None
    model: Element

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of the cells and of what changes the picture: not of name, view, grid or window of the editor."""
        attributes = self.model.attributes
        telling = {name: attributes[name] for name, idle in _NEUTRAL.items() if attributes.get(name, "") not in idle}
        root = self.model.find("root")
        canonical = [telling, _canonical(root) if root else None]
        return hashlib.sha256(json.dumps(canonical, ensure_ascii=True, sort_keys=True).encode("ascii")).hexdigest()


@dataclass(frozen=True, slots=True)
class DiagramSource:
    """A diagram's pages in their order; at least one."""

    pages: tuple[Page, ...]

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of all pages in their order. Equal digests: the same drawing."""
        return hashlib.sha256("\n".join(page.digest for page in self.pages).encode("ascii")).hexdigest()


@dataclass(frozen=True, slots=True)
class Picture:
    """What a PNG says about the diagram that it shows. `source` is None where it carries none."""

    source: DiagramSource | None
    is_sealed: bool
    """Our renderer wrote it, and noted the digest of its pixels."""
    is_altered: bool
    """It is sealed, and its pixels are not those that the renderer wrote."""


def read_drawio(data: bytes) -> DiagramSource:
    """The source in the bytes of a `.drawio` file. Raises DiagramError."""
    try:
        return _source(data)
    except (XmlError, PngError) as error:
        raise DiagramError(str(error)) from None


def read_picture(data: bytes) -> Picture:
    """What the bytes of a PNG say about the diagram in it. Raises DiagramError when the PNG or the source in it cannot be read."""
    try:
        chunks = read_chunks(data)
        texts = [text for chunk in chunks if (text := read_text(chunk, MAX_SOURCE_BYTES)) is not None]
        sources = [_source(_percent_decoded(text.data)) for text in texts if text.keyword in SOURCE_KEYWORDS]
    except XmlError as error:
        raise DiagramError(f"carries a source that {error}") from None
    except PngError as error:
        raise DiagramError(str(error)) from None
    if len({source.digest for source in sources}) > 1:
        raise DiagramError("carries several sources that differ")
    seals = [text.data.decode("latin-1") for text in texts if text.keyword == SEAL_KEYWORD]
    altered = any(seal != pixel_digest(chunks) for seal in seals)
    return Picture(sources[0] if sources else None, is_sealed=bool(seals), is_altered=altered)


def carried_source(data: bytes) -> bytes | None:
    """The source in a PNG as a `.drawio` file holds it, None where there is none. Raises DiagramError as `read_picture` does."""
    if read_picture(data).source is None:
        return None
    texts = (read_text(chunk, MAX_SOURCE_BYTES) for chunk in read_chunks(data))
    return next(_percent_decoded(text.data) for text in texts if text is not None and text.keyword in SOURCE_KEYWORDS)


def pixel_digest(chunks: tuple[Chunk, ...]) -> str:
    """SHA-256, in hex, of a PNG's header, palette and image data as they are stored."""
    digest = hashlib.sha256()
    for chunk in chunks:
        if chunk.kind in ("IHDR", "PLTE", "IDAT"):
            digest.update(chunk.data)
    return digest.hexdigest()


def _canonical(element: Element) -> list[Any]:
    children = [_canonical(child) for child in element.children]
    return [element.tag, element.attributes, element.text.strip(), children]


def _source(text: bytes) -> DiagramSource:
    if len(text) > MAX_SOURCE_BYTES:
        raise XmlError(f"is not read: it has more than {MAX_SOURCE_BYTES} bytes")
    outermost = read_xml(text)
    if outermost.tag == "mxGraphModel":
        return DiagramSource((Page(None, _with_root(outermost, "it")),))
    if outermost.tag != "mxfile":
        raise XmlError(f"is no diagram: its outermost element is {outermost.tag[:40]}, not mxfile")
    diagrams = list(outermost.all("diagram"))
    if not diagrams:
        raise XmlError("has no page")
    if len(diagrams) > MAX_PAGES:
        raise XmlError(f"is not read: it has more than {MAX_PAGES} pages")
    budget = MAX_SOURCE_BYTES
    pages = []
    for number, diagram in enumerate(diagrams, start=1):
        model, used = _model(diagram, f"page {number}", budget)
        budget -= used
        pages.append(Page(diagram.attributes.get("name"), model))
    return DiagramSource(tuple(pages))


def _model(diagram: Element, which: str, budget: int) -> tuple[Element, int]:
    """A page's model, and how many bytes were inflated for it."""
    plain = diagram.find("mxGraphModel")
    if plain is not None:
        return _with_root(plain, which), 0
    packed = diagram.text.strip()
    if not packed:
        raise XmlError(f"has nothing on {which}")
    try:
        compressed = base64.b64decode("".join(packed.split()), validate=True)
    except (binascii.Error, ValueError):
        raise XmlError(f"cannot be read: {which} is neither plain nor compressed") from None
    text = inflated(compressed, budget, which)
    try:
        model = read_xml(_percent_decoded(text))
    except XmlError as error:
        raise XmlError(f"cannot be read: {which} {error}") from None
    if model.tag != "mxGraphModel":
        raise XmlError(f"cannot be read: {which} holds no mxGraphModel")
    return _with_root(model, which), len(text)


def _with_root(model: Element, which: str) -> Element:
    if model.find("root") is None:
        raise XmlError(f"is no diagram: {which} has no root of cells")
    return model


def _percent_decoded(text: bytes) -> bytes:
    """The text itself, or what it stands for where it is percent-encoded: then it has no `<`, as every XML text does."""
    return text if b"<" in text else unquote_to_bytes(text)
