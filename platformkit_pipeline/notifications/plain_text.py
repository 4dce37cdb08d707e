"""Text of others as Markdown that neither formats anything nor calls anybody. Pure."""

from __future__ import annotations

import re

_MARKS = re.compile(r"([\\`*_{}\[\]()<>#+!|~:-])")
_ADDRESS = re.compile(r"\bwww(?=\.)", re.IGNORECASE)
"""The one beginning that makes a link without any mark."""
_NOTHING_VISIBLE = "\u200b"


def plain(text: str) -> str:
    """One line: `@channel` in the name of a table is no mention, no mark is a mark, and no address a link."""
    escaped = _MARKS.sub(r"\\\1", " ".join(text.split()))
    return _ADDRESS.sub(rf"\g<0>{_NOTHING_VISIBLE}", escaped).replace("@", f"@{_NOTHING_VISIBLE}")
