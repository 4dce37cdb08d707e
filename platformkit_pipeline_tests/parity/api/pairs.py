"""Pairs of documents: the promised one, the live one, and the kinds of breaking changes between them (empty: none).

Written as fragments of OpenAPI 3.0; `document` completes them. The oracle of `tools/oracle` reads them as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Pair:
    name: str
    promised: dict[str, Any]
    live: dict[str, Any]
    kinds: tuple[str, ...] = ()


def document(paths: dict[str, Any], version: str = "3.0.3", **more: Any) -> dict[str, Any]:
    return {"openapi": version, "info": {"title": "t", "version": "1"}, "paths": paths, **more}


def get(schema: Any = None, parameters: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    """GET /orders with one answer."""
    answer: dict[str, Any] = {"description": "ok", **({"content": {JSON: {"schema": schema}}} if schema is not None else {})}
    return {"/orders": {"get": {"parameters": parameters or [], "responses": {"200": answer}, **more}}}


def post(schema: Any, *, required: bool = True, media: str = JSON) -> dict[str, Any]:
    """POST /orders with one body."""
    body = {"required": required, "content": {media: {"schema": schema}}}
    return {"/orders": {"post": {"requestBody": body, "responses": {"201": {"description": "made"}}}}}


def query(name: str, schema: Any, *, required: bool = False, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": required, "schema": schema, **more}


def obj(required: tuple[str, ...] = (), /, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


S, I, N = {"type": "string"}, {"type": "integer"}, {"type": "number"}  # noqa: E741 - as short as what they say
_TREE: Any = {"components": {"schemas": {"Node": obj(name=S, children={"type": "array", "items": {"$ref": "#/components/schemas/Node"}})}}}
_TREE_TYPED: Any = {
    "components": {"schemas": {"Node": obj(name=I, children={"type": "array", "items": {"$ref": "#/components/schemas/Node"}})}}
}
_TO_NODE = get({"$ref": "#/components/schemas/Node"})
_KEY: Any = {"components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}}}
_KEY_RENAMED: Any = {"components": {"securitySchemes": {"other": {"type": "apiKey", "in": "header", "name": "x-key"}}}}

_A, _B, _C = obj(("a",), a=S), obj(("b",), b=S), obj(("c",), c=S)


def _response(name: str, promised: Any, live: Any, *kinds: str) -> Pair:
    return Pair(f"response: {name}", document(get(promised)), document(get(live)), kinds)


def _request(name: str, promised: Any, live: Any, *kinds: str) -> Pair:
    return Pair(f"request: {name}", document(post(promised)), document(post(live)), kinds)


def _parameter(name: str, promised: list[Any], live: list[Any], *kinds: str) -> Pair:
    return Pair(f"parameter: {name}", document(get(S, promised)), document(get(S, live)), kinds)


PAIRS = (
    # paths and operations
    Pair("path removed", document(get(S)), document({}), ("path-removed",)),
    Pair("path added", document(get(S)), document({**get(S), "/more": get(S)["/orders"]})),
    Pair("operation removed", document({"/orders": {**get(S)["/orders"], **post(S)["/orders"]}}), document(get(S)), ("operation-removed",)),
    Pair(
        "parameter of the path renamed",
        document({"/o/{id}": {"get": {"parameters": [{"name": "id", "in": "path", "required": True, "schema": S}], "responses": {}}}}),
        document({"/o/{key}": {"get": {"parameters": [{"name": "key", "in": "path", "required": True, "schema": S}], "responses": {}}}}),
    ),
    # parameters
    _parameter("removed", [query("a", S)], [], "parameter-removed"),
    _parameter("optional one added", [], [query("a", S)]),
    _parameter("required one added", [], [query("a", S, required=True)], "required-parameter-added"),
    _parameter("became required", [query("a", S)], [query("a", S, required=True)], "parameter-became-required"),
    _parameter("became optional", [query("a", S, required=True)], [query("a", S)]),
    _parameter("type narrowed", [query("a", S)], [query("a", I)], "request-type-narrowed"),
    _parameter("integer widened to number", [query("a", I)], [query("a", N)]),
    _parameter("number narrowed to integer", [query("a", N)], [query("a", I)], "request-type-narrowed"),
    _parameter(
        "list written otherwise",
        [query("a", {"type": "array", "items": S}, explode=False)],
        [query("a", {"type": "array", "items": S})],
        "parameter-style-changed",
    ),
    _parameter("enum added", [query("a", S)], [query("a", {**S, "enum": ["x"]})], "request-enum-value-removed"),
    # bodies
    _request("required property added", obj(a=S), obj(("b",), a=S, b=S), "required-request-property-added"),
    _request("property became required", obj(a=S), obj(("a",), a=S), "request-property-became-required"),
    _request("optional property added", obj(a=S), obj(a=S, b=S)),
    _request("property removed", obj(a=S, b=S), obj(a=S), "request-property-removed"),
    _request("closed", obj(a=S), {**obj(a=S), "additionalProperties": False}, "request-closed-to-other-properties"),
    _request("enum value removed", {**S, "enum": ["x", "y"]}, {**S, "enum": ["x"]}, "request-enum-value-removed"),
    _request("enum value added", {**S, "enum": ["x"]}, {**S, "enum": ["x", "y"]}),
    _request("maxLength tightened", {**S, "maxLength": 9}, {**S, "maxLength": 5}, "request-limit-tightened"),
    _request("maxLength loosened", {**S, "maxLength": 5}, {**S, "maxLength": 9}),
    _request("minimum added", I, {**I, "minimum": 1}, "request-limit-tightened"),
    _request("maximum became exclusive", {**I, "maximum": 9}, {**I, "maximum": 9, "exclusiveMaximum": True}, "request-limit-tightened"),
    _request("pattern added", S, {**S, "pattern": "^a"}, "request-limit-tightened"),
    _request("pattern changed", {**S, "pattern": "^a"}, {**S, "pattern": "^b"}, "cannot-be-told"),
    _request("multipleOf made finer", {**I, "multipleOf": 4}, {**I, "multipleOf": 2}),
    _request("not nullable any more", {**S, "nullable": True}, S, "request-became-not-nullable"),
    _request("nullable now", S, {**S, "nullable": True}),
    _request("read-only property required", obj(id={**S, "readOnly": True}), obj(("id",), id={**S, "readOnly": True})),
    _request("alternative removed", {"oneOf": [S, I, obj(a=S)]}, {"oneOf": [S, I]}, "request-type-narrowed"),
    _request("alternative of one type removed", {"anyOf": [_A, _B, _C]}, {"anyOf": [_A, _B]}, "request-alternative-removed"),
    _request("alternative without a name loosened", {"anyOf": [_A, _B]}, {"anyOf": [obj(a=S), _B]}),
    _request("alternatives without names replaced", {"anyOf": [_A, _B]}, {"anyOf": [_A, _C]}, "cannot-be-told"),
    _request("oneOf may fit two now", {"oneOf": [_A, _B]}, {"oneOf": [_A, _B, _C]}, "cannot-be-told"),
    _request("alternatives in another order", {"anyOf": [_A, _B, _C]}, {"anyOf": [_C, _B, _A]}),
    _request("alternative of another type added", {"oneOf": [{**S, "maxLength": 3}, I]}, {"oneOf": [{**S, "maxLength": 3}, I, obj(a=S)]}),
    Pair("body became required", document(post(S, required=False)), document(post(S)), ("request-body-became-required",)),
    Pair("body of another media type", document(post(S)), document(post(S, media="application/xml")), ("request-media-type-removed",)),
    # answers
    _response("property removed", obj(a=S, b=S), obj(a=S), "response-property-removed"),
    _response("property added", obj(a=S), obj(a=S, b=S)),
    _response(
        "property added to a closed object",
        {**obj(a=S), "additionalProperties": False},
        {**obj(a=S, b=S), "additionalProperties": False},
        "response-opened-to-other-properties",
    ),
    _response("property became optional", obj(("a",), a=S), obj(a=S), "response-property-became-optional"),
    _response("property became required", obj(a=S), obj(("a",), a=S)),
    _response("property nullable", obj(a=S), obj(a={**S, "nullable": True}), "response-became-nullable"),
    _response("property not nullable any more", obj(a={**S, "nullable": True}), obj(a=S)),
    _response("type widened", obj(a=I), obj(a=N), "response-type-widened"),
    _response("type narrowed", obj(a=N), obj(a=I)),
    _response(
        "type changed in a list", {"type": "array", "items": obj(a=S)}, {"type": "array", "items": obj(a=I)}, "response-type-widened"
    ),
    _response("enum value added", {**S, "enum": ["x"]}, {**S, "enum": ["x", "y"]}, "response-enum-value-added"),
    _response("enum value removed", {**S, "enum": ["x", "y"]}, {**S, "enum": ["x"]}),
    _response("format changed", {**S, "format": "date"}, {**S, "format": "date-time"}, "response-format-changed"),
    _response("integer became bigint", {**I, "format": "int32"}, {**I, "format": "int64"}, "response-format-changed"),
    _response("bigint became integer", {**I, "format": "int64"}, {**I, "format": "int32"}),
    _response("maxLength loosened", {**S, "maxLength": 5}, {**S, "maxLength": 9}, "response-limit-loosened"),
    _response("write-only property removed", obj(p={**S, "writeOnly": True}), obj()),
    _response("allOf says the same", {"allOf": [obj(a=S), obj(("b",), b=I)]}, obj(("b",), a=S, b=I)),
    _response("allOf lost a part", {"allOf": [obj(a=S), obj(b=I)]}, {"allOf": [obj(a=S)]}, "response-property-removed"),
    _response("alternative added", {"oneOf": [_A, _B]}, {"oneOf": [_A, _B, _C]}, "response-alternative-added"),
    _response("not was changed", {"not": S}, {"not": I}, "cannot-be-told"),
    _response("not stayed", {"not": S}, {"not": S}),
    _response("no schema any more", S, {}, "response-type-widened"),
    _response("description changed", {**S, "description": "one"}, {**S, "description": "two", "example": "x"}),
    Pair(
        "status removed",
        document({"/orders": {"get": {"responses": {"200": {"description": ""}, "404": {"description": ""}}}}}),
        document({"/orders": {"get": {"responses": {"204": {"description": ""}}}}}),
        ("error-status-removed", "response-status-removed"),
    ),
    Pair(
        "status within a range",
        document({"/orders": {"get": {"responses": {"200": {"description": ""}}}}}),
        document({"/orders": {"get": {"responses": {"2XX": {"description": ""}}}}}),
    ),
    Pair(
        "media type of the answer removed",
        document({"/orders": {"get": {"responses": {"200": {"description": "", "content": {JSON: {}, "text/csv": {}}}}}}}),
        document({"/orders": {"get": {"responses": {"200": {"description": "", "content": {JSON: {}}}}}}}),
        ("response-media-type-removed",),
    ),
    Pair(
        "header removed",
        document({"/o": {"get": {"responses": {"200": {"description": "", "headers": {"X-Total": {"schema": I}}}}}}}),
        document({"/o": {"get": {"responses": {"200": {"description": ""}}}}}),
        ("response-header-removed",),
    ),
    # references and security
    Pair("a tree keeps", document(_TO_NODE, **_TREE), document(_TO_NODE, **_TREE)),
    Pair("a tree changes", document(_TO_NODE, **_TREE), document(_TO_NODE, **_TREE_TYPED), ("response-type-widened",)),
    Pair(
        "a reference replaced by what it says",
        document(get({"$ref": "#/components/schemas/A"}), components={"schemas": {"A": obj(a=S)}}),
        document(get(obj(a=S))),
    ),
    Pair("a reference leads out", document(get({"$ref": "http://127.0.0.1/x.json"})), document(get(S)), ("cannot-be-told",)),
    Pair(
        "a reference to itself",
        document(get({"$ref": "#/components/schemas/A"}), components={"schemas": {"A": {"$ref": "#/components/schemas/A"}}}),
        document(get(S)),
        ("cannot-be-told",),
    ),
    Pair("security added", document(get(S)), document(get(S), security=[{"key": []}], **_KEY), ("security-requirement-added",)),
    Pair("security removed", document(get(S), security=[{"key": []}], **_KEY), document(get(S))),
    Pair("security optional", document(get(S)), document(get(S), security=[{"key": []}, {}], **_KEY)),
    Pair("scheme renamed", document(get(S), security=[{"key": []}], **_KEY), document(get(S), security=[{"other": []}], **_KEY_RENAMED)),
    # versions
    Pair(
        "3.0 nullable and 3.1 null",
        document(get(obj(a={**S, "nullable": True}))),
        document(get(obj(a={"type": ["string", "null"]})), "3.1.0"),
    ),
    Pair(
        "3.1 optional as anyOf",
        document(get(obj(a={"type": ["string", "null"]})), "3.1.0"),
        document(get(obj(a={"anyOf": [S, {"type": "null"}]})), "3.1.0"),
    ),
    Pair(
        "3.0 exclusive and 3.1 exclusive",
        document(post({**I, "maximum": 9, "exclusiveMaximum": True})),
        document(post({**I, "exclusiveMaximum": 9}), "3.1.0"),
    ),
    Pair(
        "Swagger 2.0 and 3.0",
        {
            "swagger": "2.0",
            "info": {"title": "t", "version": "1"},
            "produces": [JSON],
            "paths": {
                "/orders": {
                    "get": {
                        "parameters": [{"name": "ids", "in": "query", "type": "array", "items": S, "collectionFormat": "multi"}],
                        "responses": {"200": {"description": "ok", "schema": {"$ref": "#/definitions/Order"}}},
                    }
                }
            },
            "definitions": {"Order": obj(a=S)},
        },
        document(get(obj(a=S), [query("ids", {"type": "array", "items": S})])),
    ),
)
