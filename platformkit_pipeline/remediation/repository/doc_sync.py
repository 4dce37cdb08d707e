"""Bring agent documents into line (clause 3.3): the union of their sections, and nothing guessed.

A section that all have alike stays as each has it. Where they differ, the text that most have, else the longest, is kept with
what the others add; lines that say something else in the same place stand side by side between marks, for a person to decide.
With the text of the last common state, what only one side changed is taken as changed, and what it removed as removed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from platformkit_pipeline.introspection.repository.document_drift import NAME, Part, Vocabulary, drift, pairings, tokens_of
from platformkit_pipeline.introspection.repository.markdown import FRONT_MATTER, Section
from platformkit_pipeline.model.repository.documents import AGENT_DOCUMENTS
from platformkit_pipeline.remediation.repository.section_merge import merged_lines, note, without_trailing_blanks


@dataclass(slots=True)
class _Group:
    """One section, as each document that has it says it; `base` as it was in the last common state."""

    versions: dict[str, Part]
    base: Part | None = None


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What becomes of a section: `lines` in every document, or (None) each keeps its own. Dropped ones do not appear."""

    lines: tuple[str, ...] | None


def merged_documents(texts: Mapping[str, str], base: str | None = None) -> dict[str, str]:
    """New texts by path, between which the drift is 0; the same texts where it is 0 already, so merging twice is merging once.

    `texts` are those of two or more agent documents by path, with an empty text for one that is missing; a link is left out.
    `base` is the text of any of them when they last said the same. Every line of every text is in the outcome, but for those
    that `base` shows to be out of date. Conflicts are marked in comments that begin with `doc-sync:`.
    """
    if _in_sync(texts):
        return dict(texts)
    order = sorted(texts, key=_rank)
    vocabulary = Vocabulary()
    documents = {path: vocabulary.parts(texts[path]) for path in order}
    groups = _aligned(order, documents)
    if base is not None:
        _find_base(groups, vocabulary.parts(base))
    outcomes = {index: outcome for index, group in enumerate(groups) if (outcome := _decided(group, order)) is not None}
    merged = {path: _rendered(path, documents[path], groups, outcomes) for path in order}
    if not _in_sync(merged):  # marks changed where a section begins or ends: one text for all is in line whatever it says
        merged = dict.fromkeys(order, merged[order[0]])
    return {path: merged[path] for path in texts}


def conflicts_in(text: str) -> int:
    """How many places of a merged text wait for a person."""
    return sum(line.lstrip().startswith("<!-- doc-sync: conflict") for line in text.split("\n"))


def _in_sync(texts: Mapping[str, str]) -> bool:
    return all(drift(texts[a], texts[b]) == 0.0 for a, b in combinations(texts, 2))


def _rank(path: str) -> tuple[int, str]:
    return (AGENT_DOCUMENTS.index(path) if path in AGENT_DOCUMENTS else len(AGENT_DOCUMENTS), path)


def _aligned(order: Sequence[str], documents: Mapping[str, list[Part]]) -> list[_Group]:
    """The sections of all documents, in the order of the first; what another adds comes after what it follows there."""
    groups: list[_Group] = []
    for path in order:
        representatives = [next(iter(group.versions.values())) for group in groups]
        known = {id(part): group for part, group in zip(representatives, groups, strict=True)}
        home: dict[int, _Group] = {}
        for pairing in pairings(representatives, documents[path]):
            if pairing.first is not None and pairing.second is not None:
                home[id(pairing.second)] = known[id(pairing.first)]
        # Values at the top of a document are values there only: nothing comes before them.
        place = int(bool(representatives) and representatives[0].section.heading == FRONT_MATTER)
        for part in documents[path]:
            group = home.get(id(part))
            if group is None:
                group = _Group({path: part})
                groups.insert(place, group)
            else:
                group.versions[path] = part
            place = next(i for i, other in enumerate(groups) if other is group) + 1
    return groups


def _find_base(groups: Sequence[_Group], base: Sequence[Part]) -> None:
    representatives = [next(iter(group.versions.values())) for group in groups]
    known = {id(part): group for part, group in zip(representatives, groups, strict=True)}
    for pairing in pairings(representatives, base):
        if pairing.first is not None and pairing.second is not None:
            known[id(pairing.first)].base = pairing.second


