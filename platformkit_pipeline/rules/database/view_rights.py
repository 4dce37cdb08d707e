"""Whose rights apply behind a view: which tables a query of it ends at, and as whom each of them is read.

A view reads with its owner's rights, privileges and policies alike. One with `security_invoker` reads with those of the
caller, and that stays the caller of the whole query even where a view without the option stands in front of it. A
materialized view was filled with its owner's rights, so behind it the owner is the caller. Which rows of a table come
out is for the rules to say; nothing here looks at policies.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from platformkit_pipeline.model.snapshot import Relation, RelationKind

if TYPE_CHECKING:
    from platformkit_pipeline.rules.database.catalog import Catalog, Name

_INVOKER_SINCE = 150000
_TRUE = frozenset({"on", "true", "yes", "1", "t", "tr", "tru", "y", "ye"})
"""What the server takes for true in an option; it keeps the spelling that was written."""
_VIEWS = frozenset({RelationKind.VIEW, RelationKind.MATERIALIZED_VIEW})
_COMMANDS = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})


class Access(NamedTuple):
    """`table` is reached with the rights of `role`, because `view` reads it."""

    table: Name
    role: str
    view: Name


_Query = tuple["Name", str]
"""(view, role whose query it is)."""


class ViewRights:
    """Made once per snapshot. Each (view, caller) is worked out once, so that chains and diamonds cost no more than their views."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._relations = catalog.relations
        self._invokers = catalog.snapshot.server.version_num >= _INVOKER_SINCE
        self._known: dict[_Query, frozenset[Access]] = {}

    @cached_property
    def reads(self) -> dict[Name, tuple[Name, ...]]:
        """View → relations that its query names."""
        found: dict[Name, list[Name]] = defaultdict(list)
        for d in self._catalog.snapshot.view_dependencies:
            found[(d.view_schema, d.view)].append((d.schema, d.relation))
        return {view: tuple(names) for view, names in found.items()}

    @cached_property
    def over_views(self) -> frozenset[Name]:
        """Views that read other views."""
        views = {(r.schema, r.name) for r in self._catalog.snapshot.relations if r.kind in _VIEWS}
        return frozenset(view for view, names in self.reads.items() if not views.isdisjoint(names))

    def is_invoker(self, view: Relation) -> bool:
        """The view reads with the rights of whoever queries it."""
        return (
            self._invokers
            and view.kind is RelationKind.VIEW
            and any(o.startswith("security_invoker=") and o.partition("=")[2].lower() in _TRUE for o in view.options)
        )

    def accesses(self, view: Relation, caller: str) -> frozenset[Access]:
        """Tables behind the view, for a query by `caller`, who may select from the view itself."""
        query = ((view.schema, view.name), caller)
        known = self._known.get(query)
        if known is not None:
            return known
        tables, views = self._direct(query)
        if views:
            return self._resolve(query)
        known = self._known[query] = frozenset(tables)
        return known

    def _resolve(self, query: _Query) -> frozenset[Access]:
        known, begun, stack = self._known, set[_Query](), [query]
        while stack:
            current = stack[-1]
            if current in known:
                stack.pop()
                continue
            own, nested = self._direct(current)
            missing = [] if current in begun else [q for q in nested if q not in known and q not in begun]
            begun.add(current)
            if missing:
                stack.extend(missing)
                continue
            # A view may read itself in a circle; the server refuses to run it, and here it adds nothing.
            known[current] = frozenset(own).union(*(known[q] for q in nested if q in known))
            stack.pop()
        return known[query]

    def _direct(self, query: _Query) -> tuple[list[Access], list[_Query]]:
        """What one view reads without going further: tables, and queries of other views."""
        name, caller = query
        view = self._relations[name]
        role = caller if self.is_invoker(view) else view.owner
        behind = role if view.kind is RelationKind.MATERIALIZED_VIEW else caller
        tables: list[Access] = []
        views: list[_Query] = []
        for read in self.reads.get(name, ()):
            relation = self._relations.get(read)
            if relation is None or _COMMANDS.isdisjoint(self._catalog.granted_to(role, relation)):
                continue
            if relation.kind in _VIEWS:
                views.append((read, behind))
            else:
                tables.append(Access(read, role, name))
        return tables, views
