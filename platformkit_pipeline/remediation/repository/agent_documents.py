"""Agent documents that say the same (clause 3.3)."""

from __future__ import annotations

from platformkit_pipeline.model.repository.documents import AGENT_DOCUMENTS
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.remediation.repository.proposal import ByHand, Edit, RepositoryContext


def add_missing_document(context: RepositoryContext, finding: Result) -> Edit | ByHand:
    """The missing document with the text of the first of the others."""
    others = [path for path in AGENT_DOCUMENTS if path != finding.object.name and path in context.files]
    if not others:
        return ByHand("none of the three documents is there, so nobody knows what they should say", ("Write CLAUDE.md, then plan again.",))
    return Edit(f"Add {finding.object.name}, as {others[0]} says it", {finding.object.name: context.files.data(others[0])})
