"""How an event reads on the wire: one JSON object, the same bytes at every attempt."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from platformkit_pipeline.model.event import Event

_TEXTS = ("id", "aggregatetype", "aggregateid", "type")


def document_of(event: Event) -> dict[str, Any]:
    """Everything but the number of the attempt."""
    return {
        **{name: getattr(event, name) for name in _TEXTS},
        "payload": dict(event.payload),
        "headers": dict(event.headers),
        "created_at": event.created_at.isoformat() if event.created_at else None,
    }


def event_of(body: bytes | str) -> Event:
    """The event that a body of `document_of` describes. Raises ValueError for anything else."""
    document = json.loads(body)
    if not isinstance(document, dict) or not all(isinstance(document.get(name), str) for name in _TEXTS):
        raise ValueError("not an event: id, aggregatetype, aggregateid and type must be there, as texts")
    payload, headers, created_at = document.get("payload") or {}, document.get("headers") or {}, document.get("created_at")
    if not isinstance(payload, dict) or not isinstance(headers, dict) or not isinstance(created_at, str | None):
        raise ValueError("not an event: payload and headers must be objects, created_at a time")
    texts = {name: document[name] for name in _TEXTS[1:]}
    return Event(
        str(UUID(document["id"])),
        **texts,
        payload=payload,
        headers=headers,
        created_at=datetime.fromisoformat(created_at) if created_at else None,
    )
