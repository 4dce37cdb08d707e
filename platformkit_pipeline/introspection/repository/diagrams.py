"""Which diagrams a repository has, which pictures belong to which source, and what source each picture carries.

`x.drawio` is shown by `x.png` or `x.drawio.png`, and a page of it by `x-<name or number of the page>.png`, all in its folder.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Protocol

from platformkit_pipeline.introspection.repository.diagram_source import (
    MAX_SOURCE_BYTES,
    DiagramError,
    DiagramSource,
    read_drawio,
    read_picture,
)
from platformkit_pipeline.introspection.repository.files import UnreadableError
from platformkit_pipeline.model.repository.diagrams import DIAGRAM_FOLDER, Diagram, DiagramImage, DiagramPage

MAX_IMAGE_BYTES = 32 * 1024 * 1024
MAX_NAME = 200
_SOURCE = ".drawio"
_IMAGE = ".png"
_NOT_A_WORD = re.compile(r"[\W_]+")


class ReadableFiles(Protocol):
    """The part of `files.Files` that is used: paths in order, and contents up to a number of bytes."""

    @property
    def paths(self) -> Iterable[str]: ...

    def data(self, path: str, limit: int) -> bytes: ...


def observe_diagrams(files: ReadableFiles) -> tuple[Diagram, ...]:
    """Every `.drawio` file with its pictures, and the pictures of diagrams without one, by path.

    A PNG is taken for the picture of a diagram when it is called after a source, lies below `docs/architecture`, or lies beside
    a source and carries one itself. What cannot be read is in the records with the reason.
    """
    sources, images = _by_folder(files.paths)
    found: list[Diagram] = []
    for folder in sorted(images.keys() | sources.keys()):
        unclaimed = dict.fromkeys(images.get(folder, ()))
        for path in sorted(
            sources.get(folder, ()), key=lambda path: (-len(path), path)
        ):  # `a-b.png` belongs to `a-b.drawio` before `a.drawio`
            diagram = _read(files, path, tuple(unclaimed))
            for image in diagram.images:
                unclaimed.pop(image.path)
            found.append(diagram)
        found += _lone(files, folder, tuple(unclaimed))
    return tuple(sorted(found, key=lambda diagram: diagram.path))


def is_image_of(path: str, source: str) -> bool:
    """Whether a PNG is, by its name, the picture of the whole diagram `source`."""
    stem = source[: -len(_SOURCE)]
    return path[: -len(_IMAGE)] in (stem, source) and path.lower().endswith(_IMAGE)


def images_of(diagram: Diagram) -> tuple[tuple[str, int], ...]:
    """Where the pictures of a readable source belong, and the page (from 1) that each shows: those that are there, then those missing."""
    there = [(image.path, image.page or 1) for image in diagram.images]
    if there and not diagram.pages_without_image:
        return tuple(there)
    stem = diagram.path[: -len(_SOURCE)]
    if len(diagram.pages) == 1:
        return (*there, (f"{stem}{_IMAGE}", 1))
    names = [_plain(page.name) for page in diagram.pages]
    missing = [number for number, page in enumerate(diagram.pages, start=1) if page in diagram.pages_without_image]
    told = {number: name if (name := names[number - 1]) and names.count(name) == 1 else str(number) for number in missing}
    return (*there, *((f"{stem}-{told[number]}{_IMAGE}", number) for number in missing))


def _by_folder(paths: Iterable[str]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Sources, and pictures in the folders that have some or are below `docs/architecture`, by folder."""
    sources: dict[str, list[str]] = defaultdict(list)
    images: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        folder, suffix = str(PurePosixPath(path).parent), PurePosixPath(path).suffix.lower()
        if suffix == _SOURCE:
            sources[folder].append(path)
        elif suffix == _IMAGE:
            images[folder].append(path)
    return sources, {folder: found for folder, found in images.items() if folder in sources or _is_for_diagrams(folder)}


def _is_for_diagrams(folder: str) -> bool:
    return f"{folder}/".startswith(f"{DIAGRAM_FOLDER}/")


def _read(files: ReadableFiles, path: str, images: tuple[str, ...]) -> Diagram:
    source: DiagramSource | None = None
    fault: str | None = None
    try:
        source = read_drawio(files.data(path, MAX_SOURCE_BYTES))
    except (UnreadableError, DiagramError) as error:
        fault = str(error)
    pages = tuple(_pages(source)) if source else ()
    return Diagram(path, pages=pages, images=tuple(_images(files, path, images, pages)), fault=fault)


def _pages(source: DiagramSource) -> Iterator[DiagramPage]:
    for number, page in enumerate(source.pages, start=1):
        yield DiagramPage((page.name or f"Page-{number}")[:MAX_NAME], page.digest)


def _images(files: ReadableFiles, source: str, images: tuple[str, ...], pages: tuple[DiagramPage, ...]) -> Iterator[DiagramImage]:
    for path in images:
        if is_image_of(path, source) or (_may_show_a_page(path, source) and not pages):
            yield _image(files, path)
        elif (number := _page_shown(path, source, pages)) is not None:
            yield replace(_image(files, path), page=number)


def _may_show_a_page(path: str, source: str) -> bool:
    return path.startswith(f"{source[: -len(_SOURCE)]}-")


def _page_shown(path: str, source: str, pages: tuple[DiagramPage, ...]) -> int | None:
    if not _may_show_a_page(path, source):
        return None
    told = path[len(source) - len(_SOURCE) + 1 : -len(_IMAGE)]
    for number, page in enumerate(pages, start=1):
        if _plain(told) == _plain(page.name) or told == str(number):
            return number
    return None


def _plain(name: str) -> str:
    """A page's name as it may stand in the name of a file."""
    return _NOT_A_WORD.sub("-", name.casefold()).strip("-")


def _image(files: ReadableFiles, path: str) -> DiagramImage:
    try:
        picture = read_picture(files.data(path, MAX_IMAGE_BYTES))
    except (UnreadableError, DiagramError) as error:
        return DiagramImage(path, fault=str(error))
    embedded = tuple(page.digest for page in picture.source.pages) if picture.source else ()
    return DiagramImage(path, embedded=embedded, altered=picture.is_altered)


def _lone(files: ReadableFiles, folder: str, paths: tuple[str, ...]) -> Iterator[Diagram]:
    for path in paths:
        image = _image(files, path)
        if image.embedded or _is_for_diagrams(folder):
            yield Diagram(path, has_source=False, images=(image,))
