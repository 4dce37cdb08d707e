"""What connectors are asked for (clause 9.1), and what was observed of one. Facts and measures; never a secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.snapshot import Unobserved


class Capability(StrEnum):
    """What a connector may declare. A capability that is declared has to work: the acceptance suite tries each."""

    PUBLISH = "publish"
    """Delivers the events of an outbox to its destination."""
    CONSUME = "consume"
    """Takes events in, each once."""
    ORDERED = "ordered"
    """Keeps the order of the events of one key."""
    REPLAY = "replay"
    """Sends dead letters again when told to."""
    SCHEMA = "schema"
    """Describes its interface in a document, such as OpenAPI."""


class HealthStatus(StrEnum):
    UP = "up"
    DEGRADED = "degraded"
    """Works, but not as it should; the message says in what."""
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Health:
    """Answer of `health()`: the status, and how long the other side took to answer."""

    status: HealthStatus
    latency_seconds: float
    message: str = ""


@dataclass(frozen=True, slots=True, order=True)
class ConnectorObject:
    """One thing that a connector reaches: a table of an outbox, an operation of an API, a repository."""

    kind: str
    name: str
    """Unique within its kind."""
    attributes: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """JSON values; what changes without anybody changing the object, such as counters, does not belong here."""


@dataclass(frozen=True, slots=True, order=True)
class ContractTestResult:
    """What one test said: of a connector's own `contract_tests()`, or of the acceptance suite."""

    name: str
    outcome: Outcome
    message: str = ""
    """Why it is not PASS; for a person."""


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """What waits in an outbox. Ages are in seconds; 0 where nothing waits."""

    pending: int
    """Written and not yet delivered."""
    due: int
    """Of these, what could be delivered now; the others wait for their next attempt or behind such a one."""
    oldest_age_seconds: float
    dead_letters: int


@dataclass(frozen=True, slots=True)
class ConnectorSnapshot:
    """One observation of one connector. All tuples are sorted.

    `missing` says what of the interface is not there, or does not answer as it should: such a connector is not registered,
    and nothing else of it was asked. What could not be observed is listed in `unobserved`.
    """

    name: str
    class_path: str
    version: str | None = None
    missing: tuple[str, ...] = ()
    capabilities: tuple[Capability, ...] = ()
    objects: tuple[ConnectorObject, ...] = ()
    health: Health | None = None
    contract_tests: tuple[ContractTestResult, ...] = ()
    acceptance: tuple[ContractTestResult, ...] = ()
    """What the acceptance suite said; empty where it was not run, which `unobserved` says then."""
    queue: QueueDepth | None = None
    unobserved: tuple[Unobserved, ...] = ()
