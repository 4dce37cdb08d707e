"""What pydantic refuses in a document, as sentences with file, line and path that say what is expected there.

Values are never repeated: one of them may be a secret that stands in the wrong place.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.yaml_document import Document, Fault, MalformedDocument

_Model = TypeVar("_Model", bound=BaseModel)
_EXPECTED = {
    "missing": "is required",
    "string_type": "expected text; put a number or a word like true in quotes",
    "model_type": "expected a mapping",
    "dict_type": "expected a mapping",
    "mapping_type": "expected a mapping",
    "tuple_type": "expected a list",
}


def validated(model: type[_Model], document: Document) -> _Model:
    """The document as `model`. Raises MalformedDocument with the fault of every value."""
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        faults = tuple(zip(details, faults_of(model, document, error), strict=True))
        raise MalformedDocument(*(f for d, f in faults if not (d["type"] == "too_short" and _is_within(f, faults)))) from None


def _is_within(short: Fault, faults: Iterable[tuple[Any, Fault]]) -> bool:
    """A list whose items were refused is not too short as well: what it lacks stands there."""
    depth = len(short.path)
    return any(len(other.path) > depth and tuple(other.path[:depth]) == tuple(short.path) for _, other in faults)


def faults_of(model: type[BaseModel], document: Document, error: ValidationError) -> Iterator[Fault]:
    """One fault per value that was refused, with its line."""
    for detail in error.errors(include_url=False, include_context=True, include_input=False):
        path = _path_in(document.value, detail["loc"], missing=detail["type"] == "missing")
        expected = _expectation(model, path, detail["type"], detail["msg"], detail.get("ctx", {}))
        yield Fault(document.line_of(path), path, expected)


def _path_in(value: Any, steps: Sequence[str | int], *, missing: bool) -> tuple[str | int, ...]:
    """`steps` without those that are no part of the document: pydantic names the member of a union that it tried as well."""
    path: list[str | int] = []
    here: Any = value
    for position, step in enumerate(steps):
        in_list = isinstance(here, list) and isinstance(step, int) and step < len(here)
        known = in_list or (isinstance(here, dict) and step in here)
        if known:
            here = here[step]
        elif not (missing and position == len(steps) - 1):
            continue
        path.append(step)
    return tuple(path)


def sentence_of_fault(label: str, fault: Fault) -> str:
    """`file:line: path: what is expected`."""
    where = label if fault.line is None else f"{label}:{fault.line}"
    path = _path_text(fault.path)
    return f"{where}: {path}: {fault.message}" if path else f"{where}: {fault.message}"


def _path_text(path: Sequence[str | int]) -> str:
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            key = step if step.isidentifier() else json.dumps(step, ensure_ascii=False)
            text += f".{key}" if text else key
    return redact(text)


def _expectation(model: type[BaseModel], path: Sequence[str | int], kind: str, message: str, context: Mapping[str, Any]) -> str:
    if kind == "extra_forbidden":
        known = _keys_at(model, path[:-1])
        secret = (
            "; secrets never stand here, only the names of environment variables that hold them" if any("_env" in k for k in known) else ""
        )
        return f"is not a known key; known here: {', '.join(known)}{secret}"
    if kind == "too_short":
        return f"expected at least {context['min_length']}, found {context['actual_length']}"
    if kind == "value_error" and "error" in context:
        return str(context["error"])
    expected = _EXPECTED.get(kind) or message.replace("Input should be", "expected").replace("a valid ", "a ")
    if kind == "model_type":
        expected += f" with {', '.join(_keys_at(model, path))}"
    return redact(expected)


def _keys_at(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """Keys that the mapping at `path` may have."""
    for step in path:
        if isinstance(step, str):
            annotation = next((f.annotation for name, f in model.model_fields.items() if step in (name, f.alias)), None)
            model = next(_models_in(annotation), model)
    return [f.alias or name for name, f in model.model_fields.items()]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models_in(argument)
