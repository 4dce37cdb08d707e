"""A connector's snapshot as inventory objects and back. Measures are no part of it: they differ in every night.

What health and queue said at one moment is a `ConnectorMeasures`, kept beside the inventory.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

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
    """What was measured of a connector at one moment; None where it could not be, or where there is no queue."""

    health: Health | None = None
    queue: QueueDepth | None = None


@dataclass(frozen=True, slots=True)
class _Declared:
    """What a connector says about itself."""

    name: str
    class_path: str
    version: str | None
    missing: tuple[str, ...]
    capabilities: tuple[Capability, ...]


@dataclass(frozen=True, slots=True)
class _Stored:
    """The fields of a snapshot that are objects."""

    declared: _Declared
    objects: tuple[ConnectorObject, ...] = ()
    contract_tests: tuple[ContractTestResult, ...] = ()
    acceptance: tuple[ContractTestResult, ...] = ()


_NOUNS = (
    Noun("connector", "declared", _Declared, lambda r: r.name, single=True),
    Noun("connector_object", "objects", ConnectorObject, lambda r: f"{r.kind} {r.name}"),
    Noun("contract_test", "contract_tests", ContractTestResult, lambda r: r.name),
    Noun("acceptance_check", "acceptance", ContractTestResult, lambda r: r.name),
)


def inventory_of(snapshot: ConnectorSnapshot) -> tuple[InventoryObject, ...]:
    """One object per thing that it reaches and per test, and one for itself."""
    declared = _Declared(snapshot.name, snapshot.class_path, snapshot.version, snapshot.missing, snapshot.capabilities)
    return encoded(_NOUNS, _Stored(declared, snapshot.objects, snapshot.contract_tests, snapshot.acceptance))


def measures_of(snapshot: ConnectorSnapshot) -> ConnectorMeasures:
    return ConnectorMeasures(snapshot.health, snapshot.queue)


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
        contract_tests=tuple(sorted(stored.contract_tests)),
        acceptance=tuple(sorted(stored.acceptance)),
        queue=measures.queue,
        unobserved=tuple(sorted(unobserved)),
    )


def without_remarks(snapshot: ConnectorSnapshot) -> ConnectorSnapshot:
    """The snapshot as it is kept: what a test that passed remarks, such as a duration, would be another change every night."""
    return replace(snapshot, contract_tests=_unremarked(snapshot.contract_tests), acceptance=_unremarked(snapshot.acceptance))


def _unremarked(results: tuple[ContractTestResult, ...]) -> tuple[ContractTestResult, ...]:
    return tuple(sorted(replace(r, message="") if r.outcome is Outcome.PASS else r for r in results))
