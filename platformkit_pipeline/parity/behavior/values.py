"""Values of a journey: saved ones put in their places, and expected ones held against found ones.

A difference is told by its place and by what was expected, which the contract itself says; what was found stays behind.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

from platformkit_pipeline.parity.behavior.document import REFERENCE

Saved = Mapping[str, Any]
_LONGEST = 80


def filled(value: Any, saved: Saved) -> Any:
    """With saved values in the places of `${name}`: of their own type where nothing else stands beside, else as text."""
    if isinstance(value, str):
        whole = REFERENCE.fullmatch(value)
        return saved[whole[1]] if whole else REFERENCE.sub(lambda m: str(saved[m[1]]), value)
    if isinstance(value, Mapping):
        return {key: filled(part, saved) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [filled(part, saved) for part in value]
    return value


def differences(expected: Any, found: Any, place: str, saved: Saved = MappingProxyType({})) -> Iterator[str]:
    """Where `found` is not as expected. Objects may have more keys than expected; lists may not have more items.

    `expected` is as the contract has it: what was saved comes from rows, so it is compared and never told.
    """
    if isinstance(expected, Mapping):
        if not isinstance(found, Mapping):
            yield f"{place}: expected an object"
            return
        for key, part in expected.items():
            if key in found:
                yield from differences(part, found[key], f"{place}.{key}", saved)
            else:
                yield f"{place}.{key}: expected {told(part)}, found nothing of that name"
    elif isinstance(expected, list | tuple):
        if not isinstance(found, list | tuple):
            yield f"{place}: expected a list"
        elif len(found) != len(expected):
            yield f"{place}: expected {len(expected)} items, found {len(found)}"
        else:
            for number, (part, other) in enumerate(zip(expected, found, strict=True)):
                yield from differences(part, other, f"{place}[{number}]", saved)
    elif not _is(filled(expected, saved), found):
        yield f"{place}: expected {told(expected)}, found {'null' if found is None else 'another value'}"


def _is(wanted: Any, found: Any) -> bool:
    """A saved value may be an object or a list."""
    return not any(differences(wanted, found, "")) if isinstance(wanted, Mapping | list | tuple) else equal(wanted, found)


def equal(expected: Any, found: Any) -> bool:
    """Numbers by value, moments and everything else as PostgreSQL's JSON writes them."""
    if expected is None or found is None or isinstance(expected, bool) or isinstance(found, bool):
        return expected is found
    if isinstance(expected, int | float | Decimal) or isinstance(found, int | float | Decimal):
        try:
            return Decimal(str(expected)) == Decimal(str(found))
        except InvalidOperation:
            return False
    return _text(expected) == _text(found)


def told(expected: Any) -> str:
    """For a message, cut to a line."""
    text = json.dumps(expected, default=_text, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date | datetime | time) else str(value)
