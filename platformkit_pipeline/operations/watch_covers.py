"""Of which targets other waivers and exceptions are in force than when their gate was last asked about (clauses 10.1, 10.2).

A cover that lapsed at midnight closes a gate, one that was granted opens it; neither changes a target, so that no scan would notice.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.control_plane.statements import statement
from platformkit_pipeline.model.settings import Settings
from platformkit_pipeline.model.target import TargetKind

_VERSION = 1
MOST_REQUESTS = 25
Key = tuple[TargetKind, str]
"""Kind and name of a target."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """`digests` of the covers that a decision was last requested with, by `<kind>/<name>`; a target without covers has none. `requests`
    counts the ticks that requested something since `origin`."""

    digests: Mapping[str, str] = field(default_factory=dict)
    requests: int = 0
    origin: str = field(default_factory=lambda: uuid.uuid4().hex[:12])

    def to_json(self) -> str:
        value = {"version": _VERSION, "digests": dict(self.digests), "requests": self.requests, "origin": self.origin}
        return json.dumps(value, sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | None) -> Remembered:
        """What `to_json` wrote; of what cannot be read nothing is remembered, so every gate with covers is decided again."""
        try:
            value = json.loads(text or "{}")
            if value["version"] != _VERSION:
                return cls()
            digests = {_key(*_parsed(key)): str(digest) for key, digest in value["digests"].items()}
            return cls(digests, int(value["requests"]), str(value["origin"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls()


@dataclass(frozen=True, slots=True)
class Redecision:
    """`occasion` differs for every request, also of covers that were in force before."""

    kind: TargetKind
    name: str
    occasion: str


def covers_in_force(connection: Connection, settings: Settings, today: date) -> dict[Key, str]:
    """A digest of what covers something on `today`, for each target that has any. Raises ControlPlaneError.

    The exceptions of a repository count for it and for every project whose repository it is.
    """
    with control_plane_errors(), connection.transaction():
        rows = connection.execute(statement("covers_in_force"), {"today": today}).fetchall()
    covers: defaultdict[Key, list[str]] = defaultdict(list)
    for kind, name, cover in rows:
        covers[TargetKind(kind), name].append(cover)
        if kind == TargetKind.REPOSITORY.value and cover.startswith("exception|"):
            for project in settings.projects:
                if project.repository == name:
                    covers[TargetKind.SUPABASE_PROJECT, project.name].append(cover)
    return {key: _digest(found) for key, found in covers.items()}


def to_redecide(
    covers: Mapping[Key, str], ready: Collection[Key], busy: Collection[Key], remembered: Remembered, today: date
) -> tuple[tuple[Redecision, ...], Remembered]:
    """The next requests, at most 25, and what to remember. `ready` have a partition; a run of the `busy` ones is queued or running."""
    before = {_parsed(text): digest for text, digest in remembered.digests.items()}
    changed = sorted(key for key in {*covers, *before} if key in ready and covers.get(key) != before.get(key))
    now = [key for key in changed if key not in busy][:MOST_REQUESTS]
    digests = {key: digest for key, digest in before.items() if key in ready and key not in now}
    digests |= {key: covers[key] for key in now if key in covers}
    count = remembered.requests + bool(now)
    occasion = f"{today.isoformat()}#{remembered.origin}-{count}"
    return (
        tuple(Redecision(kind, name, f"{_key(kind, name)}@{occasion}") for kind, name in now),
        Remembered({_key(*key): digest for key, digest in digests.items()}, count, remembered.origin),
    )


def _key(kind: TargetKind, name: str) -> str:
    return f"{kind.value}/{name}"


def _parsed(text: str) -> Key:
    kind, _, name = text.partition("/")
    return TargetKind(kind), name


def _digest(covers: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(covers)).encode()).hexdigest()[:16]
