"""What a branch brings, compared with the commit that it left."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from platformkit_pipeline.model.repository.versions import ChangeCount


class How(StrEnum):
    ADDED = "added"
    EDITED = "edited"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, order=True)
class ChangedPath:
    """Lines are None where they are not counted: in a binary file, and in one that is too large. A file that only moved has 0 and 0."""

    path: str
    how: How
    lines_added: int | None = None
    lines_removed: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """From `base`, the commit that a branch left, to the observed commit."""

    base: str
    paths: tuple[ChangedPath, ...] = ()
    """By name, at most 20,000."""
    more_paths: int = 0
    """How many are left out."""
    new_folders: tuple[str, ...] = ()
    """At the top of the tree, where there was none of that name."""
    version_before: str | None = None
    version_after: str | None = None
    """The latest release that the changelog at the root names."""
    changelog_entries: tuple[ChangeCount, ...] = ()
    """How many entries the changelogs have gained, by kind."""
