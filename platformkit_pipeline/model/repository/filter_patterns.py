"""Filters of workflows (`branches`, `paths`): patterns in order, of which a later one takes back what an earlier one let in.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

_MOST_WILDCARDS = 4
"""More could take a regular expression long on a name that was made for it."""
_SPECIAL = {"?": "?", "+": "+"}


class Undecidable(Exception):
    """A pattern is not read here."""


def lets_in(patterns: Iterable[str], name: str) -> bool:
    """Whether a filter lets a branch or a path in. Raises Undecidable."""
    inside = False
    for pattern in patterns:
        negated = pattern.startswith("!")
        if _expression(pattern[1:] if negated else pattern).fullmatch(name):
            inside = not negated
    return inside


@lru_cache(maxsize=2_000)
def _expression(pattern: str) -> re.Pattern[str]:
    if sum(c in "*?+" for c in pattern.replace("**", "*")) > _MOST_WILDCARDS:
        raise Undecidable
    text, position = "", 0
    while position < len(pattern):
        character = pattern[position]
        if pattern.startswith("**/", position):
            # `**/docs/**` is about `docs` at the top as well.
            text, position = text + "(?:.*/)?", position + 3
        elif pattern.startswith("**", position):
            text, position = text + ".*", position + 2
        elif character == "*":
            text, position = text + "[^/]*", position + 1
        elif character in _SPECIAL and text:
            text, position = text + character, position + 1
        elif character == "[" and "]" in pattern[position:]:
            end = pattern.index("]", position)
            text, position = text + f"[{re.escape(pattern[position + 1 : end]).replace(chr(92) + '-', '-')}]", end + 1
        elif character == "\\" and position + 1 < len(pattern):
            text, position = text + re.escape(pattern[position + 1]), position + 2
        else:
            text, position = text + re.escape(character), position + 1
    try:
        return re.compile(text)
    except re.error:
        raise Undecidable from None
