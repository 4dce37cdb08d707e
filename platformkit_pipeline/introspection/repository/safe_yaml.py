"""YAML of strangers: plain values only, no endless nesting, and no small text that unfolds to a large one."""

from __future__ import annotations

from typing import Any

import yaml

MAX_NODES = 100_000
MAX_DEPTH = 100
_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlRefused(Exception):
    """The text is YAML, but not of a kind that is read; the message is the rest of a sentence about it."""


class _Loader(_Safe):  # type: ignore[misc]  # a class chosen when it runs
    """Counts what `<<` copies before it is copied: merges of merges grow while the text is loaded, not after."""

    _pairs = 0

    def flatten_mapping(self, node: Any) -> None:
        super().flatten_mapping(node)
        self._pairs += len(node.value)
        if self._pairs > MAX_NODES:
            raise YamlRefused(f"unfolds to more than {MAX_NODES} parts")


def load_yaml(text: str) -> Any:
    """The value of one document: mappings, lists and scalars. Raises YamlRefused, or a `yaml.YAMLError` with line and column."""
    _refuse_deep(text)
    try:
        value = yaml.load(text, Loader=_Loader)  # noqa: S506 - the safe loader, in C where there is one
    except (ValueError, RecursionError) as error:  # a date such as 2026-99-99
        raise YamlRefused(f"holds a value that is none: {error}") from None
    if _size(value, MAX_NODES) <= 0:
        raise YamlRefused(f"unfolds to more than {MAX_NODES} parts")
    return value


def _refuse_deep(text: str) -> None:
    """Count without building anything: the loader's own recursion would end the process."""
    depth = nodes = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        nodes += isinstance(event, yaml.NodeEvent)
        if depth > MAX_DEPTH or nodes > MAX_NODES:
            raise YamlRefused(f"is nested more than {MAX_DEPTH} deep" if depth > MAX_DEPTH else f"has more than {MAX_NODES} parts")


def _size(value: Any, room: int) -> int:
    """What is left of `room` when every alias counts as what it stands for; 0 or less when there is too much."""
    stack = [value]
    while stack and room > 0:
        room -= 1
        current = stack.pop()
        if isinstance(current, dict):
            stack.extend(current.keys())
            stack.extend(current.values())
        elif isinstance(current, list):
            stack.extend(current)
    return room
