"""Small edits of a workflow's text that leave everything else as it is written: each is read back and compared with what was meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

from platformkit_pipeline.introspection.repository.safe_yaml import YamlRefused, load_yaml

_PERMISSIONS = ("permissions:", "  contents: read", "")


def with_read_permissions(text: str) -> str | None:
    """`permissions: contents: read` before the jobs; None where that cannot be written by adding lines."""
    document, root = _read(text)
    key = next((key for key, _ in _pairs(root) if key.value == "jobs"), None)
    if document is None or key is None or key.start_mark.column != 0 or "permissions" in document:
        return None
    lines = text.split("\n")
    at = _above_comments(lines, key.start_mark.line)
    return _as_meant([*lines[:at], *_PERMISSIONS, *lines[at:]], {**document, "permissions": {"contents": "read"}})


def without_credentials(text: str, job: str, step: int) -> str | None:
    """`persist-credentials: false` for one step; None where that cannot be written by adding or changing a line."""
    document, root = _read(text)
    node = _at(root, ("jobs", job, "steps", step))
    if document is None or not isinstance(node, yaml.MappingNode) or node.flow_style:
        return None
    lines = text.split("\n")
    found = {key.value: (key, value) for key, value in node.value}
    if "uses" not in found:
        return None
    key, value = found.get("with", (None, None))
    if key is None:
        uses = found["uses"]
        indent = " " * uses[0].start_mark.column
        at = uses[1].end_mark.line + 1
        made = [*lines[:at], f"{indent}with:", f"{indent}  persist-credentials: false", *lines[at:]]
    elif isinstance(value, yaml.MappingNode) and not value.flow_style and value.value:
        given = next((pair for pair in value.value if pair[0].value == "persist-credentials"), None)
        first = value.value[0][0].start_mark
        line = f"{' ' * first.column}persist-credentials: false"
        at = given[0].start_mark.line if given else first.line
        made = [*lines[:at], line, *lines[at + 1 if given else at :]]
    else:
        return None
    meant = _unshared(document)
    place = meant["jobs"][job]["steps"][step]
    place["with"] = {**(place.get("with") or {}), "persist-credentials": False}
    return _as_meant(made, meant)


def pinned(text: str, job: str, step: int | None, action: str, reference: str, commit: str, release: str) -> str | None:
    """One `uses` with a commit in place of a tag, the release behind it. `step` is None for a job that calls a workflow."""
    document, root = _read(text)
    route: tuple[str | int, ...] = ("jobs", job, "uses") if step is None else ("jobs", job, "steps", step, "uses")
    node = _at(root, route)
    if document is None or not isinstance(node, yaml.ScalarNode) or node.value != f"{action}@{reference}":
        return None
    lines = text.split("\n")
    number = node.start_mark.line
    before, after = lines[number][: node.start_mark.column], lines[number][node.end_mark.column :]
    if node.end_mark.line != number or not re.fullmatch(r"\s*(?:#.*)?", after):
        return None
    lines[number] = f"{before}{action}@{commit} # {release}"
    meant = _unshared(document)
    holder = meant["jobs"][job] if step is None else meant["jobs"][job]["steps"][step]
    holder["uses"] = f"{action}@{commit}"
    return _as_meant(lines, meant)


def value_at(text: str, route: Sequence[str | int]) -> Any:
    """What stands there; None where there is nothing, or no YAML."""
    value: Any = _read(text)[0]
    for part in route:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _unshared(value: Any) -> Any:
    """A copy in which an alias is a copy of its own: an edit that reaches further than its place is then not as meant."""
    if isinstance(value, dict):
        return {key: _unshared(part) for key, part in value.items()}
    return [_unshared(part) for part in value] if isinstance(value, list) else value


def _as_meant(lines: Sequence[str], meant: dict[Any, Any]) -> str | None:
    """The text, where it says exactly what was meant."""
    text = "\n".join(lines)
    return text if _read(text)[0] == meant else None


def _read(text: str) -> tuple[dict[Any, Any] | None, yaml.Node | None]:
    try:
        document = load_yaml(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, YamlRefused):
        return None, None
    return (document, root) if isinstance(document, dict) else (None, None)


def _pairs(node: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    return node.value if isinstance(node, yaml.MappingNode) and not node.flow_style else []


def _at(node: yaml.Node | None, route: Sequence[str | int]) -> yaml.Node | None:
    for part in route:
        if isinstance(part, int):
            node = node.value[part] if isinstance(node, yaml.SequenceNode) and part < len(node.value) else None
        else:
            node = next((value for key, value in _pairs(node) if key.value == part), None)
    return node


def _above_comments(lines: Sequence[str], at: int) -> int:
    """Comments right above a key belong to it."""
    while at > 0 and lines[at - 1].startswith("#"):
        at -= 1
    return at
