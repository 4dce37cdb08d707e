"""Names of objects as reports show them, and the shell patterns that waivers and exceptions give for them (clause 10).

`*`, `?` and sets as `[abc]` or `[!abc]` stand for something, except where a name itself holds such characters: nothing between double
quotes is a pattern, and neither is the `[]` of an array type. What is no pattern is looked up, not matched.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from functools import lru_cache

_TOKEN = re.compile(
    r'(?P<quoted>"(?:[^"]|"")*")|(?P<array>\[\])|\[(?P<one>[^\]"])\]|(?P<wild>\[!?[^\]"]+\]|[*?])|(?P<plain>[^\["*?]+|.)', re.DOTALL
)


def exact_name(pattern: str) -> str | None:
    """The one name that it stands for; None for a true pattern."""
    said = []
    for token in _TOKEN.finditer(pattern):
        if token["wild"] is not None:
            return None
        said.append(token["one"] or token[0])
    return "".join(said)


def meant(pattern: str) -> str:
    """The one name that it stands for, else the pattern itself: what it is called where no object is there."""
    name = exact_name(pattern)
    return pattern if name is None else name


@lru_cache(maxsize=4096)
def matcher(pattern: str) -> Callable[[str], object]:
    """What says whether a name matches: something true or None."""
    shell = "".join(token["wild"] or _escaped(token["one"] or token[0]) for token in _TOKEN.finditer(pattern))
    return re.compile(fnmatch.translate(shell)).match


def named(name: str) -> str:
    """A pattern for exactly the object of that name: the name itself, with what would be a pattern in it put between brackets."""
    return name if exact_name(name) == name else _escaped(name, quotes_too=False)


def _escaped(text: str, *, quotes_too: bool = True) -> str:
    """`*`, `?` and `[` between brackets; those between double quotes only for who does not know of them."""
    if quotes_too:
        return re.sub(r"[*?\[]", r"[\g<0>]", text)
    return "".join(t[0] if t["quoted"] or t["array"] else re.sub(r"[*?\[]", r"[\g<0>]", t[0]) for t in _TOKEN.finditer(text))
