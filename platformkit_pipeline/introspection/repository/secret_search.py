"""Search contents for secrets with both nets: kingfisher and our own forms. What is found stays in memory."""

from __future__ import annotations

import os
import re
import tempfile
from bisect import bisect
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from platformkit_pipeline.introspection.repository.kingfisher import Hit, KingfisherError, ask_kingfisher
from platformkit_pipeline.introspection.repository.secret_forms import Place, is_invented, places_in
from platformkit_pipeline.model.repository.secrets import PUBLIC_KEYS, SERVICE_KEYS
from platformkit_pipeline.sqltext.secrets import role_of

MAX_BYTES = 16 * 1024 * 1024
"""What a content may have to be searched."""
BATCH_BYTES = 192 * 1024 * 1024
BATCH_FILES = 50_000
MISSING = "is missing from this clone"
_SAME_KIND = {
    "supabase-management-token": "supabase-access-token",
    "slack-webhook-url": "chat-webhook",
    "generic-credential-uri": "url-password",
    "jwt": "json-web-token",
}
"""Kingfisher's names for what we have a name for as well."""
_LONGEST_KEY = 20_000
_CLIENT_VARIABLE = re.compile(
    r"(?P<name>\b(?:NEXT_PUBLIC|VITE|EXPO_PUBLIC|REACT_APP|NUXT_PUBLIC|GATSBY|PUBLIC)_\w{1,80})[\"']?\s{0,3}(?::=|[:=])\s{0,3}[\"'`]?\Z"
)


@dataclass(frozen=True, slots=True)
class Found:
    """A secret, or (`public`) what is none by design, in one content. `value` is never to leave memory."""

    kind: str
    line: int
    public: bool
    role: str | None
    client_variable: str | None
    value: str = field(repr=False)


@dataclass(slots=True)
class Searched:
    """What was found by name of a content; `left_out` tells why one was not searched, `failure` why kingfisher gave no answer."""

    found: dict[str, tuple[Found, ...]] = field(default_factory=dict, repr=False)
    clean: set[str] = field(default_factory=set)
    left_out: dict[str, str] = field(default_factory=dict)
    failure: str | None = None


Read = Callable[[Sequence[str]], Iterator[tuple[str, bytes | None]]]
"""From names to names with contents; None for what is missing."""


def search(sizes: Mapping[str, int | None], read: Read) -> Searched:
    """Search contents by name. They lie in a folder that only we can read, as long as it lasts. A name is a file's name as well."""
    searched = Searched()
    for batch in _batches(sizes, searched):
        with tempfile.TemporaryDirectory(prefix="platformkit-secrets-") as folder:  # mode 0700
            own: dict[str, list[Place]] = {}
            for name, data in read(batch):
                if data is None:
                    searched.left_out[name] = MISSING
                    continue
                own[name] = places_in(data.decode("latin-1"))
                _write(f"{folder}/{name}", data)
            _judge(Path(folder), own, searched)
    return searched


def _write(file: str, data: bytes) -> None:
    """Tens of thousands of small files: a buffered one costs twice as much."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        written = 0
        while written < len(data):
            written += os.write(handle, data[written:] if written else data)
    finally:
        os.close(handle)


def _batches(sizes: Mapping[str, int | None], searched: Searched) -> Iterator[list[str]]:
    batch: list[str] = []
    room = BATCH_BYTES
    for name, size in sizes.items():
        if size is None:
            searched.left_out[name] = MISSING
        elif size > MAX_BYTES:
            searched.left_out[name] = f"is too large to be searched: {size} bytes, and {MAX_BYTES} are read at most"
        elif size == 0:
            searched.clean.add(name)
        else:
            if size > room or len(batch) >= BATCH_FILES:
                yield batch
                batch, room = [], BATCH_BYTES
            batch.append(name)
            room -= size
    if batch:
        yield batch


def _judge(folder: Path, own: dict[str, list[Place]], searched: Searched) -> None:
    hits: dict[str, list[Hit]] = defaultdict(list)
    answered = False
    if own and searched.failure is None:
        try:
            for hit in ask_kingfisher(folder):
                hits[hit.name].append(hit)
            answered = True
        except KingfisherError as error:
            searched.failure = str(error)
    for name, places in own.items():
        if not places and name not in hits:
            if answered:
                searched.clean.add(name)
            continue
        text = (folder / name).read_bytes().decode("latin-1")
        if found := tuple(_found(text, places, hits.get(name, ()))):
            searched.found[name] = found
        elif answered:
            searched.clean.add(name)


def _found(text: str, places: list[Place], hits: Iterable[Hit]) -> Iterator[Found]:
    """Both nets together; where they overlap ours says more: what a JWT claims, and what is public or a placeholder."""
    kept = list(places)
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    for hit in hits:
        place = _place_of(text, starts, hit)
        if place and all(place.end <= other.start or other.end <= place.start for other in kept):
            kept.append(place)
    seen: set[tuple[str, str]] = set()
    for place in sorted(kept):
        value = text[place.start : place.end]
        if (place.public and place.kind not in PUBLIC_KEYS) or (place.kind, value) in seen:
            continue
        seen.add((place.kind, value))
        variable = _CLIENT_VARIABLE.search(text[max(0, place.start - 120) : place.start]) if place.kind in SERVICE_KEYS else None
        line = bisect(starts, place.start)
        # as UTF-8, so that what other records say in UTF-8 is found by it
        readable = value.encode("latin-1").decode("utf-8", "replace")
        yield Found(
            place.kind, line, place.public, role_of(value) if value.count(".") == 2 else None, variable and variable["name"], readable
        )


def _place_of(text: str, starts: list[int], hit: Hit) -> Place | None:
    """Where a hit lies, of one that spans lines its first line; None for a placeholder, and for what does not stand there."""
    if not 1 <= hit.line <= len(starts):
        return None
    line_end = starts[hit.line] - 1 if hit.line < len(starts) else len(text)
    start, end = starts[hit.line - 1] + hit.first, starts[hit.line - 1] + hit.last + 1
    if text.startswith("-----BEGIN", start):  # its end is told in columns of another line
        close = text.find("-----END", start, start + _LONGEST_KEY)
        if close < 0:
            return None  # a mark and no key
        end = close
    elif not start < end <= line_end:
        end = line_end
    value = text[start:end]
    return Place(start, end, _SAME_KIND.get(hit.rule, hit.rule)) if value.strip() and not is_invented(value) else None
