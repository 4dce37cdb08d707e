"""Snapshots that consist of records as inventory objects and back: one table says which field holds which records under which kind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.inventory import InventoryObject, inventory_object
from platformkit_pipeline.model.record_json import from_json, to_json


@dataclass(frozen=True, slots=True)
class Noun:
    """`field` of the snapshot holds records of one type, or (`single`) one record. `name` tells them apart within their kind."""

    kind: str
    field: str
    record: type[Any]
    name: Callable[[Any], str]
    single: bool = False


def encoded(nouns: Sequence[Noun], snapshot: Any) -> tuple[InventoryObject, ...]:
    """One object per record of `snapshot`. Names are unique within their kind."""
    return tuple(_encoded(noun, record) for noun in nouns for record in _records(noun, snapshot))


def decoded(nouns: Sequence[Noun], objects: Iterable[InventoryObject]) -> dict[str, Any]:
    """The fields that `objects`, in any order, came from; a single record that is not there has no field.

    Raises ValueError for a kind or field that this version does not know.
    """
    noun_of_kind = {noun.kind: noun for noun in nouns}
    collected: dict[str, list[tuple[str, Any]]] = {noun.field: [] for noun in nouns}
    for stored in objects:
        noun = noun_of_kind.get(stored.kind)
        if noun is None:
            raise ValueError(f"inventory holds an object of the unknown kind {stored.kind!r} ({stored.identity})")
        collected[noun.field].append((stored.identity, from_json(noun.record, json.loads(stored.payload))))
    fields: dict[str, Any] = {}
    for noun in nouns:
        records = [record for _, record in sorted(collected[noun.field], key=lambda named: named[0])]
        if not noun.single:
            fields[noun.field] = tuple(sorted(records, key=noun.name))
        elif records:
            fields[noun.field] = records[0]
    return fields


def _records(noun: Noun, snapshot: Any) -> Iterable[Any]:
    value = getattr(snapshot, noun.field)
    if not noun.single:
        return value  # type: ignore[no-any-return]  # a tuple, as the table above says
    return () if value is None else (value,)


def _encoded(noun: Noun, record: Any) -> InventoryObject:
    return inventory_object(noun.kind, str(ObjectIdentity(noun.kind, None, noun.name(record))), to_json(record))
