"""The transactional outbox (clause 9.2): an event is written in the transaction that makes it true, and delivered afterwards."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg.rows import tuple_row

from platformkit_pipeline.connectors.delivery.statements import statement
from platformkit_pipeline.control_plane.connection import Connection, require_transaction
from platformkit_pipeline.model.connector import QueueDepth
from platformkit_pipeline.model.event import Event

CHANNEL = "platformkit_outbox"
"""NOTIFY with the name of the schema as payload: something is there to be delivered."""
LARGEST_PAYLOAD_BYTES = 262_144
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""As JSON writes it; behind an odd number of backslashes: `\\\\u0000` is a backslash and five letters."""


class Outbox:
    """The table `outbox` of one schema; see `tables.create_delivery_tables`."""

    def __init__(self, schema: str = "ops", *, largest_payload_bytes: int = LARGEST_PAYLOAD_BYTES) -> None:
        self.schema = schema
        self._largest = largest_payload_bytes

    def publish(self, connection: Connection, events: Sequence[Event], *, destination: str = "") -> int:
        """Write events in the caller's transaction; returns how many are new. The same id again for the same destination: nothing.

        Events of one key are delivered in the order of the commits: from here on until the transaction ends, other writers of these
        keys wait. Publish once in a transaction, as its last act: two calls in one can deadlock with another transaction's two.
        Raises ValueError outside a transaction and for an event that cannot be stored; nothing of the call is written then.
        """
        if not events:
            return 0
        require_transaction(connection)
        rows = [_row(event, self._largest) for event in events]
        columns = dict(
            zip(("ids", "aggregatetypes", "aggregateids", "types", "payloads", "headers"), map(list, zip(*rows, strict=True)), strict=True)
        )
        parameters: dict[str, Any] = {"schema": self.schema, "destination": destination, **columns}
        with connection.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(statement("lock_keys", self.schema), parameters)
            new = cursor.execute(statement("publish", self.schema), parameters).rowcount
            cursor.execute("select pg_notify(%s, %s)", (CHANNEL, self.schema))
        return new

    def depth(self, connection: Connection, *, destination: str | None = None) -> QueueDepth:
        """What waits, for one destination or (None) for all."""
        with connection.cursor(row_factory=tuple_row) as cursor:
            row = cursor.execute(statement("depth", self.schema), {"destination": destination}).fetchone()
        return QueueDepth(*row) if row else QueueDepth(0, 0, 0.0, 0)


def _row(event: Event, largest: int) -> tuple[str, str, str, str, str, str]:
    try:
        identity = str(UUID(event.id))
    except ValueError:
        raise ValueError(f"event id {event.id!r} is not a UUID") from None
    payload, headers = _json(event.id, "payload", event.payload), _json(event.id, "headers", event.headers)
    size = len(payload.encode()) + len(headers.encode())
    if size > largest:
        raise ValueError(
            f"event {identity}: payload and headers have {size} bytes, the limit is {largest}: "
            "store what is large where it belongs, and let the event name it"
        )
    texts = (event.aggregatetype, event.aggregateid, event.type)
    if any("\x00" in text for text in texts):
        raise ValueError(f"event {identity}: PostgreSQL cannot store the character NUL")
    if not (event.aggregatetype and event.type) or any(len(t) > most for t, most in zip(texts, (255, 512, 255), strict=True)):
        raise ValueError(f"event {identity}: aggregatetype and type need 1 to 255 characters, aggregateid at most 512")
    return (identity, *texts, payload, headers)


def _json(identity: str, what: str, value: Any) -> str:
    try:
        text = json.dumps(value if isinstance(value, dict) else dict(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"event {identity}: its {what} cannot be written as JSON ({type(error).__name__})") from None
    if _NUL.search(text):
        raise ValueError(f"event {identity}: its {what} has the character NUL, which PostgreSQL cannot store")
    return text
