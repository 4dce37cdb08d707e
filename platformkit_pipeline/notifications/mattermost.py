"""Messages of Mattermost's incoming webhooks (https://developers.mattermost.com/integrate/webhooks/incoming/). Pure."""

from __future__ import annotations

import re

from platformkit_pipeline.model.event import Event
from platformkit_pipeline.notifications.wording import wording_of

_LONGEST = 4_000
_MARKS = re.compile(r"([\\`*_{}\[\]()<>#+!|~:-])")
_NOTHING_VISIBLE = "\u200b"


def message_of(event: Event) -> dict[str, str]:
    """Body of the POST. Text of others neither formats anything nor calls anybody: `@channel` in the name of a table is no mention."""
    wording = wording_of(event)
    lines = [f"{':rotating_light: ' if wording.urgent else ''}**{_plain(wording.headline)}**"]
    lines += [f"- {_plain(name)}: {_plain(text)}" for name, text in wording.facts]
    text = "\n".join(lines)
    return {"text": text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"}


def _plain(text: str) -> str:
    escaped = _MARKS.sub(r"\\\1", " ".join(text.split()))
    return escaped.replace("@", f"@{_NOTHING_VISIBLE}")
