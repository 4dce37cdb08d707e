"""Comments of source files, told from the strings that look like one. In one pass, also over a text that closes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple


class Comment(NamedTuple):
    """`start` is where it begins in the text, with its mark."""

    start: int
    text: str


class _Language(NamedTuple):
    """`opener` finds where a comment or a string begins; `line` are marks of comments that a line's end closes."""

    opener: re.Pattern[str]
    line: tuple[str, ...]


_CLOSERS = {"/*": "*/", "<!--": "-->"}
_STRINGS = {
    mark: re.compile(inner, re.DOTALL)
    for mark, inner in {
        '"': r'"(?:[^"\\\n]|\\.)*+',
        "'": r"'(?:[^'\\\n]|\\.)*+",
        "`": r"`(?:[^`\\]|\\.)*+",
        '"""': r'"""(?:[^"\\]|\\.|"(?!""))*+',
        "'''": r"'''(?:[^'\\]|\\.|'(?!''))*+",
        "''": r"'(?:[^']|'')*+",
    }.items()
}
"""From the opening mark up to the closing one, or to where no closing one can be. `''` is a string of SQL."""

_HASH = _Language(re.compile(r"(?<!\S)#|[\"']"), ("#",))
_PYTHON = _Language(re.compile(r"#|\"\"\"|'''|[\"']"), ("#",))
_SLASH = _Language(re.compile(r"//|/\*|[\"'`]"), ("//",))
_SQL = _Language(re.compile(r"--|/\*|(?P<sql>')|\""), ("--",))
_MARKUP = _Language(re.compile(r"<!--"), ())
_MIXED = _Language(re.compile(r"<!--|//|/\*|[\"'`]"), ("//",))
_MARKDOWN = _Language(re.compile(r"^ {0,3}(?:(?P<fence>```+|~~~+)|<!--)", re.MULTILINE), ())

_BY_SUFFIX = {
    **dict.fromkeys((".py", ".pyi"), _PYTHON),
    **dict.fromkeys((".sh", ".bash", ".zsh", ".rb", ".yml", ".yaml", ".toml", ".tf", ".hcl", ".cfg", ".ini", ".conf", ".env"), _HASH),
    **dict.fromkeys(
        (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".go", ".java", ".kt", ".rs", ".swift", ".dart"), _SLASH
    ),
    **dict.fromkeys((".c", ".h", ".cc", ".cpp", ".cs", ".scala", ".groovy", ".css", ".scss", ".less", ".jsonc", ".proto", ".dart"), _SLASH),
    **dict.fromkeys((".sql", ".psql"), _SQL),
    **dict.fromkeys((".html", ".htm", ".xml", ".svg"), _MARKUP),
    **dict.fromkeys((".vue", ".svelte", ".astro"), _MIXED),
    **dict.fromkeys((".md", ".mdx", ".markdown"), _MARKDOWN),
}
_BY_NAME = {"Dockerfile": _HASH, "Containerfile": _HASH, "Makefile": _HASH, "Justfile": _HASH, "Jenkinsfile": _SLASH}


def has_comments(path: str) -> bool:
    """Whether the language of the file, by its name, is one that is read here."""
    return _language(path) is not None


def comments_in(path: str, text: str) -> Iterator[Comment]:
    """Comments in the order in which they stand; none for a language that is not known."""
    language = _language(path)
    place = 0
    hopeless: dict[str, int] = {}
    """Up to where a mark need not be tried: nothing closes it."""
    while language and (match := language.opener.search(text, place)):
        mark = _mark(match)
        if mark in language.line:
            place = _line_end(text, match.end())
            yield Comment(match.start(), text[match.start() : place])
        elif match.start() < hopeless.get(mark, 0):
            place = match.end()
        elif (end := _end(text, mark, match)) < 0:
            hopeless[mark] = _line_end(text, match.end()) if mark in "\"'" else len(text)
            place = match.end()
        else:
            place = end
            if mark in _CLOSERS:
                yield Comment(match.end() - len(mark), text[match.end() - len(mark) : end])


def _mark(match: re.Match[str]) -> str:
    named = match.groupdict()
    if named.get("sql"):
        return "''"
    return named.get("fence") or match[0].strip(" ")


def _end(text: str, mark: str, match: re.Match[str]) -> int:
    """Where what the mark opened ends; -1 when nothing closes it."""
    if mark in _CLOSERS:
        close = text.find(_CLOSERS[mark], match.end())
        return close + len(_CLOSERS[mark]) if close >= 0 else -1
    if mark not in _STRINGS:  # a fence of Markdown
        close = text.find(f"\n{mark}", match.end())
        return close + 1 + len(mark) if close >= 0 else -1
    inner = _STRINGS[mark].match(text, match.start())
    closing = "'" if mark == "''" else mark
    return inner.end() + len(closing) if inner and text.startswith(closing, inner.end()) else -1


def _line_end(text: str, place: int) -> int:
    end = text.find("\n", place)
    return len(text) if end < 0 else end


def _language(path: str) -> _Language | None:
    name = PurePosixPath(path)
    named = _BY_NAME.get(name.name) or (_HASH if name.name.startswith(("Dockerfile.", ".env")) else None)
    return named or _BY_SUFFIX.get(name.suffix.lower())
