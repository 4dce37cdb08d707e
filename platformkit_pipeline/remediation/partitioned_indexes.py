"""An index of a partitioned table, made of those of its partitions: built one by one, so that writers go on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from platformkit_pipeline.model.identity import member_identity
from platformkit_pipeline.model.snapshot import Index, Relation, RelationKind
from platformkit_pipeline.remediation.object_names import fitting_name, object_name
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.rules.database.catalog import Catalog, Name
from platformkit_pipeline.sqltext.identifiers import identifier, literal, qualified
from platformkit_pipeline.sqltext.index_definitions import IndexDefinition, read_index_definition


def completed(catalog: Catalog, table: Relation, name: str, definition: IndexDefinition, existing: Index | None) -> Proposal:
    """The index `name` ON ONLY the table, where it is not there yet, and under it one of every partition; alike ones are used.

    `existing` is the index itself where it is there and not valid. The server drops what is attached together with the index,
    so the undo makes anew what was there before.
    """
    if _has_foreign(catalog, table):
        return ByHand(
            "it has partitions that are foreign tables, which have no indexes here",
            (f"`{definition.creation(identifier(name))}`: it locks out writers while it builds, and leaves the foreign partitions out.",),
        )
    work = _Work(name)
    if existing is None:
        work.up.append(definition.creation(identifier(name), only=True))
    work.objects.append(_identity(table, name))
    _complete(catalog, table, name, definition, work)
    down = [f"drop index if exists {qualified(table.schema, name)}"]
    if existing is not None:
        down += [definition.creation(identifier(name), only=True), *recommented(existing)]
    return Change(
        f"Complete index {qualified(table.schema, name)} with those of its partitions",
        tuple(work.up),
        (*down, *work.remade),
        transactional=False,
        notes=tuple(_notes(work)),
        objects=tuple(work.objects),
    )


@dataclass(slots=True)
class _Work:
    name: str
    """Of the index at the top, after which those below are named."""
    up: list[str] = field(default_factory=list)
    remade: list[str] = field(default_factory=list)
    """What the undo makes again, because it goes together with the index."""
    objects: list[str] = field(default_factory=list)


def _complete(catalog: Catalog, table: Relation, name: str, definition: IndexDefinition, work: _Work) -> None:
    for partition in partitions_of(catalog, table):
        own = _alike(catalog, partition, definition)
        attach = f"alter index {qualified(table.schema, name)} attach partition "
        child = own.name if own else _free_name(catalog, partition, work.name)
        work.objects.append(_identity(partition, child))
        if own is not None:
            work.remade += _remade(own)
            if own.inherited:
                work.remade.append(attach + qualified(partition.schema, child))
                continue
        elif partition.kind is RelationKind.PARTITIONED_TABLE:
            work.up.append(definition.creation(identifier(child), table=qualified(partition.schema, partition.name), only=True))
            _complete(catalog, partition, child, definition, work)
        else:
            work.up.append(definition.creation(identifier(child), table=qualified(partition.schema, partition.name), concurrently=True))
        work.up.append(attach + qualified(partition.schema, child))


def _notes(work: _Work) -> Iterator[str]:
    yield (
        "Cannot run inside a transaction block: each partition's index is built beside its writers, then attached. "
        "A failed build leaves an invalid index behind, which the next plan builds again."
    )
    if work.remade:
        yield "Partitions have such an index already, which is used. Undoing this builds those again, which blocks writers."


def partitions_of(catalog: Catalog, table: Relation) -> list[Relation]:
    return _by_parent(catalog).get((table.schema, table.name), [])


@lru_cache(maxsize=1)
def _by_parent(catalog: Catalog) -> dict[Name, list[Relation]]:
    found: dict[Name, list[Relation]] = defaultdict(list)
    for relation in catalog.snapshot.relations:
        for parent in relation.parents if relation.is_partition else ():
            found[parent].append(relation)
    return dict(found)


def all_partitions_of(catalog: Catalog, table: Relation) -> Iterator[Relation]:
    """Those of its partitions as well."""
    for partition in partitions_of(catalog, table):
        yield partition
        yield from all_partitions_of(catalog, partition)


def _has_foreign(catalog: Catalog, table: Relation) -> bool:
    return any(p.kind is RelationKind.FOREIGN_TABLE for p in all_partitions_of(catalog, table))


def _alike(catalog: Catalog, partition: Relation, definition: IndexDefinition) -> Index | None:
    """The attached one first: a partitioned index takes one of each partition."""
    found = [
        index
        for index in catalog.indexes_of(partition)
        if index.valid and (read := read_index_definition(index.definition)) and read.layout == definition.layout
    ]
    return next((i for i in found if i.inherited), found[0] if found else None)


def _remade(index: Index) -> Iterator[str]:
    if (definition := read_index_definition(index.definition)) is not None:
        yield definition.creation(identifier(index.name))
        yield from recommented(index)


def recommented(index: Index) -> Iterator[str]:
    """The comment of an index that is made again."""
    if index.comment is not None:
        yield f"comment on index {qualified(index.schema, index.name)} is {literal(index.comment)}"


def _free_name(catalog: Catalog, partition: Relation, index: str) -> str:
    taken = names_taken(catalog, partition.schema)
    stem = index.removesuffix("_idx")
    candidate, number = fitting_name(partition.name, stem, suffix="idx"), 1
    while candidate in taken:
        number += 1
        candidate = object_name(partition.name, stem, suffix=f"idx{number}")
    return candidate


def names_taken(catalog: Catalog, schema: str) -> set[str]:
    """Relations and indexes share their names."""
    relations = {r.name for r in catalog.snapshot.relations if r.schema == schema}
    return relations | {i.name for i in catalog.snapshot.indexes if i.schema == schema}


def _identity(table: Relation, index: str) -> str:
    return member_identity("index", table.schema, table.name, index).canonical
