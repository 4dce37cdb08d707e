"""What a patch may change, in the names that fingerprints use: objects, the roles that come into sight with them, and access."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache

from platformkit_pipeline.model.identity import ObjectIdentity, member_identity
from platformkit_pipeline.model.managed_schemas import is_managed
from platformkit_pipeline.model.snapshot import PUBLIC, Function, Relation, Schema
from platformkit_pipeline.model.snapshot_inventory import identity_of
from platformkit_pipeline.rules.database.catalog import Catalog, Name
from platformkit_pipeline.sqltext.expression_facts import facts_of
from platformkit_pipeline.sqltext.parser import SqlSyntaxError


def object_of(record: object) -> str:
    """Canonical identity of a record of the snapshot, as `object_fingerprints` has it."""
    return identity_of(record).canonical


def member(kind: str, table: Relation, name: str) -> str:
    """A policy, column, index, constraint or trigger of `table`, which need not exist yet."""
    return member_identity(kind, table.schema, table.name, name).canonical


# -- roles ----------------------------------------------------------------------------------------------------------
def roles_in_sight(catalog: Catalog, roles: Iterable[str], objects: Iterable[str]) -> tuple[str, ...]:
    """Roles and memberships that a fingerprint may gain or lose when `objects` begin or cease to name `roles`.

    A fingerprint holds the roles that the schema names, and those related to them. A role that something else names as well
    neither comes nor goes.
    """
    changing = set(objects)
    affected = [role for role in sorted(set(roles) - {PUBLIC}) if not _naming(catalog)[role] - changing]
    names = {name for role in affected for name in _related(catalog, role)}
    memberships = [m for m in catalog.snapshot.role_memberships if m.role in names or m.member in names]
    return tuple(sorted({ObjectIdentity("role", None, name).canonical for name in names} | {object_of(m) for m in memberships}))


@lru_cache(maxsize=1)
def _naming(catalog: Catalog) -> defaultdict[str, set[str]]:
    """Role → objects that name it as owner, grantee or policy role."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for role, identity in _names(catalog):
        found[role].add(identity)
    return found


def _names(catalog: Catalog) -> Iterator[tuple[str, str]]:
    snapshot = catalog.snapshot
    owned: list[Schema | Relation | Function] = [s for s in snapshot.schemas if not is_managed(s.name)]
    owned += [r for r in snapshot.relations if r.extension is None and not is_managed(r.schema)]
    owned += [f for f in snapshot.functions if f.extension is None and not is_managed(f.schema)]
    for record in owned:
        identity = object_of(record)
        yield record.owner, identity
        yield from ((p.grantee, identity) for p in record.privileges)
    for column in snapshot.columns:
        if column.privileges and not is_managed(column.schema):
            yield from ((p.grantee, object_of(column)) for p in column.privileges)
    for policy in snapshot.policies:
        yield from ((role, object_of(policy)) for role in policy.roles)
    for entry in snapshot.default_privileges:
        if entry.schema is None or not is_managed(entry.schema):
            yield entry.role, object_of(entry)
            yield from ((p.grantee, object_of(entry)) for p in entry.privileges)


def _related(catalog: Catalog, role: str) -> frozenset[str]:
    """The role, those that it is a member of, and their members."""
    edges = [(m.role, m.member) for m in catalog.snapshot.role_memberships]
    upwards = {role}
    while more := {above for above, below in edges if below in upwards} - upwards:
        upwards |= more
    downwards = set(upwards)
    while more := {below for above, below in edges if above in downwards} - downwards:
        downwards |= more
    return frozenset(name for name in downwards if not name.startswith("pg_"))


# -- access ---------------------------------------------------------------------------------------------------------
def tables_asking(catalog: Catalog, table: Relation) -> tuple[Relation, ...]:
    """Other tables whose policies look rows up in `table`, directly or through one another: what it shows decides there as well."""
    found: dict[Name, Relation] = {}
    waiting: list[Name] = [(table.schema, table.name)]
    while waiting:
        for name in _asking(catalog)[waiting.pop()]:
            relation = catalog.relations.get(name)
            if relation is not None and name not in found and name != (table.schema, table.name):
                found[name] = relation
                waiting.append(name)
    return tuple(found[name] for name in sorted(found))


@lru_cache(maxsize=1)
def _asking(catalog: Catalog) -> defaultdict[Name, set[Name]]:
    """Relation → tables whose policies read it. Names in policies are qualified: they are printed under a bare search_path."""
    found: defaultdict[Name, set[Name]] = defaultdict(set)
    for policy in catalog.snapshot.policies:
        for text in (policy.using, policy.with_check):
            for relation in _relations_in(text) if text is not None else ():
                found[relation].add((policy.schema, policy.relation))
    return found


def _relations_in(text: str) -> list[Name]:
    try:
        return [(path[-2], path[-1]) for path in facts_of(text).relations if len(path) > 1]
    except SqlSyntaxError:
        return []
