"""What stands in for the objects of an extension that the server does not have.

Types hold text, tables are empty, functions raise an error when they are called. Operators, operator classes, casts and
access methods are not observed, so there is nothing in their place: what needs them cannot be rebuilt.
"""

from __future__ import annotations

from collections.abc import Iterator

from platformkit_pipeline.model.snapshot import Function, RelationKind, Snapshot, Type
from platformkit_pipeline.sandbox.shadow.sequences import parameters_of
from platformkit_pipeline.sandbox.shadow.statement import quoted, quoted_in
from platformkit_pipeline.sandbox.shadow.tables import column_clause, columns_by_relation
from platformkit_pipeline.sandbox.shadow.user_types import creation
from platformkit_pipeline.sqltext.identifiers import literal

_CALLED = "stand-in of an extension that this server does not have"
_LANGUAGE = "\n LANGUAGE "
_ONLY_IN_C = ("internal", "cstring")
"""Types that no interpreted function may take or return."""


def stand_in_objects(snapshot: Snapshot, extension: str) -> Iterator[str]:
    """Statements, each of which may fail without harm to the others; run twice, for those that refer to later ones."""
    objects = list(_objects(snapshot, extension))
    for schema in snapshot.schemas:
        if schema.extension == extension:
            yield f"create schema if not exists {quoted(schema.name)}"
    for sql in (*objects, *objects):
        body = literal(sql)
        yield f"do $stand_in$ begin execute {_escaped(body)}; exception when others then null; end $stand_in$"


def _escaped(text: str) -> str:
    """A text within $stand_in$ must not hold that mark."""
    return text.replace("$stand_in$", "$stand_in_$")


def _objects(snapshot: Snapshot, extension: str) -> Iterator[str]:
    for made in snapshot.types:
        if made.extension == extension:
            yield from _base_type(made) if made.kind == "base" else (creation(made),)
    columns = columns_by_relation(snapshot)
    for relation in snapshot.relations:
        if relation.extension == extension:
            name = quoted_in(relation.schema, relation.name)
            if relation.kind is RelationKind.SEQUENCE:
                parameters = parameters_of(relation)
                yield f"create sequence {name} {'' if parameters is None else parameters.options}"
            else:
                own = columns.get((relation.schema, relation.name), [])
                yield f"create table {name} ({', '.join(column_clause(c, None) for c in own)})"
    for function in snapshot.functions:
        if function.extension == extension and function.definition is not None:
            yield from _function(function)


def _base_type(made: Type) -> Iterator[str]:
    """A text by another name, with a modifier as varchar has one."""
    name = quoted_in(made.schema, made.name)
    helpers = {f: quoted_in(made.schema, f"{made.name}_stand_in_{f}") for f in ("input", "output", "typmod_in", "typmod_out")}
    internal = "language internal immutable strict parallel safe as"
    yield f"create type {name}"
    yield f"create function {helpers['input']}(cstring) returns {name} {internal} 'textin'"
    yield f"create function {helpers['output']}({name}) returns cstring {internal} 'textout'"
    yield f"create function {helpers['typmod_in']}(cstring[]) returns integer {internal} 'varchartypmodin'"
    yield f"create function {helpers['typmod_out']}(integer) returns cstring {internal} 'varchartypmodout'"
    given = ", ".join(f"{what} = {function}" for what, function in helpers.items())
    yield f"create type {name} ({given}, internallength = variable, storage = extended)"


def _function(function: Function) -> Iterator[str]:
    """With its own body where that is SQL or PL/pgSQL, else with its signature only."""
    head, found, _ = (function.definition or "").partition(_LANGUAGE)
    words = f"{function.arguments} {function.result}"
    if function.language in ("sql", "plpgsql"):
        yield function.definition or ""
    elif found and not any(word in words for word in _ONLY_IN_C):
        strict = " strict" if function.strict else ""
        body = literal(f"begin raise exception using message = {literal(_CALLED)}; end")
        yield f"{head} language plpgsql {function.volatility}{strict} as {body}"
