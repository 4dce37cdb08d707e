"""Conditions of jobs and steps (`if:`), decided for the pull request of a person into the default branch.

A small reading of GitHub's expression language; whatever depends on more than that is undecided.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from platformkit_pipeline.model.repository.checks import Holds

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?(?:0x[0-9a-f]+|\d+(?:\.\d+)?))|(?P<operator>&&|\|\||==|!=|<=|>=|[<>!(),])"
    r"|(?P<name>[A-Za-z_][\w-]*(?:\s*\.\s*(?:[A-Za-z_][\w-]*|\*)|\[[^\]]*\])*))",
    re.IGNORECASE,
)
_WHOLE = re.compile(r"\s*\$\{\{(?P<inside>(?:(?!\}\}).)*)\}\}\s*\Z", re.DOTALL)
_MAX_TOKENS = 500
_MAX_DEPTH = 50


class _Unknown:
    """A value that is known at run time only."""


UNKNOWN = _Unknown()
_OWN = "the repository itself"
_KNOWN: Mapping[str, Any] = MappingProxyType(
    {
        "github.ref": "refs/pull/1/merge",
        "github.ref_name": "1/merge",
        "github.ref_type": "branch",
        "github.actor": "a-person",
        "github.triggering_actor": "a-person",
        "github.event.sender.login": "a-person",
        "github.event.pull_request.user.login": "a-person",
        "github.event.pull_request.draft": False,
        "github.event.pull_request.merged": False,
        "github.event.repository.default_branch": UNKNOWN,
        "github.repository": _OWN,
        "github.event.repository.fork": False,
        "true": True,
        "false": False,
        "null": None,
    }
)


class _Undecided(Exception):
    """The text is beyond this reading."""


def condition_holds(condition: Any, event: str, default_branch: str, more: Mapping[str, Any] = MappingProxyType({})) -> Holds:
    """Whether a condition holds when `event` (pull_request, merge_group) is about the default branch; without one it does."""
    if condition is None:
        return Holds.YES
    if isinstance(condition, bool | int | float):
        return Holds.YES if condition else Holds.NO
    text = str(condition).strip()
    whole = _WHOLE.match(text)
    if whole:
        text = whole["inside"]
    elif "${{" in text:
        # Text around an expression makes a string that is not empty: it always holds.
        outside = re.sub(r"\$\{\{.*?\}\}", "", text, flags=re.DOTALL).strip()
        if outside and not re.fullmatch(r"[\s&|()!=<>'\w.-]*", outside):
            return Holds.YES
        text = re.sub(r"\$\{\{|\}\}", " ", text)
    if not text.strip():
        return Holds.NO if whole else Holds.YES
    known = {
        **_KNOWN,
        "github.event_name": event,
        "github.base_ref": default_branch,
        "github.event.pull_request.base.ref": default_branch,
        **more,
    }
    try:
        value = _Reader(text, known).value()
    except _Undecided:
        return Holds.UNDECIDED
    if value is UNKNOWN:
        return Holds.UNDECIDED
    return Holds.YES if _true(value) else Holds.NO


def both(first: Holds, second: Holds) -> Holds:
    """What holds of two conditions together."""
    if Holds.NO in (first, second):
        return Holds.NO
    return Holds.UNDECIDED if Holds.UNDECIDED in (first, second) else Holds.YES


def runs_always(condition: Any) -> bool:
    """The condition lets a job run although one that it needs failed."""
    return isinstance(condition, str) and re.search(r"always\s*\(|!\s*cancelled\s*\(|failure\s*\(", condition) is not None


def _true(value: Any) -> bool:
    return bool(value) if not isinstance(value, str) else value != ""


class _Reader:
    """Reads an expression from left to right, with the usual precedence."""

    def __init__(self, text: str, known: Mapping[str, Any]) -> None:
        self._tokens = _tokens(text)
        self._known = known
        self._position = 0
        self._depth = 0

    def value(self) -> Any:
        value = self._either()
        if self._position != len(self._tokens):
            raise _Undecided
        return value

    def _peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        if not token:
            raise _Undecided
        self._position += 1
        return token

    def _either(self) -> Any:
        value = self._all()
        while self._peek() == "||":
            self._take()
            other = self._all()
            if value is UNKNOWN:
                value = other if other is not UNKNOWN and _true(other) else UNKNOWN
            elif not _true(value):
                value = other
        return value

    def _all(self) -> Any:
        value = self._compared()
        while self._peek() == "&&":
            self._take()
            other = self._compared()
            if value is UNKNOWN:
                value = other if other is not UNKNOWN and not _true(other) else UNKNOWN
            elif _true(value):
                value = other
        return value

    def _compared(self) -> Any:
        value = self._single()
        while self._peek() in ("==", "!=", "<", ">", "<=", ">="):
            operator = self._take()
            value = _compare(value, operator, self._single())
        return value

    def _single(self) -> Any:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _Undecided
        try:
            taken = self._take()
            if taken == "!":
                value = self._single()
                return value if value is UNKNOWN else not _true(value)
            if taken == "(":
                value = self._either()
                self._closed()
                return value
            if taken.startswith("'"):
                return taken[1:-1].replace("''", "'")
            if re.fullmatch(r"-?\d+(?:\.\d+)?", taken):
                return float(taken)
            if self._peek() == "(":
                return self._called(taken.lower())
            return self._known.get(re.sub(r"\s", "", taken).lower(), UNKNOWN)
        finally:
            self._depth -= 1

    def _closed(self) -> None:
        if self._take() != ")":
            raise _Undecided

    def _called(self, function: str) -> Any:
        self._take()
        arguments: list[Any] = []
        while self._peek() != ")":
            arguments.append(self._either())
            if self._peek() == ",":
                self._take()
        self._closed()
        if function in ("always", "success"):
            return True
        if function in ("failure", "cancelled"):
            return False
        if len(arguments) != 2 or any(not isinstance(a, str) or a == _OWN for a in arguments):
            return UNKNOWN
        within, sought = (a.lower() for a in arguments)
        answers = {"contains": sought in within, "startswith": within.startswith(sought), "endswith": within.endswith(sought)}
        return answers.get(function, UNKNOWN)


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or len(tokens) >= _MAX_TOKENS:
            raise _Undecided
        tokens.append(match[0].strip())
        position = match.end()
    return tokens


def _compare(left: Any, operator: str, right: Any) -> Any:
    if left is UNKNOWN or right is UNKNOWN or operator not in ("==", "!="):
        return UNKNOWN
    if _OWN in (left, right) and left != right:
        # A repository that names itself means itself.
        equal = True
    elif isinstance(left, str) and isinstance(right, str):
        equal = left.lower() == right.lower()
    elif isinstance(left, str) or isinstance(right, str):
        return UNKNOWN
    else:
        equal = left == right
    return equal is (operator == "==")
