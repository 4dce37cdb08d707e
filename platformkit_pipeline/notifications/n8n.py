"""What a workflow of n8n gets: the whole event for its nodes, and the words for a person. Pure."""

from __future__ import annotations

from typing import Any

from platformkit_pipeline.connectors.delivery.wire import document_of
from platformkit_pipeline.model.event import Event
from platformkit_pipeline.notifications.links import links_of
from platformkit_pipeline.notifications.wording import wording_of


def message_of(event: Event, web_url: str | None = None) -> dict[str, Any]:
    """Body of the POST: the event's own fields as they are on any wire, with `title`, `urgent` and `links` beside them."""
    wording = wording_of(event)
    links = {link.name: link.url for link in links_of(event, web_url) if link.url}
    return {**document_of(event), "title": wording.headline, "urgent": wording.urgent, **({"links": links} if links else {})}
