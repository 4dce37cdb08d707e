"""A connector's snapshot as inventory objects and back. Measures are no part of it: they differ in every night.

What health, queue and tests said at one moment is a `ConnectorMeasures`, kept beside the inventory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from platformkit_pipeline.model.connector import (
    Capability,
    ConnectorObject,
    ConnectorSnapshot,
    ContractTestResult,
    Health,
    QueueDepth,
)
from platformkit_pipeline.model.inventory import InventoryObject
from platformkit_pipeline.model.record_inventory import Noun, decoded, encoded
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.snapshot import Unobserved


@dataclass(frozen=True, slots=True)
class ConnectorMeasures:
    """What was measured and said of a connector at one moment. Health and queue are None where they were not told, or not there."""

    health: Health | None = None
    queue: QueueDepth | None = None
    remarks: Mapping[str, str] = field(default_factory=dict)
    """What tests said beside their outcome, by kind and name. It holds durations and counts, so it is another text each time."""


@dataclass(frozen=True, slots=True)
class _Declared:
    """What a connector says about itself."""

    name: str
    class_path: str
    version: str | None
    missing: tuple[str, ...]
    capabilities: tuple[Capability, ...]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How a test ended."""

    name: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class _Stored:
    """The fields of a snapshot that are objects."""

    declared: _Declared
    objects: tuple[ConnectorObject, ...] = ()
    contract_tests: tuple[_Outcome, ...] = ()
    acceptance: tuple[_Outcome, ...] = ()


_TEST, _CHECK = "contract_test", "acceptance_check"
_NOUNS = (
    Noun("connector", "declared", _Declared, lambda r: r.name, single=True),
    Noun("connector_object", "objects", ConnectorObject, lambda r: f"{r.kind} {r.name}"),
    Noun(_TEST, "contract_tests", _Outcome, lambda r: r.name),
    Noun(_CHECK, "acceptance", _Outcome, lambda r: r.name),
)


def inventory_of(snapshot: ConnectorSnapshot) -> tuple[InventoryObject, ...]:
    """One object per thing that it reaches and per test, and one for itself."""
    declared = _Declared(snapshot.name, snapshot.class_path, snapshot.version, snapshot.missing, snapshot.capabilities)
    return encoded(_NOUNS, _Stored(declared, snapshot.objects, _outcomes(snapshot.contract_tests), _outcomes(snapshot.acceptance)))


def measures_of(snapshot: ConnectorSnapshot) -> ConnectorMeasures:
    """What is no part of the inventory."""
    results = [(_TEST, r) for r in snapshot.contract_tests] + [(_CHECK, r) for r in snapshot.acceptance]
    return ConnectorMeasures(snapshot.health, snapshot.queue, {f"{kind} {r.name}": r.message for kind, r in results if r.message})


def snapshot_of(
    objects: Iterable[InventoryObject], measures: ConnectorMeasures, unobserved: Iterable[Unobserved] = ()
) -> ConnectorSnapshot:
    """The snapshot that `objects`, in any order, and `measures` came from.

    Raises ValueError for a kind or field that this version does not know, and TypeError where the connector itself is not among them.
    """
    stored = _Stored(**decoded(_NOUNS, objects))
    declared = stored.declared
    return ConnectorSnapshot(
        name=declared.name,
        class_path=declared.class_path,
        version=declared.version,
        missing=declared.missing,
        capabilities=declared.capabilities,
        objects=tuple(sorted(stored.objects)),
        health=measures.health,
        contract_tests=_results(_TEST, stored.contract_tests, measures),
        acceptance=_results(_CHECK, stored.acceptance, measures),
        queue=measures.queue,
        unobserved=tuple(sorted(unobserved)),
    )


def _outcomes(results: Iterable[ContractTestResult]) -> tuple[_Outcome, ...]:
    return tuple(_Outcome(result.name, result.outcome) for result in results)


def _results(kind: str, outcomes: Iterable[_Outcome], measures: ConnectorMeasures) -> tuple[ContractTestResult, ...]:
    return tuple(sorted(ContractTestResult(o.name, o.outcome, measures.remarks.get(f"{kind} {o.name}", "")) for o in outcomes))
