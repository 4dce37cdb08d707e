"""One hash for a database's schema, and one for each of its objects: the same for the same schema, wherever it runs.

What enters is what the owners of a project can change and a dump carries over: the objects of their schemas, and the
policies and triggers that they put on tables of managed schemas (`storage.objects`). What stays out, and why:

- managed schemas of a Supabase project: the platform upgrades them at its own pace, and each upgrade would look like
  drift. In a database that is not Supabase a schema called `auth` is somebody's own and counts.
- extension-owned objects, versions, owners and comments of extensions: they belong to the server's packages.
- oids, statistics, server and database names, the order of objects, positions left by dropped columns.
- the names that foreign keys and triggers are given on partitions: the server makes them from the parent's.
- predefined `pg_*` roles, and roles that have nothing to do with this database: the cluster may hold other databases.
- view dependencies (they follow from the definitions), storage buckets and cron jobs (rows, which a schema dump does not
  carry), and where foreign servers lead (it differs between the environments of one project).

Nothing here compares two databases; that is drift, which `object_fingerprints` serves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar, get_type_hints

from platformkit_pipeline.model.managed_schemas import is_managed, is_system
from platformkit_pipeline.model.snapshot import (
    PUBLIC,
    Column,
    Constraint,
    ConstraintType,
    DefaultPrivilege,
    EventTrigger,
    Extension,
    ForeignServer,
    Function,
    Index,
    Policy,
    Privilege,
    Publication,
    Relation,
    RelationKind,
    Role,
    RoleMembership,
    Schema,
    Snapshot,
    Trigger,
    Type,
)
from platformkit_pipeline.model.snapshot_inventory import identity_of
from platformkit_pipeline.sqltext.normalise import normalise_query

FINGERPRINT_VERSION = "platformkit-catalog-2"
_PLATFORM_ROLE = "supabase_admin"
_VIEWS = (RelationKind.VIEW, RelationKind.MATERIALIZED_VIEW)

T = TypeVar("T", Column, Constraint, Index, Policy, Trigger)
Group = tuple[Sequence[Any], Iterable[str]]
"""Records of one type that count, and the canonical line of each."""


def catalog_fingerprint(snapshot: Snapshot) -> str:
    """SHA-256 (64 hex digits) over the canonical lines of everything that has one in `object_fingerprints`."""
    digest = hashlib.sha256(f"{FINGERPRINT_VERSION}\n".encode())
    for records, made in _groups(snapshot):
        if not records:
            continue
        lines = sorted(made)
        digest.update(f"{type(records[0]).__name__} {len(lines)}\n".encode())
        digest.update("\n".join(lines).encode())
    return digest.hexdigest()


def object_fingerprints(snapshot: Snapshot) -> dict[str, str]:
    """Canonical identity (`table public.orders`) and SHA-256 of every object that counts; see the module's docstring."""
    return {
        identity_of(record).canonical: hashlib.sha256(line.encode()).hexdigest()
        for records, lines in _groups(snapshot)
        for record, line in zip(records, lines, strict=True)
    }


