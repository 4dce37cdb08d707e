"""Markdown by sections, as far as governance documents need it: headings, and what is code or a comment and so is none.

Reads in one pass whatever it is given, and keeps every character: the lines of all sections, joined, are the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice

FRONT_MATTER = "(front matter)"
"""Stands for a heading where a document begins with values between `---` lines."""

MAX_HEADINGS = 20_000
"""What follows the last one of these is its text, headings or not."""

_ATX = re.compile(r" {0,3}(?P<marks>#{1,6})(?=[ \t]|$)(?P<title>.*)")
_SETEXT = re.compile(r" {0,3}(?P<mark>=+|-+)[ \t]*")
_ITEM = r"[-*+]|[0-9]{1,9}[.)]"
_FENCE = re.compile(rf"[ \t]*(?:(?:{_ITEM})[ \t]+)*(?P<fence>`{{3,}}|~{{3,}})(?P<info>.*)")
_NO_PARAGRAPH = re.compile(rf" {{4}}|\t| {{0,3}}(?:[>|<]|(?:{_ITEM})(?:[ \t]|$)|(?:[-*_][ \t]*){{3,}}$)")
_COMMENT = re.compile(r" {0,3}<!--")


class LineKind(Enum):
    """What a line is, apart from headings."""

    TEXT = auto()
    CODE = auto()
    """In a fenced block, its fences included."""
    COMMENT = auto()


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what follows it up to the next one. `level` is 0 for what comes before the first."""

    heading: str
    level: int
    lines: tuple[str, ...]
    heading_lines: int
    first_line: int
    """Number of the first line, from 1."""

    @property
    def body(self) -> tuple[str, ...]:
        return self.lines[self.heading_lines :]


def sections_of(text: str) -> list[Section]:
    """The sections in order. A text without any heading is one section of level 0; an empty one has none."""
    lines = text.split("\n")
    starts: list[tuple[int, int, int, str]] = []  # first line, lines of the heading, level, title
    begin = _front_matter(lines)
    if begin:
        starts.append((0, 0, 0, FRONT_MATTER))
    if begin < len(lines):
        starts.append((begin, 0, 0, ""))
    starts += islice(_headings(lines, begin), MAX_HEADINGS)
    ends = [start[0] for start in starts[1:]] + [len(lines)]
    sections = [
        Section(title, level, tuple(lines[first:end]), count, first + 1)
        for (first, count, level, title), end in zip(starts, ends, strict=True)
        if end > first
    ]
    return [] if text == "" else sections


def kinds_of(lines: Iterable[str]) -> Iterator[LineKind]:
    """One kind per line. A fence or comment that nobody closes lasts to the end."""
    fence: str | None = None
    in_comment = False
    for line in lines:
        if fence is not None:
            yield LineKind.CODE
            if _closes(line, fence):
                fence = None
        elif in_comment or _COMMENT.match(line):
            yield LineKind.COMMENT
            in_comment = "-->" not in (line if in_comment else line.partition("<!--")[2])
        elif match := _opening(line):
            fence = match
            yield LineKind.CODE
        else:
            yield LineKind.TEXT


def _title(text: str) -> str:
    """Without the signs that a heading may end with."""
    stripped = text.strip()
    shorter = stripped.rstrip("#")
    return shorter.rstrip() if not shorter or shorter[-1] in " \t" else stripped


def _opening(line: str) -> str | None:
    match = _FENCE.match(line)
    if match is None or (match["fence"][0] == "`" and "`" in match["info"]):
        return None
    return match["fence"]


def _closes(line: str, fence: str) -> bool:
    stripped = line.strip()
    return len(stripped) >= len(fence) and stripped == fence[0] * len(stripped)


def closing_fence(lines: Iterable[str]) -> str | None:
    """What is missing at the end for a fence or comment that nobody closed; None when nothing is."""
    fence: str | None = None
    last = ""
    kinds = []
    for line, kind in _with_kinds(lines):
        kinds.append(kind)
        last = line
        if kind is not LineKind.CODE or (fence is not None and _closes(line, fence)):
            fence = None
        elif fence is None:
            fence = _opening(line)
    if fence is not None:
        return fence
    return "-->" if kinds and kinds[-1] is LineKind.COMMENT and "-->" not in last else None


def _with_kinds(lines: Iterable[str]) -> Iterator[tuple[str, LineKind]]:
    kept = list(lines)
    return zip(kept, kinds_of(kept), strict=True)


def _front_matter(lines: list[str]) -> int:
    """How many lines of values a document begins with, their `---` included."""
    if lines[0].rstrip() != "---":
        return 0
    return next((number + 1 for number, line in enumerate(lines[1:], 1) if line.rstrip() in ("---", "...")), 0)


def _headings(lines: list[str], begin: int) -> Iterator[tuple[int, int, int, str]]:
    paragraph: int | None = None  # where the paragraph that a line could belong to begins
    open_for_one = True  # a blank line or a heading came before
    for number, (line, kind) in enumerate(_with_kinds(lines[begin:]), begin):
        if kind is not LineKind.TEXT or not line.strip():
            paragraph, open_for_one = None, True
        elif match := _ATX.fullmatch(line):
            yield number, 1, len(match["marks"]), _title(match["title"])
            paragraph, open_for_one = None, True
        elif paragraph is not None and (mark := _SETEXT.fullmatch(line)):
            title = " ".join(part.strip() for part in lines[paragraph:number])
            yield paragraph, number - paragraph + 1, 1 if mark["mark"].startswith("=") else 2, title
            paragraph, open_for_one = None, True
        elif paragraph is None:
            paragraph = number if open_for_one and not _NO_PARAGRAPH.match(line) else None
            open_for_one = False
        elif _NO_PARAGRAPH.match(line) and not line.startswith((" ", "\t")):
            paragraph, open_for_one = None, False
