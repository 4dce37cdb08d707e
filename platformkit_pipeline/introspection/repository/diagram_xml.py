"""A small XML reader for documents of strangers: no document type, hence no entities; bounded in size and depth.

Namespaces, comments and processing instructions do not occur in diagrams; they are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

MAX_ELEMENTS = 200_000
MAX_DEPTH = 64


class XmlError(Exception):
    """Why a text is not read as XML, as the rest of a sentence about it."""


@dataclass(slots=True)
class Element:
    """An element with its attributes, its elements, and the text directly in it."""

    tag: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def find(self, tag: str) -> Element | None:
        """The first element of that name directly in this one."""
        return next((child for child in self.children if child.tag == tag), None)

    def all(self, tag: str) -> Iterator[Element]:
        """Every element of that name directly in this one."""
        return (child for child in self.children if child.tag == tag)


def read_xml(text: bytes) -> Element:
    """The outermost element. Raises XmlError for what is no XML, has a document type, or is beyond the bounds."""
    reader = _Reader()
    try:
        reader.parser.Parse(text, True)
    except expat.ExpatError as error:
        raise XmlError(f"is no XML: {expat.ErrorString(error.code)} in line {error.lineno}") from None
    except (LookupError, ValueError):
        raise XmlError("is no XML: its encoding is unknown") from None
    return reader.outermost()


class _Reader:
    """Collects what expat reports."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self._open: list[Element] = []
        self._root: Element | None = None
        self._elements = 0

    def outermost(self) -> Element:
        if self._root is None:  # expat says so itself
            raise XmlError("is no XML: there is no element")
        return self._root

    def _refuse(self, *_declaration: object) -> None:
        raise XmlError("is not read: it declares a document type, as no diagram does and entity attacks do")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            raise XmlError(f"is not read: it has more than {MAX_ELEMENTS} elements")
        if len(self._open) >= MAX_DEPTH:
            raise XmlError(f"is not read: its elements are nested deeper than {MAX_DEPTH}")
        element = Element(tag, attributes)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)

    def _end(self, _tag: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        self._open[-1].text += text
