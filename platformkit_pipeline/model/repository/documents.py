"""Documents of a repository that the constitution asks for, by what they hold and how far they differ."""

from __future__ import annotations

from dataclasses import dataclass

AGENT_DOCUMENTS = ("CLAUDE.md", "GEMINI.md", "CODEX.md")
"""What clause 3.3 names; each stands at the root of the repository."""


@dataclass(frozen=True, slots=True, order=True)
class AgentDocument:
    """Instructions for one assistant. `fault` tells why its text could not be read, as the rest of a sentence about it."""

    path: str
    words: int = 0
    fault: str | None = None
    link_to: str | None = None
    """The one of the three that it is a symbolic link to: it says what that one says."""


@dataclass(frozen=True, slots=True, order=True)
class SectionDrift:
    """A section in which two agent documents differ. `similarity` is 0 where only `only_in` has it, else above 0 and below 1."""

    heading: str
    """As the first of the two has it, shortened; empty for what comes before the first heading."""
    similarity: float
    words: int
    """Of both documents."""
    only_in: str | None = None
    other_heading: str | None = None
    """What the second one calls it, where that differs."""


@dataclass(frozen=True, slots=True, order=True)
class AgentDocumentPair:
    """Two agent documents that can be read, by path. `drift` is 0 where they say the same and 1 where nothing is in common."""

    first: str
    second: str
    drift: float
    sections: tuple[SectionDrift, ...] = ()
    """Those that differ, the largest difference first; at most 50."""
    differing: int = 0
    """How many differ."""
