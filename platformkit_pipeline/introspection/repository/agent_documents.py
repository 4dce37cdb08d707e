"""The agent documents of clause 3.3, measured, and compared in pairs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from posixpath import normpath

from platformkit_pipeline.introspection.repository.document_drift import (
    MAX_TOKENS,
    Pairing,
    Part,
    Vocabulary,
    drift_of,
    pairings,
    tokens_of,
)
from platformkit_pipeline.introspection.repository.files import Files, UnreadableError
from platformkit_pipeline.introspection.repository.markdown import sections_of
from platformkit_pipeline.model.repository.documents import AGENT_DOCUMENTS, AgentDocument, AgentDocumentPair, SectionDrift
from platformkit_pipeline.model.repository.tree import SYMBOLIC_LINK

MAX_HEADINGS = 5_000
MAX_SECTIONS = 50
"""How many differing sections are kept of a pair."""
_LONGEST_HEADING = 100
_LONGEST_WORD = 24


def observe_agent_documents(files: Files) -> tuple[AgentDocument, ...]:
    """Those that are there, whether they can be read or not."""
    return tuple(_measured(files, path) for path in sorted(AGENT_DOCUMENTS) if path in files)


def observe_agent_document_pairs(files: Files) -> tuple[AgentDocumentPair, ...]:
    """Every two documents that can be read, compared. A link to one of the three says what that one says."""
    vocabulary = Vocabulary()
    sources = {}
    for document in observe_agent_documents(files):
        if document.fault is None:
            sources[document.path] = document.link_to or document.path
    parts = {source: vocabulary.parts(files.text(source)) for source in sorted(set(sources.values()))}
    return tuple(_compared(a, b, parts[sources[a]], parts[sources[b]]) for a, b in combinations(sorted(sources), 2))


def _measured(files: Files, path: str) -> AgentDocument:
    try:
        source = _source(files, path)
        text = files.text(source)
        sections = sections_of(text)
    except UnreadableError as error:
        return AgentDocument(path, fault=str(error))
    if len(sections) > MAX_HEADINGS:
        return AgentDocument(path, fault=f"cannot be compared: it has {len(sections)} headings, and {MAX_HEADINGS} are compared at most")
    tokens = sum(len(tokens_of("\n".join(section.lines))) for section in sections)
    if tokens > MAX_TOKENS:
        return AgentDocument(path, fault=f"is too long to be compared: {tokens} words and signs, and {MAX_TOKENS} are compared at most")
    return AgentDocument(path, words=len(text.split()), link_to=source if source != path else None)


def _source(files: Files, path: str) -> str:
    """Where the text of a document is: itself, or the one of the three that it links to. Raises UnreadableError."""
    current = path
    for _ in AGENT_DOCUMENTS:
        entry = files.get(current)
        if entry is None or entry.mode != SYMBOLIC_LINK:
            return current
        target = normpath(files.link(current))
        if target not in AGENT_DOCUMENTS:
            raise UnreadableError(f"is a symbolic link to something else than {', '.join(AGENT_DOCUMENTS)}, which is not followed")
        if target not in files:
            raise UnreadableError(f"is a symbolic link to {target}, which is missing")
        current = target
    raise UnreadableError("is a symbolic link that leads back to itself")


def _compared(first: str, second: str, one: list[Part], other: list[Part]) -> AgentDocumentPair:
    paired = pairings(one, other)
    differing = sorted(_differing(first, second, paired), key=lambda s: (-(1 - s.similarity) * s.words, s.heading, s.only_in or ""))
    return AgentDocumentPair(first, second, round(drift_of(paired), 6), tuple(differing[:MAX_SECTIONS]), len(differing))


def _differing(first: str, second: str, paired: list[Pairing]) -> Iterator[SectionDrift]:
    for pairing in paired:
        part = pairing.first or pairing.second
        if part is None or not pairing.weight or pairing.similarity == 1.0:
            continue
        only_in = second if pairing.first is None else first if pairing.second is None else None
        renamed = pairing.first is not None and pairing.second is not None and pairing.first.title != pairing.second.title
        yield SectionDrift(
            heading=shown(part.section.heading),
            similarity=round(pairing.similarity, 6),
            words=pairing.weight,
            only_in=only_in,
            other_heading=shown(pairing.second.section.heading) if renamed and pairing.second else None,
        )


def shown(heading: str) -> str:
    """A heading for a report: short, and without anything that is no word, for it could be a secret."""
    words = " ".join(word if len(word) <= _LONGEST_WORD else "[…]" for word in heading.split())
    return words if len(words) <= _LONGEST_HEADING else words[: _LONGEST_HEADING - 1] + "…"
