"""Whether every value that one schema allows is allowed by another, and where not.

For requests the promised schema must lie within the live one, for responses the live one within the promised: one question, asked in
two directions. Pure; what cannot be told is a difference of the kind UNDECIDED, with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from platformkit_pipeline.parity.api.breaking import Difference, Kind
from platformkit_pipeline.parity.api.openapi_document import OpenApi, Unresolvable
from platformkit_pipeline.parity.api.shape import Schema, Shape, Undecidable
from platformkit_pipeline.parity.api.shapes import deep_text, shape_of
from platformkit_pipeline.parity.api.value_differences import At, limit_differences, type_names, types_differ, value_differences

_Pair: TypeAlias = tuple[bool, str, str]
_MADE_OF_OTHERS = frozenset({"$ref", "allOf", "anyOf", "oneOf"})
_MAX_DEPTH = 40
_MAX_WAYS = 400
_MAX_PAIRS = 20_000
"""Of one operation; a thousand tables need some hundred each."""


@dataclass(slots=True)
class Comparison:
    """Two documents during one comparison."""

    promised: OpenApi
    live: OpenApi
    pairs: int = 0
    """Of the operation that is being compared."""
    open: set[_Pair] = field(default_factory=set)
    """Pairs of references that are being compared: met again inside themselves, they are as alike as the rest is."""
    alike: set[_Pair] = field(default_factory=set)
    """Pairs without a difference."""
    assumptions: int = 0
    """How often a pair of `open` was met again."""
    shapes: dict[tuple[bool, str], Shape] = field(default_factory=dict)

    def shape(self, schema: Schema, *, live: bool) -> Shape:
        """As `shape_of`; what is behind a reference is worked out once."""
        document = self.live if live else self.promised
        if not (isinstance(schema, dict) and schema.keys() == {"$ref"} and isinstance(schema["$ref"], str)):
            return shape_of(document, schema)
        key = (live, schema["$ref"])
        if key not in self.shapes:
            self.shapes[key] = shape_of(document, schema)
        return self.shapes[key]


def schema_differences(comparison: Comparison, promised: Schema, live: Schema, at: At, depth: int = 0) -> Iterator[Difference]:
    """Differences at and below one place. Raises nothing."""
    comparison.pairs += 1
    if comparison.pairs > _MAX_PAIRS:
        yield At(at.operation, "", at.request).told(Kind.UNDECIDED, f"has more than {_MAX_PAIRS:,} pairs of schemas to compare")
        return
    if depth > _MAX_DEPTH:
        yield at.told(Kind.UNDECIDED, f"the schemas are not compared here: nested more than {_MAX_DEPTH} deep")
        return
    if promised == live and not _refers(promised):
        return  # most are, and shapes cost more than a look
    key = _references(promised, live, request=at.request)
    if key is None:
        yield from _compared(comparison, promised, live, at, depth)
    elif key in comparison.open:
        comparison.assumptions += 1
    elif key not in comparison.alike:
        comparison.open.add(key)
        assumed, different = comparison.assumptions, False
        try:
            for difference in _compared(comparison, promised, live, at, depth):
                different = True
                yield difference
        finally:  # whoever asks may stop at the first one
            comparison.open.discard(key)
        if not different and (comparison.assumptions == assumed or not comparison.open):
            comparison.alike.add(key)


def _compared(comparison: Comparison, promised: Schema, live: Schema, at: At, depth: int) -> Iterator[Difference]:
    try:
        one, other = comparison.shape(promised, live=False), comparison.shape(live, live=True)
        yield from _shapes(comparison, one, other, at, depth)
    except (Undecidable, Unresolvable) as reason:
        yield from _if_not_equal(comparison, promised, live, at, str(reason))
    except RecursionError:
        yield at.told(Kind.UNDECIDED, "the schemas are nested too deeply to be compared")


def _refers(value: object) -> bool:
    if isinstance(value, dict):
        return "$ref" in value or "$dynamicRef" in value or any(_refers(item) for item in value.values())
    return isinstance(value, list) and any(_refers(item) for item in value)


def _references(promised: Schema, live: Schema, *, request: bool) -> _Pair | None:
    if isinstance(promised, dict) and isinstance(live, dict) and "$ref" in promised and "$ref" in live:
        return (request, str(promised["$ref"]), str(live["$ref"]))
    return None


def _if_not_equal(comparison: Comparison, promised: Schema, live: Schema, at: At, reason: str) -> Iterator[Difference]:
    try:
        if deep_text(comparison.promised, promised) == deep_text(comparison.live, live):
            return
    except (Undecidable, Unresolvable) as error:
        reason = str(error)
    yield at.told(Kind.UNDECIDED, f"whether the change breaks clients cannot be told: {reason}")


def _shapes(comparison: Comparison, promised: Shape, live: Shape, at: At, depth: int) -> Iterator[Difference]:
    inner, outer = (promised, live) if at.request else (live, promised)
    if inner.never:
        return
    if outer.never:
        yield at.told(Kind.REQUEST_TYPE_NARROWED if at.request else Kind.RESPONSE_TYPE_WIDENED, "no value is allowed any more")
        return
    lost = type_names(inner) - type_names(outer)
    if lost:
        yield types_differ(promised, live, at, lost)
    if lost - {"null"}:
        return  # nothing else about the two is comparable
    yield from value_differences(inner, outer, promised, live, at)
    yield from limit_differences(inner, outer, at)
    if inner.opaque != outer.opaque:
        yield at.told(Kind.UNDECIDED, "a keyword that is not compared here (such as not, if, patternProperties, prefixItems) was changed")
    if "object" in inner.types and "object" in outer.types:
        yield from _objects(comparison, promised, live, at, depth)
    if "array" in inner.types and "array" in outer.types and not (promised.items is True and live.items is True):
        yield from schema_differences(comparison, promised.items, live.items, at / "[]", depth + 1)
    if inner.alternatives or outer.alternatives:
        yield from _alternatives(comparison, promised, live, at, depth)


def _objects(comparison: Comparison, promised: Shape, live: Shape, at: At, depth: int) -> Iterator[Difference]:
    if at.request:
        yield from _request_properties(comparison, promised, live, at)
    else:
        yield from _response_properties(comparison, promised, live, at)
    for name in sorted(promised.properties.keys() & live.properties.keys()):
        if not _hidden(comparison, promised.properties[name], live.properties[name], at):
            yield from schema_differences(comparison, promised.properties[name], live.properties[name], _property(at, name), depth + 1)
    inner, outer = (promised, live) if at.request else (live, promised)
    if outer.additional is False and inner.additional is not False:
        yield at.told(
            Kind.REQUEST_CLOSED if at.request else Kind.RESPONSE_OPENED,
            "properties that are not named are refused now" if at.request else "properties that are not named may come now",
        )
    elif inner.additional is not False and outer.additional not in (True, {}):
        yield from schema_differences(comparison, promised.additional, live.additional, at / ".*", depth + 1)


def _property(at: At, name: str) -> At:
    return at / (f".{name}" if at.place and not at.place.endswith(" ") else name)


def _hidden(comparison: Comparison, promised: Schema, live: Schema, at: At) -> bool:
    """A property that does not travel in this direction in either document."""
    one, other = _flags(comparison, promised, live=False), _flags(comparison, live, live=True)
    return (one[0] and other[0]) if at.request else (one[1] and other[1])


def _flags(comparison: Comparison, schema: Schema, *, live: bool) -> tuple[bool, bool]:
    """Read-only, write-only."""
    if isinstance(schema, dict) and not schema.keys() & _MADE_OF_OTHERS:
        return (schema.get("readOnly") is True, schema.get("writeOnly") is True)
    try:
        shape = comparison.shape(schema, live=live)
    except (Undecidable, Unresolvable):
        return (False, False)
    return (shape.read_only, shape.write_only)


def _request_properties(comparison: Comparison, promised: Shape, live: Shape, at: At) -> Iterator[Difference]:
    for name in sorted(promised.properties.keys() - live.properties.keys()):
        message = "is refused now" if live.additional is False else "is not known any more"
        yield _property(at, name).told(Kind.REQUEST_PROPERTY_REMOVED, message, breaking=live.additional is False)
    for name in sorted(live.required - promised.required):
        if _flags(comparison, live.properties.get(name, True), live=True)[0]:
            continue  # read-only: asked of answers alone
        if name in promised.properties:
            yield _property(at, name).told(Kind.REQUEST_PROPERTY_BECAME_REQUIRED, "is required now")
        else:
            yield _property(at, name).told(Kind.REQUEST_PROPERTY_REQUIRED_ADDED, "is new and required")


def _response_properties(comparison: Comparison, promised: Shape, live: Shape, at: At) -> Iterator[Difference]:
    for name in sorted(promised.properties.keys() - live.properties.keys()):
        if not _flags(comparison, promised.properties[name], live=False)[1]:
            yield _property(at, name).told(Kind.RESPONSE_PROPERTY_REMOVED, "does not come any more")
    for name in sorted(promised.required - live.required):
        if name in live.properties and not (name in promised.properties and _flags(comparison, promised.properties[name], live=False)[1]):
            yield _property(at, name).told(Kind.RESPONSE_PROPERTY_OPTIONAL, "may be missing now")
        elif name not in promised.properties:
            yield _property(at, name).told(Kind.RESPONSE_PROPERTY_REMOVED, "does not come any more")
    if promised.additional is False:
        for name in sorted(live.properties.keys() - promised.properties.keys()):
            yield _property(at, name).told(Kind.RESPONSE_OPENED, "is new in an object that was promised to have no other properties")


def _alternatives(comparison: Comparison, promised: Shape, live: Shape, at: At, depth: int) -> Iterator[Difference]:
    """Ways of `oneOf` and `anyOf`, matched by what they are or by their name; never guessed."""
    if not promised.alternatives and at.request:
        yield at.told(Kind.UNDECIDED, "alternatives were added, of which a request must now fit one")
        return
    if not live.alternatives and not at.request:
        yield at.told(Kind.UNDECIDED, "alternatives were dropped, of which a response fitted one")
        return
    if len(promised.alternatives) > 1 or len(live.alternatives) > 1:
        yield from _same_alternatives(comparison, promised, live, at)
        return
    ours = promised.alternatives[0] if promised.alternatives else ()
    theirs = live.alternatives[0] if live.alternatives else ()
    if ours and theirs:
        yield from _matched(comparison, ours, theirs, live.exclusive and at.request, at, depth)


def _same_alternatives(comparison: Comparison, promised: Shape, live: Shape, at: At) -> Iterator[Difference]:
    one = [sorted(deep_text(comparison.promised, way) for way in ways) for ways in promised.alternatives]
    other = [sorted(deep_text(comparison.live, way) for way in ways) for ways in live.alternatives]
    if sorted(one) != sorted(other):
        yield at.told(Kind.UNDECIDED, "several oneOf or anyOf at one place were changed")


def _matched(
    comparison: Comparison, ours: tuple[Schema, ...], theirs: tuple[Schema, ...], exclusive: bool, at: At, depth: int
) -> Iterator[Difference]:
    """Every inner way that lies within some outer one is fine; the others are matched by name, or cannot be told."""
    inner, outer = (ours, theirs) if at.request else (theirs, ours)
    if len(inner) * len(outer) > _MAX_WAYS:
        raise Undecidable("there are too many alternatives")
    strays = [way for way in inner if not any(_within(comparison, way, other, at, depth) for other in outer)]
    documents = (comparison.promised, comparison.live) if at.request else (comparison.live, comparison.promised)
    texts = {deep_text(documents[0], way) for way in inner}
    free = [way for way in outer if deep_text(documents[1], way) not in texts]
    unmatched = 0
    for way in strays:
        partner = next((other for other in free if _name(way) and _name(other) == _name(way)), None)
        if partner is None:
            unmatched += 1
            continue
        free.remove(partner)
        pair = (way, partner) if at.request else (partner, way)
        yield from schema_differences(comparison, *pair, at / f"|{_name(way)}", depth + 1)
    if unmatched and free:
        yield at.told(Kind.UNDECIDED, "alternatives without a name were changed; which became which cannot be told")
    elif unmatched and at.request:
        yield at.told(Kind.REQUEST_ALTERNATIVE_REMOVED, f"{unmatched} of {len(ours)} alternatives not accepted any more")
    elif unmatched:
        yield at.told(Kind.RESPONSE_ALTERNATIVE_ADDED, f"{unmatched} more alternatives may come now")
    elif exclusive and free and not _disjoint(comparison, theirs):
        yield at.told(Kind.UNDECIDED, "a oneOf has other alternatives now; whether a value fits two of them is not worked out")


def _within(comparison: Comparison, inner: Schema, outer: Schema, at: At, depth: int) -> bool:
    pair = (inner, outer) if at.request else (outer, inner)
    return next(schema_differences(comparison, *pair, at, depth + 1), None) is None


def _name(way: Schema) -> str:
    if not isinstance(way, dict):
        return ""
    return str(way.get("$ref") or way.get("title") or "").rsplit("/", 1)[-1]


def _disjoint(comparison: Comparison, ways: tuple[Schema, ...]) -> bool:
    types = [comparison.shape(way, live=True).types for way in ways]
    return sum(map(len, types)) == len(frozenset[str]().union(*types))
