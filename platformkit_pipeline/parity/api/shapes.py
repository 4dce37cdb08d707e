"""JSON schemas of all OpenAPI versions in one form, one level at a time: references followed, `allOf` merged, `nullable` a type."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from platformkit_pipeline.parity.api.openapi_document import OpenApi, Unresolvable
from platformkit_pipeline.parity.api.shape import ALL_TYPES, Schema, Shape, Undecidable, merged

_UPPER = ("maxLength", "maxItems", "maxProperties", "maximum")
_LOWER = ("minLength", "minItems", "minProperties", "minimum")
_OPAQUE = (
    "not", "if", "then", "else", "patternProperties", "dependentSchemas", "dependentRequired", "dependencies", "propertyNames",
    "contains", "minContains", "maxContains", "prefixItems", "unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "additionalItems",
)  # fmt: skip
_MAX_MERGED = 200
_ANNOTATIONS = frozenset({"description", "title", "example", "examples", "externalDocs", "summary", "xml", "deprecated", "$comment"})


def shape_of(document: OpenApi, schema: Schema) -> Shape:
    """Raises Undecidable, and Unresolvable for references that lead nowhere."""
    shape = Shape()
    for count, part in enumerate(_parts(document, schema, frozenset())):
        if count > _MAX_MERGED:
            raise Undecidable("allOf has too many parts")
        shape = merged(shape, _single(document, part))
    for ways in shape.alternatives:
        simple = _simplified(document, ways)
        if simple is None:
            types = frozenset[str]().union(*(shape_of(document, way).types for way in ways))
            shape = replace(shape, types=shape.types & types)
        else:
            kept = tuple(other for other in shape.alternatives if other is not ways)
            shape = merged(replace(shape, alternatives=kept, exclusive=shape.exclusive and bool(kept)), simple)
    return shape


def _simplified(document: OpenApi, ways: tuple[Schema, ...]) -> Shape | None:
    """Ways that one schema can say: a list of bare types, or one way and null."""
    if all(isinstance(way, dict) and way.keys() - _ANNOTATIONS == {"type"} for way in ways):
        return Shape(types=frozenset[str]().union(*(_types(way) for way in ways)))
    real = [way for way in ways if not _is_null(way)]
    if len(real) != 1:
        return None
    shape = shape_of(document, real[0])
    if len(real) == len(ways):
        return shape
    return replace(shape, types=shape.types | {"null"}, enum=None if shape.enum is None else shape.enum | {"null"})


def _is_null(way: Schema) -> bool:
    return isinstance(way, dict) and way.get("type") == "null" and not way.keys() - _ANNOTATIONS - {"type"}


def deep_text(document: OpenApi, schema: Schema) -> str:
    """A text that two schemas share when they are the same down to the last reference. Raises Unresolvable, Undecidable."""
    budget = [20_000]
    return json.dumps(_expanded(document, schema, (), budget), sort_keys=True)


def _expanded(document: OpenApi, value: Any, above: tuple[str, ...], budget: list[int]) -> Any:
    budget[0] -= 1
    if budget[0] < 0:
        raise Undecidable("a schema unfolds to too many parts")
    if isinstance(value, list):
        return [_expanded(document, item, above, budget) for item in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("$ref"), str):
        pointer = value["$ref"]
        if pointer in above:
            return {"$recursive": len(above) - above.index(pointer)}
        return _expanded(document, document.at(pointer), (*above, pointer), budget)
    # an annotation is text; a property of such a name is a schema
    kept = {k: v for k, v in value.items() if not (k in _ANNOTATIONS and not isinstance(v, dict))}
    return {key: _expanded(document, item, above, budget) for key, item in kept.items()}


def _parts(document: OpenApi, schema: Schema, above: frozenset[str]) -> Iterator[Schema]:
    """The schema and all that `allOf`, a reference, and an `anyOf` with one way only add to it."""
    if isinstance(schema, dict) and isinstance(schema.get("$ref"), str):
        pointer = schema["$ref"]
        if pointer in above:
            raise Unresolvable(f"{pointer} is made of itself")
        yield from _parts(document, document.at(pointer), above | {pointer})
        siblings = {k: v for k, v in schema.items() if k != "$ref"} if document.version == "3.1" else {}
        if siblings:
            yield from _parts(document, siblings, above)
        return
    if isinstance(schema, dict) and isinstance(schema.get("allOf"), list):
        for part in schema["allOf"]:
            yield from _parts(document, part, above)
    yield schema


def _single(document: OpenApi, schema: Schema) -> Shape:
    if schema is True or schema is None:
        return Shape()
    if schema is False:
        return Shape(never=True)
    if not isinstance(schema, dict):
        raise Undecidable("a schema is neither a mapping nor a boolean")
    nullable = schema.get("nullable") is True or schema.get("x-nullable") is True
    alternatives, null_too = _alternatives(document, schema)
    types = _types(schema)
    return Shape(
        types=types | {"null"} if nullable and document.version != "3.1" else types,
        format=schema["format"] if isinstance(schema.get("format"), str) else None,
        enum=_enum(schema, nullable),
        properties=_mapping(schema, "properties"),
        required=frozenset(name for name in _list(schema, "required") if isinstance(name, str)),
        additional=schema.get("additionalProperties", True),
        items=schema.get("items", True),
        upper=dict(_limits(schema, _UPPER, "exclusiveMaximum")),
        lower=dict(_limits(schema, _LOWER, "exclusiveMinimum")),
        multiple_of=_number(schema.get("multipleOf")),
        unique=schema.get("uniqueItems") is True,
        patterns=frozenset([schema["pattern"]] if isinstance(schema.get("pattern"), str) else []),
        alternatives=tuple((*ways, {"type": "null"}) if null_too else ways for ways in alternatives),
        exclusive="oneOf" in schema and "discriminator" not in schema,
        opaque=_opaque(document, schema),
        read_only=schema.get("readOnly") is True,
        write_only=schema.get("writeOnly") is True,
    )


def _types(schema: Mapping[str, Any]) -> frozenset[str]:
    told = schema.get("type")
    if told is None:
        return ALL_TYPES
    names = frozenset([told] if isinstance(told, str) else told if isinstance(told, list) else ["?"])
    if "file" in names:  # Swagger 2.0's word for bytes
        return frozenset({"string"})
    if not names <= ALL_TYPES:
        raise Undecidable("a schema has a type that JSON Schema does not know")
    return names | {"integer"} if "number" in names else names


def _enum(schema: Mapping[str, Any], nullable: bool) -> frozenset[str] | None:
    if "const" in schema:
        return frozenset([canonical(schema["const"])])
    if not isinstance(schema.get("enum"), list):
        return None
    values = frozenset(canonical(value) for value in schema["enum"])
    return values | {"null"} if nullable else values


def canonical(value: Any) -> str:
    """JSON text with sorted keys; 1 and 1.0 are one value, as in JSON Schema."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _alternatives(document: OpenApi, schema: Mapping[str, Any]) -> tuple[list[tuple[Schema, ...]], bool]:
    """Ways of each `oneOf` and `anyOf`."""
    found = [tuple(schema[word]) for word in ("oneOf", "anyOf") if isinstance(schema.get(word), list) and schema[word]]
    return found, bool(found) and document.version != "3.1" and schema.get("nullable") is True


def _limits(schema: Mapping[str, Any], names: tuple[str, ...], exclusive: str) -> Iterator[tuple[str, tuple[float, bool]]]:
    for name in names:
        value = _number(schema.get(name))
        if value is not None and not (name.startswith("min") and name != "minimum" and value == 0):
            yield name, (value, not (name in ("maximum", "minimum") and schema.get(exclusive) is True))
    value = _number(schema.get(exclusive))
    if value is not None:
        yield "maximum" if exclusive == "exclusiveMaximum" else "minimum", (value, False)


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _mapping(schema: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = schema.get(name, {})
    if not isinstance(value, dict):
        raise Undecidable(f"{name} of a schema is not a mapping")
    return value


def _list(schema: Mapping[str, Any], name: str) -> list[Any]:
    value = schema.get(name, [])
    return value if isinstance(value, list) else []  # `required: true` of Swagger's parameters and of old drafts


def _opaque(document: OpenApi, schema: Mapping[str, Any]) -> str:
    found = {word: schema[word] for word in _OPAQUE if word in schema}
    return deep_text(document, found) if found else ""
