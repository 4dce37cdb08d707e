"""A connection string that does not show its password by accident."""

from __future__ import annotations

import re

_MASK = "***"
_BLANKS = re.compile(r"(\s+)")
_BESIDE_LETTERS = frozenset("0123456789+.-")
_URL_LOGIN = re.compile(r"[^:/@]*:")
_KEYWORD_PASSWORD = re.compile(
    r"(?P<head>\b(?:password|passwd|pgpassword|sslpassword)\s*[=:]\s*)(?P<secret>'(?:[^'\\]|\\.)*'|\"[^\"]*\"|[^\s,;&)}\]]+)",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(?P<head>\b(?:bearer|token|apikey|authorization)(?:\s*[=:])?\s+)(?P<secret>[A-Za-z0-9_\-.=]{16,})", re.IGNORECASE)


def redact(text: str, secrets: tuple[str, ...] = ()) -> str:
    """Return `text` without passwords: those in URLs, in keyword/value strings, and every string in `secrets`.

    >>> redact("postgresql://me:hunter2@db/shop")
    'postgresql://me:***@db/shop'
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret, _MASK)
    if "://" in text and "@" in text:
        text = "".join(_without_url_password(word) for word in _BLANKS.split(text))
    text = _KEYWORD_PASSWORD.sub(lambda m: f"{m['head']}{_MASK}", text)
    return _BEARER.sub(lambda m: f"{m['head']}{_MASK}", text)


def _without_url_password(word: str) -> str:
    """`scheme://login:***@rest`, up to the last at sign: a password may hold one. Not one expression: it took the square of the length."""
    last, begin = word.rfind("@"), word.find("://")
    while 0 <= begin < last:
        login = _URL_LOGIN.match(word, begin + 3)
        if login is not None and login.end() <= last and _ends_with_scheme(word, begin):
            return f"{word[: login.end()]}{_MASK}{word[last:]}"
        begin = word.find("://", begin + 3)
    return word


def _ends_with_scheme(word: str, end: int) -> bool:
    """Whether a letter stands before `end`, with nothing between that no scheme has."""
    begin = end
    while begin > 0 and word[begin - 1] in _BESIDE_LETTERS:
        begin -= 1
    return begin > 0 and word[begin - 1].isalpha()


class Dsn:
    """A PostgreSQL connection string (URL or keyword/value form), masked in `repr`, `str` and pickles.

    `reveal()` is the only way to the value; call it where a connection is opened and nowhere else.
    """

    __slots__ = ("_value", "origin")

    def __init__(self, value: str, origin: str = "--dsn") -> None:
        self._value = value
        self.origin = origin
        """Where the string came from, for messages: an option name or `environment variable NAME`."""

    def reveal(self) -> str:
        """The connection string itself."""
        return self._value

    def __repr__(self) -> str:
        return f"Dsn({redact(self._value)!r}, origin={self.origin!r})"

    def __str__(self) -> str:
        return redact(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dsn) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a Dsn is not pickled: pass the name of its environment variable instead")
