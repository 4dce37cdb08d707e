"""Measure an operation (clause 7.2): how long it took and how it ended, kept also when it fails.

Measurements go into a transaction of their own, after the operation's: what was rolled back was still attempted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from platformkit_pipeline.control_plane import metrics
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.model.metric import FAILURE, OPERATIONS, OUTCOME, SELF_TIMED, SUCCESS
from platformkit_pipeline.model.target import Target
from platformkit_pipeline.operations.clock import SYSTEM_CLOCK, Clock
from platformkit_pipeline.operations.stored_snapshot import target_id_of

_log = get_logger("operations.measured")

OpenSession = Callable[[], AbstractContextManager[Connection]]
"""Opens a connection to the control plane that commits at the end of its block."""


@dataclass(frozen=True, slots=True)
class _Measurement:
    operation: str
    at: datetime
    seconds: float
    outcome: str


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured so far, and is not stored yet."""

    clock: Clock
    _taken: list[_Measurement] = field(default_factory=list)

    @contextmanager
    def operation(self, name: str) -> Iterator[None]:
        """Measure the block as one of `OPERATIONS`; an exception makes it a failure and goes on. Raises ValueError for another name."""
        if name not in OPERATIONS:
            raise ValueError(f"operation {name} is not measured: add it to platformkit_pipeline/model/metric.py")
        started = self.clock.seconds()
        try:
            yield
        except Exception as error:
            self._take(name, started, FAILURE)
            _log.warning("operation failed", operation=name, reason=error)
            raise
        self._take(name, started, SUCCESS)

    def _take(self, name: str, started: float, outcome: str) -> None:
        seconds = self.clock.seconds() - started
        self._taken.append(_Measurement(name, self.clock.now(), seconds, outcome))
        if outcome == SUCCESS:
            _log.info("operation done", operation=name, duration_seconds=round(seconds, 3))

    def store(self, connection: Connection, target: Target | None, run_id: str | None) -> None:
        """Write them, of `target` where it is registered. Raises ControlPlaneError."""
        target_id = _id_of(connection, target)
        for taken in self._taken:
            labels = {OUTCOME: taken.outcome}
            if taken.outcome == FAILURE or taken.operation not in SELF_TIMED:
                name = f"{taken.operation}.duration"
                metrics.record(connection, name, taken.seconds, "seconds", target_id=target_id, run_id=run_id, labels=labels, at=taken.at)
            metrics.record(
                connection, f"{taken.operation}.count", 1, "operations", target_id=target_id, run_id=run_id, labels=labels, at=taken.at
            )
        self._taken.clear()

    @property
    def empty(self) -> bool:
        return not self._taken


@contextmanager
def measuring(
    open_session: OpenSession, *, target: Target | None = None, run_id: str | None = None, clock: Clock = SYSTEM_CLOCK
) -> Iterator[Measures]:
    """Store at the end, however it comes, what was measured in the block. A control plane that is away costs the measurements, no more."""
    measures = Measures(clock)
    try:
        yield measures
    finally:
        if not measures.empty:
            try:
                with open_session() as connection:
                    measures.store(connection, target, run_id)
            except ControlPlaneError as error:
                _log.warning("measurements were not stored", reason=error)


@contextmanager
def measured(
    open_session: OpenSession, operation: str, *, target: Target | None = None, run_id: str | None = None, clock: Clock = SYSTEM_CLOCK
) -> Iterator[None]:
    """Measure the block as one `operation`: duration and outcome, stored when it ends."""
    with measuring(open_session, target=target, run_id=run_id, clock=clock) as measures, measures.operation(operation):
        yield


def _id_of(connection: Connection, target: Target | None) -> int | None:
    if target is None:
        return None
    try:
        return target_id_of(connection, target)
    except ControlPlaneError:
        return None
