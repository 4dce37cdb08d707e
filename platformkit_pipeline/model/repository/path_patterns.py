"""Patterns for paths as CODEOWNERS has them, with `!` for what is taken out again; the last pattern that matches decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase


def path_matcher(patterns: Sequence[str]) -> Callable[[str], bool]:
    """A function that says whether a path is named by the patterns; by none, nothing is."""
    compiled = [(not pattern.startswith("!"), _parts(pattern.removeprefix("!"))) for pattern in patterns if pattern.strip("!/ ")]

    def matches(path: str) -> bool:
        segments = path.split("/")
        return next((wanted for wanted, parts in reversed(compiled) if _matches(parts, segments)), False)

    return matches


def _parts(pattern: str) -> tuple[str, ...]:
    """Segments to match one by one; `**` stands for any number of them. A folder stands for all that it holds."""
    anchored = "/" in pattern.rstrip("/")
    parts = tuple(part for part in pattern.strip("/").split("/") if part)
    if not anchored:
        parts = ("**", *parts)
    return (*parts, "**") if pattern.endswith("/") or parts[-1] != "*" else parts


def _matches(parts: Sequence[str], segments: Sequence[str]) -> bool:
    """Row by row, so that many `**` cost no more than their number times the depth."""
    reachable = [position == 0 for position in range(len(segments) + 1)]
    for part in parts:
        if part == "**":
            first = reachable.index(True) if True in reachable else len(reachable)
            reachable = [position >= first for position in range(len(reachable))]
        else:
            reachable = [False, *(here and fnmatchcase(segment, part) for here, segment in zip(reachable, segments, strict=False))]
    return reachable[-1]
