"""Views and materialized views, each after those that it reads."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from platformkit_pipeline.model.snapshot import Relation, RelationKind, Snapshot
from platformkit_pipeline.sandbox.shadow.keys import indexes_by_relation, indexes_of
from platformkit_pipeline.sandbox.shadow.statement import Statement, quoted, quoted_in, statement_for
from platformkit_pipeline.sandbox.shadow.tables import Place, options_clause

_CALLED = re.compile(r'(")((?:[^"]|"")*)"\s*\(|([\w$]+)\s*\(')
_VIEWS = frozenset({RelationKind.VIEW, RelationKind.MATERIALIZED_VIEW})


def views(snapshot: Snapshot) -> Iterator[Statement]:
    """With the defaults of their columns; materialized ones empty, with their indexes."""
    indexes = indexes_by_relation(snapshot)
    for view in in_order_of_reading(snapshot):
        name = quoted_in(view.schema, view.name)
        query = (view.definition or "").rstrip().removesuffix(";")
        options = options_clause(view.options)
        if view.kind is RelationKind.VIEW:
            yield statement_for(view, f"create view {name}{options} as {query}")
        else:
            yield statement_for(view, f"create materialized view {name}{options} as {query}\nwith no data")
            yield from indexes_of(view, indexes[view.schema, view.name])
    is_view = {(r.schema, r.name) for r in snapshot.relations if r.kind is RelationKind.VIEW and r.extension is None}
    for column in snapshot.columns:
        if column.default is not None and (column.schema, column.relation) in is_view:
            table = quoted_in(column.schema, column.relation)
            yield statement_for(column, f"alter view {table} alter column {quoted(column.name)} set default {column.default}")


def filled_views(snapshot: Snapshot) -> Iterator[Statement]:
    """A materialized view that was never filled cannot be read. Tables are empty, so it costs nothing."""
    left_empty = {(view.schema, view.name) for view in unfilled_views(snapshot)}
    for view in in_order_of_reading(snapshot):
        if view.kind is RelationKind.MATERIALIZED_VIEW and (view.schema, view.name) not in left_empty:
            yield statement_for(view, f"refresh materialized view {quoted_in(view.schema, view.name)}")


def unfilled_views(snapshot: Snapshot) -> list[Relation]:
    """Materialized views that stay empty: to fill them would run functions of the target, or ask a foreign server."""
    functions = {function.name for function in snapshot.functions}
    foreign = {(r.schema, r.name) for r in snapshot.relations if r.kind is RelationKind.FOREIGN_TABLE}
    reads: dict[Place, set[Place]] = defaultdict(set)
    for dependency in snapshot.view_dependencies:
        reads[dependency.view_schema, dependency.view].add((dependency.schema, dependency.relation))
    active: set[Place] = set(foreign)
    left_empty = []
    for view in in_order_of_reading(snapshot):
        place = (view.schema, view.name)
        called = {name.replace('""', '"') if in_quotes else plain for in_quotes, name, plain in _CALLED.findall(view.definition or "")}
        if called & functions or reads[place] & active:
            active.add(place)
            if view.kind is RelationKind.MATERIALIZED_VIEW:
                left_empty.append(view)
    return left_empty


def in_order_of_reading(snapshot: Snapshot) -> list[Relation]:
    by_place: dict[Place, Relation] = {(r.schema, r.name): r for r in snapshot.relations if r.kind in _VIEWS and r.extension is None}
    reads: dict[Place, set[Place]] = defaultdict(set)
    for dependency in snapshot.view_dependencies:
        read = (dependency.schema, dependency.relation)
        if read in by_place:
            reads[dependency.view_schema, dependency.view].add(read)
    try:
        ordered = list(TopologicalSorter({place: reads[place] for place in by_place}).static_order())
    except CycleError:  # rules can make one; statements that fail are tried again
        return list(by_place.values())
    return [by_place[place] for place in ordered if place in by_place]
