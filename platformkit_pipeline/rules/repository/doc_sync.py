"""Agent documents say the same (clause 3.3)."""

from __future__ import annotations

import math

from platformkit_pipeline.model.repository.documents import AGENT_DOCUMENTS, AgentDocumentPair, SectionDrift
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


MAX_DRIFT = 0.1
"""Of clause 3.3: what two agent documents may differ by."""
_NAMED = 3
"""So many sections are named in a message; the evidence has more of them."""


@repository_rule(
    "DOC002",
    "agent-documents-drift",
    clause="3.3",
    severity=Severity.HIGH,
    family=Family.DOC_SYNC,
    title="Two agent documents differ by more than 10 %",
    why="A rule that only one assistant knows is broken by the other two. "
    "The difference is counted in words, section by section: one that moved, and the assistants' own names, are none.",
    how_to_fix="Bring the sections that are named here into line, or take the merge that the patch proposes and decide what it marks.",
    patch=PatchKind.FILE,
    requires=(RepositoryFacet.AGENT_DOCUMENTS,),
    violating="""
=== file CODEX.md
# Working on shop

## Build

Run whatever you like before you commit, and push it to production afterwards.
""",
    clean="""
=== file CODEX.md
# Working on shop

## Style

Log through structlog, never with print.

## Data

Every table has row level security, and a policy that compares the tenant.

## Build

Run `make check` before you commit.
""",
)
def agent_documents_drift(subject: RepositorySubject) -> Verdicts:
    for document in subject.snapshot.agent_documents:
        if document.fault:
            yield unknown(file_identity(document.path), f"{document.path} {document.fault}")
    for pair in subject.snapshot.agent_document_pairs:
        if pair.drift <= MAX_DRIFT:
            yield PASSED
            continue
        percent = math.ceil(pair.drift * 1000) / 10
        yield failed(
            file_identity(pair.second, compared_with=pair.first),
            f"{pair.first} and {pair.second} differ by {percent:g} %: {_sections(pair)}",
            drift_percent=percent,
            differing_sections=pair.differing,
            sections=[_section(section) for section in pair.sections],
        )


def _sections(pair: AgentDocumentPair) -> str:
    named = "; ".join(_told(section) for section in pair.sections[:_NAMED])
    more = pair.differing - min(_NAMED, len(pair.sections))
    return f"{named}; and {more} more" if more else named


def _told(section: SectionDrift) -> str:
    name = f'"{section.heading}"' if section.heading else "what comes before the first heading"
    if section.only_in:
        return f"{name} is only in {section.only_in}"
    renamed = f', called "{section.other_heading}" in the other,' if section.other_heading is not None else ""
    return f"{name}{renamed} is the same by {math.floor(section.similarity * 100)} %"


def _section(section: SectionDrift) -> dict[str, str | float]:
    told: dict[str, str | float] = {"heading": section.heading, "similarity": section.similarity}
    if section.other_heading is not None:
        told["other_heading"] = section.other_heading
    if section.only_in:
        told["only_in"] = section.only_in
    return told
