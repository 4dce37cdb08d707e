"""What a remedy proposes for one finding: contents of files, or steps for a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from platformkit_pipeline.introspection.repository.files import Files
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.result import Result


@dataclass(frozen=True, slots=True)
class RepositoryContext:
    """What a remedy may look at: the files of the commit, what was observed of it, the day, and the target's name."""

    files: Files
    snapshot: RepositorySnapshot
    today: date
    name: str


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
