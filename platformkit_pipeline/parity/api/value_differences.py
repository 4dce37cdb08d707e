"""Types, formats, lists of values and limits of two schemas: whether the inner one keeps within the outer one. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType

from platformkit_pipeline.parity.api.breaking import Difference, Kind
from platformkit_pipeline.parity.api.shape import ALL_TYPES, Shape

_WIDER = MappingProxyType(
    {
        "int32": {"int64"},
        "float": {"double"},
        "smallint": {"integer", "bigint", "numeric"},
        "integer": {"bigint", "numeric"},
        "bigint": {"numeric"},
        "real": {"double precision"},
        "character": {"character varying", "text"},
        "character varying": {"text"},
    }
)
"""Formats, and those that hold all of their values. The lower ones are PostgreSQL's, as PostgREST tells them."""


@dataclass(frozen=True, slots=True)
class At:
    """Where schemas are compared, and in which direction."""

    operation: str
    place: str
    request: bool

    def __truediv__(self, step: str) -> At:
        return At(self.operation, f"{self.place}{step}", self.request)

    def told(self, kind: Kind, message: str, *, breaking: bool = True) -> Difference:
        return Difference(kind, self.operation, self.place.strip(), message, breaking)


def type_names(shape: Shape) -> frozenset[str]:
    """`nullable` beside an enum that has no null allows none; types that no value of an enum has do not count."""
    if shape.enum is None or "null" in shape.enum:
        return shape.types
    return shape.types - {"null"}


def types_differ(promised: Shape, live: Shape, at: At, lost: frozenset[str]) -> Difference:
    if lost == {"null"}:
        if at.request:
            return at.told(Kind.REQUEST_NOT_NULLABLE, "null was accepted and is not any more")
        return at.told(Kind.RESPONSE_NULLABLE, "may be null now")
    change = f"the type was {_named(promised)} and is {_named(live)}"
    return at.told(Kind.REQUEST_TYPE_NARROWED if at.request else Kind.RESPONSE_TYPE_WIDENED, change)


def _named(shape: Shape) -> str:
    if shape.types >= ALL_TYPES:
        return "anything"
    return " or ".join(sorted(shape.types - ({"integer"} if "number" in shape.types else set()))) or "nothing"


def value_differences(inner: Shape, outer: Shape, promised: Shape, live: Shape, at: At) -> Iterator[Difference]:
    if outer.format is not None and inner.format != outer.format and outer.format not in _WIDER.get(inner.format or "", ()):
        change = f"the format was {promised.format or 'not told'} and is {live.format or 'not told any more'}"
        yield at.told(Kind.REQUEST_FORMAT_CHANGED if at.request else Kind.RESPONSE_FORMAT_CHANGED, change)
    if outer.enum is None:
        return
    kind = Kind.REQUEST_ENUM_VALUE_REMOVED if at.request else Kind.RESPONSE_ENUM_VALUE_ADDED
    if inner.enum is None:
        yield at.told(kind, "only some values are accepted now" if at.request else "values are no longer confined to a list")
        return
    for value in sorted(inner.enum - outer.enum - {"null"}):
        shown = value if len(value) <= 60 else value[:57] + "..."
        message = f"the value {shown} is not accepted any more" if at.request else f"the value {shown} may come now"
        yield (at / f" = {shown}").told(kind, message)


def limit_differences(inner: Shape, outer: Shape, at: At) -> Iterator[Difference]:
    kind = Kind.REQUEST_LIMIT_TIGHTENED if at.request else Kind.RESPONSE_LIMIT_LOOSENED
    for limits, held, sign in ((outer.upper, inner.upper, 1), (outer.lower, inner.lower, -1)):
        for name, (value, allowed) in sorted(limits.items()):
            mine = held.get(name)
            if mine is None or sign * mine[0] > sign * value or (mine[0] == value and mine[1] and not allowed):
                yield (at / f" {name}").told(kind, _limit_text(name, value if at.request else (mine or (None,))[0], request=at.request))
    if outer.multiple_of and (not inner.multiple_of or not (inner.multiple_of / outer.multiple_of).is_integer()):
        yield (at / " multipleOf").told(kind, "multipleOf was changed")
    if outer.unique and not inner.unique:
        yield (at / " uniqueItems").told(kind, "uniqueItems was changed")
    if not outer.patterns <= inner.patterns:
        if inner.patterns:
            yield (at / " pattern").told(Kind.UNDECIDED, "the pattern was changed; which values that leaves out is not worked out")
        else:
            yield (at / " pattern").told(kind, "a pattern was added" if at.request else "the pattern was dropped")


def _limit_text(name: str, value: float | None, *, request: bool) -> str:
    if request:
        return f"{name} is {value:g} now"
    return f"{name} was dropped" if value is None else f"{name} is {value:g} now"
