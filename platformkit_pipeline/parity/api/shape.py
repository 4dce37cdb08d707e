"""What one schema allows, whatever version of OpenAPI it was written in, and what two allow together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Schema: TypeAlias = Any
"""A mapping or a boolean, as it stands in the document."""
ALL_TYPES = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})


class Undecidable(Exception):
    """A schema whose meaning is not worked out here; the message says why."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What one schema allows, its parts not yet looked into."""

    types: frozenset[str] = ALL_TYPES
    format: str | None = None
    enum: frozenset[str] | None = None
    """Values as canonical JSON; None: any."""
    properties: Mapping[str, Schema] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    additional: Schema = True
    """Of properties that are not named."""
    items: Schema = True
    upper: Mapping[str, tuple[float, bool]] = field(default_factory=dict)
    """maxLength, maximum, …: the limit, and whether it is itself allowed."""
    lower: Mapping[str, tuple[float, bool]] = field(default_factory=dict)
    multiple_of: float | None = None
    unique: bool = False
    patterns: frozenset[str] = frozenset()
    alternatives: tuple[tuple[Schema, ...], ...] = ()
    """One tuple per `oneOf` or `anyOf`: a value must fit one of each."""
    exclusive: bool = False
    """One of the alternatives is a `oneOf` without a discriminator."""
    opaque: str = ""
    """Canonical text of keywords that are not understood here; two schemas that have the same mean the same by them."""
    read_only: bool = False
    write_only: bool = False
    never: bool = False
    """No value at all: the schema `false`."""


def merged(one: Shape, other: Shape) -> Shape:
    """What both allow, as `allOf` has it. Raises Undecidable."""
    return Shape(
        types=one.types & other.types,
        format=_same("format", one.format, other.format),
        enum=other.enum if one.enum is None else one.enum if other.enum is None else one.enum & other.enum,
        properties={name: _both(one.properties.get(name), other.properties.get(name)) for name in {**one.properties, **other.properties}},
        required=one.required | other.required,
        additional=_both_additional(one, other),
        items=other.items if one.items is True else one.items if other.items is True else {"allOf": [one.items, other.items]},
        upper=_tightest(one.upper, other.upper, 1),
        lower=_tightest(one.lower, other.lower, -1),
        multiple_of=_same("multipleOf", one.multiple_of, other.multiple_of),
        unique=one.unique or other.unique,
        patterns=one.patterns | other.patterns,
        alternatives=one.alternatives + other.alternatives,
        exclusive=one.exclusive or other.exclusive,
        opaque=one.opaque + other.opaque,
        read_only=one.read_only or other.read_only,
        write_only=one.write_only or other.write_only,
        never=one.never or other.never,
    )


def _both_additional(one: Shape, other: Shape) -> Schema:
    """Each part judges the names that it does not know itself; told exactly only where at most one of them restricts them."""
    open_ones = [s for s in (one.additional, other.additional) if s is True or s == {}]
    if len(open_ones) == 2:
        return True
    if one == Shape():
        return other.additional
    if other == Shape() or not other.properties:
        return one.additional if other.additional in (True, {}) else other.additional
    if not one.properties and one.additional in (True, {}):
        return other.additional
    raise Undecidable("allOf joins parts of which one forbids or restricts properties that another names")


def _both(one: Schema, other: Schema) -> Schema:
    if one is None or other is None:
        return other if one is None else one
    return {"allOf": [one, other]}


def _tightest(one: Mapping[str, tuple[float, bool]], other: Mapping[str, tuple[float, bool]], sign: int) -> dict[str, tuple[float, bool]]:
    found = dict(one)
    for name, limit in other.items():
        found[name] = min(found.get(name, limit), limit, key=lambda x: (sign * x[0], x[1]))
    return found


def _same(what: str, one: Any, other: Any) -> Any:
    if one is not None and other is not None and one != other:
        raise Undecidable(f"allOf joins parts with different {what}")
    return other if one is None else one
