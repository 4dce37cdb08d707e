"""Patches for FUN005 and FUN006: who may call a SECURITY DEFINER function."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache

from platformkit_pipeline.model.patch import AccessChange
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import PUBLIC, ConstraintType, Function
from platformkit_pipeline.remediation.authority import may_change, out_of_reach
from platformkit_pipeline.remediation.functions import function_of, signature
from platformkit_pipeline.remediation.grants import grants, role, roles
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.remediation.scope import object_of, roles_in_sight
from platformkit_pipeline.rules.database.catalog import Catalog

_ANON, _AUTHENTICATED, _SERVICE_ROLE = "anon", "authenticated", "service_role"
_LISTED = 5
_WORD = re.compile(r"[\w$]+")


def close_to_strangers(catalog: Catalog, finding: Result) -> Proposal:
    """FUN005: whoever is signed in, and the server side, keep what they have (clause 2.2)."""
    return _close(catalog, finding, (_ANON,), (_AUTHENTICATED, _SERVICE_ROLE))


def close_to_users(catalog: Catalog, finding: Result) -> Proposal:
    """FUN006: the server side keeps what it has (clause 2.2)."""
    return _close(catalog, finding, (_ANON, _AUTHENTICATED), (_SERVICE_ROLE,))


def _close(catalog: Catalog, finding: Result, losing: tuple[str, ...], keeping: tuple[str, ...]) -> Proposal:
    function = function_of(catalog, finding)
    on = signature(function)
    losing = tuple(r for r in losing if catalog.has_role(r))
    taken = [p for p in function.privileges if p.grantee in (PUBLIC, *losing)]
    revoke = f"revoke execute on {on} from {roles((PUBLIC, *losing))}"
    kept = [r for r in keeping if catalog.has_role(r) and _by_public_only(catalog, function, r)]
    grant = (f"grant execute on {on} to {roles(kept)}",) if kept else ()
    if (refused := _refused(catalog, function, losing, (*grant, revoke))) is not None:
        return refused
    back = [f"revoke execute on {on} from {roles(kept)}"] if kept else []
    return Change(
        f"Take EXECUTE on {on.partition(' ')[2]} from {' and '.join(losing)}",
        (*grant, revoke),
        (*grants(taken, on), *back),
        notes=tuple(_notes(catalog, function, losing)),
        objects=(
            object_of(function),
            *roles_in_sight(catalog, (*losing, *kept, *(p.grantee for p in function.privileges)), (object_of(function),)),
        ),
        access=(AccessChange(object_of(function), losing, ("EXECUTE",)),),
        successors=("FUN006",) if _AUTHENTICATED in keeping else (),
    )


def _by_public_only(catalog: Catalog, function: Function, name: str) -> bool:
    granted = {p.grantee for p in function.privileges if p.privilege == "EXECUTE"}
    return PUBLIC in granted and not (granted - {PUBLIC}) & catalog.acts_as(name) and function.owner not in catalog.acts_as(name)


def _notes(catalog: Catalog, function: Function, losing: tuple[str, ...]) -> Iterator[str]:
    yield f"Calls by {' and '.join(losing)} through the Data API fail from now on: check that no page makes them."
    granted = {p.grantee for p in function.privileges}
    if PUBLIC in granted:
        named = {function.owner, *granted} - {PUBLIC}
        others = [r.name for r in catalog.snapshot.roles if r.login and not r.superuser and not named & catalog.acts_as(r.name)]
        if others:
            yield f"It was granted to PUBLIC: roles without a grant by name lose it as well; of those that log in: {', '.join(others)}."


def _refused(catalog: Catalog, function: Function, losing: tuple[str, ...], statements: tuple[str, ...]) -> ByHand | None:
    on = signature(function)
    if not may_change(catalog, function.owner):
        return out_of_reach(function.owner, on, *statements)
    if callers := _callers(catalog, function):
        shown = ", ".join(callers[:_LISTED]) + (f" and {len(callers) - _LISTED} more" if len(callers) > _LISTED else "")
        return ByHand(
            reason=f"{shown} {'calls' if len(callers) == 1 else 'call'} {on}, or may do so: whoever uses that needs EXECUTE",
            steps=(
                f"`alter {on} set schema private` takes it out of the Data API, and what calls it by policy or view follows by itself; "
                "make the schema first: `create schema if not exists private; grant usage on schema private to authenticated`.",
                f"If it is meant to be called as it is, say so: `comment on {on} is 'platformkit:definer <reason>'`.",
                f"Otherwise change the callers, then run: {'; '.join(statements)};",
            ),
        )
    acted_as = frozenset[str]().union(*(catalog.acts_as(r) for r in losing)) - {PUBLIC, *losing}
    if through := acted_as & {function.owner, *(p.grantee for p in function.privileges)}:
        names = ", ".join(sorted(through))
        return ByHand(
            reason=f"client roles may call {on} through {names}, which others may be members of as well",
            steps=(*(f"`revoke {role(name)} from {roles(losing)}`, if they are not meant to act as {name}" for name in sorted(through)),),
        )
    return None


def _callers(catalog: Catalog, function: Function) -> tuple[str, ...]:
    """Policies that call it, and other texts of the database that name it: bodies, views, defaults, checks and indexes."""
    policies = [p for p, _ in catalog.policies_calling.get(id(function), ())]
    named = _naming(catalog)[function.name.lower()] - {object_of(function)}
    return tuple(dict.fromkeys((*map(object_of, policies), *sorted(named))))


@lru_cache(maxsize=1)
def _naming(catalog: Catalog) -> defaultdict[str, set[str]]:
    """Word → objects in whose text it stands. A name that needs quotes is found by its words only, so it is looked up as it is."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    odd = [f.name for f in catalog.definers if not _WORD.fullmatch(f.name)]
    for record, text in _texts(catalog):
        identity = object_of(record)
        for word in set(_WORD.findall(text.lower())):
            found[word].add(identity)
        for name in odd:
            if name.replace('"', '""') in text:
                found[name.lower()].add(identity)
    return found


def _texts(catalog: Catalog) -> Iterator[tuple[object, str]]:
    snapshot = catalog.snapshot
    yield from ((f, f.sql_body or f.body or "") for f in catalog.functions)
    yield from ((r, r.definition) for r in snapshot.relations if r.definition)
    yield from ((c, c.default) for c in snapshot.columns if c.default)
    yield from ((c, c.definition) for c in snapshot.constraints if c.type is ConstraintType.CHECK)
    yield from ((i, i.definition) for i in snapshot.indexes if None in i.key_columns or i.predicate is not None)
