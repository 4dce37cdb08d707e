"""Text of others as Markdown that neither formats anything nor calls anybody. Pure."""

from __future__ import annotations

import re

_MARKS = re.compile(r"([\\`*_{}\[\]()<>#+!|~:-])")
_NOTHING_VISIBLE = "\u200b"


def plain(text: str) -> str:
    """One line: `@channel` in the name of a table is no mention, and no mark is a mark."""
    escaped = _MARKS.sub(r"\\\1", " ".join(text.split()))
    return escaped.replace("@", f"@{_NOTHING_VISIBLE}")
