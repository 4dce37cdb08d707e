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
                outcomes.postponed[event.id] = policy.delay(event.attempt, asked=_asked(failure))
                held_back.add(event.key)
            _LOG.warning("delivery failed", event_id=event.id, event_type=event.type, attempt=event.attempt, reason=_reason(failure))
        else:
            outcomes.delivered.append(event.id)
    return outcomes


def _asked(failure: Exception) -> float | None:
    """What a destination asked for; nothing where foreign code put something else there."""
    asked: object = failure.retry_after_seconds if isinstance(failure, DeliveryFailed) else None
    return float(asked) if isinstance(asked, int | float) else None


def _reason(error: Exception) -> str:
    """The error's own text where it was meant for people, else only its kind as well; without secrets, bounded.

    Whatever `send` raises, it is text that PostgreSQL stores: else one event would take back what became of its whole batch.
    """
    try:
        text = str(error)
    except Exception:
        text = ""
    if not isinstance(error, DeliveryFailed | DeliveryRefused):
        text = f"{type(error).__name__}: {text}"
    storable = text[: 4 * LARGEST_REASON].encode(errors="replace").decode().replace("\x00", "")
    return redact(" ".join(storable.split()))[:LARGEST_REASON] or type(error).__name__  # masking takes long on a long text
