"""The committed tree and the commit that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass

SYMBOLIC_LINK = "120000"
SUBMODULE = "160000"


@dataclass(frozen=True, slots=True)
class Head:
    """The commit that was observed. `commit` is None for a repository without any."""

    commit: str | None
    branch: str | None
    """Branch that HEAD points at; None when it points at a commit."""
    committed_at: str | None = None
    """ISO 8601, UTC."""
    commits: int = 0
    """How many can be reached from it."""
    shallow: bool = False
    """The clone holds only the end of the history."""
    object_format: str = "sha1"


@dataclass(frozen=True, slots=True, order=True)
class TreeFile:
    """An entry of the tree that is no folder. `mode` as git prints it; `size` in bytes, None for a submodule."""

    path: str
    mode: str
    object_id: str
    size: int | None = None

    @property
    def is_regular(self) -> bool:
        return self.mode not in (SYMBOLIC_LINK, SUBMODULE)


@dataclass(frozen=True, slots=True)
class Tag:
    """`commit` is what the tag amounts to, whether it is annotated or not."""

    name: str
    commit: str
    tagged_at: str | None = None
    """ISO 8601, UTC: of the tag, or of its commit where the tag is not annotated."""
