"""What was observed of a connector, as JSON and as JUnit XML, and what it comes to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from xml.etree import ElementTree

from platformkit_pipeline.model.connector import ConnectorSnapshot, HealthStatus
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.reporting.junit import clean, counts_of

_SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was tried: in which part, what it is called, how it ended, and why."""

    part: str
    name: str
    outcome: Outcome
    message: str = ""


def lines_of(snapshot: ConnectorSnapshot, declined: frozenset[str] = frozenset()) -> tuple[Line, ...]:
    """Everything that was tried of a connector, in the order of registration, acceptance, live. `declined` was not asked for."""
    return tuple(_lines(snapshot, declined))


def verdict(lines: tuple[Line, ...]) -> Outcome:
    """FAIL if anything failed, else UNKNOWN if anything could not be told, else PASS."""
    outcomes = {line.outcome for line in lines}
    return next((outcome for outcome in (Outcome.FAIL, Outcome.UNKNOWN) if outcome in outcomes), Outcome.PASS)


def connector_json(snapshot: ConnectorSnapshot, lines: tuple[Line, ...]) -> str:
    """The whole observation, and the verdict. The same observation gives the same bytes."""
    document = {
        "schema_version": _SCHEMA_VERSION,
        "verdict": verdict(lines).value,
        "connector": asdict(snapshot),
        "results": [asdict(line) for line in lines],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def connector_junit(snapshot: ConnectorSnapshot, lines: tuple[Line, ...]) -> str:
    """One suite per part. A failure is a failure, an unknown an error, what does not apply is skipped."""
    root = ElementTree.Element("testsuites", {"name": clean(f"connector {snapshot.name}"), **counts_of([line.outcome for line in lines])})
    for part in dict.fromkeys(line.part for line in lines):
        members = tuple(line for line in lines if line.part == part)
        suite = ElementTree.SubElement(root, "testsuite", {"name": part, **counts_of([line.outcome for line in members])})
        for line in members:
            suite.append(_case(snapshot.name, line))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _lines(snapshot: ConnectorSnapshot, declined: frozenset[str]) -> Iterator[Line]:
    for fault in snapshot.missing:
        yield Line("registration", "the interface is complete", Outcome.FAIL, fault)
    if not snapshot.missing:
        yield Line("registration", "the interface is complete", Outcome.PASS)
    for result in snapshot.acceptance:
        yield Line("acceptance", result.name, result.outcome, result.message)
    if snapshot.health is not None:
        health = snapshot.health
        up = health.status is HealthStatus.UP
        yield Line("live", "health", Outcome.PASS if up else Outcome.FAIL, "" if up else f"{health.status}: {health.message}")
    for result in snapshot.contract_tests:
        yield Line("live", result.name, result.outcome, result.message)
    for missed in snapshot.unobserved:
        if missed.what not in declined:
            yield Line("live" if missed.what != "acceptance" else "acceptance", missed.what, Outcome.UNKNOWN, missed.why)


def _case(connector: str, line: Line) -> ElementTree.Element:
    case = ElementTree.Element("testcase", {"classname": clean(f"{connector}.{line.part}"), "name": clean(line.name)})
    kind = {Outcome.FAIL: "failure", Outcome.UNKNOWN: "error", Outcome.NOT_APPLICABLE: "skipped"}.get(line.outcome)
    if kind is not None:
        ElementTree.SubElement(case, kind, {"message": clean(line.message)})
    return case
