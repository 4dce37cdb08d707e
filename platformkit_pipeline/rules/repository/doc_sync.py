"""Agent documents say the same (clause 3.3)."""

from __future__ import annotations

from platformkit_pipeline.model.repository.documents import AGENT_DOCUMENTS
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.rules.registry import PASSED, Family, Verdicts, failed, unknown
from platformkit_pipeline.rules.repository_subject import RepositorySubject, file_identity, repository_rule


@repository_rule(
    "DOC001",
    "agent-document-missing",
    clause="3.3",
    severity=Severity.MEDIUM,
    family=Family.DOC_SYNC,
    title="An agent document is missing",
    why="Three assistants read three files. One that finds none works without the project's rules, and nobody notices.",
    how_to_fix="Add the missing one of `CLAUDE.md`, `GEMINI.md` and `CODEX.md` at the root, with the content of the others.",
    patch=PatchKind.FILE,
    requires=(RepositoryFacet.AGENT_DOCUMENTS,),
    violating="=== remove GEMINI.md",
    clean="=== file NOTES.md\nNothing that an assistant needs.",
)
def agent_document_missing(subject: RepositorySubject) -> Verdicts:
    present = {document.path: document for document in subject.snapshot.agent_documents}
    for path in AGENT_DOCUMENTS:
        document = present.get(path)
        if document is None:
            yield failed(file_identity(path), f"{path} is missing")
        elif document.fault:
            yield unknown(file_identity(path), f"{path} {document.fault}")
        elif not document.words:
            yield failed(file_identity(path), f"{path} is empty")
        else:
            yield PASSED
