"""Tables with their columns: plain, partitioned, partitions, heirs, foreign ones.

Partitions are made as tables of their own and attached later (see `keys`), as pg_dump does: that keeps the order of their
columns and the names of their indexes and constraints.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from platformkit_pipeline.model.snapshot import Column, Relation, RelationKind, Snapshot
from platformkit_pipeline.sandbox.shadow.sequences import identity_clause, owned_sequences
from platformkit_pipeline.sandbox.shadow.statement import Statement, quoted, quoted_in, statement_for

Place = tuple[str, str]
TABLES = frozenset({RelationKind.TABLE, RelationKind.PARTITIONED_TABLE, RelationKind.FOREIGN_TABLE})
_PARTITIONS_SHARE_IDENTITY = 17_00_00
"""Server version from which on the identity of a column is that of the whole partitioned table."""


def own_tables(snapshot: Snapshot) -> list[Relation]:
    """Tables that no extension makes, parents first."""
    return in_order_of_parents([r for r in snapshot.relations if r.kind in TABLES and r.extension is None])


def in_order_of_parents(tables: Sequence[Relation]) -> list[Relation]:
    by_place = {(t.schema, t.name): t for t in tables}
    if not any(t.parents for t in tables):
        return list(tables)
    try:
        ordered = list(TopologicalSorter({place: t.parents for place, t in by_place.items()}).static_order())
    except CycleError:  # no server has that; statements that fail are tried again
        return list(tables)
    return [by_place[place] for place in ordered if place in by_place]


def columns_by_relation(snapshot: Snapshot) -> Mapping[Place, list[Column]]:
    """In the order of their positions."""
    found: dict[Place, list[Column]] = defaultdict(list)
    for column in snapshot.columns:
        found[column.schema, column.relation].append(column)
    for columns in found.values():
        columns.sort(key=lambda column: column.position)
    return found


def tables(snapshot: Snapshot, server_version: int, *, foreign: bool) -> Iterator[Statement]:
    """Foreign tables apart: they need their servers."""
    columns, sequences = columns_by_relation(snapshot), owned_sequences(snapshot)
    for table in own_tables(snapshot):
        if (table.kind is RelationKind.FOREIGN_TABLE) is not foreign:
            continue
        heir = bool(table.parents) and not table.is_partition
        own = columns.get((table.schema, table.name), [])
        inherited = _inherited(table, columns) if heir else {}
        if heir and [c.name for c in own[: len(inherited)]] != list(inherited):
            heir, inherited = False, {}  # its columns came first, the parent later: see `late_inheritance`
        declared = [c for c in own if c.name not in inherited or not _same(c, inherited[c.name])]
        shares_identity = table.is_partition and server_version >= _PARTITIONS_SHARE_IDENTITY
        items = [column_clause(c, sequences.get((c.schema, c.relation, c.name)), with_identity=not shares_identity) for c in declared]
        plain = [column_clause(_without_expression(c), None, with_identity=False) for c in declared]
        tail = f"{_inherits(table) if heir else ''}{_tail(table)}"
        made, lesser = (f"{_head(table)} ({', '.join(columns_)}){tail}" for columns_ in (items, plain))
        yield statement_for(table, made, lesser if items != plain else None)


def late_inheritance(snapshot: Snapshot) -> Iterator[Statement]:
    """Heirs whose columns are in another order than their parents' would have made them."""
    columns = columns_by_relation(snapshot)
    for table in own_tables(snapshot):
        if table.parents and not table.is_partition:
            inherited = list(_inherited(table, columns))
            if [c.name for c in columns.get((table.schema, table.name), [])][: len(inherited)] != inherited:
                for parent in table.parents:
                    yield statement_for(table, f"alter table {quoted_in(table.schema, table.name)} inherit {quoted_in(*parent)}")


def column_clause(column: Column, sequence: Relation | None, *, with_identity: bool = True) -> str:
    """A column as it stands in CREATE TABLE."""
    words = [quoted(column.name), column.type]
    if column.collation is not None:
        words.append(f"collate {column.collation}")
    if column.generated is not None:
        words.append(f"generated always as ({column.default}) {column.generated}")
    elif column.identity is not None:
        words += [identity_clause(column, sequence)] if with_identity else []
    elif column.default is not None:
        words.append(f"default {column.default}")
    if column.not_null:
        words.append("not null")
    return " ".join(words)


def _without_expression(column: Column) -> Column:
    """For a table that the server refuses for what one of its columns calls."""
    return replace(column, default=None, generated=None)


def options_clause(options: Iterable[str]) -> str:
    """`with (fillfactor = '80')`, or nothing. Values are words and numbers."""
    pairs = [option.partition("=") for option in options]
    return f" with ({', '.join(f'{quoted(name)} = {_value(value)}' for name, _, value in pairs)})" if pairs else ""


def _value(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _head(table: Relation) -> str:
    kind = "foreign table" if table.kind is RelationKind.FOREIGN_TABLE else "table"
    unlogged = "unlogged " if table.persistence == "unlogged" else ""
    return f"create {unlogged}{kind} {quoted_in(table.schema, table.name)}"


def _inherits(table: Relation) -> str:
    return f" inherits ({', '.join(quoted_in(*parent) for parent in table.parents)})"


def _tail(table: Relation) -> str:
    if table.kind is RelationKind.FOREIGN_TABLE:
        return f" {table.definition}"  # names the server, in quotes where it needs them
    partitioned = f" partition by {table.partition_key}" if table.partition_key is not None else ""
    return partitioned + options_clause(table.options)


def _inherited(table: Relation, columns: Mapping[Place, list[Column]]) -> dict[str, Column]:
    """Columns that the parents give, in the order in which they come."""
    found: dict[str, Column] = {}
    for parent in table.parents:
        for column in columns.get(parent, []):
            found.setdefault(column.name, column)
    return found


def _same(column: Column, inherited: Column) -> bool:
    def facts(c: Column) -> tuple[object, ...]:
        return c.type, c.not_null, c.default, c.generated, c.collation

    return facts(column) == facts(inherited) and column.identity is None
