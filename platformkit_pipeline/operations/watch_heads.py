"""Which repositories have another HEAD than when somebody last looked. Cheap: no object is read, no process is started.

What is remembered between two looks is one JSON document, so that whoever keeps it may be restarted in between.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from platformkit_pipeline.introspection.repository.borrowed import head_commit
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.errors import PlatformkitError

_log = get_logger("operations.watch_heads")


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one look: what is over is left for the next one, which goes on where this one ended."""

    changes: int = 25
    seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class Remembered:
    """`heads` are the commits that were reported last, None for a repository without any. `reports` counts the looks that found
    something since `origin`, the moment when memory began; `after` names the repository that the last look ended with."""

    heads: Mapping[str, str | None] = field(default_factory=dict)
    reports: int = 0
    after: str = ""
    origin: str = field(default_factory=lambda: uuid.uuid4().hex[:12])

    def to_json(self) -> str:
        value = {"heads": dict(self.heads), "reports": self.reports, "after": self.after, "origin": self.origin}
        return json.dumps(value, sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | None) -> Remembered:
        """What `to_json` wrote; nothing is remembered of what cannot be read, so everything is reported again."""
        try:
            value = json.loads(text or "{}")
            return cls(dict(value["heads"]), int(value["reports"]), str(value["after"]), str(value["origin"]))
        except (ValueError, KeyError, TypeError):
            return cls()


@dataclass(frozen=True, slots=True)
class ChangedHead:
    """`occasion` differs for every report: of a commit that was HEAD before, and of one that memory has lost."""

    name: str
    commit: str | None
    occasion: str


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found. `unreadable` maps names to the reason; `left_over` were not looked at."""

    changed: tuple[ChangedHead, ...]
    unreadable: Mapping[str, str]
    left_over: int
    remembered: Remembered


def look_at_heads(
    paths: Mapping[str, Path], remembered: Remembered, limits: Limits = Limits(), clock: Callable[[], float] = time.monotonic
) -> Look:
    """Read HEAD of each repository and compare it with what is remembered. One that cannot be read stops no other."""
    deadline = clock() + limits.seconds
    heads = {name: commit for name, commit in remembered.heads.items() if name in paths}
    found: dict[str, str | None] = {}
    unreadable: dict[str, str] = {}
    waiting = sorted(paths, key=lambda name: (name <= remembered.after, name))
    looked_at = 0
    for name in waiting:
        if len(found) == limits.changes or clock() > deadline:
            break
        looked_at += 1
        try:
            commit = head_commit(paths[name])
        except (PlatformkitError, OSError) as error:
            unreadable[name] = redact(str(error))
            _log.warning("repository cannot be read", target=name, reason=unreadable[name])
            continue
        if name not in heads or heads[name] != commit:
            found[name] = commit
            _log.info("repository moved", target=name, commit=commit)
    reports = remembered.reports + bool(found)
    occasion = f"{remembered.origin}-{reports}"
    after = waiting[looked_at - 1] if 0 < looked_at < len(waiting) else ""
    return Look(
        changed=tuple(ChangedHead(name, commit, f"{name}@{commit or 'unborn'}#{occasion}") for name, commit in found.items()),
        unreadable=unreadable,
        left_over=len(waiting) - looked_at,
        remembered=Remembered({**heads, **found}, reports, after, remembered.origin),
    )
