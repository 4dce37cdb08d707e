"""One hash for a database's schema, and one for each of its objects: the same for the same schema, wherever it runs.

What enters is what the owners of a project can change and a dump carries over: the objects of their schemas, and the
policies and triggers that they put on tables of managed schemas (`storage.objects`). What stays out, and why:

- managed schemas of a Supabase project: the platform upgrades them at its own pace, and each upgrade would look like
  drift. In a database that is not Supabase a schema called `auth` is somebody's own and counts.
- extension-owned objects, versions, owners and comments of extensions: they belong to the server's packages.
- oids, statistics, server and database names, the order of objects, positions left by dropped columns.
- the names that foreign keys and triggers are given on partitions: the server makes them from the parent's.
- predefined `pg_*` roles, and roles that have nothing to do with this database: the cluster may hold other databases.
- view dependencies (they follow from the definitions) and storage buckets (rows, which a schema dump does not carry).

Nothing here compares two databases; that is drift, which `object_fingerprints` serves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace

from platformkit_pipeline.model.managed_schemas import is_managed, is_system
from platformkit_pipeline.model.snapshot import (
    PUBLIC,
    Column,
    Constraint,
    ConstraintType,
    Function,
    Index,
    Policy,
    Privilege,
    Relation,
    RelationKind,
    Snapshot,
    Trigger,
    Type,
)
from platformkit_pipeline.model.snapshot_inventory import inventory_of
from platformkit_pipeline.sqltext.normalise import normalise_query

FINGERPRINT_VERSION = "platformkit-catalog-1"
_PLATFORM_ROLE = "supabase_admin"
_VIEWS = (RelationKind.VIEW, RelationKind.MATERIALIZED_VIEW)


def catalog_fingerprint(snapshot: Snapshot) -> str:
    """SHA-256 (64 hex digits) over everything in `object_fingerprints`."""
    digest = hashlib.sha256(f"{FINGERPRINT_VERSION}\n".encode())
    for identity, fingerprint in sorted(object_fingerprints(snapshot).items()):
        digest.update(f"{identity}\x1f{fingerprint}\n".encode())
    return digest.hexdigest()


def object_fingerprints(snapshot: Snapshot) -> dict[str, str]:
    """Canonical identity (`table public.orders`) and SHA-256 of every object that counts; see the module's docstring."""
    return {f"{stored.kind} {stored.identity}": stored.content_hash.hex() for stored in inventory_of(canonical_snapshot(snapshot))}


def canonical_snapshot(snapshot: Snapshot) -> Snapshot:
    """The part of `snapshot` that counts, in the one spelling that all majors and a restored dump share."""
    left_out = _left_out_schemas(snapshot)
    of_extensions = {(r.schema, r.name) for r in snapshot.relations if r.extension is not None}

    def counts(record: Relation | Function | Type) -> bool:
        return record.extension is None and not left_out(record.schema)

    def on_own_table(record: Column | Constraint | Index) -> bool:
        return not left_out(record.schema) and (record.schema, record.relation) not in of_extensions

    def on_any_table(record: Policy | Trigger) -> bool:
        return (record.schema, record.relation) not in of_extensions

    canonical = Snapshot(
        server=snapshot.server,
        schemas=tuple(s for s in snapshot.schemas if s.extension is None and not left_out(s.name)),
        relations=tuple(_relation(r) for r in snapshot.relations if counts(r)),
        columns=tuple(_columns(c for c in snapshot.columns if on_own_table(c))),
        constraints=tuple(_constraint(c) for c in snapshot.constraints if on_own_table(c) and not _named_by_server(c)),
        indexes=tuple(_index(i) for i in snapshot.indexes if on_own_table(i)),
        policies=tuple(_policy(p) for p in snapshot.policies if on_any_table(p)),
        functions=tuple(_function(f) for f in snapshot.functions if counts(f)),
        triggers=tuple(_trigger(t) for t in snapshot.triggers if on_any_table(t) and not t.inherited),
        extensions=tuple(
            replace(e, version="", owner="", default_version=None, relocatable=False, comment=None) for e in snapshot.extensions
        ),
        types=tuple(_type(t) for t in snapshot.types if counts(t)),
        default_privileges=tuple(d for d in snapshot.default_privileges if d.schema is None or not left_out(d.schema)),
        event_triggers=tuple(t for t in snapshot.event_triggers if t.extension is None and not left_out(t.function_schema)),
        publications=snapshot.publications,
    )
    involved = _involved_roles(snapshot, canonical)
    return replace(
        canonical,
        roles=tuple(r for r in snapshot.roles if r.name in involved),
        role_memberships=tuple(
            m for m in snapshot.role_memberships if m.role in involved and m.member in involved and (m.inherit_option or m.set_option)
        ),
    )


