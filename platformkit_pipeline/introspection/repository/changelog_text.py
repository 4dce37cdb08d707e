"""Read a changelog: Keep a Changelog, what conventional-changelog and changesets write, and hand-made ones alike.

Headings decide. What is in code blocks and comments is no heading and no entry. Text in, counts out: no I/O here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from platformkit_pipeline.model.repository.semantic_version import ChangeKind
from platformkit_pipeline.model.repository.versions import ChangeCount, Release

MAX_RELEASES = 5000
_LONGEST_HEADING = 300
_LONGEST_DATE = 40

_ATX = re.compile(r" {0,3}(?P<marks>#{1,6})[ \t]+(?P<text>.*?)[ \t]*#*[ \t]*\Z")
_UNDERLINE = {"=": 1, "-": 2, "~": 3, "^": 4}
_FENCE = re.compile(r" {0,3}(```|~~~)")
_LINK = re.compile(r"\[(?P<text>[^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])?")
_WORDS_BEFORE = re.compile(r"(?:version|release|ver\.?)\s+", re.IGNORECASE)
_MODULE_BEFORE = re.compile(r"@?[A-Za-z][\w./-]*?(?:@|-(?=v?\d)|/(?=v?\d)|[ \t]+)(?=v?\d+\.\d)")
_VERSION = re.compile(r"v?(?P<version>\d+(?:\.\d+)+(?:[-+.]?[0-9A-Za-z][0-9A-Za-z.+-]*)?)", re.ASCII)
_YANKED = re.compile(r"[\[(]?\byanked\b[\])]?", re.IGNORECASE)
_DATE_LIKE = re.compile(r"\d{1,4}[-/. ]\d{1,2}[-/. ]\d{1,4}|\b(?:19|20)\d\d\b")
_DATE_FIRST = re.compile(r"(?P<date>\d{4}-\d{2}-\d{2})[ \t\-–—:,|()]+(?P<rest>\S.*)")
_BETWEEN = " \t-–—:,|()[]"
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_UNRELEASED = re.compile(r"(?:unreleased|upcoming|next(?: (?:release|version))?|in development|head|main|master)\b", re.IGNORECASE)
_ITEM = re.compile(r"(?P<indent>[ \t]*)(?:[-*+]|\d{1,9}[.)])[ \t]+(?P<text>.*)")
_REFERENCE = re.compile(r" {0,3}\[[^\[\]]+\]:[ \t]*\S|\s*\.\. ")
_LINK_REFERENCE = re.compile(r" {0,3}\[(?P<label>[^\[\]]+)\]:[ \t]*\S")
_LOUD = re.compile(r"\bBREAKING(?:[ -]CHANGES?)?\b|💥")
_MARKED = re.compile(r"\W*breaking(?: changes?)?\W*[:!\])]", re.IGNORECASE)
_CONVENTIONAL = re.compile(r"\W*(?P<type>[a-z]+)(?:\([^()]*\))?(?P<bang>!)?:\s", re.ASCII)

_KINDS = {
    ChangeKind.ADDED: ("added", "additions", "feature", "features", "new", "new features", "enhancements", "minor changes", "minor"),
    ChangeKind.CHANGED: ("changed", "changes", "improvements", "improved"),
    ChangeKind.DEPRECATED: ("deprecated", "deprecations"),
    ChangeKind.REMOVED: ("removed", "removals"),
    ChangeKind.FIXED: ("fixed", "fix", "fixes", "bug fixes", "bugfixes", "bugs fixed", "performance", "performance improvements"),
    ChangeKind.SECURITY: ("security", "security fixes"),
    ChangeKind.BREAKING: ("breaking", "breaking changes", "breaking change", "backwards incompatible changes", "major changes", "major"),
}
_KIND_OF_HEADING = {name: kind for kind, names in _KINDS.items() for name in names}
_KIND_OF_TYPE = {
    **{"feat": ChangeKind.ADDED, "fix": ChangeKind.FIXED, "perf": ChangeKind.FIXED, "revert": ChangeKind.FIXED},
    **{"security": ChangeKind.SECURITY, "deprecate": ChangeKind.DEPRECATED},
}
_KIND_OF_VERB = {
    **{"add": ChangeKind.ADDED, "adds": ChangeKind.ADDED, "added": ChangeKind.ADDED, "new": ChangeKind.ADDED},
    **{"change": ChangeKind.CHANGED, "changes": ChangeKind.CHANGED, "changed": ChangeKind.CHANGED},
    **{"deprecate": ChangeKind.DEPRECATED, "deprecates": ChangeKind.DEPRECATED, "deprecated": ChangeKind.DEPRECATED},
    **{"remove": ChangeKind.REMOVED, "removes": ChangeKind.REMOVED, "removed": ChangeKind.REMOVED},
    **{"fix": ChangeKind.FIXED, "fixes": ChangeKind.FIXED, "fixed": ChangeKind.FIXED},
}
_FIRST_WORD = re.compile(r"[\W_]*([A-Za-z]+)")


Heading = tuple[int, str]
"""Level and title."""


@dataclass(slots=True)
class Section:
    """A release or the unreleased part (`version` None). `line` is that of its heading, `end` that of its last line.

    `parts` are the lines below the heading, with level and title where one is a heading itself.
    """

    version: str | None
    line: int
    level: int
    date: str | None = None
    yanked: bool = False
    end: int = 0
    parts: list[tuple[str, Heading | None]] = field(default_factory=list)


def sections_of(text: str) -> list[Section]:
    """The parts of a changelog that are about a version, in the order of the file; at most `MAX_RELEASES`."""
    found: list[Section] = []
    current: Section | None = None
    for number, line, heading in _lines(text):
        if heading is not None:
            level, title = heading
            opened = _opened(title, number, level)
            if opened is not None:
                if len(found) == MAX_RELEASES:
                    break
                found.append(opened)
                current = opened
                continue
            if current is not None and _closes(current, level, title):
                current = None  # a chapter that is about no version, such as "Older releases"
        if current is not None:
            current.parts.append((line, heading))
            current.end = number
    return found


def _closes(current: Section, level: int, title: str) -> bool:
    """standard-version puts `### Bug Fixes` below `### [1.1.1]`, so a heading as deep as the section's need not end it."""
    return level < current.level or (level == current.level <= 2 and _kind_of_heading(title) is None)


