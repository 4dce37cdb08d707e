"""A workflow's document with the lines of its parts, and what GitHub's own reading of YAML refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from platformkit_pipeline.introspection.repository.safe_yaml import YamlRefused, load_yaml
from platformkit_pipeline.model.repository.workflows import WorkflowFault

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST = 6
_MERGE = "tag:yaml.org,2002:merge"
_MAX_FAULTS = 20
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """`value` with text for keys and dates; `lines` by place, for the upper parts of the document."""

    value: dict[str, Any]
    lines: dict[Place, int]
    faults: tuple[WorkflowFault, ...] = ()

    def line(self, *place: str | int) -> int:
        """Of the closest part that has one."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read_document(text: str) -> Document:
    """Raises YamlRefused for a text that is too deep or too large; what is no mapping, or no YAML, is a fault."""
    try:
        value = load_yaml(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = str(getattr(error, "problem", "") or "cannot be read")[:120]
        return Document({}, {}, (WorkflowFault("", f"is no YAML: {problem}", mark.line + 1 if mark else 0),))
    if not isinstance(value, dict):
        return Document({}, {}, (WorkflowFault("", "is no mapping", 1),))
    node = yaml.compose(text, Loader=_Loader)
    lines: dict[Place, int] = {}
    faults = list(_walk(node, (), lines))[:_MAX_FAULTS]
    # YAML 1.1 reads `on` as true; GitHub does not.
    top = {("on" if key is True else key): item for key, item in value.items()}
    return Document({_key(k): _plain(v) for k, v in top.items()}, lines, tuple(faults))


def _walk(node: yaml.Node | None, place: Place, lines: dict[Place, int]) -> Iterator[WorkflowFault]:
    """Note the lines, and yield what GitHub refuses though it is YAML."""
    if node is None or len(place) > _DEEPEST:
        return
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _walk(item, (*place, number), lines)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, item in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
            where, line = "/".join(map(str, (*place, name))), key.start_mark.line + 1
            if key.tag == _MERGE:
                yield WorkflowFault(where, "uses a merge key (<<), which GitHub does not know", line)
            elif name in seen:
                yield WorkflowFault(where, "stands there twice", line)
            seen.add(name)
            lines.setdefault((*place, name), line)
            yield from _walk(item, (*place, name), lines)


def _key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _plain(value: Any) -> Any:
    """JSON values: keys become text, dates ISO text."""
    if isinstance(value, dict):
        return {_key(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


__all__ = ["Document", "Place", "YamlRefused", "read_document"]
