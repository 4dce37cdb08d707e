"""Constraints and indexes of tables, and partitions joined to their parents.

Children come before parents: an index or a constraint of a parent takes over what its partitions have already, and only so
do these keep their names. Names of foreign keys on partitions are the server's affair.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from platformkit_pipeline.model.snapshot import Constraint, ConstraintType, Index, Relation, RelationKind, Snapshot
from platformkit_pipeline.sandbox.shadow.statement import Statement, quoted, quoted_in, statement_for
from platformkit_pipeline.sandbox.shadow.tables import Place, own_tables
from platformkit_pipeline.sqltext.identifiers import literal

_KEYS = frozenset({ConstraintType.PRIMARY_KEY, ConstraintType.UNIQUE, ConstraintType.EXCLUSION})
_ON_ONLY = re.compile(r'(CREATE (?:UNIQUE )?INDEX (?:"(?:[^"]|"")*"|[^" ]+) ON) ONLY ', re.DOTALL)
_OPTIONS = re.compile(r" WITH (\([^()]*\))")


def keys(snapshot: Snapshot) -> Iterator[Statement]:
    """Everything but foreign keys, with the partitions attached on the way up."""
    constraints: dict[Place, list[Constraint]] = defaultdict(list)
    for constraint in snapshot.constraints:
        constraints[constraint.schema, constraint.relation].append(constraint)
    indexes = indexes_by_relation(snapshot)
    for table in _children_first(own_tables(snapshot)):
        place = (table.schema, table.name)
        mine = constraints[place]
        for constraint in mine:
            if constraint.type in _KEYS:
                yield _added(constraint)
        yield from indexes_of(table, indexes[place])
        for constraint in mine:
            # what an heir has of its parent comes with the parent's; a partition has it first, and gives it up on the way
            if constraint.type is ConstraintType.CHECK and (table.is_partition or not constraint.inherited):
                yield _added(constraint)
        if table.is_partition:
            parent, bound = quoted_in(*table.parents[0]), table.partition_bound
            yield statement_for(table, f"alter table only {parent} attach partition {quoted_in(*place)} {bound}")


def foreign_keys(snapshot: Snapshot) -> Iterator[Statement]:
    """Those of a parent first: a partition gets its copies from it."""
    own = {(t.schema, t.name): t.is_partition for t in own_tables(snapshot)}
    wanted = [c for c in snapshot.constraints if c.type is ConstraintType.FOREIGN_KEY and not c.inherited]
    for constraint in sorted(wanted, key=lambda c: own.get((c.schema, c.relation), False)):
        if (constraint.schema, constraint.relation) in own:
            yield _added(constraint)


def indexes_by_relation(snapshot: Snapshot) -> dict[Place, list[Index]]:
    found: dict[Place, list[Index]] = defaultdict(list)
    for index in snapshot.indexes:
        found[index.schema, index.relation].append(index)
    return found


def indexes_of(relation: Relation, indexes: Sequence[Index]) -> Iterator[Statement]:
    for index in indexes:
        name = quoted_in(index.schema, index.name)
        if index.constraint is None:
            yield statement_for(index, _creation(relation, index))
        elif options := _OPTIONS.search(index.definition):  # the text of a constraint does not tell them
            yield statement_for(index, f"alter index {name} set {options[1]}")
        if not index.valid and relation.kind is not RelationKind.PARTITIONED_TABLE:
            yield statement_for(index, _invalidation(name))
        if index.replica_identity:
            table = quoted_in(index.schema, index.relation)
            yield statement_for(index, f"alter table {table} replica identity using index {quoted(index.name)}")


def _children_first(tables: Sequence[Relation]) -> list[Relation]:
    return list(reversed(tables))


def _added(constraint: Constraint) -> Statement:
    table = quoted_in(constraint.schema, constraint.relation)
    return statement_for(constraint, f"alter table {table} add constraint {quoted(constraint.name)} {constraint.definition}")


def _creation(relation: Relation, index: Index) -> str:
    """Of a partitioned table the server prints ONLY, which would leave the index without its partitions'."""
    if relation.kind is RelationKind.PARTITIONED_TABLE and index.valid:
        return _ON_ONLY.sub(r"\1 ", index.definition, count=1)
    return index.definition


def _invalidation(name: str) -> str:
    """As a CREATE INDEX CONCURRENTLY that failed leaves it."""
    update = f"update pg_catalog.pg_index set indisvalid = false where indexrelid = {literal(name)}::pg_catalog.regclass"  # noqa: S608 - the name is a quoted literal
    return f"set local allow_system_table_mods = on; {update}; set local allow_system_table_mods = off"
