"""What connectors are asked for (clause 9.1), and what was observed of one. Facts and measures; never a secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.snapshot import Unobserved


class ConnectorFacet(StrEnum):
    """What may be observed of a connector, and so may be missing; a rule names those without which it cannot answer."""

    CAPABILITIES = "capabilities"
    INVENTORY = "inventory"
    HEALTH = "health"
    CONTRACT_TESTS = "contract_tests"
    QUEUE = "queue"
    ACCEPTANCE = "acceptance"
    """What the acceptance suite says; it needs a bench."""


class AcceptanceCheck(StrEnum):
    """What the acceptance suite tries (clauses 9.1 and 9.2). Names are a contract: findings and reports carry them."""

    INTERFACE_COMPLETE = "interface.complete"
    INVENTORY_WELL_FORMED = "inventory.well_formed"
    INVENTORY_STABLE = "inventory.stable"
    HEALTH_ANSWERS_IN_TIME = "health.answers_in_time"
    HEALTH_TELLS_DOWN = "health.tells_down"
    CONTRACT_TESTS_PASS = "contract_tests.pass"  # noqa: S105 - a name, no secret
    SCHEMA_VALID = "schema.valid"
    PUBLISH_DELIVERS = "publish.delivers"
    PUBLISH_IDEMPOTENT = "publish.idempotent"
    QUEUE_DEPTH_TRUE = "queue_depth.true"
    RECEIVE_TAKES_EFFECT = "receive.takes_effect"
    RECEIVE_IDEMPOTENT = "receive.idempotent"
    RECEIVE_CONCURRENT = "receive.concurrent"
    RECEIVE_ONE_TRANSACTION = "receive.one_transaction"
    RETRY_TRIES_AGAIN = "retry.tries_again"
    RETRY_BACK_OFF = "retry.back_off"
    RETRY_SAME_KEY = "retry.same_key"
    RETRY_HONOURS_RETRY_AFTER = "retry.honours_retry_after"
    DEAD_LETTERS_REFUSED_AT_ONCE = "dead_letters.refused_at_once"
    DEAD_LETTERS_AFTER_ATTEMPTS = "dead_letters.after_attempts"
    DEAD_LETTERS_REASON = "dead_letters.reason"
    REPLAY_DELIVERS = "replay.delivers"
    ORDERING_PER_KEY = "ordering.per_key"
    ORDERING_OTHER_KEYS_GO_ON = "ordering.other_keys_go_on"
    POISON_DOES_NOT_BLOCK = "poison.does_not_block"
    CRASH_NOTHING_LOST = "crash.nothing_lost"
    CRASH_ONE_EFFECT = "crash.one_effect"


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

    `missing` says what of the interface is not there, or does not answer as it should: such a connector is not registered.
    What could not be observed is listed in `unobserved`, where `what` is a `ConnectorFacet`.
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

    @property
    def software(self) -> str:
        """What was asked, in words: the class and the version of its package."""
        return f"{self.class_path} {self.version}" if self.version else self.class_path

    @property
    def success_rate(self) -> float | None:
        """Percent of its contract tests and acceptance checks that passed; None where there was none to be tried."""
        tried = [r.outcome for r in (*self.contract_tests, *self.acceptance) if r.outcome is not Outcome.NOT_APPLICABLE]
        return 100 * tried.count(Outcome.PASS) / len(tried) if tried else None

    @property
    def refused(self) -> bool:
        """Whether it was not registered at all, so that there was nobody to ask anything else."""
        return bool(self.missing) and not (self.objects or self.health or self.contract_tests or self.acceptance or self.unobserved)

    def observed(self, facet: ConnectorFacet) -> bool:
        """False when that facet is missing as a whole."""
        return not self.refused and all(u.what != facet.value for u in self.unobserved) and self._answered(facet)

    def why_unobserved(self, facet: ConnectorFacet) -> str:
        """The reasons, joined; empty when it was observed."""
        if self.observed(facet):
            return ""
        if self.refused:
            return "registration was refused, so nothing else was asked"
        return "; ".join(u.why for u in self.unobserved if u.what == facet.value) or "nobody asked"

    def _answered(self, facet: ConnectorFacet) -> bool:
        match facet:
            case ConnectorFacet.HEALTH:
                return self.health is not None
            case ConnectorFacet.QUEUE:
                return self.queue is not None
            case ConnectorFacet.ACCEPTANCE:
                return bool(self.acceptance)
            case _:
                return True


@dataclass(frozen=True, slots=True)
class ConnectorLimits:
    """What the owners of a connector hold it to."""

    latency_seconds: float = 2.0
    """The longest that `health()` may take to hear from the other side."""
    pending: int = 10_000
    """The most events that may wait."""
    oldest_age_seconds: float = 900.0
    """The longest that the oldest of them may have waited."""


DEFAULT_LIMITS = ConnectorLimits()
