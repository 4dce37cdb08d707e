"""What names what, as far as texts of the catalogue tell: too much rather than too little, because a patch that breaks a caller is worse
than one that is left to a person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.snapshot import Function, Relation, Snapshot, Type
from platformkit_pipeline.model.snapshot_inventory import identity_of
from platformkit_pipeline.rules.database.catalog import Catalog

_WORD = re.compile(r"[^\W\d][\w$]*")


@dataclass(frozen=True, slots=True)
class Mention:
    """A text that is evaluated with the rights of whoever uses the object, or the source of a function."""

    record: object
    text: str

    @property
    def identity(self) -> ObjectIdentity:
        return identity_of(self.record)


def mentions_of(catalog: Catalog, name: str) -> tuple[Mention, ...]:
    """Texts in which `name` stands as a word; as any part where it is no plain word."""
    if _WORD.fullmatch(name):
        return _by_word(catalog).get(name.lower(), ())
    return tuple(m for m in _texts(catalog.snapshot) if name in m.text)


def words_of(text: str) -> frozenset[str]:
    """Everything in `text` that may be a name, in lower case."""
    return frozenset(word.lower() for word in _WORD.findall(text))


def stands_bare(name: str, source: str) -> bool:
    """The name stands somewhere without a schema in front of it, whatever its case."""
    return re.search(rf'(?<![\w.$"])"?{re.escape(name)}\b', source, re.IGNORECASE) is not None


@lru_cache(maxsize=1)
def _by_word(catalog: Catalog) -> dict[str, tuple[Mention, ...]]:
    found: dict[str, list[Mention]] = {}
    for mention in _texts(catalog.snapshot):
        for word in words_of(mention.text):
            found.setdefault(word, []).append(mention)
    return {word: tuple(mentions) for word, mentions in found.items()}


def _texts(snapshot: Snapshot) -> Iterator[Mention]:
    for policy in snapshot.policies:
        yield Mention(policy, f"{policy.using} {policy.with_check}")
    for column in snapshot.columns:
        if column.default is not None:
            yield Mention(column, column.default)
    for constraint in snapshot.constraints:
        yield Mention(constraint, constraint.definition)
    for index in snapshot.indexes:
        yield Mention(index, index.definition)
    for trigger in snapshot.triggers:
        yield Mention(trigger, trigger.definition)
    for relation in snapshot.relations:
        if relation.definition is not None or relation.partition_key is not None:
            yield Mention(relation, f"{relation.definition} {relation.partition_key}")
    for made in snapshot.types:
        if made.definition is not None:
            yield Mention(made, made.definition)
    for function in snapshot.functions:
        if function.extension is None:
            yield Mention(function, source_of(function))


def source_of(function: Function) -> str:
    """Its body, or its definition where it has no body of its own; empty for compiled code."""
    return function.body or function.sql_body or function.definition or ""


def named_records(catalog: Catalog) -> tuple[Relation | Function | Type, ...]:
    """Everything that a body finds by its name along a search_path; operators are not in a snapshot."""
    snapshot = catalog.snapshot
    return (*snapshot.relations, *snapshot.functions, *snapshot.types)
