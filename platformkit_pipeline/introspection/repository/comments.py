"""Comments of source files, told from the strings that look like one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple


class Comment(NamedTuple):
    """`start` is where it begins in the text, with its mark."""

    start: int
    text: str


_STRINGS = r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
_HASH = re.compile(rf"(?P<comment>(?<!\S)#[^\n]*)|{_STRINGS}")
_PYTHON = re.compile(rf"(?P<comment>#[^\n]*)|\"\"\"(?:\\.|[^\\])*?\"\"\"|'''(?:\\.|[^\\])*?'''|{_STRINGS}", re.DOTALL)
_SLASH = re.compile(rf"(?P<comment>//[^\n]*|/\*.*?\*/)|{_STRINGS}|`(?:\\.|[^`\\])*`", re.DOTALL)
_SQL = re.compile(r"(?P<comment>--[^\n]*|/\*.*?\*/)|'[^']*'|\"[^\"]*\"", re.DOTALL)
_MARKUP = re.compile(r"(?P<comment><!--.*?-->)", re.DOTALL)
_MIXED = re.compile(rf"(?P<comment><!--.*?-->|//[^\n]*|/\*.*?\*/)|{_STRINGS}|`(?:\\.|[^`\\])*`", re.DOTALL)
_MARKDOWN = re.compile(r"^ {0,3}(?P<fence>```+|~~~+).*?^ {0,3}(?P=fence)|^ {0,3}(?P<comment><!--.*?-->)", re.DOTALL | re.MULTILINE)

_BY_SUFFIX = {
    **dict.fromkeys((".py", ".pyi"), _PYTHON),
    **dict.fromkeys(
        (".sh", ".bash", ".zsh", ".rb", ".yml", ".yaml", ".toml", ".tf", ".hcl", ".cfg", ".ini", ".conf", ".env", ".pl", ".r"), _HASH
    ),
    **dict.fromkeys(
        (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".go", ".java", ".kt", ".rs", ".swift", ".dart"), _SLASH
    ),
    **dict.fromkeys(
        (".c", ".h", ".cc", ".cpp", ".cs", ".scala", ".groovy", ".css", ".scss", ".less", ".jsonc", ".json5", ".proto"), _SLASH
    ),
    **dict.fromkeys((".sql", ".psql"), _SQL),
    **dict.fromkeys((".html", ".htm", ".xml", ".svg"), _MARKUP),
    **dict.fromkeys((".vue", ".svelte", ".astro"), _MIXED),
    **dict.fromkeys((".md", ".mdx", ".markdown"), _MARKDOWN),
}
_BY_NAME = {"Dockerfile": _HASH, "Containerfile": _HASH, "Makefile": _HASH, "Justfile": _HASH, "Jenkinsfile": _SLASH}


def has_comments(path: str) -> bool:
    """Whether the language of the file, by its name, is one that is read here."""
    return _pattern(path) is not None


def comments_in(path: str, text: str) -> Iterator[Comment]:
    """Comments in the order in which they stand; none for a language that is not known."""
    pattern = _pattern(path)
    for match in pattern.finditer(text) if pattern else ():
        if match["comment"] is not None:
            yield Comment(match.start("comment"), match["comment"])


def _pattern(path: str) -> re.Pattern[str] | None:
    name = PurePosixPath(path)
    named = _BY_NAME.get(name.name) or (_HASH if name.name.startswith(("Dockerfile.", ".env")) else None)
    return named or _BY_SUFFIX.get(name.suffix.lower())
