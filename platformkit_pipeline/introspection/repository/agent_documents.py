"""The agent documents of clause 3.3, measured."""

from __future__ import annotations

from platformkit_pipeline.introspection.repository.files import Files, UnreadableError
from platformkit_pipeline.model.repository.documents import AGENT_DOCUMENTS, AgentDocument


def observe_agent_documents(files: Files) -> tuple[AgentDocument, ...]:
    """Those that are there, whether they can be read or not."""
    return tuple(_measured(files, path) for path in sorted(AGENT_DOCUMENTS) if path in files)


def _measured(files: Files, path: str) -> AgentDocument:
    try:
        return AgentDocument(path, words=len(files.text(path).split()))
    except UnreadableError as error:
        return AgentDocument(path, fault=str(error))
