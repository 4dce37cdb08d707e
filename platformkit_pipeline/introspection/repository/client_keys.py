"""Names of keys that bypass row level security, where code reaches a browser (clause 2.4). Values are found elsewhere."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from platformkit_pipeline.introspection.repository.comments import comments_in, has_comments
from platformkit_pipeline.introspection.repository.files import Files, UnreadableError
from platformkit_pipeline.model.repository.secrets import ClientKey

_KEY = r"(?:SERVICE_?ROLE|SERVICE_KEY|SB_SECRET|SUPABASE_SECRET|SUPABASE_ADMIN)\w{0,60}"
_TELLING = re.compile(rb"SERVICE_?ROLE|SERVICE_KEY|SB_SECRET|SUPABASE_SECRET|SUPABASE_ADMIN")
_NAME = re.compile(rf"\b(?P<public>(?:NEXT_PUBLIC|VITE|EXPO_PUBLIC|REACT_APP|NUXT_PUBLIC|GATSBY|PUBLIC)_)?(?:\w{{1,60}}_)?{_KEY}", re.ASCII)
_CLIENT = re.compile(rb"\A(?:\xef\xbb\xbf)?(?:\s|//[^\n]*\n|/\*.*?\*/)*[\"']use client[\"']", re.DOTALL)
_SOURCES = frozenset({".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte", ".astro", ".html"})
_SETTINGS = frozenset({".env", ".yml", ".yaml", ".toml", ".json", ".sh"})


def observe_client_keys(files: Files) -> tuple[ClientKey, ...]:
    """One per file and name, at its first line. A name without a public prefix counts only in sources."""
    found: dict[tuple[str, str], ClientKey] = {}
    for entry in files.entries:
        path = PurePosixPath(entry.path)
        is_source = path.suffix.lower() in _SOURCES
        if not entry.is_regular or not (is_source or path.suffix.lower() in _SETTINGS or path.name.startswith((".env", "Dockerfile"))):
            continue
        try:
            data = files.data(entry.path)
        except UnreadableError:
            continue
        if not _TELLING.search(data):
            continue
        says_so = _CLIENT.match(data) is not None
        text = _without_comments(entry.path, data.decode("utf-8", "replace"))
        for match in _NAME.finditer(text):
            if match["public"] or is_source:
                line = text.count("\n", 0, match.start()) + 1
                record = ClientKey(entry.path, match[0], line, public_variable=bool(match["public"]), says_so=says_so)
                found.setdefault((entry.path, match[0]), record)
    return tuple(sorted(found.values()))


def _without_comments(path: str, text: str) -> str:
    """A comment that warns of such a name is no use of it; lines stay where they are."""
    if not has_comments(path):
        return text
    parts, done = [], 0
    for comment in comments_in(path, text):
        parts += [text[done : comment.start], "\n" * comment.text.count("\n")]
        done = comment.start + len(comment.text)
    return "".join((*parts, text[done:]))
