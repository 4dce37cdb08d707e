"""Enums, ranges, domains and composite types."""

from __future__ import annotations

from collections.abc import Iterator

from platformkit_pipeline.model.snapshot import Snapshot, Type
from platformkit_pipeline.sandbox.shadow.statement import Statement, quoted, quoted_in, statement_for
from platformkit_pipeline.sqltext.identifiers import literal

_ORDER = ("enum", "range", "domain", "composite")
"""Each mostly refers to kinds before it."""
_SUBTYPE = "subtype "


def types(snapshot: Snapshot) -> Iterator[Statement]:
    for kind in _ORDER:
        for made in snapshot.types:
            if made.kind == kind and made.extension is None:
                yield statement_for(made, creation(made))


def type_owners(snapshot: Snapshot, superuser: str) -> Iterator[Statement]:
    for made in snapshot.types:
        if made.extension is None and made.kind in _ORDER and made.owner != superuser:
            yield statement_for(made, f"alter type {quoted_in(made.schema, made.name)} owner to {quoted(made.owner)}")


def creation(made: Type) -> str:
    """The statement that makes a type of one of these kinds."""
    name, definition = quoted_in(made.schema, made.name), made.definition or ""
    if made.kind == "enum":
        return f"create type {name} as enum ({', '.join(map(literal, made.labels))})"
    if made.kind == "range":
        return f"create type {name} as range (subtype = {definition.removeprefix(_SUBTYPE)})"
    return f"create domain {name} as {definition}" if made.kind == "domain" else f"create type {name} as ({definition})"
