"""Take found secrets out of everything else that was observed: a heading or a job's name may hold one as well."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, TypeVar

Value = TypeVar("Value")
_SHORTEST = 6
_LINES = re.compile(r"[A-Za-z0-9+/=_-]{20,}")


class Masker:
    """Holds the values in memory and shows them to nobody."""

    def __init__(self, markers: Mapping[str, str]) -> None:
        """`markers`: from a secret's value to what takes its place. Shorter ones than six characters are left alone."""
        self._markers: dict[str, str] = {}
        for value, marker in markers.items():
            parts = _LINES.findall(value) if any(c.isspace() for c in value) else []  # a key of many lines, in part
            self._markers |= {part: marker for part in (value, *parts) if len(part) >= _SHORTEST}

    def __repr__(self) -> str:
        return f"<Masker of {len(self._markers)}>"

    def mask(self, text: str) -> str:
        """`text` with a marker in the place of every secret."""
        present = [value for value in self._markers if value in text]
        return self._pattern(present).sub(lambda match: self._markers[match[0]], text) if present else text

    def masked(self, record: Value) -> Value:
        """A record, or a tuple of records, with every text in it masked; itself when nothing had to be."""
        if not self._markers:
            return record
        everything = "\0".join(_texts(record))  # one search per secret instead of one per secret and text
        present = [value for value in self._markers if value in everything]
        return _replaced(record, self._pattern(present), self._markers) if present else record

    @staticmethod
    def _pattern(values: Iterable[str]) -> re.Pattern[str]:
        return re.compile("|".join(re.escape(value) for value in sorted(values, key=lambda value: (-len(value), value))))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _texts(item)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from _texts(getattr(value, field.name))


def _replaced(value: Any, pattern: re.Pattern[str], markers: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        if isinstance(value, Enum) or not pattern.search(value):
            return value
        return pattern.sub(lambda match: markers[match[0]], value)
    if isinstance(value, tuple):
        items = [_replaced(item, pattern, markers) for item in value]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else tuple(items)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        changed = {name: new for name, old in fields if (new := _replaced(old, pattern, markers)) is not old}
        return dataclasses.replace(value, **changed) if changed else value
    return value
