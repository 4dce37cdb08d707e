"""How far two documents differ, section by section (clause 3.3): a figure between 0 and 1.

Sections are paired by heading, wherever they stand: a moved section is no drift. A heading that changed is found by
what stands below it. The figure is the share of words that one document has and the other does not, in pairs.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rapidfuzz.distance import Indel

from platformkit_pipeline.introspection.repository.markdown import Section, sections_of

MAX_TOKENS = 50_000
"""Words and signs of a document that is compared; comparing takes time that grows with their square."""
RENAMED = 0.6
"""Sections with other headings are the same one when they are this similar."""
_MAX_CANDIDATES = 250_000
_TOKEN = re.compile(r"\w+|[^\w\s]")
_ASSISTANT = re.compile(
    r"\b(?:(?:anthropic(?:['’]s)?|google(?:['’]s)?|openai(?:['’]s)?)\s+)?"
    r"(?:(?:claude|gemini|codex)\.md|claude(?:\s+code)?|gemini(?:\s+code\s+assist|\s+cli)?|codex(?:\s+cli)?)\b",
    re.IGNORECASE,
)
NAME = "\ue000"
"""Stands for the name of whichever assistant is addressed."""


@dataclass(frozen=True, slots=True)
class Part:
    """A section of a document with its words as numbers that two documents share."""

    section: Section
    title: str
    """The heading without what may differ."""
    tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pairing:
    """A section and its counterpart; one of them is None where only one document has it. `similarity` is 0 then."""

    first: Part | None
    second: Part | None
    similarity: float

    @property
    def weight(self) -> int:
        return sum(len(part.tokens) for part in (self.first, self.second) if part)


@dataclass(slots=True)
class Vocabulary:
    """Numbers for words, in the order in which they were met."""

    numbers: dict[str, int] = field(default_factory=dict)

    def parts(self, text: str) -> list[Part]:
        """The sections of a document."""
        return [self.part(section) for section in sections_of(text)]

    def part(self, section: Section) -> Part:
        words = tokens_of("\n".join((section.heading, *section.body)))
        numbers = tuple(self.numbers.setdefault(word, len(self.numbers)) for word in words)
        return Part(section, " ".join(tokens_of(section.heading)).casefold(), numbers)


def tokens_of(text: str) -> list[str]:
    """Words and signs, with every assistant's name as the same one."""
    return _TOKEN.findall(_ASSISTANT.sub(NAME, unicodedata.normalize("NFC", text)))


def drift(first: str, second: str) -> float:
    """0 for documents that say the same, 1 for such that have nothing in common; the same whichever comes first."""
    vocabulary = Vocabulary()
    return drift_of(pairings(vocabulary.parts(first), vocabulary.parts(second)))


def drift_of(paired: Sequence[Pairing]) -> float:
    """The figure for all sections together, each by its number of words."""
    total = sum(pairing.weight for pairing in paired)
    return sum((1.0 - pairing.similarity) * pairing.weight for pairing in paired) / total if total else 0.0


def pairings(first: Sequence[Part], second: Sequence[Part]) -> list[Pairing]:
    """Every section once: those of `first` in their order, then those that only `second` has.

    Symmetric but for order: which sections belong together is found with the documents in an order of their own.
    """
    if [part.section.lines for part in second] < [part.section.lines for part in first]:
        partner = {i: j for j, i in _partners(second, first).items()}
    else:
        partner = _partners(first, second)
    paired = [_paired(part, second[partner[i]] if i in partner else None) for i, part in enumerate(first)]
    taken = set(partner.values())
    return paired + [_paired(None, part) for j, part in enumerate(second) if j not in taken]


def _paired(first: Part | None, second: Part | None) -> Pairing:
    if first is None or second is None:
        return Pairing(first, second, 0.0)
    return Pairing(first, second, float(Indel.normalized_similarity(first.tokens, second.tokens)))


def _partners(first: Sequence[Part], second: Sequence[Part]) -> dict[int, int]:
    """Index in `first` → index in `second`: the same section, else one of the same heading, else one that is alike."""
    found: dict[int, int] = {}
    free_first, free_second = dict(enumerate(first)), dict(enumerate(second))
    for key in (lambda part: (part.title, part.tokens), lambda part: part.title):
        waiting = defaultdict(list)
        for j in reversed(free_second):
            waiting[key(second[j])].append(j)
        for i in list(free_first):
            if same := waiting[key(first[i])]:
                found[i] = same.pop()
                del free_first[i], free_second[found[i]]
    for similarity_free in sorted(_alike(free_first, free_second)):
        _, i, j = similarity_free
        if i in free_first and j in free_second:
            found[i] = j
            del free_first[i], free_second[j]
    return found


def _alike(first: dict[int, Part], second: dict[int, Part]) -> Iterator[tuple[float, int, int]]:
    """Candidates for a changed heading, the most similar ones first when sorted. None where there are too many to try."""
    if len(first) * len(second) > _MAX_CANDIDATES:
        return
    for i, one in first.items():
        for j, other in second.items():
            short, long = sorted((len(one.tokens), len(other.tokens)))
            if 2 * short < RENAMED * (short + long):
                continue
            similarity = Indel.normalized_similarity(one.tokens, other.tokens, score_cutoff=RENAMED)
            if similarity >= RENAMED:
                yield -similarity, i, j
