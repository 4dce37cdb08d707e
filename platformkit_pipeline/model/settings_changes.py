"""Settings in one canonical form without secrets, and what differs between two of them (clause 11.1)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.settings import Settings

MASKED = "(masked)"
LONGEST_VALUE = 200
"""Characters of an old or new value that are kept."""
_SECRETIVE = re.compile(r"(password|passwd|secret|token|credential|api_?key|private_?key)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """`path` as `projects[shop].environment`; None stands for what is not there."""

    path: str
    old: str | int | float | bool | None
    new: str | int | float | bool | None


def canonical_settings(settings: Settings) -> Mapping[str, Any]:
    """JSON values, masked wherever somebody may have written a secret; names of environment variables stay."""
    return {key: _plain(key, value) for key, value in settings.model_dump(mode="json").items()}


def settings_digest(content: Mapping[str, Any]) -> str:
    """SHA-256 in hex; the order of keys does not matter."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()


def changes_between(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[SettingsChange, ...]:
    """Every value that differs, by path. Entries of lists are told apart by their name where they have one, else by position."""
    before, after = dict(_leaves("", old)), dict(_leaves("", new))
    paths = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    return tuple(SettingsChange(path, _short(before.get(path)), _short(after.get(path))) for path in paths)


def _plain(key: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(str(name), item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(key, item) for item in value]
    if isinstance(value, str):
        return MASKED if _SECRETIVE.search(key) and not key.endswith("_env") else redact(value)
    return value


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(f"{path}.{name}" if path else str(name), item)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            label = item["name"] if isinstance(item, Mapping) and isinstance(item.get("name"), str) else position
            yield from _leaves(f"{path}[{label}]", item)
    elif value is not None:  # a key that is not set is as one that is not there
        yield path, value


def _short(value: Any) -> Any:
    return value if not isinstance(value, str) or len(value) <= LONGEST_VALUE else value[: LONGEST_VALUE - 1] + "…"
