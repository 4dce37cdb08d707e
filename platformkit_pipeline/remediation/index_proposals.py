"""Which indexes foreign keys and policies lack: one for every need, and none that another one makes superfluous."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache

from platformkit_pipeline.model.snapshot import Index, Relation
from platformkit_pipeline.remediation.index_repairs import repair_of
from platformkit_pipeline.remediation.object_names import object_name, told_apart
from platformkit_pipeline.remediation.partitioned_indexes import names_taken
from platformkit_pipeline.remediation.proposal import Change
from platformkit_pipeline.rules.database.catalog import Catalog, Name
from platformkit_pipeline.rules.database.foreign_keys import index_serves
from platformkit_pipeline.rules.database.indexes import policy_columns_without_index
from platformkit_pipeline.sqltext.parser import SqlSyntaxError


@dataclass(frozen=True, slots=True)
class Need:
    """Look-ups by these columns: of a foreign key, or of the policies of a table."""

    columns: tuple[str, ...]
    who: str
    """`schema.table.constraint`, or `the policies of schema.table`."""


@dataclass(frozen=True, slots=True)
class ProposedIndex:
    """One index, and all needs without one that it serves; those of partitions are served by the index of their parent."""

    table: Relation
    columns: tuple[str, ...]
    needs: tuple[Need, ...]
    covered: tuple[str, ...] = ()
    """Indexes that are there and that this one makes superfluous, because no order of the columns avoids it."""
    leftover: Index | None = None
    """An index that is there and not valid: built again, it serves."""

    def serves(self, need: Need) -> bool:
        return set(self.columns[: len(need.columns)]) == set(need.columns)


def need_of_foreign_key(schema: str, relation: str, constraint: str, columns: tuple[str, ...]) -> Need:
    return Need(columns, f"{schema}.{relation}.{constraint}")


def need_of_policies(table: Relation, column: str) -> Need:
    return Need((column,), f"the policies of {table.schema}.{table.name}")


def proposed_for(catalog: Catalog, need: Need, table: Name) -> ProposedIndex:
    """The index that mends a finding about `table`, the same for all findings that it mends."""
    return next(p for p in _proposals(catalog)[table] if need in p.needs)


def name_for(catalog: Catalog, proposed: ProposedIndex) -> str:
    """Free, and no other index of the plan wants it."""
    return _free_name(catalog, proposed.table.schema, _wanted_name(catalog, proposed))


# -- which indexes ----------------------------------------------------------------------------------------------------
@lru_cache(maxsize=1)
def _proposals(catalog: Catalog) -> dict[Name, tuple[ProposedIndex, ...]]:
    """Table → the indexes that serve those of its needs that no index serves."""
    found: dict[Name, tuple[ProposedIndex, ...]] = {}
    for table in catalog.tables:
        _propose(catalog, table, found)
    return found


def _propose(catalog: Catalog, table: Relation, found: dict[Name, tuple[ProposedIndex, ...]]) -> tuple[ProposedIndex, ...]:
    name = (table.schema, table.name)
    if name in found:
        return found[name]
    indexes = catalog.indexes_of(table)
    missing = _needs(catalog, table, indexes)
    proposed: list[ProposedIndex] = []
    parent = catalog.relations.get(table.parents[0]) if table.is_partition and table.parents else None
    for inherited in _propose(catalog, parent, found) if parent is not None else ():
        served = tuple(n for n in missing if inherited.serves(n))
        proposed.append(replace(inherited, needs=(*inherited.needs, *served)))
        missing = [n for n in missing if n not in served]
    for leftover in _leftovers(catalog, table, indexes) if missing else ():
        if served := tuple(n for n in missing if index_serves(replace(leftover, valid=True), n.columns)):
            columns = tuple(c for c in leftover.key_columns if c is not None)
            proposed.append(ProposedIndex(table, columns, served, leftover=leftover))
            missing = [n for n in missing if n not in served]
    while missing:
        chosen = _index_for(table, missing, indexes)
        proposed.append(chosen)
        missing = [n for n in missing if n not in chosen.needs]
    found[name] = tuple(proposed)
    return found[name]


def _needs(catalog: Catalog, table: Relation, indexes: Iterable[Index]) -> list[Need]:
    """The widest first, because narrower ones may share its index."""
    keys = [need_of_foreign_key(k.schema, k.relation, k.name, k.columns) for k in catalog.foreign_keys_of(table)]
    missing = [n for n in keys if not any(index_serves(i, n.columns) for i in indexes)]
    with suppress(SqlSyntaxError):  # IDX001 says so
        missing += [need_of_policies(table, column) for column in policy_columns_without_index(catalog, table) or ()]
    return sorted(missing, key=lambda n: (-len(set(n.columns)), n.columns, n.who))


def _leftovers(catalog: Catalog, table: Relation, indexes: Iterable[Index]) -> list[Index]:
    """Invalid indexes that IDX005 builds again: another one beside them would only repeat them."""
    invalid = [i for i in indexes if not i.valid and i.predicate is None]
    return [i for i in invalid if isinstance(change := repair_of(catalog, table, i), Change) and "drop index" not in change.up[0]]


def _index_for(table: Relation, missing: list[Need], indexes: Iterable[Index]) -> ProposedIndex:
    """The index for the widest key, which comes first, in an order that serves narrower keys too and repeats no index that is there.

    A look-up by a whole key does not care for the order of its columns. (tenant_id, order_id) behind an index of tenant_id becomes
    (order_id, tenant_id), which a key of order_id alone shares.
    """
    nested: list[Need] = []
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
    chosen = ProposedIndex(table, columns, (), covered)
    return replace(chosen, needs=tuple(n for n in missing if chosen.serves(n)))


def _could_be_superfluous(index: Index) -> bool:
    """Behind a wider one: a unique index also guards, and one with INCLUDE or a predicate is made for something else."""
    plain = index.method == "btree" and index.predicate is None and not index.included_columns
    return index.valid and plain and not index.unique and not index.inherited


# -- what they are called ---------------------------------------------------------------------------------------------
def _wanted_name(catalog: Catalog, proposed: ProposedIndex) -> str:
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
    taken = names_taken(catalog, schema)
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = object_name(name.removesuffix("_idx"), suffix=f"idx{number}")
    return candidate
