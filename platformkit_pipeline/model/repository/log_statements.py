"""Statements of component code that write to a terminal instead of a log (clause 7.1)."""

from __future__ import annotations

from dataclasses import dataclass

from platformkit_pipeline.model.repository.components import Language

MAX_LINES = 50
"""Of one file that are kept; `count` knows them all."""


@dataclass(frozen=True, slots=True, order=True)
class PrintingFile:
    """A file of component code with statements that print, or one that could not be examined: `fault` says why."""

    path: str
    language: Language
    count: int = 0
    lines: tuple[int, ...] = ()
    fault: str | None = None
