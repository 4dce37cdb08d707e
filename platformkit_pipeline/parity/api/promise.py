"""Whether an answer keeps to the promised document: its status is told there, with this media type and this schema.

Faults name places of the schema and keywords, never values: an answer holds rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from platformkit_pipeline.parity.api.exchange import Answer
from platformkit_pipeline.parity.api.openapi_document import OpenApi
from platformkit_pipeline.parity.api.operations import Api, Content, Operation, plain_media, template_of
from platformkit_pipeline.parity.api.time_limit import TookTooLong, at_most

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_HOME = "urn:platformkit:promised"
_MAX_FAULTS = 20
_SECONDS = 20.0
"""For one answer against its schema."""
_VERBATIM = frozenset({"example", "examples", "default", "enum", "const", "x-enum"})
_JSON_TYPES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


class NotPromised(Exception):
    """The document says nothing about such an answer; the message is the rest of a sentence."""


class Undecided(Exception):
    """The document's schema cannot be applied; the message says why."""


class Promise:
    """The promised document, ready to hold answers against it."""

    def __init__(self, document: OpenApi, api: Api) -> None:
        from referencing import Registry
        from referencing.jsonschema import DRAFT202012

        self.document = document
        self.api = api
        resource = DRAFT202012.create_resource(_in_draft_2020(document.root, nullable=document.version != "3.1"))
        self._registry: Registry[Any] = Registry().with_resource(_HOME, resource)

    def operation(self, method: str, path: str) -> Operation:
        """The operation that answers a request to `path` (with or without a query). Raises NotPromised."""
        segments = path.split("?", 1)[0].rstrip("/").split("/") or [""]
        if len(segments) == 1:
            segments = ["", ""]
        wanted = [method.lower()] + (["get"] if method == "HEAD" else [])
        fitting = [
            (sum(s == "{}" for s in template.split("/")), operation)
            for (template, told), operation in self.api.operations.items()
            if told in wanted and _fits(template, segments)
        ]
        if not fitting:
            raise NotPromised(f"the promised document has no {method} of this path")
        return min(fitting, key=lambda pair: (pair[0], pair[1].path))[1]

    def content(self, operation: Operation, status: int) -> Content:
        """What is promised of an answer with that status. Raises NotPromised."""
        for told in (str(status), f"{status // 100}XX", "default"):
            if told in operation.responses:
                return operation.responses[told]
        raise NotPromised(f"the promised document tells no status {status} of {operation.label}")

    def faults(self, content: Content, answer: Answer, *, partial: bool = False) -> list[str]:
        """What is wrong with the answer's media type and body; empty: nothing. Raises Undecided."""
        if not content.schemas or answer.status == 204:
            return []
        media = plain_media(answer.media)
        schema = content.schemas.get(media, content.schemas.get(f"{media.split('/')[0]}/*", content.schemas.get("*/*")))
        if schema is None:
            return [f"the media type is {media[:80] or 'not told'}; promised: {', '.join(sorted(content.schemas))}"]
        if "json" not in media:
            return []
        try:
            body = json.loads(answer.body)
        except (ValueError, RecursionError):
            return ["the body is not JSON"]
        return self._schema_faults(schema, body, partial=partial)

    def _schema_faults(self, schema: Any, body: Any, *, partial: bool) -> list[str]:
        import jsonschema  # two seconds, for contracts with requests only
        from referencing.exceptions import Unresolvable

        converted = _in_draft_2020(schema, nullable=self.document.version != "3.1")
        root = {"$id": f"{_HOME}:answer", **_at_home(converted)} if isinstance(converted, dict) else converted
        validator = jsonschema.Draft202012Validator(root, registry=self._registry, format_checker=jsonschema.FormatChecker())
        found: dict[str, None] = {}
        try:
            with at_most(_SECONDS):
                for error in validator.iter_errors(body):
                    if not (partial and error.validator == "required") and not _write_only(error):
                        found[_told(error)] = None
                    if len(found) >= _MAX_FAULTS:
                        break
        except TookTooLong:
            raise Undecided(
                f"the promised schema could not be applied within {_SECONDS:g} s; is there a pattern that tries for ever?"
            ) from None
        except Unresolvable:
            raise Undecided("a $ref of the promised document leads nowhere or out of it") from None
        except (RecursionError, re.error, jsonschema.exceptions.SchemaError, TypeError, ValueError, AttributeError) as error:
            raise Undecided(f"the promised schema cannot be applied ({type(error).__name__})") from None
        return list(found)


