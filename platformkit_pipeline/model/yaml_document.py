"""YAML and JSON text as plain values, with the line of every value at hand when one is refused.

The text is composed once; values are built from the nodes, and lines are looked up in them only when something is
wrong. Scalars follow the core schema of YAML 1.2: `on`, `no` and `2026-01-01` are text, as their writer meant them.
Which keys are allowed is not known here.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeAlias

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from platformkit_pipeline.model.dsn import redact

Path: TypeAlias = tuple[str | int, ...]

_PLAIN = "plain"
_TEXT = "text"
_TAGS_OF_TEXT = (_TEXT, "tag:yaml.org,2002:str", "!")
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]{1,300}\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
# Parsers quote pieces of the text in their messages; only what they write in angle brackets, and single marks, is theirs.
_QUOTED = re.compile(r"'([^']*)'")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: `line` counts from 1 and is None where the file as a whole is meant."""

    line: int | None
    path: Path
    message: str


class MalformedDocument(Exception):
    """The text is not one well-formed document. Carries the faults, never the text."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("malformed document")
        self.faults = faults


@dataclass(slots=True)
class Document:
    """Values of one file. `line_of` composes the text at most once more, and only for a JSON file."""

    text: str
    value: Any
    _root: Node | None = field(default=None, repr=False)

    def line_of(self, path: Path) -> int | None:
        """Line of the value at `path`, or of its nearest existing ancestor; of the key, where the value has one."""
        if self._root is None:
            self._root = _compose(self.text.replace("\t", " "))
        return _line_of(self._root, path)


def parse_yaml(text: str) -> Document:
    """Raises MalformedDocument for syntax errors, repeated keys, unknown tags and values that contain themselves."""
    root = _compose(text)
    if root is None:
        return Document(text, None)
    builder = _Builder()
    try:
        value = builder.build(root, ())
    except RecursionError:
        raise MalformedDocument(Fault(None, (), "is nested too deeply")) from None
    if builder.faults:
        raise MalformedDocument(*builder.faults)
    return Document(text, value, root)


def parse_json(text: str) -> Document:
    """Like `parse_yaml`, several times faster. Raises MalformedDocument."""
    try:
        return Document(text, json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant))
    except json.JSONDecodeError as error:
        raise MalformedDocument(Fault(error.lineno, (), f"is not JSON: {error.msg}")) from None
    except RecursionError:
        raise MalformedDocument(Fault(None, (), "is nested too deeply")) from None
    except _RepeatedKey:
        parse_yaml(text.replace("\t", " "))  # finds the key again, with its line
        raise MalformedDocument(Fault(None, (), "a key stands twice in one object")) from None
    except ValueError as error:
        raise MalformedDocument(Fault(None, (), f"is not JSON: {redact(str(error))}")) from None


def strings_of(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every text in a value, keys excluded, with its path."""
    match value:
        case str():
            yield path, value
        case dict():
            for key, item in value.items():
                yield from strings_of(item, (*path, key))
        case list():
            for position, item in enumerate(value):
                yield from strings_of(item, (*path, position))


class _RepeatedKey(Exception):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RepeatedKey
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


class _Composer(yaml.CSafeLoader):
    """libyaml's composer without PyYAML's implicit types: a scalar is plain, or it is text."""

    def resolve(self, kind: type[Node], value: object, implicit: object) -> str:
        if kind is ScalarNode:
            return _PLAIN if isinstance(implicit, tuple) and implicit[0] else _TEXT
        return _TEXT

    def descend_resolver(self, current_node: object, current_index: object) -> None:
        pass

    def ascend_resolver(self) -> None:
        pass


def _compose(text: str) -> Node | None:
    try:
        node: Node | None = _Composer(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = _QUOTED.sub(lambda m: m[0] if len(m[1]) == 1 or m[1].startswith("<") else "'…'", error.problem or "syntax error")
        if "character that cannot start any token" in problem:
            problem = "a tab or another character that cannot stand here; indent with spaces and quote the value"
        raise MalformedDocument(Fault(mark.line + 1 if mark else None, (), f"is not YAML: {problem}")) from None
    except yaml.YAMLError:
        raise MalformedDocument(Fault(None, (), "is not YAML: it holds a character that YAML does not allow")) from None
    except RecursionError:
        raise MalformedDocument(Fault(None, (), "is nested too deeply")) from None
    return node


class _Builder:
    """Plain values from nodes. A node that several aliases name is built once, so that aliases cannot multiply."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._built: dict[int, Any] = {}
        self._open: set[int] = set()

    def build(self, node: Node, path: Path) -> Any:
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        identity = id(node)
        if identity in self._built:
            return self._built[identity]
        if identity in self._open:
            self.faults.append(Fault(node.start_mark.line + 1, path, "contains itself"))
            return None
        self._open.add(identity)
        value = self._mapping(node, path) if isinstance(node, MappingNode) else self._sequence(node, path)
        self._open.discard(identity)
        self._built[identity] = value
        return value

    def _sequence(self, node: Node, path: Path) -> list[Any]:
        self._known_tag(node, path, "tag:yaml.org,2002:seq")
        return [self.build(item, (*path, position)) for position, item in enumerate(node.value)]

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        self._known_tag(node, path, "tag:yaml.org,2002:map")
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self.faults.append(Fault(key_node.start_mark.line + 1, path, "a key must be text"))
                continue
            key = key_node.value
            if key in found:
                self.faults.append(Fault(key_node.start_mark.line + 1, (*path, key), "this key stands twice in one mapping"))
                continue
            found[key] = self.build(value_node, (*path, key))
        return found

    def _scalar(self, node: ScalarNode, path: Path) -> Any:
        text = node.value
        if node.tag == _PLAIN:
            return _plain_value(text)
        if node.tag not in _TAGS_OF_TEXT:
            self.faults.append(Fault(node.start_mark.line + 1, path, "tags are not supported here; quote a text that begins with !"))
        return text

    def _known_tag(self, node: Node, path: Path, standard: str) -> None:
        if node.tag not in (_TEXT, standard, "!"):
            self.faults.append(Fault(node.start_mark.line + 1, path, "tags are not supported here; quote a text that begins with !"))


def _plain_value(text: str) -> Any:
    # Nearly every scalar is a word; the first letter spares it the patterns.
    if text[:1].isalpha() or not text:
        if text in _NULLS:
            return None
        return _BOOLEANS.get(text, text)
    if text in _NULLS:
        return None
    if _INTEGER.match(text):
        return int(text)
    if _FLOAT.match(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text


def _line_of(node: Node | None, path: Path) -> int | None:
    if node is None:
        return None
    line = node.start_mark.line + 1
    for step in path:
        if isinstance(node, MappingNode):
            for key_node, value_node in node.value:
                if key_node.value == step:
                    line, node = key_node.start_mark.line + 1, value_node
                    break
            else:
                return int(line)
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            return int(line)
    return int(line)
