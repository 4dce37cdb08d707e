"""Swagger 2.0 and OpenAPI 3 as one small model: operations with their parameters, bodies, responses and demands on the caller."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from platformkit_pipeline.parity.api.openapi_document import OpenApi, Unresolvable
from platformkit_pipeline.parity.api.shape import Schema

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_ANY_MEDIA = "*/*"
_KEYWORDS_OF_VALUES = (
    "type", "format", "items", "default", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength", "minLength",
    "pattern", "maxItems", "minItems", "uniqueItems", "enum", "multipleOf", "x-nullable",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    location: str
    """path, query, header or cookie."""
    required: bool
    schema: Schema
    style: str
    """How a list or an object is written; empty where the schema is a scalar's."""


@dataclass(frozen=True, slots=True)
class Content:
    """A body, or a response: schemas by media type (parameters such as charset left out)."""

    schemas: Mapping[str, Schema]
    required: bool = False
    headers: Mapping[str, tuple[bool, Schema]] = field(default_factory=dict)
    """Lower-case name → whether it always comes, and its schema."""


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    """As it stands in its document."""
    parameters: Mapping[tuple[str, str], Parameter]
    """By location and name; parameters of the path by their position."""
    body: Content | None
    responses: Mapping[str, Content]
    """By status (`200`, `2XX`, `default`)."""
    security: frozenset[frozenset[str]]
    """Ways to be let in; one of them is enough. Empty set within: no credentials."""

    @property
    def label(self) -> str:
        return f"{self.method.upper()} {self.path}"


@dataclass(frozen=True, slots=True)
class Api:
    operations: Mapping[tuple[str, str], Operation]
    """By template (names of parameters left out) and method."""
    unreadable: Mapping[tuple[str, str], str]
    """Operations that could not be made out, and why."""


def template_of(path: str) -> str:
    """`/orders/{id}` and `/orders/{order_id}` are one path."""
    return re.sub(r"\{[^{}]*\}", "{}", path.rstrip("/") or "/")


def read_api(document: OpenApi) -> Api:
    """Raises nothing: what cannot be made out is named with its reason."""
    operations: dict[tuple[str, str], Operation] = {}
    unreadable: dict[tuple[str, str], str] = {}
    for path, told in (document.root.get("paths") or {}).items():
        if not isinstance(path, str) or not path.startswith("/"):
            continue
        try:
            item, _ = document.resolved(told)
        except Unresolvable as reason:
            unreadable |= {(template_of(path), method): str(reason) for method in METHODS[:1]}
            continue
        for method in METHODS:
            if isinstance(item, dict) and isinstance(item.get(method), dict):
                try:
                    operations[template_of(path), method] = _operation(document, path, method, item)
                except (Unresolvable, _Malformed) as reason:
                    unreadable[template_of(path), method] = str(reason)
    return Api(operations, unreadable)


class _Malformed(Exception):
    pass


def _operation(document: OpenApi, path: str, method: str, item: Mapping[str, Any]) -> Operation:
    operation = item[method]
    raw: dict[tuple[str, str], Mapping[str, Any]] = {}
    for each in (*_listed(item.get("parameters")), *_listed(operation.get("parameters"))):
        parameter, _ = document.resolved(each)
        if not isinstance(parameter, dict) or not isinstance(parameter.get("name"), str) or not isinstance(parameter.get("in"), str):
            raise _Malformed("a parameter has no name or no place")
        raw[parameter["in"], parameter["name"]] = parameter
    positions = {name: str(n) for n, name in enumerate(re.findall(r"\{([^{}]*)\}", path))}
    parameters: dict[tuple[str, str], Parameter] = {}
    for (location, name), parameter in raw.items():
        if location in ("path", "query", "header", "cookie") and not (
            location == "header" and name.lower() in ("accept", "content-type", "authorization")
        ):
            known_as = {"path": positions.get(name, name), "header": name.lower()}.get(location) or name
            parameters[location, known_as] = _parameter(document, parameter)
    body = _swagger_body(document, operation, raw) if document.version == "2.0" else _body(document, operation)
    return Operation(method, path, parameters, body, dict(_responses(document, operation)), _security(document, operation))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _parameter(document: OpenApi, raw: Mapping[str, Any]) -> Parameter:
    location = raw["in"]
    schema: Schema
    if document.version == "2.0":
        schema = {k: v for k, v in raw.items() if k in _KEYWORDS_OF_VALUES}
        style = raw.get("collectionFormat", "csv") if raw.get("type") == "array" else ""
    elif isinstance(raw.get("content"), dict):
        media, entry = next(iter(raw["content"].items()), ("", {}))
        schema, style = entry.get("schema", True) if isinstance(entry, dict) else True, f"content {media}"
    else:
        schema = raw.get("schema", True)
        style = _style(document, location, raw, schema)
    return Parameter(raw["name"], location, raw.get("required") is True or location == "path", schema, style)


