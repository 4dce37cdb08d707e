"""A workflow against the published schema of GitHub's workflow syntax, as check-jsonschema ships it; offline, in this process.

Messages name keys and kinds of values only: a workflow's values may be long, or secret.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platformkit_pipeline.introspection.repository.workflow_yaml import Document
from platformkit_pipeline.model.repository.workflows import WorkflowFault

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

_SCHEMA = Path("builtin_schemas") / "vendor" / "github-workflows.json"
_MAX_FAULTS = 20


class SchemaMissing(Exception):
    """The schema is not installed; the message says what to do."""


def schema_faults(document: Document) -> Iterator[WorkflowFault]:
    """Where the document does not follow the schema. Raises SchemaMissing."""
    for number, error in enumerate(_validator().iter_errors(document.value)):
        if number >= _MAX_FAULTS:
            return
        closest = _closest(error)
        place = tuple(closest.absolute_path)
        yield WorkflowFault("/".join(map(str, place)), _message(closest), document.line(*place))


@cache
def _validator() -> Validator:
    # Found without importing the package, which would load its whole command line.
    from jsonschema import Draft7Validator

    package = importlib.util.find_spec("check_jsonschema")
    folder = next(iter(package.submodule_search_locations or ()), None) if package else None
    if folder is None or not (Path(folder) / _SCHEMA).is_file():
        raise SchemaMissing("the schema of workflows is not installed; `pip install check-jsonschema` brings it")
    return Draft7Validator(json.loads((Path(folder) / _SCHEMA).read_bytes()))


def _closest(error: Any) -> Any:
    """The most telling of the errors that alternatives give."""
    while error.context:
        branches: dict[Any, list[Any]] = {}
        for inner in error.context:
            branches.setdefault(inner.schema_path[0], []).append(inner)
        is_call = isinstance(error.instance, dict) and "uses" in error.instance
        if len(error.absolute_path) == 2 and error.absolute_path[0] == "jobs" and len(branches) > 1:
            # Alternatives of a job: steps of its own, or a reusable workflow.
            chosen = branches[max(branches) if is_call else min(branches)]
        else:
            chosen = max(branches.values(), key=lambda found: (max(len(e.absolute_path) for e in found), -len(found)))
        error = max(chosen, key=lambda e: (len(e.absolute_path), e.validator != "type"))
    return error


def _message(error: Any) -> str:
    value, wanted = error.instance, error.validator_value
    match error.validator:
        case "required":
            return f"lacks {_named(key for key in wanted if key not in value)}"
        case "additionalProperties":
            allowed = error.schema.get("properties", {})
            unknown = sorted(str(key) for key in value if key not in allowed)
            return f"has {_named(unknown)}, which is not known there" if unknown else "has keys that are not known there"
        case "type":
            return f"is {_kind(value)} and has to be {_named(wanted if isinstance(wanted, list) else [wanted])}"
        case "enum" | "const":
            return "is none of the values that are allowed there"
        case "pattern":
            return "is not written as it has to be there"
        case "minItems" | "minProperties" | "minLength":
            return "is empty"
        case "propertyNames":
            return "has a key that is not allowed there"
        case "dependencies" | "not":
            return "combines keys that exclude each other"
        case _:
            return f"does not follow the workflow syntax ({error.validator})"


def _named(names: Iterable[Any]) -> str:
    return ", ".join(str(name)[:60] for name in list(names)[:5]) or "a key"


def _kind(value: Any) -> str:
    kinds = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return kinds.get(type(value), "empty")
