"""Diagrams of a work tree: which pictures show them as they are, and new pictures for those that do not (clauses 1.5 and 3.2)."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from platformkit_pipeline.introspection.repository.diagram_source import MAX_SOURCE_BYTES
from platformkit_pipeline.introspection.repository.diagrams import images_of, observe_diagrams
from platformkit_pipeline.introspection.repository.files import UnreadableError
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.repository.diagrams import Diagram
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.repository.tree import Head
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.remediation.diagrams.render import render
from platformkit_pipeline.remediation.diagrams.style import UnsupportedDrawing
from platformkit_pipeline.rules.evaluate_repository import evaluate_repository
from platformkit_pipeline.rules.registry import Family, rules_about_repositories

MAX_FILES = 200_000
_NOT_ENTERED = ("node_modules", "__pycache__")
_SUFFIXES = (".drawio", ".png")


@dataclass(frozen=True, slots=True)
class Rendered:
    """Pictures that were written, and how many were current already."""

    written: tuple[Path, ...]
    current: int


class WorkTree:
    """Sources and pictures below folders, as they lie there. Links are not followed, hidden folders not entered."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = tuple(sorted(set(paths)))

    def data(self, path: str, limit: int) -> bytes:
        """Content of a regular file. Raises UnreadableError."""
        file = Path(path)
        if file.is_symlink():
            raise UnreadableError("is a symbolic link, which is not followed")
        try:
            if not file.is_file():
                raise UnreadableError("is no regular file")
            with file.open("rb") as opened:
                data = opened.read(limit + 1)
        except OSError as error:
            raise UnreadableError(f"cannot be read: {error.strerror or type(error).__name__}") from None
        if len(data) > limit:
            raise UnreadableError(f"is too large: {limit} bytes are read at most")
        return data


def check_diagrams(paths: Sequence[Path]) -> tuple[Result, ...]:
    """What a scan would say about the diagrams in files and folders, findings only. No picture is drawn and no pixel compared.

    Raises ConfigurationError for a path that is neither a folder nor a `.drawio` file.
    """
    _, diagrams = _observed(paths)
    snapshot = RepositorySnapshot(head=Head(commit=None, branch=None), diagrams=diagrams)
    rules = [rule for rule in rules_about_repositories() if rule.family is Family.DIAGRAMS]
    return tuple(result for result in evaluate_repository(snapshot, rules, datetime.now(UTC).date()) if result.is_finding)


def render_diagrams(paths: Sequence[Path], *, force: bool = False) -> Rendered:
    """Draw the pictures that are missing or do not show their source, all of them with `force`. Doing it again writes nothing.

    Everything is drawn before the first picture is written, and each is replaced whole. Raises ConfigurationError for a path that is
    wrong, a source that cannot be read and a picture that cannot be written, UnsupportedDrawing for what is not drawn here, and
    SandboxError where there is no browser.
    """
    tree, diagrams = _observed(paths)
    drawn: list[tuple[Path, bytes]] = []
    current = 0
    for diagram in diagrams:
        wanted = list(_wanted(diagram, force=force)) if diagram.has_source else []
        current += len(diagram.images) - sum(path in {image.path for image in diagram.images} for path, _ in wanted)
        if wanted:
            source = tree.data(diagram.path, MAX_SOURCE_BYTES)
            drawn += [(Path(path), _drawn(diagram.path, source, page)) for path, page in wanted]
    for path, picture in drawn:
        _write(path, picture)
    return Rendered(tuple(path for path, _ in drawn), current)


def _wanted(diagram: Diagram, *, force: bool) -> Iterator[tuple[str, int]]:
    if diagram.fault:
        raise ConfigurationError(f"{diagram.path} {diagram.fault}")
    there = {image.path: image for image in diagram.images}
    for path, page in images_of(diagram):
        image = there.get(path)
        if force or image is None or image.altered or not diagram.is_current(image):
            yield path, page


def _drawn(path: str, source: bytes, page: int) -> bytes:
    try:
        return render(source, page)
    except UnsupportedDrawing as error:
        raise UnsupportedDrawing(f"{path}: {error}; nothing was written") from None


def _observed(paths: Sequence[Path]) -> tuple[WorkTree, tuple[Diagram, ...]]:
    folders = [path for path in paths if path.is_dir()]
    single = [path for path in paths if not path.is_dir()]
    for path in single:
        if path.suffix.lower() != ".drawio" or not path.is_file():
            raise ConfigurationError(f"{path}: is neither a folder nor a .drawio file")
    beside = [entry for path in single for entry in path.parent.iterdir() if entry.suffix.lower() in _SUFFIXES]
    tree = WorkTree(file.as_posix() for file in (*_below(folders), *beside))
    within = tuple(f"{folder.as_posix()}/" for folder in folders)
    named = {path.as_posix() for path in single}
    everything = any(folder == Path() for folder in folders)
    diagrams = observe_diagrams(tree)
    return tree, tuple(d for d in diagrams if everything or d.path in named or d.path.startswith(within))


def _below(folders: Iterable[Path]) -> Iterator[Path]:
    seen = 0
    for folder in folders:
        for place, inner, files in os.walk(folder):
            inner[:] = sorted(name for name in inner if not name.startswith(".") and name not in _NOT_ENTERED)
            seen += len(files)
            if seen > MAX_FILES:
                raise ConfigurationError(f"{folder}: holds more than {MAX_FILES} files; name the folders that hold diagrams")
            yield from (Path(place) / name for name in files if Path(name).suffix.lower() in _SUFFIXES)


def _write(path: Path, data: bytes) -> None:
    """Replace a file whole or not at all."""
    unfinished: str | None = None
    try:
        handle, unfinished = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(unfinished).chmod(0o644)
        Path(unfinished).replace(path)
    except OSError as error:
        if unfinished:
            with suppress(OSError):
                Path(unfinished).unlink()
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror or type(error).__name__}") from None
