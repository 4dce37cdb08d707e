"""Patterns of paths as CODEOWNERS has them: those of gitignore, without `!` and `[ ]`, and `docs/*` is about files in `docs` only.

https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

LONGEST = 500
_FEW_WILDCARDS = 3
"""Above that, a regular expression could take long on a path that was made for it."""


def pattern_fault(pattern: str) -> str:
    """Why GitHub leaves the pattern out, as the rest of a sentence about it; empty for one that it understands."""
    if len(pattern) > LONGEST:
        return f"is longer than {LONGEST} characters"
    if pattern.startswith("!"):
        return "begins with `!`, and CODEOWNERS knows no negation"
    if "[" in pattern or "]" in pattern:
        return "holds brackets, which CODEOWNERS does not know"
    if pattern.startswith("\\#"):
        return "begins with `\\#`, and CODEOWNERS cannot escape it"
    if not pattern.strip("/"):
        return "names nothing"
    return ""


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern is about a file, itself or through a folder above it. A faulty pattern matches nothing."""
    return _matcher(pattern)(path)


def path_matcher(patterns: Sequence[str]) -> Callable[[str], bool]:
    """A function that says whether a path is named by the patterns, of which the last that matches decides; by none, nothing is.

    A `!` before a pattern takes out again what an earlier one named.
    """
    ordered = [(not pattern.startswith("!"), pattern.removeprefix("!")) for pattern in reversed(patterns)]
    return lambda path: next((wanted for wanted, pattern in ordered if matches(pattern, path)), False)


@lru_cache(maxsize=2_000)
def _matcher(pattern: str) -> Callable[[str], bool]:
    if pattern_fault(pattern):
        return lambda _: False
    parts = [part for part in pattern.split("/") if part]
    if not pattern.startswith("/") and "/" not in pattern.rstrip("/"):
        parts.insert(0, "**")
    if pattern.endswith("/") or parts[-1] == "**":
        parts = [*(parts if parts[-1] != "**" else parts[:-1]), "*", "**"] if len(parts) > 1 or parts[-1] != "**" else ["**"]
        deeper = True
    else:
        # `docs/*` stops at the files of the folder; every other name may be that of a folder.
        deeper = not (len(parts) > 1 and parts[-1] == "*" and parts[0] != "**")
    if deeper and parts[-1] != "**":
        parts.append("**")
    if sum(part.count("*") + part.count("?") for part in parts if part != "**") + parts.count("**") <= _FEW_WILDCARDS:
        expression = re.compile(_expression(parts))
        return lambda path: expression.fullmatch(path) is not None
    fixed = tuple(parts)
    return lambda path: _fits(fixed, tuple(path.split("/")))


def _expression(parts: list[str]) -> str:
    """`**` stands for any number of parts, none among them."""
    text, separated = "", True
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**":
            text += "(?:/.+)?" if last and text else ".*" if last else "(?:.+/)?" if separated else "/(?:.+/)?"
            separated = not last
            continue
        text += ("" if separated else "/") + "".join("[^/]*" if c == "*" else "[^/]" if c == "?" else re.escape(c) for c in part)
        separated = False
    return text


def _fits(parts: tuple[str, ...], path: tuple[str, ...]) -> bool:
    """Without going back: which numbers of leading parts of the path can be used up by the pattern so far."""
    reached = {0}
    for part in parts:
        if part == "**":
            reached = set(range(min(reached), len(path) + 1)) if reached else reached
        else:
            reached = {at + 1 for at in reached if at < len(path) and _part_fits(part, path[at])}
    return len(path) in reached


def _part_fits(pattern: str, text: str) -> bool:
    """Wildcards within one part, in time that grows with the product of both lengths at most."""
    position = at = 0
    star = mark = -1
    while at < len(text):
        if position < len(pattern) and pattern[position] == "*":
            star, mark, position = position, at, position + 1
        elif position < len(pattern) and pattern[position] in ("?", text[at]):
            position, at = position + 1, at + 1
        elif star >= 0:
            mark += 1
            position, at = star + 1, mark
        else:
            return False
    return not pattern[position:].strip("*")