def _left_out_schemas(snapshot: Snapshot) -> Callable[[str], bool]:
    """Managed schemas in a Supabase project (or where roles could not be read), else only PostgreSQL's own."""
    on_platform = not snapshot.roles or any(role.name == _PLATFORM_ROLE for role in snapshot.roles)
    return is_managed if on_platform else is_system


def _involved_roles(snapshot: Snapshot, canonical: Snapshot) -> frozenset[str]:
    """Roles that the schema names, those they are members of, and those that are members of them.

    A membership with neither INHERIT nor SET is what 16 and later give to the creator of a role; it leads nowhere here.
    """
    named = set(_named_roles(canonical))
    usable = [m for m in snapshot.role_memberships if m.inherit_option or m.set_option]
    upwards, downwards = set(named), set(named)
    while more := {m.role for m in usable if m.member in upwards} - upwards:
        upwards |= more
    while more := {m.member for m in usable if m.role in downwards} - downwards:
        downwards |= more
    return frozenset(name for name in upwards | downwards if not name.startswith("pg_") and name != PUBLIC)


def _named_roles(canonical: Snapshot) -> Iterator[str]:
    privileges: tuple[tuple[Privilege, ...], ...]
    for owned in (canonical.schemas, canonical.relations, canonical.functions):
        for record in owned:
            yield record.owner
            yield from (p.grantee for p in record.privileges)
    privileges = (*(c.privileges for c in canonical.columns), *(d.privileges for d in canonical.default_privileges))
    yield from (p.grantee for granted in privileges for p in granted)
    yield from (d.role for d in canonical.default_privileges)
    yield from (t.owner for t in canonical.types)
    yield from (t.owner for t in canonical.event_triggers)
    yield from (p.owner for p in canonical.publications)
    yield from (role for p in canonical.policies for role in p.roles)


def _relation(relation: Relation) -> Relation:
    if relation.kind in _VIEWS and relation.definition is not None:
        return replace(relation, definition=normalise_query(relation.definition))
    return relation


def _columns(columns: Iterator[Column]) -> Iterator[Column]:
    """Positions counted without the gaps that dropped columns leave; a restore closes them."""
    previous: tuple[str, str] | None = None
    position = 0
    for column in columns:
        position = position + 1 if (column.schema, column.relation) == previous else 1
        previous = (column.schema, column.relation)
        yield replace(column, position=position, default=_expression(column.default))


def _named_by_server(constraint: Constraint) -> bool:
    return constraint.inherited and constraint.type is ConstraintType.FOREIGN_KEY


def _constraint(constraint: Constraint) -> Constraint:
    if constraint.type is not ConstraintType.CHECK or not _spelling_varies(constraint.definition):
        return constraint
    return replace(constraint, definition=normalise_query(f"alter table t add {constraint.definition}"))


def _index(index: Index) -> Index:
    if not _spelling_varies(index.definition):
        return index
    return replace(index, definition=normalise_query(index.definition), predicate=_expression(index.predicate))


def _policy(policy: Policy) -> Policy:
    return replace(policy, using=_expression(policy.using), with_check=_expression(policy.with_check))


def _function(function: Function) -> Function:
    """The body of an SQL-standard function stands in its definition, so only the definition needs a spelling."""
    if function.sql_body is None or function.definition is None:
        return function
    return replace(function, sql_body=None, definition=normalise_query(function.definition))


def _trigger(trigger: Trigger) -> Trigger:
    return replace(trigger, definition=normalise_query(trigger.definition)) if _spelling_varies(trigger.definition) else trigger


def _type(type_: Type) -> Type:
    if type_.kind != "domain" or type_.definition is None or not _spelling_varies(type_.definition):
        return type_
    return replace(type_, definition=normalise_query(f"create domain d as {type_.definition}"))


def _expression(text: str | None) -> str | None:
    return normalise_query(f"select {text}") if text is not None and _spelling_varies(text) else text


def _spelling_varies(text: str) -> bool:
    """Outside views and SQL-standard functions only array constructors change their spelling; parsing the rest would be waste."""
    return "ARRAY[" in text
