"""How alerts read as issues on GitHub, and which are issues at all. Pure.

Payloads may carry `body`, Markdown of the product's own that takes the place of the facts, and `mentions`, logins to call; nothing else
in an event calls anybody.
"""

from __future__ import annotations

import re
from typing import Any

from platformkit_pipeline.connectors.delivery.github_issues import IssueNote
from platformkit_pipeline.model.alert import AlertKind
from platformkit_pipeline.model.event import Event
from platformkit_pipeline.notifications.links import links_of
from platformkit_pipeline.notifications.plain_text import plain
from platformkit_pipeline.notifications.wording import wording_of

ISSUE_KINDS = frozenset(
    {
        AlertKind.FINDING_CRITICAL,
        AlertKind.AUDIT_BROKEN,
        AlertKind.TARGET_STALE,
        AlertKind.EXCEPTION_LAPSED,
        AlertKind.REVIEW_DUE,
        AlertKind.AMENDMENT_DUE,
    }
)
"""What somebody has to work on for a while; everything else is read in a chat and done."""
_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,99})?\Z")
_LONGEST_TITLE, _LONGEST_BODY = 200, 60_000


def note_of(event: Event, web_url: str | None = None) -> IssueNote | None:
    """What the event comes to in the issues; None for one that is none of `ISSUE_KINDS`."""
    kind = event.type.removesuffix(".settled")
    if kind not in ISSUE_KINDS:
        return None
    over, payload = kind != event.type, event.payload
    key, title = f"{kind}/{event.aggregateid}", _named(payload, event)
    if kind == AlertKind.FINDING_CRITICAL:  # one issue per target: groups come and go, it is closed when none is left
        closes, title = over and not payload.get("open"), f"Critical findings on {title}"
    else:
        key, closes = f"{key}/{payload.get('subject')}/{payload.get('occurrence')}", over
        title = str(payload.get("headline") or event.type)
    return IssueNote(key, " ".join(title.split())[:_LONGEST_TITLE], _body(event, web_url), over, closes)


def _named(payload: Any, event: Event) -> str:
    target = payload.get("target")
    return str(target.get("name")) if isinstance(target, dict) else event.aggregateid


def _body(event: Event, web_url: str | None) -> str:
    wording, own = wording_of(event), event.payload.get("body")
    if isinstance(own, str) and own.strip():
        parts = [own.strip()]
    else:
        parts = [
            f"**{plain(wording.headline)}**",
            "\n".join(f"- {plain(name)}: {plain(text)}" for name, text in (*wording.facts, *wording.last)),
        ]
    links = [
        f"- {link.name}: " + (f"[{plain(link.text)}]({link.url})" if link.url else f"`{link.text.replace('`', '')}`")
        for link in links_of(event, web_url)
    ]
    mentions = event.payload.get("mentions")
    called = [f"@{name}" for name in mentions if isinstance(name, str) and _LOGIN.match(name)] if isinstance(mentions, list) else []
    return "\n\n".join(part[:_LONGEST_BODY] for part in (*parts, "\n".join(links), " ".join(called)) if part)[:_LONGEST_BODY]
