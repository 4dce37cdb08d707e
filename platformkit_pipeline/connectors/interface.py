"""The interface of every connector (clauses 9.1 and 9.2).

Four questions that each connector answers, and the ports that it has for events according to the capabilities it declares.
Whoever derives from `Connector` gets neither retries nor de-duplication from this class: those stand in
`platformkit_pipeline.connectors.delivery`, and the acceptance suite demands them however they are come by.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Self

import psycopg
from psycopg import sql

from platformkit_pipeline.model.connector import Capability, ConnectorObject, ContractTestResult, Health, QueueDepth
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.event import Event


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn of a relay did. All zero: nothing was due."""

    delivered: int = 0
    postponed: int = 0
    """Failed, and tried again later."""
    dead: int = 0
    """Given up, and kept as dead letters."""

    @property
    def idle(self) -> bool:
        return not (self.delivered or self.postponed or self.dead)


@dataclass(frozen=True, slots=True)
class Bench:
    """Where the acceptance suite puts a connector to the test: a database of its own, and a destination that records and misbehaves.

    `dsn` has the delivery tables (`connectors.delivery`) in `schema`, and a table `effects` there (`consumer`, `event_id`, `key`,
    `position`): what `receive` does with an event on a bench is one row in it (`record_effect`). `url` takes whatever is posted to
    it, answers as the suite wants, and speaks for every HTTP service; GETs are answered like a healthy one.
    """

    dsn: Dsn
    schema: str
    url: str
    time_scale: float = 1.0
    """Multiply every delay between attempts by this, so that the connector's own policy is seen in seconds instead of minutes."""
    token: str = "bench"  # noqa: S105 - opens nothing but a bench
    """What the service behind `url` takes as a token. A real one never goes to a bench."""

    def record_effect(self, connection: psycopg.Connection[Any], consumer: str, event: Event) -> None:
        """What an event does on a bench: one row, in the transaction of `connection`."""
        insert = sql.SQL("insert into {} (consumer, event_id, key) values (%s, %s, %s)").format(sql.Identifier(self.schema, "effects"))
        connection.execute(insert, [consumer, event.id, "/".join(event.key)])


@dataclass(frozen=True, slots=True)
class StandIn:
    """A service that the bench puts behind its wire, for connectors whose other side is more than something that takes events."""

    url: str
    token: str = "bench"  # noqa: S105 - opens nothing but a stand-in


class Connector(ABC):
    """Constructed as `YourConnector(**options)` with the options of `platformkit.yaml`.

    Options whose name ends in `_env` name environment variables. A constructor must neither connect nor read those variables:
    it is called to see whether the interface is complete.
    """

    @classmethod
    def on_bench(cls, bench: Bench, options: Mapping[str, Any]) -> Self:
        """The same connector with its database and its destination on the bench; the suite calls nothing else to make one."""
        raise NotImplementedError(f"{cls.__name__} does not say how it is put to the test: override on_bench")

    @classmethod
    def stand_in(cls) -> AbstractContextManager[StandIn | None]:
        """The service to put behind the wire of a bench, as long as the block lasts. Without one the bench speaks for a plain service."""
        return nullcontext(None)

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Give back what is held open, such as connections. May be called more than once; what is called afterwards opens it again."""

    # ---------------------------------------------------------------- clause 9.1

    @abstractmethod
    def inventory(self) -> Iterable[ConnectorObject]:
        """Everything that the connector reaches. Raises ObservationError when the other side does not answer."""

    @abstractmethod
    def health(self) -> Health:
        """Ask the other side for the cheapest sign of life. Never raises for a side that is down: that is the answer."""

    @abstractmethod
    def capabilities(self) -> frozenset[Capability]:
        """What it can do; what is declared has to work."""

    @abstractmethod
    def contract_tests(self) -> Sequence[ContractTestResult]:
        """The connector's own validation against the live other side, without side effects there."""

    # ---------------------------------------------------------------- clause 9.2, by capability

    def publish(self, events: Sequence[Event]) -> None:
        """PUBLISH: write to the outbox, in one transaction. An event that stands there already is left alone."""
        raise NotImplementedError

    def relay_turn(self) -> Turn:
        """PUBLISH: deliver what is due, once. Never raises for a destination that fails: such events are postponed or dead."""
        raise NotImplementedError

    def queue_depth(self) -> QueueDepth:
        """PUBLISH: what waits."""
        raise NotImplementedError

    def replay_dead_letters(self) -> int:
        """REPLAY: put all dead letters back into the outbox; returns how many."""
        raise NotImplementedError

    def receive(self, event: Event) -> bool:
        """CONSUME: let the event take effect. False when it has before: then nothing happens. Effect and memory are one transaction."""
        raise NotImplementedError

    def schema(self) -> Mapping[str, Any]:
        """SCHEMA: the description of the interface, such as an OpenAPI document."""
        raise NotImplementedError