def release_of(section: Section) -> Release:
    """What is kept of a section: counts, no text."""
    iso = section.date is not None and _is_iso(section.date)
    return Release(
        version=section.version or "",
        line=section.line,
        date=section.date,
        date_is_iso=iso,
        yanked=section.yanked,
        changes=changes_of(section),
    )


def changes_of(section: Section) -> tuple[ChangeCount, ...]:
    """How many entries of each kind there are; kinds without any are left out."""
    counted: Counter[ChangeKind] = Counter()
    kind: ChangeKind | None = None
    items, paragraphs = 0, 0
    outer: int | None = None
    after_blank = True

    def close() -> None:
        if not items and paragraphs and kind is not None:
            counted[kind] += paragraphs

    for line, heading in section.parts:
        if heading is not None:
            close()
            kind, items, paragraphs, outer, after_blank = _kind_of_heading(heading[1]), 0, 0, None, True
            continue
        item = _ITEM.match(line)
        if item is not None:
            indent = len(item["indent"].expandtabs(4))
            outer = indent if outer is None else min(outer, indent)
            if indent <= outer + 1:
                items += 1
                counted[_kind_of_entry(item["text"], kind)] += 1
        elif line.strip():
            if _LOUD.search(line) and outer is not None:
                counted[ChangeKind.BREAKING] += 1
            paragraphs += after_blank and line[:1] not in (" ", "\t") and not _REFERENCE.match(line)
        after_blank = not line.strip()
    close()
    return tuple(sorted(ChangeCount(kind, count) for kind, count in counted.items()))


def _lines(text: str) -> Iterator[tuple[int, str, Heading | None]]:
    """Number, text and, for a heading, level and title of every line that counts; what comments and code hold does not."""
    lines = _without_comments(text).split("\n")
    fence: str | None = None
    skip = False
    for index, line in enumerate(lines):
        if skip:
            skip = False
            continue
        fenced = _FENCE.match(line)
        if fenced is not None and fence in (None, fenced[1]):
            fence = fenced[1] if fence is None else None
            yield index + 1, "", None
            continue
        if fence is not None:
            yield index + 1, "", None
            continue
        below = lines[index + 1] if index + 1 < len(lines) else ""
        heading = _heading(line, below)
        skip = heading is not None and not line.lstrip().startswith("#")
        yield index + 1, line, heading


