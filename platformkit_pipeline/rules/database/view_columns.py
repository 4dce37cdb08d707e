"""What the columns of views show in the end: columns of tables, followed through views over views.

Whose rights apply on the way is `view_rights`; nothing here looks at privileges or policies.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from platformkit_pipeline.model.managed_schemas import is_managed
from platformkit_pipeline.model.snapshot import Column, Relation, RelationKind
from platformkit_pipeline.sqltext.parser import SqlSyntaxError
from platformkit_pipeline.sqltext.view_sources import Name, Source, Sources, sources_of

if TYPE_CHECKING:
    from platformkit_pipeline.rules.database.catalog import Catalog

_VIEWS = frozenset({RelationKind.VIEW, RelationKind.MATERIALIZED_VIEW})


class Shown(NamedTuple):
    """A column of a table that comes out of a view, and what lies between."""

    table: Name
    column: str
    through: Name | None = None
    """A function of the project that was given the value."""
    grouped: bool = False
    asked: bool = False
    """A condition on the way depends on the caller, and it cannot be told whether it keeps to the caller's rows."""


_Columns = dict[str, frozenset[Shown]]


class ViewColumns:
    """Made once per snapshot; each view is read once, however many read it."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: dict[Name, _Columns] = {}
        self._unread: dict[Name, str] = {}

    def shown(self, view: Relation) -> _Columns:
        """Column of the view → what it shows. A column of a view that cannot be read shows nothing here: see `unread`."""
        self._read((view.schema, view.name))
        return self._known[(view.schema, view.name)]

    def unread(self, view: Relation) -> list[str]:
        """Why columns may show more: the view itself, or one behind it, cannot be read."""
        self._read((view.schema, view.name))
        if not self._unread:
            return []
        seen, waiting = {(view.schema, view.name)}, [(view.schema, view.name)]
        for name in waiting:
            for read in self._catalog.view_rights.reads.get(name, ()):
                if read not in seen:
                    seen.add(read)
                    waiting.append(read)
        return sorted(self._unread[name] for name in seen & self._unread.keys())

    def _read(self, start: Name) -> None:
        """Those behind it first; no recursion, because chains of views are as long as their makers like."""
        known, begun, stack = self._known, set[Name](), [start]
        while stack:
            name = stack[-1]
            if name in known:
                stack.pop()
                continue
            behind = [] if name in begun else [n for n in self._views_behind(name) if n not in known and n not in begun]
            begun.add(name)
            if behind:
                stack.extend(behind)
                continue
            known[name] = self._columns(self._catalog.relations[name])
            stack.pop()

    def _views_behind(self, name: Name) -> Iterator[Name]:
        relations = self._catalog.relations
        return (n for n in self._catalog.view_rights.reads.get(name, ()) if n in relations and relations[n].kind in _VIEWS)

    def _columns(self, view: Relation) -> _Columns:
        own = sorted(self._catalog.columns_of(view), key=lambda column: column.position)
        try:
            sources = sources_of(view.definition or "")
        except SqlSyntaxError as error:
            self._unread[(view.schema, view.name)] = f"view {view.schema}.{view.name} cannot be read ({error})"
            return {}
        if len(sources) != len(own):
            self._unread[(view.schema, view.name)] = f"view {view.schema}.{view.name} cannot be read (its query has other columns)"
            return {}
        return {column.name: frozenset(self._resolved(found)) for column, found in zip(own, sources, strict=True)}

    def _resolved(self, sources: Sources) -> Iterator[Shown]:
        for source in map(self._past_extensions, sources):
            relation = self._catalog.relations.get(source.relation) if source else None
            if source is None or relation is None:
                continue  # the server's own
            for column in self._named(relation, source):
                if relation.kind not in _VIEWS:
                    yield Shown(source.relation, column.name, source.through, source.grouped, source.asked)
                    continue
                for shown in self._known.get(source.relation, {}).get(column.name, ()):
                    yield shown._replace(
                        through=source.through or shown.through,
                        grouped=source.grouped or shown.grouped,
                        asked=source.asked or shown.asked,
                    )

    def _past_extensions(self, source: Source) -> Source | None:
        """Functions of extensions and of the platform: `digest` and `crypt` hand nothing on, `pgp_sym_decrypt` does. None: nothing."""
        if source.through is None:
            return source
        schema, name = source.through
        functions = self._catalog.functions_named(name, schema)
        if not is_managed(schema) and (not functions or any(f.extension is None for f in functions)):
            return source
        return source._replace(through=None) if "decrypt" in name else None

    def _named(self, relation: Relation, source: Source) -> tuple[Column, ...]:
        columns = self._catalog.columns_of(relation)
        if source.column is None:
            return columns
        if isinstance(source.column, int):
            return columns[source.column : source.column + 1]
        named = self._catalog.column(relation, source.column)
        return (named,) if named else ()
