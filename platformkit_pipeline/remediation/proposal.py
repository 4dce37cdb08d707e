"""What a generator answers for one finding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from platformkit_pipeline.model.result import Result
from platformkit_pipeline.rules.database.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Change:
    """SQL that mends the finding, and its undo."""

    title: str
    up: tuple[str, ...]
    down: tuple[str, ...]
    transactional: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ByHand:
    """No SQL can be generated safely: why, and what a person does."""

    reason: str
    steps: tuple[str, ...]


Proposal = Change | ByHand
Generator = Callable[[Catalog, Result], Proposal]
