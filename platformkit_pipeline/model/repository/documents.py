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
