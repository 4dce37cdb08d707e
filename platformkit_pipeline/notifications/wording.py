"""What an event of this product says to a person: one headline, a few facts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from platformkit_pipeline.model.event import Event

_MOST_FACTS = 12
_LONGEST_FACT = 300
_NO_FACTS = ("headline", "target", "subject", "occurrence", "settled_at", "scan_id", "run_id", "body", "mentions")
"""Of an alert's payload: said in its headline, by its links, or for machines."""


@dataclass(frozen=True, slots=True)
class Wording:
    """Plain text, not yet escaped for anything. Texts come from what was observed: names of objects are their owners' choice."""

    headline: str
    facts: tuple[tuple[str, str], ...] = ()
    urgent: bool = False
    last: tuple[tuple[str, str], ...] = ()
    """Facts behind the others which are not to be cut off with them: how many are not named, and who owns the target."""


def wording_of(event: Event) -> Wording:
    """Any event can be told: one whose type is not known here by its type, its key and its payload."""
    match event.type:
        case "parity.regressed":
            return _parity_regressed(event)
        case "finding.opened" | "finding.resolved":
            return _finding(event)
        case "finding.critical" | "finding.critical.settled":
            return _criticals(event)
        case "alerts.held":
            return _held(event)
        case _ if isinstance(event.payload.get("headline"), str):
            return _announced(event)
        case _:
            return Wording(f"{event.type}: {event.aggregatetype} {event.aggregateid}", _facts(event.payload))


def _criticals(event: Event) -> Wording:
    """One fact for each finding, under its rule: what and since when; for those that are over why they are."""
    payload, facts = event.payload, []
    for finding in payload.get("findings", ()):
        what = f"{finding.get('object')}: {finding.get('over') or finding.get('message')}"
        since = f" (since {str(finding.get('first_seen'))[:10]})" if finding.get("first_seen") and not finding.get("over") else ""
        facts.append((f"{finding.get('rule')} {finding.get('outcome', '')}".strip(), _text(what + since)))
    more = [("more", str(payload["more"]))] if payload.get("more") else []
    left = [("still open", str(payload.get("open", 0)))] if _is_over(event) else []
    owners = _facts({"owners": payload.get("owners")})
    return Wording(_headline(event), tuple(facts), urgent=not _is_over(event), last=(*more, *left, *owners))


def _held(event: Event) -> Wording:
    """What a flood came to: the most severe first."""
    counted = tuple((str(line.get("type")), f"{line.get('count')} ({line.get('severity')})") for line in event.payload.get("kinds", ()))
    urgent = any(line.get("severity") == "critical" for line in event.payload.get("kinds", ()))
    return Wording(_headline(event), (*counted, *_facts({"owners": event.payload.get("owners")})), urgent)


def _announced(event: Event) -> Wording:
    """Any alert that `announce` tells: its own headline, and what is worth knowing of the rest."""
    facts = _facts(event.payload, without=_NO_FACTS)
    return Wording(_headline(event), facts, urgent=event.payload.get("severity") == "critical" and not _is_over(event))


def _headline(event: Event) -> str:
    headline = str(event.payload.get("headline"))
    return f"Over: {headline}" if _is_over(event) else headline


def _is_over(event: Event) -> bool:
    return event.type.endswith(".settled")


def _parity_regressed(event: Event) -> Wording:
    payload = event.payload
    target = _inside(payload, "target", "name")
    before, after = (_inside(payload, score, "effective") for score in ("score_before", "score"))
    change = f" from {before} to {after}" if before and after else ""
    lost = [f"{lost['check']}: {lost['message']}" for lost in payload.get("lost_checks", ())]
    facts = (*_facts({name: payload.get(name) for name in ("owners", "reasons", "commit", "branch")}), *_facts({"lost": lost}))
    return Wording(f"Parity of {target or event.aggregateid} fell{change}", facts, urgent=True)


def _finding(event: Event) -> Wording:
    payload = event.payload
    rule, target = str(payload.get("rule", event.aggregateid)), payload.get("target")
    what = "New finding" if event.type == "finding.opened" else "Resolved finding"
    headline = f"{what} {rule}" + (f" on {target}" if target else "")
    return Wording(headline, _facts(payload, without=("rule", "target")), urgent=payload.get("severity") == "critical")


def _inside(payload: Mapping[str, Any], outer: str, inner: str) -> str:
    within = payload.get(outer)
    return _text(within.get(inner)) if isinstance(within, Mapping) else ""


def _facts(payload: Mapping[str, Any], without: tuple[str, ...] = ()) -> tuple[tuple[str, str], ...]:
    """The simple values of a payload by name, in its order; what is nested or too much is left to those who read the event."""
    facts = [(name, _text(value)) for name, value in payload.items() if name not in without]
    return tuple((name, text) for name, text in facts if text)[:_MOST_FACTS]


def _text(value: Any) -> str:
    match value:
        case str():
            text = " ".join(value.split())
        case bool():
            text = "yes" if value else "no"
        case int() | float():
            text = str(value)
        case list() | tuple():
            text = ", ".join(str(part) for part in value if isinstance(part, str | int | float))
        case _:
            return ""
    return text if len(text) <= _LONGEST_FACT else text[: _LONGEST_FACT - 1] + "…"
