"""An OpenAPI 3.0/3.1 or Swagger 2.0 document as plain values: of bounded size, nothing followed that leads out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from platformkit_pipeline.model.yaml_document import MalformedDocument, parse_json, parse_yaml

MAX_JSON_BYTES = 20_000_000
"""A Data API with a thousand tables publishes some 10 MB."""
MAX_YAML_BYTES = 5_000_000
MAX_PARTS = 2_000_000
MAX_DEPTH = 100


class UnusableDocument(Exception):
    """The text is no OpenAPI document that is read here; the message is the rest of a sentence about it, without its content."""


class Unresolvable(Exception):
    """A `$ref` leads nowhere, in a circle or out of the document."""


@dataclass(frozen=True, slots=True)
class OpenApi:
    """One document; compared and validated against, never changed."""

    version: str
    """`2.0`, `3.0` or `3.1`."""
    root: Mapping[str, Any] = field(repr=False)

    def resolved(self, value: Any) -> tuple[Any, str | None]:
        """What `value` stands for when it is a `$ref` (or a chain of them), and the last pointer. Raises Unresolvable."""
        pointer: str | None = None
        seen: set[str] = set()
        while isinstance(value, dict) and isinstance(value.get("$ref"), str):
            pointer = value["$ref"]
            if pointer in seen:
                raise Unresolvable(f"{pointer} refers to itself")
            seen.add(pointer)
            value = self.at(pointer)
        return value, pointer

    def at(self, pointer: str) -> Any:
        """The value at `#/…`. Raises Unresolvable."""
        if not pointer.startswith("#"):
            raise Unresolvable("a $ref leads out of the document; such references are not followed")
        value: Any = self.root
        for step in pointer[1:].split("/")[1:]:
            key = _unescaped(step)
            if isinstance(value, dict) and key in value:
                value = value[key]
            elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
                value = value[int(key)]
            else:
                raise Unresolvable(f"{pointer} leads nowhere")
        return value


def _unescaped(step: str) -> str:
    from urllib.parse import unquote

    return unquote(step).replace("~1", "/").replace("~0", "~")


def read_openapi(data: bytes, *, yaml: bool = False) -> OpenApi:
    """Bytes of a document; `yaml` allows for YAML as well. Raises UnusableDocument."""
    limit = MAX_YAML_BYTES if yaml and data.lstrip()[:1] not in (b"{", b"\xef") else MAX_JSON_BYTES
    if len(data) > limit:
        raise UnusableDocument(f"is larger than {limit // 1_000_000} MB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnusableDocument("is not UTF-8 text") from None
    try:
        document = parse_yaml(text) if limit == MAX_YAML_BYTES else parse_json(text)
    except MalformedDocument as malformed:
        fault = malformed.faults[0]
        raise UnusableDocument(f"{fault.message}{f' (line {fault.line})' if fault.line else ''}") from None
    return as_openapi(document.value)


def as_openapi(value: Any) -> OpenApi:
    """A value as a document. Raises UnusableDocument for what is no OpenAPI document, too large or nested too deeply."""
    if not isinstance(value, dict):
        raise UnusableDocument("is no OpenAPI document: not a mapping")
    _refuse_large(value)
    version = _version(value)
    if not isinstance(value.get("paths", {}), dict) or ("paths" not in value and version != "3.1"):
        raise UnusableDocument("is no OpenAPI document: it has no paths")
    return OpenApi(version, value)


def _version(value: dict[str, Any]) -> str:
    told = value.get("openapi", value.get("swagger"))
    major = str(told)[:3]
    if ("openapi" in value and major in ("3.0", "3.1")) or ("swagger" in value and major in ("2.0", "2")):
        return "2.0" if "swagger" in value else major
    raise UnusableDocument("is no OpenAPI document of version 2.0, 3.0 or 3.1")


def _refuse_large(value: Any) -> None:
    """Aliases of YAML count as what they stand for, before anything walks the value."""
    parts = 0
    stack: list[tuple[Any, int]] = [(value, 0)]
    while stack:
        current, depth = stack.pop()
        parts += 1
        if parts > MAX_PARTS:
            raise UnusableDocument(f"unfolds to more than {MAX_PARTS:,} parts")
        if depth > MAX_DEPTH:
            raise UnusableDocument(f"is nested more than {MAX_DEPTH} deep")
        if isinstance(current, dict):
            stack.extend((item, depth + 1) for item in current.values())
        elif isinstance(current, list):
            stack.extend((item, depth + 1) for item in current)
