"""The Swagger 2.0 document that PostgREST makes of a catalogue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from platformkit_pipeline.sandbox.data_api.catalogue import Argument, Catalogue, Column, Function, Relation

_TYPES = {
    "character varying": "string",
    "character": "string",
    "text": "string",
    "boolean": "boolean",
    "smallint": "integer",
    "integer": "integer",
    "bigint": "integer",
    "numeric": "number",
    "real": "number",
    "double precision": "number",
    "json": None,
    "jsonb": None,
}
_MEDIA = ["application/json", "application/vnd.pgrst.object+json;nulls=stripped", "application/vnd.pgrst.object+json"]
_READ = ("select", "order", "range", "rangeUnit", "offset", "limit", "preferCount")
_RETURN = ["return=representation", "return=minimal", "return=none"]
_PREFERENCES: dict[str, list[str]] = {
    "preferParams": [],
    "preferReturn": _RETURN,
    "preferCount": ["count=none"],
    "preferPost": [*_RETURN, "resolution=ignore-duplicates", "resolution=merge-duplicates"],
}
_SHARED = {
    "select": ("select", "query", "Filtering Columns"),
    "on_conflict": ("on_conflict", "query", "On Conflict"),
    "order": ("order", "query", "Ordering"),
    "range": ("Range", "header", "Limiting and Pagination"),
    "rangeUnit": ("Range-Unit", "header", "Limiting and Pagination"),
    "offset": ("offset", "query", "Limiting and Pagination"),
    "limit": ("limit", "query", "Limiting and Pagination"),
}


def swagger(catalogue: Catalogue, *, host: str, base_path: str) -> dict[str, Any]:
    """The document as JSON values."""
    return {
        "swagger": "2.0",
        "info": {"title": "standard public schema", "description": "", "version": "13.0.0 (stand-in)"},
        "host": host,
        "basePath": base_path,
        "schemes": ["http"],
        "consumes": [*_MEDIA, "text/csv"],
        "produces": [*_MEDIA, "text/csv"],
        "paths": dict(_paths(catalogue)),
        "definitions": {r.name: _definition(r) for r in catalogue.relations},
        "parameters": dict(_parameters(catalogue)),
        "externalDocs": {"description": "PostgREST Documentation", "url": "https://docs.postgrest.org/en/v13/references/api.html"},
    }


def _paths(catalogue: Catalogue) -> Iterator[tuple[str, dict[str, Any]]]:
    yield (
        "/",
        {
            "get": {
                "tags": ["Introspection"],
                "summary": "OpenAPI description (this document)",
                "produces": ["application/openapi+json", "application/json"],
                "responses": {"200": {"description": "OK"}},
            }
        },
    )
    for relation in catalogue.relations:
        yield f"/{relation.name}", _relation_path(relation)
    for function in catalogue.functions:
        yield f"/rpc/{function.name}", _function_path(function)


def _relation_path(relation: Relation) -> dict[str, Any]:
    filters = [f"rowFilter.{relation.name}.{c.name}" for c in relation.columns]
    rows = {"type": "array", "items": {"$ref": f"#/definitions/{relation.name}"}}
    about = {"tags": [relation.name], **_texts(relation.comment)}
    path: dict[str, Any] = {
        "get": {
            **about,
            "parameters": _references(*filters, *_READ),
            "responses": {"200": {"description": "OK", "schema": rows}, "206": {"description": "Partial Content"}},
        }
    }
    if relation.changeable:
        body = f"body.{relation.name}"
        created, empty = {"201": {"description": "Created"}}, {"204": {"description": "No Content"}}
        path["post"] = {**about, "parameters": _references(body, "select", "preferPost"), "responses": created}
        path["patch"] = {**about, "parameters": _references(*filters, body, "preferReturn"), "responses": empty}
        path["delete"] = {**about, "parameters": _references(*filters, "preferReturn"), "responses": empty}
    return path


def _references(*names: str) -> list[dict[str, str]]:
    return [{"$ref": f"#/parameters/{name}"} for name in names]


def _texts(comment: str | None) -> dict[str, str]:
    if comment is None:
        return {}
    summary, _, rest = comment.partition("\n")
    return {"summary": summary, **({"description": rest.lstrip("\n")} if rest.lstrip("\n") else {})}


def _parameters(catalogue: Catalogue) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, values in _PREFERENCES.items():
        enum = {"enum": values} if values else {}
        yield name, {"name": "Prefer", "description": "Preference", "required": False, "in": "header", "type": "string", **enum}
    for name, (sent, place, text) in _SHARED.items():
        yield name, {"name": sent, "description": text, "required": False, "in": place, "type": "string"}
    for relation in catalogue.relations:
        body = {"name": relation.name, "description": relation.name, "required": False, "in": "body"}
        yield f"body.{relation.name}", {**body, "schema": {"$ref": f"#/definitions/{relation.name}"}}
        for column in relation.columns:
            about = {"description": column.comment} if column.comment else {}
            parameter = {"name": column.name, **about, "required": False, "in": "query", "type": "string"}
            yield f"rowFilter.{relation.name}.{column.name}", parameter


def _definition(relation: Relation) -> dict[str, Any]:
    required = [c.name for c in relation.columns if c.not_null]
    return {
        **({"description": relation.comment} if relation.comment else {}),
        **({"required": required} if required else {}),
        "properties": {c.name: _property(c) for c in relation.columns},
        "type": "object",
    }


def _property(column: Column) -> dict[str, Any]:
    found: dict[str, Any] = _schema(column.type)
    if column.max_length is not None:
        found["maxLength"] = column.max_length
    if column.labels:
        found["enum"] = list(column.labels)
    default = _default(column)
    if default is not None:
        found["default"] = default
    text = _described(column)
    return found | ({"description": text} if text else {})


def _schema(type_name: str) -> dict[str, Any]:
    kind = _type_of(type_name)
    found: dict[str, Any] = {"format": type_name}
    if kind is not None:
        found["type"] = kind
    if kind == "array":
        inner = _type_of(type_name.removesuffix("[]"))
        found["items"] = {"type": inner} if inner else {}
    return found


def _type_of(type_name: str) -> str | None:
    return _TYPES.get(type_name, "array" if type_name.endswith("[]") else "string")


def _default(column: Column) -> Any:
    if column.default is None:
        return None
    if _type_of(column.type) == "string":
        literal = column.default.removesuffix(f"::{column.type}")
        return literal.strip("'") if literal != column.default else column.default
    try:
        return json.loads(column.default)
    except ValueError:
        return None


def _described(column: Column) -> str | None:
    notes = ["This is a Primary Key.<pk/>"] if column.primary_key else []
    if column.refers_to is not None:
        table, name = column.refers_to
        notes.append(f"This is a Foreign Key to `{table}.{name}`.<fk table='{table}' column='{name}'/>")
    if not notes:
        return column.comment
    return (f"{column.comment}\n\n" if column.comment else "") + "\n".join(["Note:", *notes])


def _function_path(function: Function) -> dict[str, Any]:
    about = {
        "tags": [f"(rpc) {function.name}"],
        **_texts(function.comment),
        "produces": _MEDIA,
        "responses": {"200": {"description": "OK"}},
    }
    schema: dict[str, Any] = {"type": "object", "properties": {a.name: _schema(a.type) for a in function.arguments}}
    if required := [a.name for a in function.arguments if a.required]:
        schema["required"] = required
    arguments = {"name": "args", "required": True, "in": "body", "schema": schema}
    path: dict[str, Any] = {"post": {**about, "parameters": [arguments, *_references("preferParams")]}}
    if not function.volatile:
        path["get"] = {**about, "parameters": [_query_parameter(a) for a in function.arguments]}
    return path


def _query_parameter(argument: Argument) -> dict[str, Any]:
    kind = _type_of(argument.type)
    sent = kind if kind not in (None, "array") else "string"
    return {"name": argument.name, "required": argument.required, "in": "query", "type": sent, "format": argument.type}
