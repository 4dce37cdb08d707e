"""Which functions a call in a policy, or in the body of a function that it calls, may mean; and as `sqltext` reads them.

The server prints policies and parsed bodies with every name outside of pg_catalog qualified: a bare name there is PostgreSQL's own
function. In a body that is kept as text a bare name goes by the function's own search_path, or by its caller's, which is not known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from platformkit_pipeline.model.snapshot import Function, Relation
from platformkit_pipeline.sqltext.calls import CallShape, Parameter, Path, meant, parameters_of, type_named
from platformkit_pipeline.sqltext.expression_facts import CALLER_FUNCTIONS, facts_of
from platformkit_pipeline.sqltext.identifiers import schemas_in_path
from platformkit_pipeline.sqltext.inlining import ROW, HelperFunction

if TYPE_CHECKING:
    from platformkit_pipeline.rules.database.catalog import Catalog

ColumnTypes = tuple[tuple[str, str], ...]
"""(column, type) of a policy's table, as far as the calls of an expression may depend on them."""


class CalledFunctions:
    """Answers are kept: a large database repeats the same calls."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: dict[tuple[CallShape, int, ColumnTypes], tuple[Function, ...]] = {}
        self._indifferent: set[str] = set()
        """Expressions that mean the same whatever the types of their table's columns are."""

    def called(self, shape: CallShape, inside: Function | None = None, types: ColumnTypes = ()) -> tuple[Function, ...]:
        """More than one where the call does not tell them apart. `inside`: the function in whose body the call stands."""
        key = (shape, id(inside), types)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._find(shape, inside, dict(types))
        return found

    def depends_on_types(self, expression: str) -> bool:
        """A function of the project's may be given a column. Raises SqlSyntaxError."""
        if expression in self._indifferent:
            return False
        if any(c.reads_columns and len(c.name) > 1 and c.name not in CALLER_FUNCTIONS for c in facts_of(expression).calls):
            return True
        self._indifferent.add(expression)
        return False

    def types_for(self, table: Relation, expression: str) -> ColumnTypes:
        """Types of the columns that calls of the project's functions may be given. Raises SqlSyntaxError."""
        if not self.depends_on_types(expression):
            return ()
        facts = facts_of(expression)
        columns = self._catalog.columns_by_name(table)
        names = {path[-1] for path in facts.columns if len(path) == 1 or path[-2] == table.name}
        return tuple(sorted((name, columns[name].type) for name in names if name in columns))

    def _find(self, shape: CallShape, inside: Function | None, types: dict[str, str]) -> tuple[Function, ...]:
        bare = len(shape.name) == 1
        candidates = self._on_path(shape.name[0], inside) if bare else self._catalog.functions_named(shape.name[-1], shape.name[-2])
        if not candidates or (len(candidates) == 1 and not bare):
            return candidates
        own = {f"${n}": p.type for n, p in enumerate(_parameters(inside) or (), 1)} if inside is not None else {}

        def type_of_column(path: Path) -> str | None:
            if inside is None or path[0] == ROW:
                return type_named(types[path[-1]]) if path[-1] in types else None
            return own.get(path[0]) if len(path) == 1 else None

        found = meant(shape, [(f, _parameters(f)) for f in candidates], type_of_column)
        return found if found or bare else candidates

    def _on_path(self, name: str, inside: Function | None) -> tuple[Function, ...]:
        if inside is None or inside.sql_body is not None:
            return ()
        setting = dict(inside.settings).get("search_path")
        if setting is None:
            return self._catalog.functions_named(name, None)
        found: dict[tuple[str, ...], Function] = {}
        for function in (f for schema in schemas_in_path(setting) for f in self._catalog.functions_named(name, schema)):
            found.setdefault(tuple(p.type for p in _parameters(function) or ()), function)  # the same arguments: the first one counts
        return tuple(found.values())


class PolicyHelpers:
    """The functions that the policies of a table call, in the form in which `sqltext` reads them; each is prepared once."""

    def __init__(self, called: CalledFunctions) -> None:
        self._called = called
        self._prepared: dict[int, HelperFunction] = {}
        self._functions: dict[HelperFunction, Function] = {}

    def find(self, shape: CallShape, inside: HelperFunction | None, types: ColumnTypes) -> tuple[HelperFunction, ...]:
        functions = self._called.called(shape, self._functions[inside] if inside is not None else None, types)
        return tuple([self._of(function) for function in functions])

    def _of(self, function: Function) -> HelperFunction:
        helper = self._prepared.get(id(function))
        if helper is None:
            helper = self._prepared[id(function)] = HelperFunction(
                language=function.language,
                body=function.sql_body or function.body,
                definition=function.definition,
                argument_names=tuple(p.name for p in _parameters(function) or ()),
                strict=function.strict,
                security_definer=function.security_definer,
            )
            self._functions[helper] = function
        return helper


def _parameters(function: Function | None) -> tuple[Parameter, ...] | None:
    return parameters_of(function.definition, function.arguments) if function is not None else None


def own_functions(functions: Iterable[Function]) -> tuple[Function, ...]:
    """Without those of extensions."""
    return tuple([f for f in functions if f.extension is None])
