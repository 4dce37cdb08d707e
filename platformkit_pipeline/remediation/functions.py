"""Patches for FUN001, FUN002 and FUN003: what a function resolves names by."""

from __future__ import annotations

import re
from collections.abc import Iterable

from platformkit_pipeline.model.managed_schemas import is_system
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import Function
from platformkit_pipeline.remediation.authority import may_change, out_of_reach
from platformkit_pipeline.remediation.path_doubts import doubt_about_a_path
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.remediation.scope import object_of
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.database.policy_expressions import facts_of_body
from platformkit_pipeline.sqltext.identifiers import identifier, literal, qualified, schemas_in_path
from platformkit_pipeline.sqltext.parser import SqlSyntaxError

_TEMPORARY = re.compile(r"pg_temp(?:_\d+)?\Z")

_NOT_INLINED = "An SQL function with a SET clause is no longer inlined into the queries that call it."


def fix_search_path(catalog: Catalog, finding: Result) -> Proposal:
    """FUN001 and FUN002: set the path that the body most likely relies on, without any schema in which a client role may create.

    Clause 2.2.
    """
    function = function_of(catalog, finding)
    schemas = {s.name for s in catalog.snapshot.schemas}
    wanted = [s for s in dict.fromkeys((function.schema, "public", "extensions")) if s in schemas]
    setting = ", ".join(["pg_catalog", *map(identifier, wanted), "pg_temp"])
    alter = f"alter {signature(function)} set search_path = {setting}"
    if not may_change(catalog, function.owner):
        return out_of_reach(function.owner, signature(function), alter)
    if unsafe := [s for s in wanted if catalog.schemas_open_to_create.get(s)]:
        return ByHand(
            reason=f"client roles may create objects in {', '.join(unsafe)}, so a path that contains it protects nothing",
            steps=(*_closing(unsafe), f"{alter};"),
        )
    if elsewhere := _found_elsewhere(catalog, function, wanted):
        return ByHand(
            reason=f"the body of {signature(function)} names {', '.join(elsewhere)}, which is in no schema of the path that could be set",
            steps=("Qualify the names in the body, or add their schemas to the path:", f"{alter};"),
        )
    if (doubt := doubt_about_a_path(catalog, function, wanted)) is not None:
        reason, first = doubt
        return ByHand(reason=reason, steps=(first, f"{alter};"))
    return Change(
        f"Fix the search_path of {signature(function).partition(' ')[2]}",
        (alter,),
        (f"alter {signature(function)} reset search_path",),
        notes=(
            f"Unqualified names in the body resolve in {', '.join(wanted)} from now on, whoever calls.",
            "A later CREATE OR REPLACE without the SET clause takes the setting away again.",
            *((_NOT_INLINED,) if function.language == "sql" else ()),
        ),
        objects=(object_of(function),),
    )


def mend_search_path(catalog: Catalog, finding: Result) -> Proposal:
    """FUN003: the same path without what depends on the caller, pg_temp last (clauses 1.1 and 2.2)."""
    function = function_of(catalog, finding)
    setting = dict(function.settings)["search_path"]
    path = schemas_in_path(setting)
    kept = [s for s in path if s != "$user" and not _TEMPORARY.match(s)]
    alter = f"alter {signature(function)} set search_path = "
    new = alter + _written((*(kept or ["pg_catalog"]), "pg_temp"))
    if not may_change(catalog, function.owner):
        return out_of_reach(function.owner, signature(function), new)
    if unsafe := [s for s in kept if catalog.schemas_open_to_create.get(s)]:
        return ByHand(
            reason=f"the path leads through {', '.join(unsafe)}, where client roles may create objects, and the body may need it",
            steps=(
                *_closing(unsafe),
                f"or qualify the names in the body and take {', '.join(unsafe)} out of the path: "
                f"{alter}{_written((*(s for s in kept if s not in unsafe), 'pg_temp'))};",
            ),
        )
    if "$user" in path and any(s.name == function.owner for s in catalog.snapshot.schemas):
        return ByHand(
            reason=f'"$user" stands for schema {function.owner}, which exists: the body may find something there',
            steps=("Qualify the names in the body.", f"{new};"),
        )
    old = tuple(s.strip() for s in _entries(setting))
    if _written(old).replace("'", "") != setting.replace('"', ""):
        return ByHand("the path that is set cannot be written again as it stands, so there is no way back", (f"{new};",))
    return Change(
        f"Keep callers out of the search_path of {signature(function).partition(' ')[2]}",
        (new,),
        (alter + _written(old),),
        notes=("Names in the body resolve in the same schemas as before; temporary objects come last.",),
        objects=(object_of(function),),
    )


def _closing(schemas: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"revoke create on schema {identifier(s)} from public, anon, authenticated;" for s in schemas)


def _written(path: Iterable[str]) -> str:
    """Entry by entry, as strings: `"$user"` and `""` are no names that SET would take."""
    return ", ".join(s if re.fullmatch(r"[a-z_][a-z0-9_]*", s) and identifier(s) == s else literal(s) for s in path)


def _entries(setting: str) -> Iterable[str]:
    """The entries of a stored path, empty ones included."""
    return [part.strip().strip('"').replace('""', '"') for part in setting.split(",")]


def _found_elsewhere(catalog: Catalog, function: Function, path: Iterable[str]) -> tuple[str, ...]:
    """Bare names of relations in the body that no schema of the path has, but another one: the caller's path leads there today."""
    try:
        facts = facts_of_body(function)
    except SqlSyntaxError:
        return ()
    names = {name[-1] for name in facts.relations if len(name) == 1} if facts is not None else set()
    schemas: dict[str, set[str]] = {}
    for schema, name in catalog.relations:
        if name in names:
            schemas.setdefault(name, set()).add(schema)
    return tuple(sorted(name for name, found in schemas.items() if not found & set(path) and not all(map(is_system, found))))


# -- which function -------------------------------------------------------------------------------------------------
def function_of(catalog: Catalog, finding: Result) -> Function:
    schema, name = finding.object.schema or "", finding.object.name
    arguments = dict(finding.object.detail)["arguments"]
    return next(f for f in catalog.functions_named(name, schema) if f.arguments == arguments)


def signature(function: Function) -> str:
    """`function public.f(a integer)`, as ALTER, GRANT and REVOKE take it."""
    verb = "procedure" if function.kind == "procedure" else "function"
    return f"{verb} {qualified(function.schema, function.name)}({function.arguments})"
