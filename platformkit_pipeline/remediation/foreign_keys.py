"""Patches for FKY003: an index for every foreign key, and none that another one makes superfluous."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from platformkit_pipeline.model.identity import member_identity
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import Constraint, Index, Relation, RelationKind
from platformkit_pipeline.remediation.object_names import object_name, told_apart
from platformkit_pipeline.remediation.proposal import Change, Proposal
from platformkit_pipeline.rules.database.catalog import Catalog, Name
from platformkit_pipeline.rules.database.foreign_keys import index_serves
from platformkit_pipeline.sqltext.identifiers import identifier, qualified


@dataclass(frozen=True, slots=True)
class _Proposed:
    """One index, and all foreign keys without one that it serves; those of partitions are served by the index of their parent."""

    table: Relation
    columns: tuple[str, ...]
    keys: tuple[Constraint, ...]
    covered: tuple[str, ...]
    """Indexes that are there and that this one makes superfluous, because no order of the columns avoids it."""

    def serves(self, key: Constraint) -> bool:
        return set(self.columns[: len(key.columns)]) == set(key.columns)


def index_foreign_key(catalog: Catalog, finding: Result) -> Proposal:
    """CREATE INDEX CONCURRENTLY, so that writers go on; plain on a partitioned table, where PostgreSQL allows no other (clause 6.2).

    Several keys may share one index. Each has a patch that creates it if it is not there, so each patch mends its finding alone.
    """
    relation, constraint = (finding.object.schema or "", finding.object.name), dict(finding.object.detail)["constraint"]
    proposed = next(p for p in _proposals(catalog)[relation] for k in p.keys if (k.schema, k.relation, k.name) == (*relation, constraint))
    table = proposed.table
    name = _free_name(catalog, table.schema, _wanted_name(catalog, proposed))
    on = f"{qualified(table.schema, table.name)} ({', '.join(map(identifier, proposed.columns))})"
    partitioned = table.kind is RelationKind.PARTITIONED_TABLE
    concurrently = "" if partitioned else " concurrently"
    return Change(
        f"Index foreign key {constraint} of {qualified(*relation)}",
        (f"create index{concurrently} if not exists {identifier(name)} on {on}",),
        (f"drop index{concurrently} if exists {qualified(table.schema, name)}",),
        transactional=partitioned,
        notes=tuple(_notes(proposed, (*relation, constraint))),
        objects=(member_identity("index", table.schema, table.name, name).canonical,),
    )


def _notes(proposed: _Proposed, key: tuple[str, str, str]) -> Iterator[str]:
    if proposed.table.kind is RelationKind.PARTITIONED_TABLE:
        yield "Blocks writes to every partition while it builds: CONCURRENTLY is not possible on a partitioned table."
    else:
        yield "Cannot run inside a transaction block. A failed attempt leaves an invalid index behind: drop it before trying again."
    if others := sorted(f"{k.schema}.{k.relation}.{k.name}" for k in proposed.keys if (k.schema, k.relation, k.name) != key):
        yield f"The same index serves {', '.join(others)}: it is created once, and undoing this patch takes it from all of them."
    if proposed.covered:
        yield f"It does all that {', '.join(proposed.covered)} does, which IDX003 will report: drop that one afterwards."


# -- which indexes ----------------------------------------------------------------------------------------------------
@lru_cache(maxsize=1)
def _proposals(catalog: Catalog) -> dict[Name, tuple[_Proposed, ...]]:
    """Table → the indexes that serve those of its foreign keys that no index serves."""
    found: dict[Name, tuple[_Proposed, ...]] = {}
    for table in catalog.tables:
        _propose(catalog, table, found)
    return found


def _propose(catalog: Catalog, table: Relation, found: dict[Name, tuple[_Proposed, ...]]) -> tuple[_Proposed, ...]:
    name = (table.schema, table.name)
    if name in found:
        return found[name]
    indexes = catalog.indexes_of(table)
    missing = [k for k in catalog.foreign_keys_of(table) if not any(index_serves(i, k.columns) for i in indexes)]
    missing.sort(key=lambda k: (-len(set(k.columns)), k.columns, k.name))
    proposed: list[_Proposed] = []
    parent = catalog.relations.get(table.parents[0]) if table.is_partition and table.parents else None
    for inherited in _propose(catalog, parent, found) if parent is not None else ():
        keys = tuple(k for k in missing if inherited.serves(k))
        proposed.append(_Proposed(inherited.table, inherited.columns, (*inherited.keys, *keys), inherited.covered))
        missing = [k for k in missing if k not in keys]
    while missing:
        chosen = _index_for(table, missing, indexes)
        proposed.append(chosen)
        missing = [k for k in missing if k not in chosen.keys]
    found[name] = tuple(proposed)
    return found[name]


def _index_for(table: Relation, missing: list[Constraint], indexes: Iterable[Index]) -> _Proposed:
    """The index for the widest key, which comes first, in an order that serves narrower keys too and repeats no index that is there.

    A look-up by a whole key does not care for the order of its columns. (tenant_id, order_id) behind an index of tenant_id becomes
    (order_id, tenant_id), which a key of order_id alone shares.
    """
    nested: list[Constraint] = []
    for key in missing:
        if not nested or set(key.columns) <= set(nested[-1].columns):
            nested.append(key)
    repeatable = {i.key_columns: i.name for i in indexes if _could_be_superfluous(i)}
    columns: tuple[str, ...] = ()
    for key in reversed(nested):
        waiting = [c for c in dict.fromkeys(key.columns) if c not in columns]
        while waiting:
            column = next((c for c in waiting if (*columns, c) not in repeatable), waiting[0])
            waiting.remove(column)
            columns = (*columns, column)
    covered = tuple(repeatable[columns[:n]] for n in range(1, len(columns)) if columns[:n] in repeatable)
    chosen = _Proposed(table, columns, (), covered)
    return _Proposed(table, columns, tuple(k for k in missing if chosen.serves(k)), covered)


def _could_be_superfluous(index: Index) -> bool:
    """Behind a wider one: a unique index also guards, and one with INCLUDE or a predicate is made for something else."""
    plain = index.method == "btree" and index.predicate is None and not index.included_columns
    return index.valid and plain and not index.unique and not index.inherited


# -- what they are called ---------------------------------------------------------------------------------------------
def _wanted_name(catalog: Catalog, proposed: _Proposed) -> str:
    """Two indexes of one plan never want the same name: (a_b) and (a, b), or names that were cut off behind what they share."""
    table = proposed.table
    name = object_name(table.name, *proposed.columns, suffix="idx")
    if len(_wanted_by(catalog)[(table.schema, name)]) > 1:
        return told_apart(table.name, *proposed.columns, suffix="idx")
    return name


@lru_cache(maxsize=1)
def _wanted_by(catalog: Catalog) -> dict[Name, set[tuple[str, ...]]]:
    """(schema, plain index name) → the (table, columns) of the proposed indexes that would have it."""
    wanted: dict[Name, set[tuple[str, ...]]] = defaultdict(set)
    for indexes in _proposals(catalog).values():
        for p in indexes:
            wanted[(p.table.schema, object_name(p.table.name, *p.columns, suffix="idx"))].add((p.table.name, *p.columns))
    return wanted


def _free_name(catalog: Catalog, schema: str, name: str) -> str:
    """A name that no relation or index of the schema has: IF NOT EXISTS would silently keep the other one."""
    taken = {r.name for r in catalog.snapshot.relations if r.schema == schema} | {
        i.name for i in catalog.snapshot.indexes if i.schema == schema
    }
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = object_name(name.removesuffix("_idx"), suffix=f"idx{number}")
    return candidate