def _decided(group: _Group, order: Sequence[str]) -> _Outcome | None:
    """None where the section is to go."""
    absent = [path for path in order if path not in group.versions]
    changed = dict(group.versions)
    if group.base is not None:
        changed = {path: part for path, part in group.versions.items() if not _same(part, group.base)}
        if absent and not changed:
            return None
    removed = absent if group.base is not None and changed else []
    versions = changed or group.versions
    if not removed and not absent and len(versions) == len(order) and _all_same(group.versions):
        return _Outcome(None)
    chosen = _most_said(versions)
    lines = without_trailing_blanks(versions[chosen].section.lines)
    others = {path: part for path, part in versions.items() if not _same(part, versions[chosen])}
    if others:
        lines = _joined(chosen, versions, others)
    if removed:
        lines = (*lines, "", note(f"conflict: {' and '.join(removed)} no longer has this section, which {' and '.join(changed)} changed"))
    return _Outcome(lines)


def _joined(chosen: str, versions: Mapping[str, Part], others: Mapping[str, Part]) -> tuple[str, ...]:
    main = versions[chosen]
    speakers = [path for path, part in versions.items() if _same(part, main)]
    lines = list(main.section.lines[: main.section.heading_lines])
    names: dict[str, list[str]] = {}
    for path, part in others.items():
        if tokens_of(part.section.heading) != tokens_of(main.section.heading):
            names.setdefault(part.section.heading, []).append(path)
    lines += [note(f'conflict: {" and ".join(paths)} calls this "{heading}"') for heading, paths in names.items()]
    is_values = main.section.heading == FRONT_MATTER
    body = merged_lines(main.section.body, speakers, {path: part.section.body for path, part in others.items()}, commented=not is_values)
    return (*lines, *body)


def _most_said(versions: Mapping[str, Part]) -> str:
    """The document whose text most have; of several, the one with the longest; of several, the first."""
    counts = Counter(part.tokens for part in versions.values())
    return max(versions, key=lambda path: (counts[versions[path].tokens], len(versions[path].tokens), _length(versions[path].section)))


def _length(section: Section) -> int:
    return sum(len(line.strip()) for line in section.lines)


def _same(one: Part, other: Part) -> bool:
    return one.tokens == other.tokens and one.title == other.title


def _all_same(versions: Mapping[str, Part]) -> bool:
    first, *rest = versions.values()
    return all(_same(first, part) for part in rest)


def _rendered(path: str, own: Sequence[Part], groups: Sequence[_Group], outcomes: Mapping[int, _Outcome]) -> str:
    """The document with its sections in its own order, and the others' after what they follow."""
    position = {id(group.versions[path]): index for index, group in enumerate(groups) if path in group.versions}
    sequence = [position[id(part)] for part in own if position[id(part)] in outcomes]
    present = set(sequence)
    before: int | None = None
    for index in sorted(outcomes):
        if index not in present:
            sequence.insert(0 if before is None else sequence.index(before) + 1, index)
        before = index
    neighbours = {(position[id(one)], position[id(other)]) for one, other in pairwise(own)}
    lines: list[str] = []
    previous: int | None = None
    for index in sequence:
        wanted = outcomes[index].lines
        section = groups[index].versions[path].section.lines if wanted is None else _in_own_words(wanted, groups[index].versions.get(path))
        as_it_was = wanted is None and previous is not None and outcomes[previous].lines is None and (previous, index) in neighbours
        if lines and lines[-1].strip() and not as_it_was:
            lines.append("")
        lines += section
        previous = index
    return "\n".join(without_trailing_blanks(lines)) + "\n"


def _in_own_words(lines: Sequence[str], own: Part | None) -> Sequence[str]:
    """Lines that name an assistant, as the document itself has them."""
    if own is None:
        return lines
    said = {tuple(tokens_of(line)): line for line in reversed(own.section.lines)}
    return [said.get(tuple(key), line) if NAME in (key := tokens_of(line)) else line for line in lines]
