"""One immutable observation of a repository at one commit, and of its settings where they could be asked for.

What could not be read is listed in `RepositorySnapshot.unobserved`, so that a rule can answer UNKNOWN instead of guessing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from platformkit_pipeline.model.repository.declarations import NOTHING_DECLARED, RepositoryDeclarations
from platformkit_pipeline.model.repository.diagrams import Diagram
from platformkit_pipeline.model.repository.documents import AgentDocument
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.tree import Head, Tag, TreeFile
from platformkit_pipeline.model.snapshot import Unobserved


@dataclass(frozen=True, slots=True)
class RepositorySnapshot:
    """All tuples are sorted. `what` of an unobserved thing is a `RepositoryFacet` where a whole facet is missing."""

    head: Head
    declarations: RepositoryDeclarations = NOTHING_DECLARED
    files: tuple[TreeFile, ...] = ()
    tags: tuple[Tag, ...] = ()
    agent_documents: tuple[AgentDocument, ...] = ()
    diagrams: tuple[Diagram, ...] = ()
    unobserved: tuple[Unobserved, ...] = field(default=())

    def observed(self, facet: RepositoryFacet) -> bool:
        """False when that facet is missing as a whole."""
        return all(u.what != facet.value for u in self.unobserved)

    def why_unobserved(self, facet: RepositoryFacet) -> str:
        """The reasons, joined; empty when it was observed."""
        return "; ".join(u.why for u in self.unobserved if u.what == facet.value)
