"""Aspects of two records that differ, with the text of both sides as a person reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from enum import Enum
from typing import Any

from platformkit_pipeline.introspection.postgres.platform_made import settings_are_platform_made
from platformkit_pipeline.model.drift import Aspect
from platformkit_pipeline.model.snapshot import Column, Constraint, Function, Index, Policy, Privilege, Relation, Role, Trigger, Type

LONGEST_TEXT = 10_000
"""Characters of one text; what is cut is told."""

_TOLD_BY_DEFINITION: dict[type[Any], frozenset[str]] = {
    Constraint: frozenset(
        {"type", "columns", "referenced_schema", "referenced_relation", "referenced_columns", "on_update", "on_delete"}
        | {"deferrable", "initially_deferred"}
    ),
    Index: frozenset({"method", "key_columns", "included_columns", "unique", "predicate", "nulls_not_distinct"}),
    Trigger: frozenset({"function_schema", "function_name", "events", "timing", "for_each_row"}),
    Type: frozenset({"labels"}),
}
"""Fields that the definition repeats: it alone is told where both differ."""
_IN_NAME = frozenset({"schema", "relation", "name", "arguments", "position", "extension"})
_BOOLEAN = {"on": "true", "yes": "true", "1": "true", "off": "false", "no": "false", "0": "false"}
_FIRST = ("definition", "type", "kind", "command", "using", "with_check")


def aspects_of(declared: Any, live: Any, differing: Sequence[str]) -> Iterator[Aspect]:
    """One aspect per thing that differs; `differing` are the fields whose canonical texts do."""
    left_out: frozenset[str] = frozenset()
    record = type(declared)
    if record is Function and set(differing) - {"definition", "privileges", "comment", "owner"}:
        left_out = frozenset({"definition"})  # it repeats everything else
    elif "definition" in differing:
        left_out = _TOLD_BY_DEFINITION.get(record, frozenset())
    for name in differing:
        if name in left_out:
            continue
        ours, theirs = getattr(declared, name), getattr(live, name)
        if name == "privileges":
            yield from _grants(ours, theirs)
        elif name == "settings":
            if record is not Role or not settings_are_platform_made(declared.name):
                yield from _by_key(dict(ours), dict(theirs))
        elif name == "options" and record is Relation:
            yield from _by_key(_options(ours), _options(theirs))
        else:
            yield Aspect(name, readable(ours), readable(theirs))


def summary(record: Any, columns: Iterable[Column] = ()) -> str:
    """What an object is that is there on one side only."""
    values = {f.name: getattr(record, f.name) for f in fields(record) if f.name not in _IN_NAME}
    if isinstance(record, Function) and record.definition is not None:
        values = {"definition": record.definition, "owner": record.owner, "privileges": record.privileges}
    elif isinstance(record, Constraint | Index | Trigger):
        values = {"definition": record.definition}
    lines = []
    if made := ", ".join(f"{c.name} {c.type}{' not null' if c.not_null else ''}" for c in columns):
        lines.append(f"columns: {made}")
    if isinstance(record, Policy):
        values["roles"] = ", ".join(record.roles)
    for name in sorted(values, key=lambda n: (n not in _FIRST, n)):
        text = _privilege_list(values[name]) if name == "privileges" else readable(values[name])
        if text and values[name] is not False:
            lines.append(f"{name}: {text}")
    return cut("\n".join(lines))


def readable(value: Any) -> str | None:
    """A field's value as text; None where there is none."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case Enum():
            return str(value.value)
        case tuple():
            return cut(", ".join(_item(item) for item in value)) or None
    return cut(str(value))


def cut(text: str) -> str:
    more = len(text) - LONGEST_TEXT
    return text if more <= 0 else f"{text[:LONGEST_TEXT]}\n... ({more} more characters)"


def _item(item: Any) -> str:
    if isinstance(item, tuple):
        return ".".join(str(part) for part in item)
    return "(expression)" if item is None else str(item)


def _by_key(declared: dict[str, str], live: dict[str, str]) -> Iterator[Aspect]:
    for name in sorted(declared.keys() | live.keys()):
        if declared.get(name) != live.get(name):
            yield Aspect(name, declared.get(name), live.get(name))


def _options(options: Iterable[str]) -> dict[str, str]:
    """The server keeps them as they were written: `security_invoker=on` means the same as `=true`."""
    pairs = (option.partition("=") for option in options)
    return {name: _BOOLEAN.get(value, value) for name, _, value in pairs}


def _grants(declared: Iterable[Privilege], live: Iterable[Privilege]) -> Iterator[Aspect]:
    ours, theirs = _by_grantee(declared), _by_grantee(live)
    for grantee in sorted(ours.keys() | theirs.keys()):
        if ours.get(grantee) != theirs.get(grantee):
            yield Aspect(f"grants to {grantee}", ours.get(grantee), theirs.get(grantee))


def _by_grantee(privileges: Iterable[Privilege]) -> dict[str, str]:
    held: dict[str, list[str]] = {}
    for privilege in sorted(privileges):
        held.setdefault(privilege.grantee, []).append(f"{privilege.privilege}{' with grant option' if privilege.grantable else ''}")
    return {grantee: ", ".join(names) for grantee, names in held.items()}


def _privilege_list(privileges: Iterable[Privilege]) -> str:
    return "; ".join(f"{names} to {grantee}" for grantee, names in _by_grantee(privileges).items())
