"""Frozen records as JSON values and back: nested records, tuples, enumerations, days, moments and absent values."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

Record = TypeVar("Record")
_Convert = Callable[[Any], Any]


def to_json(value: Any) -> Any:
    """JSON values only: records become objects with one key per field, tuples become lists; JSON values stay what they are."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):  # a moment is a date as well
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{type(value).__name__} has no form as JSON")


def from_json(record: Callable[..., Record], value: Mapping[str, Any]) -> Record:
    """Inverse of `to_json`. Raises ValueError for a field that the record does not have; one that is absent takes its default."""
    converters = _converters(record)
    unknown = value.keys() - converters.keys()
    if unknown:
        raise ValueError(f"{getattr(record, '__name__', 'the record')} has no {', '.join(sorted(unknown))}")
    if all(convert is _unchanged for convert in converters.values()):
        return record(**value)
    return record(**{name: converters[name](item) for name, item in value.items()})


@cache
def _converters(record: Any) -> dict[str, _Convert]:
    hints = get_type_hints(record)
    return {field.name: _converter(hints[field.name]) for field in dataclasses.fields(record)}


def _converter(hint: Any) -> _Convert:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        inner = [argument for argument in get_args(hint) if argument is not type(None)]
        if len(inner) != 1:
            return _unchanged
        convert = _converter(inner[0])
        return lambda value: None if value is None else convert(value)
    if origin is tuple:
        arguments = get_args(hint)
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            convert = _converter(arguments[0])
            return lambda value: tuple(convert(item) for item in value)
        converters = tuple(_converter(argument) for argument in arguments)
        return lambda value: tuple(convert(item) for convert, item in zip(converters, value, strict=True))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return cast("_Convert", hint)
    if hint in (date, datetime):
        return cast("_Convert", hint.fromisoformat)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return lambda value: from_json(hint, value)
    return _unchanged


def _unchanged(value: Any) -> Any:
    return value
