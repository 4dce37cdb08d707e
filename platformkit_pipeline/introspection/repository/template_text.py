"""Tell what somebody wrote from what a template left to be filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from platformkit_pipeline.introspection.repository.markdown import FRONT_MATTER, LineKind, kinds_of, sections_of

_WORD = re.compile(r"[^\W_][\w'’.-]*")
_CODE_SPAN = re.compile(r"`[^`\n]{1,500}`")
_INLINE_COMMENT = re.compile(r"<!--.*?-->")
_BRACKETED = re.compile(r"(?<![\]\w!\\])\[(?P<inner>[^\[\]\n]{2,300})\](?![(\[:])")
_NAMES = "NAME|PROJECT|FEATURE|TITLE|DATE|DESCRIPTION|PRINCIPLE|VERSION|OWNER|AUTHOR|SECTION|RULES?|CONTENT|TEAM|COMPANY|PRODUCT|BRANCH"
_TOKEN_OF_A_TEMPLATE = re.compile(rf"[A-Z0-9#]+(?:_[A-Z0-9#]+)+|(?:[A-Z0-9#]+[ -])*(?:{_NAMES})(?:[ -][A-Z0-9#]+)*|#{{3,}}[\w#-]*")
_INSTRUCTION = re.compile(
    r"(?:e\.g\.|eg:|i\.e\.|NEEDS CLARIFICATION|TODO|TBD|(?:describe|insert|brief|your|enter|fill in|replace|explain|extract|document the|"
    r"list (?:the|your|of)|link to|specific|add (?:more|your|a|the)|gates determined|what |how |why |who |when |placeholder)\b)",
    re.IGNORECASE,
)
_ANGLED = re.compile(r"<(?:your|insert|describe|enter|fill|name of|placeholder|todo|tbd|yyyy-mm-dd)\b[^<>\n]{0,200}>", re.IGNORECASE)
_MUSTACHE = re.compile(r"\{\{[^{}\n]{0,200}\}\}")
_LOREM = re.compile(r"\blorem\s+ipsum\b", re.IGNORECASE)
_ARGUMENTS = re.compile(r"\$ARGUMENTS\b")
_OPEN = re.compile(
    r"(?:^[\s>*+#\d.()\[\]x~|-]*|:\**\s*|\|\s*|[(\[]\s*)"
    r"(?:\*\*|__)?(?:TODO|TBD|TBA|FIXME|XXX|to be (?:defined|determined|written|done))\b",
    re.IGNORECASE,
)
_BLANK = re.compile(r"(?:\W|\b(?:tbd|tba|todo|n/?a|none|unknown|pending|name|date|yyyy(?:-mm-dd)?|mm|dd|not yet|xxx)\b)*", re.IGNORECASE)
_FIELD = re.compile(r"<(?![^<>\n]*(?:://|@))[^<>\n]{1,300}>|^\W*\[[^\[\]\n]{1,300}\][.\s]*$")
"""What a form has in place of a value."""
_LONGEST_LINE = 20_000
"""What is looked at of a line."""


@dataclass(frozen=True, slots=True)
class Written:
    """Measures of a text. `placeholders` are certain; `template_lines` hold one, or begin with a mark such as TODO."""

    words: int = 0
    """Without headings, comments, placeholders and values at the top."""
    lines: int = 0
    template_lines: int = 0
    placeholders: int = 0
    first_line: int | None = None
    """Of the template, from 1."""


def measured(text: str) -> Written:
    """What there is of content, and of the template that it was made from. Instructions in comments are neither."""
    words = lines = template_lines = placeholders = 0
    first_line = None
    for number, line, is_heading, is_code in _content(text):
        found, is_open, rest = (0, False, line) if is_code else _examined(line)
        if not rest.strip() and not found:
            continue
        lines += 1
        words += 0 if is_heading else len(_WORD.findall(rest))
        placeholders += found
        if found or is_open:
            template_lines += 1
            first_line = first_line or number
    return Written(words, lines, template_lines, placeholders, first_line)


def is_written(text: str) -> bool:
    """Whether a field of a form was filled in, and not with a placeholder or a word that stands for nothing."""
    return any(not _BLANK.fullmatch(_FIELD.sub(" ", _examined(line[:1000])[2])) for line in without_comments(text).split("\n"))


def without_comments(text: str) -> str:
    """The text with as many lines, and nothing in those of comments."""
    lines = text.split("\n")
    shown = (_INLINE_COMMENT.sub("", line) if kind is not LineKind.CODE else line for line, kind in _shown(lines))
    return "\n".join(shown)


def _shown(lines: list[str]) -> Iterator[tuple[str, LineKind]]:
    for line, kind in zip(lines, kinds_of(lines), strict=True):
        yield (
            ("" if kind is LineKind.COMMENT and "-->" not in line else line.rpartition("-->")[2] if kind is LineKind.COMMENT else line),
            kind,
        )


def _content(text: str) -> Iterator[tuple[int, str, bool, bool]]:
    """Number, line, whether it belongs to a heading and whether it is code."""
    for section in sections_of(text):
        if section.heading == FRONT_MATTER:
            continue
        for offset, (line, kind) in enumerate(_shown(list(section.lines))):
            number = section.first_line + offset
            yield number, line[:_LONGEST_LINE], offset < section.heading_lines, kind is LineKind.CODE


def _examined(line: str) -> tuple[int, bool, str]:
    """How many placeholders a line holds, whether it begins with a mark of something open, and what is left of it."""
    found = 0

    def gone(match: re.Match[str]) -> str:
        nonlocal found
        inner = match.groupdict().get("inner")
        if inner is not None and not (_TOKEN_OF_A_TEMPLATE.fullmatch(inner.strip()) or _INSTRUCTION.match(inner.strip())):
            return match[0]
        found += 1
        return " "

    rest = _INLINE_COMMENT.sub("", line)
    prose = _CODE_SPAN.sub(lambda match: " " * len(match[0]), rest)
    left = prose
    for pattern in (_BRACKETED, _ANGLED, _MUSTACHE, _LOREM, _ARGUMENTS):
        left = pattern.sub(gone, left)
    is_open = bool(_OPEN.search(prose))
    if left == prose:
        return found, is_open, _OPEN.sub(" ", rest) if is_open else rest
    return found, is_open, left
