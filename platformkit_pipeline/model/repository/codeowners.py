"""Who owns which files: the CODEOWNERS file that GitHub reads."""

from __future__ import annotations

from dataclasses import dataclass

CODEOWNERS_PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""In the order in which GitHub looks; the first one counts."""


@dataclass(frozen=True, slots=True, order=True)
class CodeownersFault:
    """A line that GitHub leaves out."""

    line: int
    message: str


@dataclass(frozen=True, slots=True, order=True)
class PathCoverage:
    """How far one critical pattern is owned."""

    pattern: str
    files: int
    """How many files match the pattern."""
    unowned: int
    examples: tuple[str, ...] = ()
    """Some of those without owners."""


@dataclass(frozen=True, slots=True)
class Codeowners:
    """The file that counts, and what it amounts to for the critical paths."""

    path: str
    """Empty where there is none."""
    entries: int = 0
    """Lines that name a pattern and are understood."""
    owners: tuple[str, ...] = ()
    faults: tuple[CodeownersFault, ...] = ()
    coverage: tuple[PathCoverage, ...] = ()
    others: tuple[str, ...] = ()
    """Further files of that name, which nobody reads."""
    unreadable: str = ""
    """Why it could not be read, as the rest of a sentence about it."""
