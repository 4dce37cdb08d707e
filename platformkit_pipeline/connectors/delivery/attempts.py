"""One attempt for each event in hand, and what became of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from platformkit_pipeline.connectors.delivery.dead_letters import LARGEST_REASON
from platformkit_pipeline.connectors.delivery.retry import RetryPolicy
from platformkit_pipeline.connectors.delivery.statements import statement
from platformkit_pipeline.connectors.errors import DeliveryFailed, DeliveryRefused
from platformkit_pipeline.connectors.interface import Turn
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.event import Event

_LOG = get_logger("connectors.delivery")
Send = Callable[[Event], None]


@dataclass(slots=True)
class Outcomes:
    """Of the events of one turn, by what is to be written about them."""

    delivered: list[str] = field(default_factory=list)
    postponed: dict[str, float] = field(default_factory=dict)
    """Event → seconds until it is tried again."""
    dead: dict[str, str] = field(default_factory=dict)
    """Event → reason."""

    @property
    def turn(self) -> Turn:
        return Turn(len(self.delivered), len(self.postponed), len(self.dead))

    def write(self, cursor: psycopg.Cursor[tuple[Any, ...]], schema: str, destination: str) -> None:
        """One statement for each kind of outcome, however many events."""
        if self.delivered:
            cursor.execute(statement("mark_delivered", schema), {"ids": self.delivered, "destination": destination})
        if self.postponed:
            late = {"ids": list(self.postponed), "delays": list(self.postponed.values()), "destination": destination}
            cursor.execute(statement("postpone", schema), late)
        if self.dead:
            lost = {"ids": list(self.dead), "reasons": list(self.dead.values()), "destination": destination}
            cursor.execute(statement("bury", schema), lost)


def attempt_all(events: Sequence[Event], send: Send, policy: RetryPolicy, *, seconds: float, stopped: Callable[[], bool]) -> Outcomes:
    """Send events in their order, until the time is up or `stopped`; what was not tried by then is in no outcome.

    An event that is postponed holds back the later ones of its key, and nothing else; behind a dead one they go on.
    """
    outcomes = Outcomes()
    held_back: set[tuple[str, str]] = set()
    end = time.monotonic() + seconds
    for event in events:
        if stopped() or time.monotonic() >= end:
            break
        if event.key in held_back:
            continue
        try:
            send(event)
        except DeliveryRefused as refusal:
            outcomes.dead[event.id] = _reason(refusal)
        except Exception as failure:
            if event.attempt >= policy.attempts:
                outcomes.dead[event.id] = _reason(failure)
            else:
                asked = failure.retry_after_seconds if isinstance(failure, DeliveryFailed) else None
                outcomes.postponed[event.id] = policy.delay(event.attempt, asked=asked)
                held_back.add(event.key)
            _LOG.warning("delivery failed", event_id=event.id, event_type=event.type, attempt=event.attempt, reason=_reason(failure))
        else:
            outcomes.delivered.append(event.id)
    return outcomes


def _reason(error: Exception) -> str:
    """The error's own text where it was meant for people, else only its kind as well; without secrets, bounded."""
    text = str(error) if isinstance(error, DeliveryFailed | DeliveryRefused) else f"{type(error).__name__}: {error}"
    one_line = " ".join(text[: 4 * LARGEST_REASON].replace("\x00", "").split())  # masking takes long on a long text
    return redact(one_line)[:LARGEST_REASON] or type(error).__name__
