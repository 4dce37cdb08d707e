"""What a relay takes in hand: whole keys, each held by a lock on the row of its first waiting event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from platformkit_pipeline.connectors.delivery.statements import statement
from platformkit_pipeline.model.event import Event

_Cursor = psycopg.Cursor[tuple[Any, ...]]
_Key = tuple[str, str]
_START: _Key = ("", "")
"""Before every key: an aggregatetype is never empty."""


@dataclass(slots=True)
class Claims:
    """Goes round the keys that have something waiting, so that none is starved however much waits of another.

    A round costs one step of the index per key with something waiting, not per event; a turn ends when it has enough.
    """

    schema: str
    destination: str
    _after: _Key = _START
    """The key up to which the last turn came."""

    def take(self, cursor: _Cursor, most: int) -> list[Event]:
        """Up to `most` events of keys that are due and that nobody else holds, each key in its order; held until the transaction ends.

        To be called in a transaction of READ COMMITTED: each of the statements has to see what was committed before it.
        """
        held: dict[_Key, int] = {}
        for start in (self._after, _START) if self._after != _START else (_START,):
            self._after = self._walk(cursor, start, most, held)
            if len(held) >= most:
                break
        return self._events(cursor, held, most) if held else []

    def _walk(self, cursor: _Cursor, start: _Key, most: int, held: dict[_Key, int]) -> _Key:
        """Hold keys behind `start` until there are enough, or none are left; returns the key that the walk came to."""
        after = start
        while len(held) < most:
            look = {"destination": self.destination, "after_type": after[0], "after_id": after[1], "keys": most}
            seen = cursor.execute(statement("heads", self.schema), look).fetchall()
            due = [head for head in seen if head[4]]
            wanted = due[: most - len(held)]
            held.update(self._hold(cursor, wanted))
            if len(wanted) < len(due):
                return (wanted[-1][0], wanted[-1][1])
            if len(seen) < most:
                return _START
            after = (seen[-1][0], seen[-1][1])
        return after

    def _hold(self, cursor: _Cursor, heads: list[tuple[Any, ...]]) -> Mapping[_Key, int]:
        if not heads:
            return {}
        seen = {"destination": self.destination, "ids": [h[2] for h in heads], "positions": [h[3] for h in heads]}
        return {(r[0], r[1]): r[2] for r in cursor.execute(statement("lock_heads", self.schema), seen).fetchall()}

    def _events(self, cursor: _Cursor, held: Mapping[_Key, int], most: int) -> list[Event]:
        parameters = {
            "destination": self.destination,
            "aggregatetypes": [key[0] for key in held],
            "aggregateids": [key[1] for key in held],
            "positions": list(held.values()),
            "share": max(1, most // len(held)),
        }
        rows = cursor.execute(statement("take", self.schema), parameters).fetchall()
        return [Event(str(r[0]), r[1], r[2], r[3], payload=r[4], headers=r[5], created_at=r[6], attempt=r[7] + 1) for r in rows]
