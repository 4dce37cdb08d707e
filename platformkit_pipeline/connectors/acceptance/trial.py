"""One connector on the bench: calls to it in bounded time, events that can be told apart on the wire, and the relay driven by hand."""

from __future__ import annotations

import inspect
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeVar

from platformkit_pipeline.connectors.acceptance.check import CannotTell, Fails
from platformkit_pipeline.connectors.acceptance.wire import Arrival, Wire
from platformkit_pipeline.connectors.acceptance.workbench import Workbench
from platformkit_pipeline.connectors.answers import queue_faults
from platformkit_pipeline.connectors.interface import Bench, Connector, Turn
from platformkit_pipeline.connectors.questions import ask
from platformkit_pipeline.connectors.secrecy import secrets_of, told
from platformkit_pipeline.model.connector import QueueDepth
from platformkit_pipeline.model.event import Event

T = TypeVar("T")

TURN_PAUSE_SECONDS = 0.005
_DEPTH_EVERY_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the suite waits, in seconds of the bench, where `Bench.time_scale` makes 10 ms of a second of retry policy."""

    health_seconds: float = 2.0
    """A connector that is healthy says so within this."""
    give_up_seconds: float = 6.0
    """What fails for ever has to be a dead letter after this."""
    settle_seconds: float = 5.0
    """What is delivered in the end has to be delivered within this."""
    call_seconds: float = 15.0
    """One call of one method."""


@dataclass
class Trial:
    """What the checks share. Scenarios are played once, and their outcome is kept for all checks that read it."""

    connector_class: type[Connector]
    options: Mapping[str, Any]
    workbench: Workbench
    limits: Limits = Limits()
    scenarios: dict[str, Any] = field(default_factory=dict)
    _made: list[Connector] = field(default_factory=list)

    @property
    def wire(self) -> Wire:
        return self.workbench.wire

    @property
    def secrets(self) -> tuple[str, ...]:
        return secrets_of(self.options)

    # ---------------------------------------------------------------- the connector

    def connector(self, bench: Bench) -> Connector:
        """One on that bench. Raises CannotTell: that it can be made is a check of its own."""
        answer = ask(lambda: self.connector_class.on_bench(bench, self.options), seconds=self.limits.call_seconds)
        if answer.value is None:
            raise CannotTell(f"on_bench() gives no connector: {told(answer.error, self.secrets) if answer.error else 'it answers nothing'}")
        self._made.append(answer.value)
        for fault in another_connector(answer.value, self.connector_class):
            raise Fails(fault)
        return answer.value

    def close(self) -> None:
        """Let all connectors give back what they hold."""
        while self._made:
            ask(self._made.pop().close, seconds=self.limits.call_seconds)

    def call(self, what: str, question: Callable[[], T]) -> T:
        """What a method answers. Raises Fails when it raises or does not answer."""
        answer = ask(question, seconds=self.limits.call_seconds)
        if isinstance(answer.error, NotImplementedError):
            raise Fails(f"{what} is declared and not implemented")
        if answer.error is not None:
            raise Fails(f"{what} raises {told(answer.error, self.secrets)}")
        return answer.value  # type: ignore[return-value]  # None is an answer

    def publish(self, connector: Connector, *events: Event) -> None:
        self.call("publish()", lambda: connector.publish(events))

    def turn(self, connector: Connector) -> Turn:
        turn = self.call("relay_turn()", connector.relay_turn)
        if not isinstance(turn, Turn):
            raise Fails(f"relay_turn() answers a value of type {type(turn).__name__} instead of Turn")
        return turn

    def depth(self, connector: Connector) -> QueueDepth:
        depth = self.call("queue_depth()", connector.queue_depth)
        for fault in queue_faults(depth):
            raise Fails(fault)
        return depth

    def drive(self, connector: Connector, until: Callable[[], bool], *, seconds: float | None = None) -> bool:
        """Turn the relay until that holds; False when time ran out before."""
        end = time.monotonic() + (self.limits.settle_seconds if seconds is None else seconds)
        while not until():
            if time.monotonic() > end:
                return False
            self.turn(connector)
            time.sleep(TURN_PAUSE_SECONDS)
        return True

    def drive_for(self, connector: Connector, seconds: float) -> None:
        """Turn the relay that long, to see what does not happen."""
        self.drive(connector, lambda: False, seconds=seconds)

    def deliver(self, connector: Connector, *events: Event) -> bool:
        """Turn the relay until the destination took all of them, or the connector says that nothing waits; True when it took all."""
        nothing_waits = self.settled(connector)

        def taken() -> bool:
            return all(self.wire.taken(marker_of(event)) for event in events)

        self.drive(connector, lambda: taken() or nothing_waits())
        return taken()

    def settled(self, connector: Connector) -> Callable[[], bool]:
        """Whether nothing waits any more, asked now and then; twice in a row it has to be so."""
        asked, quiet = [time.monotonic()], [0]

        def nothing_waits() -> bool:
            now = time.monotonic()
            if now - asked[0] < _DEPTH_EVERY_SECONDS:
                return False
            asked[0] = now
            quiet[0] = quiet[0] + 1 if self.depth(connector).pending == 0 else 0
            return quiet[0] > 1

        return nothing_waits

    # ---------------------------------------------------------------- scenarios

    def once(self, name: str, play: Callable[[Trial], T]) -> T:
        """The outcome of a scenario, which is played the first time."""
        if name not in self.scenarios:
            try:
                self.scenarios[name] = play(self)
            except (Fails, CannotTell) as ended:
                self.scenarios[name] = ended
        outcome = self.scenarios[name]
        if isinstance(outcome, Fails | CannotTell):
            raise outcome
        return outcome  # type: ignore[no-any-return]  # what this scenario gave


def another_connector(made: object, wanted: type[Connector]) -> Iterator[str]:
    """Why what on_bench() made is not the connector that is used elsewhere."""
    if type(made) is not wanted:
        yield f"on_bench() answers a value of type {type(made).__name__} instead of {wanted.__name__} itself"
        return
    methods = (name for name in getattr(made, "__dict__", {}) if inspect.isroutine(inspect.getattr_static(wanted, name, None)))
    for name in sorted(methods):
        yield f"on_bench() puts another {name}() in the place of the connector's own"


def new_event(aggregateid: str | None = None, position: int = 1) -> Event:
    """An event that no other is mistaken for; without a key given its key is its own."""
    marker = f"bench-{uuid.uuid4().hex}"
    return Event(
        id=str(uuid.uuid4()),
        aggregatetype="bench",
        aggregateid=aggregateid or marker,
        type="bench.tried",
        payload={"marker": marker, "position": position},
    )


def marker_of(event: Event) -> str:
    """The text by which an arrival is known to be about this event, whatever form the connector gives it."""
    return str(event.payload["marker"])


def about(arrival: Arrival, events: Iterable[Event]) -> Event | None:
    """The event that an arrival is about."""
    return next((event for event in events if marker_of(event) in arrival.body), None)


def bears_key_of(arrival: Arrival, event: Event) -> bool:
    """Whether the event's id is its idempotency key; where the service knows no such header, whether the id is in the body."""
    return arrival.key == event.id if arrival.key else event.id in arrival.body


def gaps(arrivals: Sequence[Arrival]) -> list[float]:
    """Seconds from each arrival to the next."""
    return [later.at - earlier.at for earlier, later in pairwise(arrivals)]