def _style(document: OpenApi, location: str, raw: Mapping[str, Any], schema: Schema) -> str:
    """In Swagger's words where they have one."""
    shown, _ = document.resolved(schema)
    kind = shown.get("type") if isinstance(shown, dict) else None
    if kind not in ("array", "object"):
        return ""
    style = raw.get("style") or ("form" if location in ("query", "cookie") else "simple")
    explode = raw.get("explode", style == "form")
    if kind == "array":
        told = {("form", True): "multi", ("form", False): "csv", ("simple", False): "csv", ("simple", True): "csv"}
        told |= {("spaceDelimited", False): "ssv", ("pipeDelimited", False): "pipes"}
        return told.get((style, bool(explode)), f"{style} {explode}")
    return f"{style} {explode}"


def _swagger_body(document: OpenApi, operation: Mapping[str, Any], raw: Mapping[tuple[str, str], Any]) -> Content | None:
    media = _media(operation.get("consumes", document.root.get("consumes")), "application/json")
    forms = {name: p for (location, name), p in raw.items() if location == "formData"}
    if forms:
        properties = {name: {k: v for k, v in p.items() if k in _KEYWORDS_OF_VALUES} for name, p in forms.items()}
        required = [name for name, p in forms.items() if p.get("required") is True]
        schema = {"type": "object", "properties": properties, "required": required}
        kinds = [m for m in media if "form" in m] or ["application/x-www-form-urlencoded"]
        return Content(dict.fromkeys(kinds, schema), required=bool(required))
    for (location, _), parameter in raw.items():
        if location == "body":
            return Content(dict.fromkeys(media, parameter.get("schema", True)), required=parameter.get("required") is True)
    return None


def _media(told: Any, usual: str) -> list[str]:
    named = [plain_media(m) for m in told if isinstance(m, str)] if isinstance(told, list) else []
    return named or [usual]


def plain_media(media: str) -> str:
    """Without charset and the like, but with what makes another type of it."""
    kind, *parameters = (part.strip().lower() for part in media.split(";"))
    kept = [p for p in parameters if p and not p.startswith(("charset=", "boundary="))]
    return ";".join([kind, *kept])


def _body(document: OpenApi, operation: Mapping[str, Any]) -> Content | None:
    body, _ = document.resolved(operation.get("requestBody"))
    if not isinstance(body, dict):
        return None
    return Content(_schemas(body.get("content")), required=body.get("required") is True)


def _schemas(content: Any) -> dict[str, Schema]:
    if not isinstance(content, dict):
        return {}
    return {plain_media(m): entry.get("schema", True) if isinstance(entry, dict) else True for m, entry in content.items()}


def _responses(document: OpenApi, operation: Mapping[str, Any]) -> Iterator[tuple[str, Content]]:
    for status, told in (operation.get("responses") or {}).items():
        response, _ = document.resolved(told)
        if not isinstance(response, dict) or str(status).startswith("x-"):
            continue
        if document.version == "2.0":
            media = _media(operation.get("produces", document.root.get("produces")), _ANY_MEDIA)
            schemas = dict.fromkeys(media, response["schema"]) if "schema" in response else {}
        else:
            schemas = _schemas(response.get("content"))
        yield str(status).upper() if str(status) != "default" else "default", Content(schemas, headers=dict(_headers(document, response)))


def _headers(document: OpenApi, response: Mapping[str, Any]) -> Iterator[tuple[str, tuple[bool, Schema]]]:
    for name, told in (response.get("headers") or {}).items():
        header, _ = document.resolved(told)
        if isinstance(header, dict) and name.lower() != "content-type":
            inline = {k: v for k, v in header.items() if k in _KEYWORDS_OF_VALUES}
            schema = inline if document.version == "2.0" else header.get("schema", True)
            yield name.lower(), (header.get("required") is True, schema)


def _security(document: OpenApi, operation: Mapping[str, Any]) -> frozenset[frozenset[str]]:
    told = operation.get("security", document.root.get("security"))
    if not isinstance(told, list) or not told:
        return frozenset([frozenset()])
    root = document.root
    schemes = root.get("securityDefinitions") if document.version == "2.0" else (root.get("components") or {}).get("securitySchemes")
    schemes = schemes if isinstance(schemes, dict) else {}
    return frozenset(frozenset(_demands(document, schemes, way)) for way in told if isinstance(way, dict))


def _demands(document: OpenApi, schemes: Mapping[str, Any], way: Mapping[str, Any]) -> Iterator[str]:
    """One per scheme and scope, named after what the scheme is: its name in the document is nobody's business."""
    for name, scopes in way.items():
        scheme, _ = document.resolved(schemes.get(name))
        identity = _identity(scheme) if isinstance(scheme, dict) else name
        yield identity
        yield from (f"{identity} scope {scope}" for scope in _listed(scopes))


def _identity(scheme: Mapping[str, Any]) -> str:
    match scheme.get("type"):
        case "apiKey":
            return f"key in {scheme.get('in')} {str(scheme.get('name')).lower()}"
        case "basic":
            return "http basic"
        case "http":
            return f"http {str(scheme.get('scheme')).lower()}"
        case "oauth2":
            return "oauth2"
        case "openIdConnect":
            return f"openIdConnect {scheme.get('openIdConnectUrl')}"
        case other:
            return json.dumps(other)
