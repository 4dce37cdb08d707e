"""TOML and JSON of strangers, as plain mappings."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

from platformkit_pipeline.introspection.repository.files import Files, UnreadableError

# What has no end goes to the end of the line or text: looking for it again from every beginning would take for ever.
_COMMENT = re.compile(r'("(?:[^"\\\n]|\\.)*+"?)|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)
_TRAILING_COMMA = re.compile(r'("(?:[^"\\\n]|\\.)*+"?)|,(?=\s*[}\]])')


def read_toml(files: Files, path: str) -> dict[str, Any]:
    """The document. Raises UnreadableError, also for text that is no TOML."""
    try:
        return tomllib.loads(files.text(path))
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"is no TOML that can be read: {_said(error)}") from None


def read_json(files: Files, path: str, *, comments: bool = False) -> dict[str, Any]:
    """The document, which must be an object; with `comments` in the dialect that Deno and TypeScript read. Raises UnreadableError."""
    text = files.text(path)
    if comments:
        text = _TRAILING_COMMA.sub(lambda m: m[1] or "", _COMMENT.sub(lambda m: m[1] or " ", text))
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"is no JSON that can be read: {_said(error)}") from None
    if not isinstance(document, dict):
        raise UnreadableError("holds no JSON object")
    return document


def part(document: Any, *keys: str) -> Any:
    """What lies below the keys; None where one of them is missing, or leads through something that is no mapping."""
    for key in keys:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document


def strings(value: Any) -> tuple[str, ...]:
    """The texts of a list, or the keys of a mapping; nothing for anything else."""
    if isinstance(value, (list, dict)):
        return tuple(item for item in value if isinstance(item, str))
    return ()


def line_of(text: str, *patterns: str) -> int:
    """Number of the first line in which the first pattern that is found at all is found; 1 when none is."""
    for pattern in patterns:
        found = re.search(pattern, text, re.MULTILINE)
        if found:
            return text.count("\n", 0, found.start()) + 1
    return 1


def _said(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())[:150]