def _groups(snapshot: Snapshot) -> Iterator[Group]:
    """What counts, type by type, each record with a line in the one spelling that all majors and a restored dump share."""
    left_out = cache(_left_out_schemas(snapshot))
    of_extensions = {(r.schema, r.name) for r in snapshot.relations if r.extension is not None}

    def counts(record: Relation | Function | Type) -> bool:
        return record.extension is None and not left_out(record.schema)

    def on_any_table(members: Sequence[T]) -> Sequence[T]:
        return [m for m in members if (m.schema, m.relation) not in of_extensions] if of_extensions else members

    def on_own_tables(members: Sequence[T]) -> Sequence[T]:
        own = {schema for schema in {m.schema for m in members} if not left_out(schema)}
        return [m for m in on_any_table(members) if m.schema in own]

    schemas = [s for s in snapshot.schemas if s.extension is None and not left_out(s.name)]
    relations = [r for r in snapshot.relations if counts(r)]
    columns = on_own_tables(snapshot.columns)
    policies = on_any_table(snapshot.policies)
    functions = [f for f in snapshot.functions if counts(f)]
    types = [t for t in snapshot.types if counts(t)]
    default_privileges = [d for d in snapshot.default_privileges if d.schema is None or not left_out(d.schema)]
    event_triggers = [t for t in snapshot.event_triggers if t.extension is None and not left_out(t.function_schema)]
    publications = snapshot.publications
    owned: tuple[Any, ...] = (*schemas, *relations, *functions, *types, *event_triggers, *publications, *snapshot.foreign_servers)
    granted: tuple[Any, ...] = (*schemas, *relations, *functions, *columns, *default_privileges)
    named = {record.owner for record in owned}
    named |= {p.grantee for privileges in {id(r.privileges): r.privileges for r in granted}.values() for p in privileges}
    named |= {d.role for d in default_privileges}
    named |= {role for roles in {p.roles for p in policies} for role in roles}
    involved = _involved_roles(snapshot, named)

    yield schemas, _lines(Schema, schemas)
    yield _with_lines(Role, [r for r in snapshot.roles if r.name in involved])
    yield _with_lines(
        RoleMembership,
        [m for m in snapshot.role_memberships if m.role in involved and m.member in involved and (m.inherit_option or m.set_option)],
    )
    yield relations, _lines(Relation, relations, definition=[_relation_definition(r) for r in relations])
    yield columns, _lines(Column, columns, position=_positions(columns), default=map(_expression, (c.default for c in columns)))
    constraints = [c for c in on_own_tables(snapshot.constraints) if not _named_by_server(c)]
    yield constraints, _lines(Constraint, constraints, definition=map(_constraint_definition, constraints))
    indexes = on_own_tables(snapshot.indexes)
    yield (
        indexes,
        _lines(
            Index,
            indexes,
            definition=(_statement(i.definition) for i in indexes),
            predicate=(_expression(i.predicate) for i in indexes),
        ),
    )
    yield (
        policies,
        _lines(Policy, policies, using=(_expression(p.using) for p in policies), with_check=(_expression(p.with_check) for p in policies)),
    )
    yield functions, _lines(Function, functions, sql_body=[None] * len(functions), definition=map(_function_definition, functions))
    triggers = [t for t in on_any_table(snapshot.triggers) if not t.inherited]
    yield triggers, _lines(Trigger, triggers, definition=(_statement(t.definition) for t in triggers))
    yield snapshot.extensions, _lines(Extension, snapshot.extensions)
    yield types, _lines(Type, types, definition=map(_type_definition, types))
    yield _with_lines(DefaultPrivilege, default_privileges)
    yield _with_lines(EventTrigger, event_triggers)
    yield _with_lines(Publication, publications)
    yield _with_lines(ForeignServer, snapshot.foreign_servers)


# -- one record, one line --------------------------------------------------------------------------------------------
_NOT_COMPARED: dict[type[Any], frozenset[str]] = {
    Extension: frozenset({"version", "owner", "default_version", "relocatable", "comment", "update_path"}),
    ForeignServer: frozenset({"options", "user_mappings"}),
}
"""Fields that say nothing about the owners' schema."""


def _with_lines(record: type[Any], records: Sequence[Any]) -> Group:
    return records, _lines(record, records)


def _lines(record: type[Any], records: Sequence[Any], **canonical: Iterable[Any]) -> Iterator[str]:
    """The fields of each record as one text. `canonical` replaces the values of a field.

    Fields are separated by NUL, which no text of PostgreSQL contains. It is done field by field and not record by record,
    because that keeps a quarter of a million records out of Python's loops.
    """
    columns = []
    for name, write in _WRITERS[record]:
        values = canonical[name] if name in canonical else map(attrgetter(name), records)
        columns.append(values if write is None else write(values))
    return map("\0".join, zip(*columns, strict=True))


def _nullable(values: Iterable[str | None]) -> Iterable[str]:
    """A text that is absent differs from one that is empty."""
    return ["" if value is None else f"={value}" for value in values]


def _memoised(write: Callable[[Any], str]) -> Callable[[Iterable[Any]], Iterable[str]]:
    def written(values: Iterable[Any]) -> Iterable[str]:
        return map(cache(write), values)

    return written


def _privileges(values: Iterable[tuple[Privilege, ...]]) -> Iterable[str]:
    """Records share the object of an ACL, so that its identity is enough to know it again."""
    known: dict[int, str] = {}
    kept = []
    for value in values:
        line = known.get(id(value))
        if line is None:
            kept.append(value)  # as long as it lives, no other object has its identity
            line = known[id(value)] = _listed(f"{p.grantee}\x00{p.privilege}\x00{p.grantable}" for p in value)
        yield line


