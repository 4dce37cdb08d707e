"""Whether the answers of a connector have the form that the interface promises. Each function yields what is wrong with one."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice

from platformkit_pipeline.connectors.interface import Connector
from platformkit_pipeline.model.connector import Capability, ConnectorObject, ContractTestResult, Health, HealthStatus, QueueDepth
from platformkit_pipeline.model.result import Outcome

MOST_OBJECTS = 100_000
"""More than this of one inventory are not read: a connector that never ends must not fill the memory."""
_FEW = 3


def capability_faults(answer: object) -> Iterator[str]:
    if not isinstance(answer, frozenset | set):
        yield f"capabilities() answers {_kind(answer)} instead of a frozenset of Capability"
        return
    known = ", ".join(Capability)
    for item in sorted((i for i in answer if not isinstance(i, Capability)), key=repr):
        yield f"capabilities() declares {item!r}, which is no Capability ({known})"


def read_inventory(connector: Connector) -> tuple[ConnectorObject, ...]:
    """The inventory as far as it is read; one object more than MOST_OBJECTS tells `inventory_faults` that there are more."""
    return tuple(islice(connector.inventory(), MOST_OBJECTS + 1))


def inventory_faults(answer: Collection[object]) -> Iterator[str]:
    """`answer` as a collection that was read to its end."""
    if len(answer) > MOST_OBJECTS:
        yield f"inventory() yields more than {MOST_OBJECTS} objects"
        return
    seen: set[tuple[str, str]] = set()
    repeated: dict[tuple[str, str], None] = {}
    for item in answer:
        if not isinstance(item, ConnectorObject):
            yield f"inventory() yields {_kind(item)} instead of ConnectorObject"
            return
        if not (_is_name(item.kind) and _is_name(item.name)):
            yield f"inventory() yields an object without kind or name: {item.kind!r}, {item.name!r}"
            continue
        if fault := _json_fault(item.attributes):
            yield f"inventory(): attributes of {item.kind} {item.name} {fault}"
        identity = (item.kind, item.name)
        if identity in seen:
            repeated[identity] = None
        seen.add(identity)
    if repeated:
        shown = ", ".join(f"{kind} {name}" for kind, name in list(repeated)[:_FEW])
        yield f"inventory() yields {len(repeated)} objects more than once, as {shown}"


def health_faults(answer: object) -> Iterator[str]:
    if not isinstance(answer, Health):
        yield f"health() answers {_kind(answer)} instead of Health"
        return
    status: object = answer.status  # foreign code is not bound by annotations
    if not isinstance(status, HealthStatus):
        yield f"health() answers the status {status!r}, which is no HealthStatus ({', '.join(HealthStatus)})"
    if not _is_measure(answer.latency_seconds):
        yield f"health() answers the latency {answer.latency_seconds!r}, which is no number of seconds"
    if not _is_text(answer.message):
        yield f"health() answers with {_kind(answer.message)} as its message"
    if answer.status in (HealthStatus.DOWN, HealthStatus.DEGRADED) and not answer.message:
        yield f"health() answers {answer.status} and does not say why"


def contract_test_faults(answer: object) -> Iterator[str]:
    if isinstance(answer, str) or not isinstance(answer, Sequence):
        yield f"contract_tests() answers {_kind(answer)} instead of a sequence of ContractTestResult"
        return
    names: set[str] = set()
    for item in answer:
        if not (isinstance(item, ContractTestResult) and _is_outcome(item.outcome) and _is_name(item.name)):
            yield f"contract_tests() answers with {_kind(item)} instead of a ContractTestResult with name and Outcome"
            return
        if item.name in names:
            yield f"contract_tests() answers twice for {item.name}"
        names.add(item.name)
        if not _is_text(item.message):
            yield f"contract_tests() says of {item.name} {_kind(item.message)} instead of a message"
        if item.outcome is not Outcome.PASS and not item.message:
            yield f"contract_tests() says {item.outcome} of {item.name} and not why"


def queue_faults(answer: object) -> Iterator[str]:
    if not isinstance(answer, QueueDepth):
        yield f"queue_depth() answers {_kind(answer)} instead of QueueDepth"
    elif not (all(_is_count(n) for n in (answer.pending, answer.due, answer.dead_letters)) and _is_measure(answer.oldest_age_seconds)):
        yield f"queue_depth() answers {answer}, which holds something that is no count and no number of seconds"
    elif answer.due > answer.pending:
        yield f"queue_depth() says that {answer.due} of {answer.pending} pending events are due"


def schema_faults(answer: object) -> Iterator[str]:
    """A document that says what kind of description it is, and is one."""
    if not isinstance(answer, Mapping) or not answer:
        yield f"schema() answers {_kind(answer)} instead of a document"
        return
    if fault := _json_fault(answer):
        yield f"schema(): the document {fault}"
    elif "openapi" in answer or "swagger" in answer or "asyncapi" in answer:
        wanted = {"info": Mapping, ("channels" if "asyncapi" in answer else "paths"): Mapping}
        for part, kind in wanted.items():
            if not isinstance(answer.get(part), kind):
                yield f"schema(): the document has no {part}"
    elif "$schema" in answer:
        yield from _json_schema_faults(answer)
    else:
        yield "schema(): the document is neither OpenAPI nor AsyncAPI nor JSON Schema: it has none of openapi, asyncapi, $schema"


def _json_schema_faults(document: Mapping[str, object]) -> Iterator[str]:
    from jsonschema import SchemaError
    from jsonschema.validators import validator_for

    try:
        validator_for(document).check_schema(document)
    except SchemaError as error:
        yield f"schema(): the JSON Schema is not valid at {error.json_path}"


def plain(value: object) -> object:
    """A JSON value with the keys of its objects in order, to compare it with another."""
    return json.loads(json.dumps(value, sort_keys=True, default=dict))


def _is_outcome(value: object) -> bool:
    return isinstance(value, Outcome)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_measure(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def _is_count(value: object) -> bool:
    return isinstance(value, int) and _is_measure(value) and value < 1 << 63


def _json_fault(value: object) -> str:
    try:
        json.dumps(dict(value) if isinstance(value, Mapping) else value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return "cannot be written as JSON"
    return ""


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a value of type {type(value).__name__}"
