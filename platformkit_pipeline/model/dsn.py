"""A connection string that does not show its password by accident."""

from __future__ import annotations

import re

_MASK = "***"
# Text of strangers comes by here: no pattern may go over a stretch of it once for each place that it could begin at.
_WORD = re.compile(r"\S+")
_URL_LOGIN = re.compile(r"[a-z][a-z0-9+.\-]{0,30}://[^\s:/@]*:", re.IGNORECASE)
_KEYWORD_PASSWORD = re.compile(
    r"(?P<head>\b(?:password|passwd|pgpassword|sslpassword)\s*[=:]\s*)(?P<secret>'(?:[^'\\]|\\.)*'|\"[^\"]*\"|[^\s,;&)}\]]+)",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(?P<head>\b(?:bearer|token|apikey|authorization)(?:\s+|\s*[=:]\s+))(?P<secret>[A-Za-z0-9_\-.=]{16,})", re.IGNORECASE)


def redact(text: str, secrets: tuple[str, ...] = ()) -> str:
    """Return `text` without passwords: those in URLs, in keyword/value strings, and every string in `secrets`.

    >>> redact("postgresql://me:hunter2@db/shop")
    'postgresql://me:***@db/shop'
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret, _MASK)
    text = _WORD.sub(_without_password, text)
    text = _KEYWORD_PASSWORD.sub(lambda m: f"{m['head']}{_MASK}", text)
    return _BEARER.sub(lambda m: f"{m['head']}{_MASK}", text)


def _without_password(word: re.Match[str]) -> str:
    """From behind the user's name up to the last @ of a word: passwords may hold one."""
    text = word[0]
    end = text.rfind("@")
    login = _URL_LOGIN.search(text, 0, end) if end > 0 else None
    return text if login is None else text[: login.end()] + _MASK + text[end:]


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
