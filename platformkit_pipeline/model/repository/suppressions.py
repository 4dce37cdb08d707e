"""Comments and files that switch a tool off for a place: which tool, which of its rules, and whether somebody said why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Suppression:
    """`ordinal` counts those of one tool in one file from 1, in the order of lines."""

    path: str
    tool: str
    ordinal: int
    line: int
    rules: tuple[str, ...] = ()
    """Empty: whatever the tool finds there."""
    explained: bool = False
    """A few words beside it say why."""