def _fits(template: str, segments: list[str]) -> bool:
    parts = template_of(template).split("/")
    return len(parts) == len(segments) and all(p == s or ("{}" in p and s) for p, s in zip(parts, segments, strict=True))


def _at_home(schema: Any) -> Any:
    """References of a schema that stands alone lead to the document that it was taken from."""
    if isinstance(schema, dict):
        return {k: f"{_HOME}{v}" if k == "$ref" and isinstance(v, str) and v.startswith("#") else _at_home(v) for k, v in schema.items()}
    return [_at_home(item) for item in schema] if isinstance(schema, list) else schema


def _in_draft_2020(value: Any, *, nullable: bool, names: bool = False) -> Any:
    """Schemas of all versions as JSON Schema 2020-12. `names`: the keys are names of properties, not keywords."""
    if isinstance(value, list):
        return [_in_draft_2020(item, nullable=nullable) for item in value]
    if not isinstance(value, dict):
        return value
    if not names and nullable and isinstance(value.get("$ref"), str):
        return {"$ref": value["$ref"]}  # siblings of a reference say nothing before 3.1
    found = {
        key: item
        if key in _VERBATIM and not names
        else _in_draft_2020(item, nullable=nullable, names=not names and key in ("properties", "patternProperties", "$defs", "definitions"))
        for key, item in value.items()
    }
    return _modern(found) if not names and nullable else found


def _modern(schema: dict[str, Any]) -> dict[str, Any]:
    if (schema.get("nullable") is True or schema.get("x-nullable") is True) and isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
        if isinstance(schema.get("enum"), list):
            schema["enum"] = [*schema["enum"], None]
    for word, limit in (("exclusiveMaximum", "maximum"), ("exclusiveMinimum", "minimum")):
        if schema.get(word) is True and limit in schema:
            schema[word] = schema.pop(limit)
        elif isinstance(schema.get(word), bool):
            schema.pop(word)
    if isinstance(schema.get("required"), bool):  # of a parameter
        schema.pop("required")
    if schema.get("type") == "file":
        schema.pop("type")
    return schema


def _write_only(error: ValidationError) -> bool:
    """A required property that never comes in answers."""
    if error.validator != "required" or not isinstance(error.schema, Mapping):
        return False
    properties = error.schema.get("properties", {})
    missing = [n for n in error.validator_value if n not in error.instance]
    return bool(missing) and all(isinstance(properties.get(n), dict) and properties[n].get("writeOnly") is True for n in missing)


def _told(error: ValidationError) -> str:
    place = "".join(_steps(list(error.absolute_schema_path))).lstrip(".") or "the body"
    match error.validator:
        case "type":
            expected = error.validator_value if isinstance(error.validator_value, str) else " or ".join(map(str, error.validator_value))
            return f"{place} is of type {_JSON_TYPES.get(type(error.instance), '?')}; promised: {expected}"
        case "required":
            missing = [n for n in error.validator_value if n not in error.instance]
            return f"{place} lacks {', '.join(missing[:3])}"
        case "format" | "pattern" | "maxLength" | "minLength" | "maximum" | "minimum" | "multipleOf":
            return f"{place} breaks {error.validator} {str(error.validator_value)[:80]}"
        case "additionalProperties":
            return f"{place} has properties that the promised document does not allow"
        case other:
            return f"{place} breaks {other}"


def _steps(path: list[str | int]) -> Iterator[str]:
    """The place in words of the schema: names of properties stand there, keys of rows do not."""
    position = 0
    while position < len(path):
        word = path[position]
        if word in ("properties",) and position + 1 < len(path):
            yield f".{path[position + 1]}"
            position += 1
        elif word in ("items", "additionalItems"):
            yield "[]"
        elif word == "additionalProperties" and position + 1 < len(path):
            yield ".*"
        position += 1
