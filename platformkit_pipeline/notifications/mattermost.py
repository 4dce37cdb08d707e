"""Messages of Mattermost's incoming webhooks (https://developers.mattermost.com/integrate/webhooks/incoming/). Pure."""

from __future__ import annotations

from platformkit_pipeline.model.event import Event
from platformkit_pipeline.notifications.links import Link, links_of
from platformkit_pipeline.notifications.plain_text import plain
from platformkit_pipeline.notifications.wording import wording_of

_LONGEST = 4_000


def message_of(event: Event, web_url: str | None = None) -> dict[str, str]:
    """Body of the POST. Text of others neither formats anything nor calls anybody: `@channel` in the name of a table is no mention."""
    wording = wording_of(event)
    lines = [f"{':rotating_light: ' if wording.urgent else ''}**{plain(wording.headline)}**"]
    lines += map(_line, wording.facts)
    last = [*map(_line, wording.last), *(f"- {link.name}: {_linked(link)}" for link in links_of(event, web_url))]
    return {"text": _bounded(lines, last)}


def _line(fact: tuple[str, str]) -> str:
    name, text = fact
    return f"- {plain(name)}: {plain(text)}"


def _bounded(lines: list[str], last: list[str]) -> str:
    """The last lines stay whole: what is cut is the text before them."""
    after = "".join(f"\n{line}" for line in last)
    text, most = "\n".join(lines), _LONGEST - len(after)
    return (text if len(text) <= most else text[: most - 1] + "…") + after


def _linked(link: Link) -> str:
    return f"[{plain(link.text)}]({link.url})" if link.url else f"`{link.text.replace('`', '')}`"
