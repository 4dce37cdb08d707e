"""What a remedy proposes for one finding: contents of files, or steps for a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from platformkit_pipeline.introspection.repository.files import Files
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.remediation.repository.templates import Digest


@dataclass(frozen=True, slots=True)
class RepositoryContext:
    """What a remedy may look at: the files of the commit, what was observed of it, the day, and the target's name.

    `owner` is a team or account as CODEOWNERS has it, and `digests` the commits of actions, where somebody gave them.
    """

    files: Files
    snapshot: RepositorySnapshot
    today: date
    name: str
    owner: str | None = None
    digests: Mapping[str, Digest] = field(default_factory=dict)

    def kept(self, path: str, text: str) -> bytes:
        """What a file to be made should hold; what it holds already where it is there. Raises UnreadableError."""
        return self.files.data(path) if path in self.files else text.encode()


@dataclass(frozen=True, slots=True)
class Edit:
    """Files as they should be; None removes one. `successors` are rules that may report something new afterwards."""

    title: str
    writes: Mapping[str, bytes | None]
    notes: tuple[str, ...] = ()
    successors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ByHand:
    """Why there is no patch, and what a person does instead."""

    reason: str
    steps: tuple[str, ...]


Remedy = Callable[[RepositoryContext, Result], Edit | ByHand]
"""Deterministic; on a tree that it has mended already it writes what is there."""
