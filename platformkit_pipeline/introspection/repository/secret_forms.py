"""Secrets in a file of any language: those known by their form, and literals given to something that is named like a secret.

The second net beside kingfisher: it knows the keys of the platform wherever they stand, and what looks like one and is none.
Positions are bytes; a text is read as Latin-1, so that a character is a byte.
"""

from __future__ import annotations

import math
import re
from bisect import bisect
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from platformkit_pipeline.sqltext.secrets import (
    forms_in,
    is_placeholder,
    kind_of_name,
    looks_secret,
    may_hold_a_secret,
    names_a_secret,
    role_of,
)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """From `start` to `end` (not included) stands a secret of that kind, or (`public`) what looks like one and is none."""

    start: int
    end: int
    kind: str
    public: bool = False


_PUBLISHABLE = re.compile(r"\bsb_publishable_[\w-]{16,}", re.ASCII)
_WORKFLOW_HOOK = re.compile(r"://[^\s'\"/]+/webhook(?:-test|-waiting)?/(?P<value>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b")
_NO_NAME_BEFORE = 60
_GIVEN = re.compile(
    r"(?P<rest>[\w-]{0,30})[\"'`\]]{0,2}[ \t]{0,20}(?:=>|:=|=|:)[ \t]{0,20}(?:(?P<quote>[\"'`])(?P<quoted>[^\"'`\s]{10,300}+)(?P=quote)"
    r"|(?P<bare>[\w+/.~!@#%^*=-]{16,300}+)(?=[ \t]*(?:\r?\n|\Z|#)))",
    re.ASCII,
)
_CORES = ("passw", "passphrase", "pwd", "secret", "token", "key", "credential")
_BEFORE = re.compile(r"[\w.-]*\Z", re.ASCII)
_DIGEST = re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\Z", re.IGNORECASE)
_CODE = re.compile(
    r"[A-Za-z_]\w*(?:(?:\.|->|::)[A-Za-z_]\w*)+\Z|.*[()<>{}\[\]$|\\]|[./~@#%&*-]|.*\.(?:[a-z]{2,4}|json|yaml|toml)\Z|.*/.*/", re.ASCII
)
"""Expressions and paths."""
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", re.ASCII)
_PUBLIC_HOST = re.compile(r"(?:[A-Za-z0-9-]+\.)+(?:[A-Za-z]{2,}|\d{1,3})\Z", re.ASCII)
_NO_PUBLIC_HOST = re.compile(
    r"(?i)(?:\A127\.|\A0\.0|(?:\A|\.)(?:example|test|invalid|localhost|local|docker\.internal)\Z|(?:\A|\.)example\.\w+\Z|"
    r"\A(?:my|your|some)?-?(?:db|host|server|domain|foo|bar|company|acme)\.)"
)
_LONG = ("private-key", "json-web-token", "service-role-key")
"""Long enough to hold anything by chance."""
_MOST = 2_000
"""Places of one text that are told; nobody reads more of them, and a hostile text has millions."""
_MOST_NAMES = 1_000_000
_SEQUENCE = re.compile(r"(?i)abcdefgh|12345678|(?P<part>.{6,40})(?P=part)", re.DOTALL)
_SHORTEST_HOOK = 40
"""Of the three parts of a Slack webhook together."""
_RANDOM_BITS = 3.3
"""Shannon entropy of a character from which a literal counts as drawn by lot; English words joined have about as much at most."""
_WORDS_IN_IT = re.compile(r"(?i)[a-z]{5,}")
_MOSTLY = 0.6


def places_in(text: str) -> list[Place]:
    """Secrets, and what is none, in order and without overlap. The more telling reading wins."""
    found: list[Place] = []
    if may_hold_a_secret(text):
        found = [_of_form(text, *form) for form in islice(forms_in(text), _MOST)]
        found += islice(_given_in(text), _MOST)
    if "sb_publishable_" in text:
        found += (Place(*match.span(), "supabase-publishable-key", True) for match in _PUBLISHABLE.finditer(text))
    if "/webhook" in text:
        found += (Place(*match.span("value"), "workflow-webhook") for match in _WORKFLOW_HOOK.finditer(text))
    return _without_overlap(found)


def _of_form(text: str, start: int, end: int, kind: str | None) -> Place:
    value = text[start:end]
    if kind is not None:
        invented = (kind not in _LONG and is_invented(value)) or (kind == "url-password" and not _opens_something(text, start, end))
        invented = invented or (kind == "chat-webhook" and _is_short_path(value))
        return Place(start, end, "placeholder" if invented else kind, invented)
    role = role_of(value) if value.startswith("eyJ") else None
    public = "supabase-anon-key" if role == "anon" else "local-stack-key" if role or "sb_secret_" in value else "placeholder"
    return Place(start, end, public, True)


def _opens_something(text: str, start: int, end: int) -> bool:
    """A password drawn by lot, or one for a server that others can reach: `scott:tiger@localhost` stands in every manual."""
    password = text[start:end]
    host = _HOST.match(text, end + 1)
    if host is None or not password.isascii() or not password.isprintable():
        return False
    return _is_drawn_by_lot(password) or bool(_PUBLIC_HOST.match(host[0]) and not _NO_PUBLIC_HOST.search(host[0]))


def is_invented(value: str) -> bool:
    """A placeholder, or what nobody draws by lot: `abcdefgh...`, `12345678`, the same part again and again."""
    return is_placeholder(value) or _SEQUENCE.search(value) is not None


def _is_short_path(value: str) -> bool:
    return "/" in value and len(value) < _SHORTEST_HOOK


def _given_in(text: str) -> Iterator[Place]:
    """`API_KEY=...`, `"password": "..."`, `token: '...'`: a literal without a word's sense, under a name that tells."""
    folded = text.lower()
    if len(folded) != len(text):
        return
    for core in _CORES:
        place, tried = folded.find(core), 0
        while place >= 0 and tried < _MOST_NAMES:
            tried += 1
            match = _GIVEN.match(text, place + len(core))
            if match:
                before = _BEFORE.search(text, max(0, place - _NO_NAME_BEFORE), place)
                name = (before[0] if before else "") + text[place : match.end("rest")]
                group = "quoted" if match["quoted"] is not None else "bare"
                if names_a_secret(name) and _is_drawn_by_lot(match[group]):
                    yield Place(*match.span(group), kind_of_name(name))
            place = folded.find(core, place + len(core))


def _is_drawn_by_lot(value: str) -> bool:
    if not looks_secret(value) or is_invented(value) or _DIGEST.match(value) or _CODE.match(value):
        return False
    if not any(c.isdigit() for c in value) or not any(c.isalpha() for c in value):
        return False
    in_words = sum(len(word) for word in _WORDS_IN_IT.findall(value) if word.islower() or word.istitle() or word.isupper())
    return in_words < _MOSTLY * len(value) and entropy(value) >= min(_RANDOM_BITS, 0.9 * math.log2(len(value)))


def entropy(value: str) -> float:
    """Shannon entropy in bits per character."""
    return -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values())


def _without_overlap(found: list[Place]) -> list[Place]:
    """Forms come first, and say more than names."""
    kept: list[Place] = []
    for place in found:
        at = bisect(kept, place)
        if (at == 0 or kept[at - 1].end <= place.start) and (at == len(kept) or place.end <= kept[at].start):
            kept.insert(at, place)
    return kept
