"""A repository's snapshot as inventory objects and back, so that what was observed can be stored and judged from the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.inventory import InventoryObject, inventory_object
from platformkit_pipeline.model.record_json import from_json, to_json
from platformkit_pipeline.model.repository.declarations import RepositoryDeclarations
from platformkit_pipeline.model.repository.diagrams import Diagram
from platformkit_pipeline.model.repository.documents import AgentDocument
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.repository.tree import Head, Tag, TreeFile
from platformkit_pipeline.model.snapshot import Unobserved


@dataclass(frozen=True, slots=True)
class _Noun:
    """`field` of the snapshot holds records of one type, or (`single`) one record. `name` tells them apart within their kind."""

    kind: str
    field: str
    record: type[Any]
    name: Callable[[Any], str]
    single: bool = False


_NOUNS: tuple[_Noun, ...] = (
    _Noun("head", "head", Head, lambda _: "HEAD", single=True),
    _Noun("declarations", "declarations", RepositoryDeclarations, lambda _: ".platformkit.yaml", single=True),
    _Noun("file", "files", TreeFile, lambda r: r.path),
    _Noun("tag", "tags", Tag, lambda r: r.name),
    _Noun("agent_document", "agent_documents", AgentDocument, lambda r: r.path),
    _Noun("diagram", "diagrams", Diagram, lambda r: r.path),
)
_NOUN_OF_KIND = {noun.kind: noun for noun in _NOUNS}


def inventory_of(snapshot: RepositorySnapshot) -> tuple[InventoryObject, ...]:
    """One object per record. Names are unique within their kind."""
    return tuple(_encoded(noun, record) for noun in _NOUNS for record in _records(noun, snapshot))


def snapshot_of(objects: Iterable[InventoryObject], unobserved: Iterable[Unobserved] = ()) -> RepositorySnapshot:
    """The snapshot that `objects`, in any order, came from. Raises ValueError for a kind or field that this version does not know."""
    collected: dict[str, list[tuple[str, Any]]] = {noun.field: [] for noun in _NOUNS}
    for stored in objects:
        noun = _NOUN_OF_KIND.get(stored.kind)
        if noun is None:
            raise ValueError(f"inventory holds an object of the unknown kind {stored.kind!r} ({stored.identity})")
        collected[noun.field].append((stored.identity, from_json(noun.record, json.loads(stored.payload))))
    fields: dict[str, Any] = {}
    for noun in _NOUNS:
        records = [record for _, record in sorted(collected[noun.field], key=lambda named: named[0])]
        if not noun.single:
            fields[noun.field] = tuple(sorted(records, key=noun.name))
        elif records:
            fields[noun.field] = records[0]
    return RepositorySnapshot(**fields, unobserved=tuple(sorted(unobserved)))


def _records(noun: _Noun, snapshot: RepositorySnapshot) -> Iterable[Any]:
    value = getattr(snapshot, noun.field)
    if not noun.single:
        return value  # type: ignore[no-any-return]
    return () if value is None else (value,)


def _encoded(noun: _Noun, record: Any) -> InventoryObject:
    return inventory_object(noun.kind, str(ObjectIdentity(noun.kind, None, noun.name(record))), to_json(record))
