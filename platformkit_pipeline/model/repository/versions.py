"""Versions that a repository declares, and what its changelogs say about them (clause 8.1)."""

from __future__ import annotations

from dataclasses import dataclass

from platformkit_pipeline.model.repository.semantic_version import ChangeKind

CHANGELOG_NAMES = (
    "CHANGELOG.md",
    "CHANGELOG",
    "CHANGELOG.rst",
    "CHANGELOG.txt",
    "CHANGES.md",
    "CHANGES.rst",
    "CHANGES",
    "HISTORY.md",
    "HISTORY.rst",
)
"""Names of changelogs, whatever their case; the first of them in a folder counts."""


@dataclass(frozen=True, slots=True, order=True)
class VersionSource:
    """A place that says which version a module has. `module` is the module's folder, empty for the root of the repository.

    `version` is None where the place leaves it to something else, which `fault` names, as the rest of a sentence about it.
    """

    path: str
    version: str | None = None
    line: int = 0
    module: str = ""
    python: bool = False
    """Versions of PEP 440 are read."""
    from_tags: bool = False
    """The build takes the version from the tags."""
    fault: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class ChangeCount:
    """So many entries of one kind."""

    kind: ChangeKind
    count: int


@dataclass(frozen=True, slots=True)
class Release:
    """A section of a changelog. `date` is ISO 8601 when it is well-formed, and as it was written (cut short) when it is not."""

    version: str
    line: int
    date: str | None = None
    date_is_iso: bool = False
    yanked: bool = False
    changes: tuple[ChangeCount, ...] = ()


@dataclass(frozen=True, slots=True)
class Changelog:
    """`releases` in the order of the file. `unreleased` is None without such a section, else what it counts."""

    path: str
    releases: tuple[Release, ...] = ()
    unreleased: tuple[ChangeCount, ...] | None = None
    fault: str | None = None
    """Why the file could not be read, as the rest of a sentence about it."""

    @property
    def module(self) -> str:
        """The folder, empty for the root."""
        return self.path.rpartition("/")[0]


def changelog_of(module: str, changelogs: tuple[Changelog, ...]) -> Changelog | None:
    """The changelog of a module: in its folder, else in the nearest folder above."""
    at = {changelog.module: changelog for changelog in changelogs}
    while module not in at and module:
        module = module.rpartition("/")[0]
    return at.get(module)
