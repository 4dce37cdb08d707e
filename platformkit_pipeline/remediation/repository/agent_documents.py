"""Agent documents that say the same (clause 3.3)."""

from __future__ import annotations

from platformkit_pipeline.model.repository.documents import AGENT_DOCUMENTS
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.remediation.repository.doc_sync import conflicts_in, merged_documents
from platformkit_pipeline.remediation.repository.proposal import ByHand, Edit, RepositoryContext


def add_missing_document(context: RepositoryContext, finding: Result) -> Edit | ByHand:
    """The missing document with the text of the first of the others."""
    others = [path for path in AGENT_DOCUMENTS if path != finding.object.name and path in context.files]
    if not others:
        return ByHand("none of the three documents is there, so nobody knows what they should say", ("Write CLAUDE.md, then plan again.",))
    return Edit(f"Add {finding.object.name}, as {others[0]} says it", {finding.object.name: context.files.data(others[0])})


def merge_documents(context: RepositoryContext, finding: Result) -> Edit | ByHand:
    """All that can be read, merged section by section. Contradictions are marked and left to a person."""
    observed = context.snapshot.agent_documents
    faulty = [document.path for document in observed if document.fault]
    if faulty:
        return ByHand(f"{' and '.join(faulty)} cannot be read", (f"Mend {' and '.join(faulty)}, then plan again.",))
    texts = {document.path: context.files.text(document.path) for document in observed if document.link_to is None}
    merged = merged_documents(texts)
    conflicts = max(conflicts_in(text) for text in merged.values())
    notes = (f"{conflicts} contradictions are marked with `doc-sync: conflict`; decide each before you merge.",) if conflicts else ()
    return Edit(
        "Bring the agent documents into line",
        {path: _encoded(context.files.data(path), texts[path], merged[path]) for path in texts},
        notes,
    )


def _encoded(before: bytes, text: str, merged: str) -> bytes:
    """The merged text with the ends of lines that the file has; its very bytes where nothing changed."""
    if merged == text:
        return before
    return merged.replace("\n", "\r\n").encode() if b"\r\n" in before else merged.encode()
