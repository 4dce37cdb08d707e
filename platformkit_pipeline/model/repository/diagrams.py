"""Diagrams of a repository: draw.io sources, and the pictures that show them (clauses 1.5 and 3.2).

Drawings are compared by digest: SHA-256, in hex, of what is drawn, without what the editor notes for itself.
"""

from __future__ import annotations

from dataclasses import dataclass

DIAGRAM_FOLDER = "docs/architecture"
"""Where clause 3.2 wants diagrams. Every PNG in it is taken for one."""


@dataclass(frozen=True, slots=True)
class DiagramPage:
    """One page of a source. `name` is cut off after 200 characters."""

    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class DiagramImage:
    """A PNG that shows a diagram. `fault` tells why it could not be read, as the rest of a sentence about it."""

    path: str
    page: int | None = None
    """Number of the one page that it shows by its name, from 1; None when it stands for the whole diagram."""
    embedded: tuple[str, ...] = ()
    """Digests of the pages of the source that the PNG carries; empty when it carries none."""
    altered: bool = False
    """Our renderer wrote it, and its pixels have been changed since."""
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Diagram:
    """A `.drawio` file and the pictures beside it; or, with `has_source` False, one picture of a diagram beside which there is no source.

    `path` is that of the source, or of the lone picture. `fault` tells why the source could not be read, as the rest of a
    sentence about it; it has no pages then.
    """

    path: str
    has_source: bool = True
    pages: tuple[DiagramPage, ...] = ()
    images: tuple[DiagramImage, ...] = ()
    fault: str | None = None

    @property
    def pages_without_image(self) -> tuple[DiagramPage, ...]:
        """Pages that no picture shows. One picture of the whole diagram is enough."""
        if any(image.page is None for image in self.images):
            return ()
        shown = {image.page for image in self.images}
        return tuple(page for number, page in enumerate(self.pages, start=1) if number not in shown)

    def is_current(self, image: DiagramImage) -> bool:
        """The picture carries the whole source as it is, or at least, when it shows one page, that page."""
        pages = tuple(page.digest for page in self.pages)
        return image.embedded == pages or (image.page is not None and image.embedded == pages[image.page - 1 : image.page])
