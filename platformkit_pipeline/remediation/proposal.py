"""What a generator answers for one finding, and what a rule's patches may consist of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from platformkit_pipeline.model.patch import AccessChange
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.rules.database.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Change:
    """SQL that mends the finding, its undo, and all that it may change; `Effects` says what the last three are."""

    title: str
    up: tuple[str, ...]
    down: tuple[str, ...]
    transactional: bool = True
    notes: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    access: tuple[AccessChange, ...] = ()
    successors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ByHand:
    """No SQL can be generated safely: why, and what a person does."""

    reason: str
    steps: tuple[str, ...]


Proposal = Change | ByHand
Generator = Callable[[Catalog, Result], Proposal]


@dataclass(frozen=True, slots=True)
class Remedy:
    """How findings of one rule are mended. `statements` are the kinds that `up` and `down` may consist of."""

    generate: Generator
    statements: tuple[str, ...]