def _heading(line: str, below: str) -> Heading | None:
    if len(line) > _LONGEST_HEADING:
        return None
    found = _ATX.match(line)
    if found is not None:
        return len(found["marks"]), found["text"]
    underline = below.strip()
    plain = line.strip() and not _ITEM.match(line) and line[:1] not in " \t#>|"
    if plain and len(underline) >= 3 and underline[0] in _UNDERLINE and not underline.strip(underline[0]):
        return _UNDERLINE[underline[0]], line.strip()
    return None


def _without_comments(text: str) -> str:
    """Comments give way to the line breaks that they hold, so that numbers of lines stay."""
    parts, position = [], 0
    while (start := text.find("<!--", position)) >= 0:
        end = text.find("-->", start)
        stop = len(text) if end < 0 else end + 3
        parts += [text[position:start], "\n" * text.count("\n", start, stop)]
        position = stop
    return "".join([*parts, text[position:]])


def _opened(title: str, number: int, level: int) -> Section | None:
    """The section that a heading opens; None when the heading is about no version."""
    plain = " ".join(_LINK.sub(lambda found: found["text"], title).replace("`", "").split()).strip("*_ ")
    yanked = _YANKED.search(plain) is not None
    plain = _YANKED.sub("", plain).strip()
    if _UNRELEASED.match(plain.strip("[]")):
        return Section(None, number, level, end=number)
    plain = _DATE_FIRST.sub(r"\g<rest> \g<date>", plain)
    words = _WORDS_BEFORE.match(plain)
    module = None if words else _MODULE_BEFORE.match(plain)
    before = words or module
    rest = plain[before.end() :] if before else plain
    version = _VERSION.match(rest)
    if version is None:
        return None
    behind = rest[version.end() :]
    if behind and (behind[0].isalnum() or behind[0] in "_/"):
        return None
    said = behind.strip(_BETWEEN)
    if _UNRELEASED.match(said):
        return Section(None, number, level, end=number)
    dated = _DATE_LIKE.search(said) is not None
    if not dated and (
        (module and (said or level > 2)) or (said and level > 2)
    ):  # "### 2.0 for those who come from 1.x" is a chapter, no release
        return None
    return Section(version["version"].rstrip(".-+"), number, level, _date_of(said) if dated else None, yanked, end=number)


def _date_of(said: str) -> str:
    """The ISO date in the text, else the text."""
    iso = re.search(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)", said)
    return iso[0] if iso else said[:_LONGEST_DATE]


def _is_iso(text: str) -> bool:
    if not _ISO.match(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _kind_of_heading(title: str) -> ChangeKind | None:
    """None for a heading that names no kind; entries below it may say by themselves."""
    name = " ".join(re.sub(r"[^a-z ]+", " ", title.lower()).split())
    return _KIND_OF_HEADING.get(name)


def _kind_of_entry(text: str, kind: ChangeKind | None) -> ChangeKind:
    conventional = _CONVENTIONAL.match(text)
    if _LOUD.search(text) or _MARKED.match(text) or (conventional and conventional["bang"]):
        return ChangeKind.BREAKING
    if kind is not None:
        return kind
    if conventional:
        return _KIND_OF_TYPE.get(conventional["type"], ChangeKind.OTHER)
    word = _FIRST_WORD.match(text)
    return _KIND_OF_VERB.get(word[1].lower(), ChangeKind.OTHER) if word else ChangeKind.OTHER


def notes_of(text: str, section: Section) -> str:
    """The section's text as it was written, without its heading, and with the link references that it uses."""
    lines = text.split("\n")[section.line : section.end]
    if lines and section.parts and section.parts[0][0] != lines[0] and lines[0].strip() and not lines[0].strip().strip("=-~^"):
        lines = lines[1:]  # the underline of the heading
    body = "\n".join(line for line in lines if not _REFERENCE.match(line)).strip("\n")
    references = {found["label"]: line for line in text.split("\n") if (found := _LINK_REFERENCE.match(line))}
    used = [line for label, line in references.items() if f"[{label}]" in body]
    return "\n".join([body, "", *used]) if used else body