def _listed(items: Iterable[str]) -> str:
    """A list within a field: preceded by its length, it can only be read in one way."""
    listed = list(items)
    return "\0".join((str(len(listed)), *listed))


def _writer(hint: Any) -> Callable[[Iterable[Any]], Iterable[str]] | None:
    """How values of that type are written; None where they are text already."""
    if hint is str or hint in (RelationKind, ConstraintType):
        return None
    if hint == str | None:
        return _nullable
    if hint == tuple[Privilege, ...]:
        return _privileges
    if hint == tuple[tuple[str, str], ...]:
        return _memoised(lambda pairs: _listed(f"{first}\0{second}" for first, second in pairs))
    if hint in (tuple[str, ...], tuple[str | None, ...]):
        return _memoised(lambda items: _listed("" if item is None else f"={item}" for item in items))
    return lambda values: map(str, values)


def _writers(record: type[Any]) -> tuple[tuple[str, Callable[[Iterable[Any]], Iterable[str]] | None], ...]:
    hints, left_out = get_type_hints(record), _NOT_COMPARED.get(record, frozenset())
    return tuple((f.name, _writer(hints[f.name])) for f in fields(record) if f.name not in left_out)


_WRITERS = {
    record: _writers(record)
    for record in (
        Schema,
        Role,
        RoleMembership,
        Relation,
        Column,
        Constraint,
        Index,
        Policy,
        Function,
        Trigger,
        Extension,
        Type,
        DefaultPrivilege,
        EventTrigger,
        Publication,
        ForeignServer,
    )
}


# -- what counts -----------------------------------------------------------------------------------------------------
def _left_out_schemas(snapshot: Snapshot) -> Callable[[str], bool]:
    """Managed schemas in a Supabase project (or where roles could not be read), else only PostgreSQL's own."""
    on_platform = not snapshot.roles or any(role.name == _PLATFORM_ROLE for role in snapshot.roles)
    return is_managed if on_platform else is_system


def _involved_roles(snapshot: Snapshot, named: set[str]) -> frozenset[str]:
    """Roles that the schema names, those they are members of, and those that are members of them.

    A membership with neither INHERIT nor SET is what 16 and later give to the creator of a role; it leads nowhere here.
    """
    usable = [m for m in snapshot.role_memberships if m.inherit_option or m.set_option]
    upwards, downwards = set(named), set(named)
    while more := {m.role for m in usable if m.member in upwards} - upwards:
        upwards |= more
    while more := {m.member for m in usable if m.role in downwards} - downwards:
        downwards |= more
    return frozenset(name for name in upwards | downwards if not name.startswith("pg_") and name != PUBLIC)


def _named_by_server(constraint: Constraint) -> bool:
    return constraint.inherited and constraint.type is ConstraintType.FOREIGN_KEY


# -- one spelling ----------------------------------------------------------------------------------------------------
def _positions(columns: Sequence[Column]) -> Iterator[int]:
    """Positions counted without the gaps that dropped columns leave; a restore closes them."""
    schema, relation, position = "", "", 0
    for column in columns:
        position = position + 1 if column.relation == relation and column.schema == schema else 1
        schema, relation = column.schema, column.relation
        yield position


def _relation_definition(relation: Relation) -> str | None:
    text = relation.definition
    return text if text is None or relation.kind not in _VIEWS else normalise_query(text)


def _constraint_definition(constraint: Constraint) -> str:
    text = constraint.definition
    if constraint.type is not ConstraintType.CHECK or not _spelling_varies(text):
        return text
    return normalise_query(f"alter table t add {text}")


def _function_definition(function: Function) -> str | None:
    """The body of an SQL-standard function stands in its definition, so only the definition needs a spelling."""
    text = function.definition
    return text if function.sql_body is None or text is None else normalise_query(text)


def _type_definition(type_: Type) -> str | None:
    text = type_.definition
    if type_.kind != "domain" or text is None or not _spelling_varies(text):
        return text
    return normalise_query(f"create domain d as {text}")


def _statement(text: str) -> str:
    return normalise_query(text) if _spelling_varies(text) else text


def _expression(text: str | None) -> str | None:
    return normalise_query(f"select {text}") if text is not None and _spelling_varies(text) else text


def _spelling_varies(text: str) -> bool:
    """Outside views and SQL-standard functions only array constructors change their spelling; parsing the rest would be waste."""
    return "ARRAY[" in text
