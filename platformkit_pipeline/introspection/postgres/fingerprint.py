"""One hash for a database's schema, and one for each of its objects: the same for the same schema, wherever it runs.

What enters is what the owners of a project can change and a dump carries over: the objects of their schemas, and the
policies and triggers that they put on tables of managed schemas (`storage.objects`). What stays out, and why:

- managed schemas of a Supabase project: the platform upgrades them at its own pace, and each upgrade would look like
  drift. In a database that is not Supabase a schema called `auth` is somebody's own and counts.
- extension-owned objects, versions, owners and comments of extensions: they belong to the server's packages.
- oids, statistics, server and database names, the order of objects, positions left by dropped columns.
- the names that foreign keys and triggers are given on partitions: the server makes them from the parent's.
- predefined `pg_*` roles, and roles that have nothing to do with this database: the cluster may hold other databases.
- view dependencies (they follow from the definitions), storage buckets and cron jobs (rows), settings of the database,
  none of which a schema dump carries, and where foreign servers lead (it differs between the environments of one project).

Nothing here compares two databases; that is drift, which `object_fingerprints` serves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cache
from itertools import chain, repeat
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
from platformkit_pipeline.model.snapshot_inventory import identity_of, order_of
from platformkit_pipeline.sqltext.normalise import normalise_query

FINGERPRINT_VERSION = "platformkit-catalog-4"
_PLATFORM_ROLE = "supabase_admin"
_VIEWS = (RelationKind.VIEW, RelationKind.MATERIALIZED_VIEW)

R = TypeVar("R")
T = TypeVar("T", Column, Constraint, Index, Policy, Trigger)
_NUL = "\0"


@dataclass(frozen=True, slots=True)
class _Alike:
    """The text of a field that all `count` records have."""

    text: str
    count: int

    def __iter__(self) -> Iterator[str]:
        return repeat(self.text, self.count)


Group = tuple[Sequence[Any], Iterable[Iterable[str]]]
"""Records of one type that count, and field by field the canonical text of each record."""


def catalog_fingerprint(snapshot: Snapshot) -> str:
    """SHA-256 (64 hex digits) over everything that has a fingerprint in `object_fingerprints`.

    Records are taken in the order of their identities, and field by field instead of record by
    record: that spares a large catalogue a quarter of a million lines. A field that is the same everywhere, as most are, is
    told once. Every text ends with NUL, which no text of PostgreSQL contains, and their number is told first, so that the
    whole can be read in one way only.
    """
    digest = hashlib.sha256(f"{FINGERPRINT_VERSION}\n".encode())
    for records, fields_of_records in _groups(snapshot):
        if not records:
            continue
        digest.update(f"{type(records[0]).__name__} {len(records)}\n".encode())
        for texts in fields_of_records:
            digest.update(f"all {texts.text}{_NUL}".encode() if isinstance(texts, _Alike) else f"{_NUL.join(texts)}{_NUL}".encode())
    return digest.hexdigest()


def object_fingerprints(snapshot: Snapshot) -> dict[str, str]:
    """Canonical identity (`table public.orders`) and SHA-256 of every object that counts; see the module's docstring."""
    return {
        identity_of(record).canonical: hashlib.sha256(_NUL.join(texts).encode()).hexdigest() for record, texts in object_texts(snapshot)
    }


def object_texts(snapshot: Snapshot) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Every record that counts, with the canonical text of each of its `compared_fields`: for comparing, not for reading."""
    for records, fields_of_records in _groups(snapshot):
        for record, *texts in zip(records, *fields_of_records, strict=True):
            yield record, tuple(texts)


def compared_fields(record: type[Any]) -> tuple[str, ...]:
    """Names of the fields of a type of record that enter its fingerprint, in the order of `object_texts`."""
    return tuple(name for name, _ in _WRITERS[record])


def _groups(snapshot: Snapshot) -> Iterator[Group]:
    """What counts, type by type, in the one spelling that all majors and a restored dump share."""
    left_out = cache(_left_out_schemas(snapshot))
    of_extensions = {(r.schema, r.name) for r in snapshot.relations if r.extension is not None}

    def counts(record: Relation | Function | Type) -> bool:
        return record.extension is None and not left_out(record.schema)

    def on_any_table(members: Sequence[T]) -> Sequence[T]:
        return [m for m in members if (m.schema, m.relation) not in of_extensions] if of_extensions else members

    def on_own_tables(members: Sequence[T]) -> Sequence[T]:
        own = {schema for schema in {m.schema for m in members} if not left_out(schema)}
        return [m for m in on_any_table(members) if m.schema in own]

    schemas = _in_order(s for s in snapshot.schemas if s.extension is None and not left_out(s.name))
    relations = _in_order(r for r in snapshot.relations if counts(r))
    columns = on_own_tables(snapshot.columns)  # in order as they came: their positions are counted from it
    policies = _in_order(on_any_table(snapshot.policies))
    functions = _in_order(f for f in snapshot.functions if counts(f))
    types = _in_order(t for t in snapshot.types if counts(t))
    default_privileges = _in_order(d for d in snapshot.default_privileges if d.schema is None or not left_out(d.schema))
    event_triggers = _in_order(t for t in snapshot.event_triggers if t.extension is None and not left_out(t.function_schema))
    publications, servers, extensions = map(_in_order, (snapshot.publications, snapshot.foreign_servers, snapshot.extensions))
    owned: tuple[Any, ...] = (*schemas, *relations, *functions, *types, *event_triggers, *publications, *servers)
    granted: Iterator[Any] = chain(schemas, relations, functions, (c for c in columns if c.privileges), default_privileges)
    named = {record.owner for record in owned}
    named |= {p.grantee for privileges in {id(r.privileges): r.privileges for r in granted}.values() for p in privileges}
    named |= {d.role for d in default_privileges}
    named |= {role for roles in {p.roles for p in policies} for role in roles}
    involved = _involved_roles(snapshot, named)

    yield schemas, _texts(Schema, schemas)
    yield _as_it_is(Role, _in_order(r for r in snapshot.roles if r.name in involved))
    yield _as_it_is(
        RoleMembership,
        sorted(m for m in snapshot.role_memberships if m.role in involved and m.member in involved and (m.inherit_option or m.set_option)),
    )
    yield relations, _texts(Relation, relations, definition=[_relation_definition(r) for r in relations])
    yield columns, _texts(Column, columns, position=_positions(columns), default=map(_expression, (c.default for c in columns)))
    constraints = _in_order(c for c in on_own_tables(snapshot.constraints) if not _named_by_server(c))
    yield constraints, _texts(Constraint, constraints, definition=map(_constraint_definition, constraints))
    indexes = _in_order(on_own_tables(snapshot.indexes))
    yield (
        indexes,
        _texts(
            Index,
            indexes,
            definition=(_statement(i.definition) for i in indexes),
            predicate=(_expression(i.predicate) for i in indexes),
        ),
    )
    yield (
        policies,
        _texts(Policy, policies, using=(_expression(p.using) for p in policies), with_check=(_expression(p.with_check) for p in policies)),
    )
    yield functions, _texts(Function, functions, sql_body=[None] * len(functions), definition=map(_function_definition, functions))
    triggers = _in_order(t for t in on_any_table(snapshot.triggers) if not t.inherited)
    yield triggers, _texts(Trigger, triggers, definition=(_statement(t.definition) for t in triggers))
    yield extensions, _texts(Extension, extensions)
    yield types, _texts(Type, types, definition=map(_type_definition, types))
    yield _as_it_is(DefaultPrivilege, default_privileges)
    yield _as_it_is(EventTrigger, event_triggers)
    yield _as_it_is(Publication, publications)
    yield _as_it_is(ForeignServer, servers)


def _in_order(records: Iterable[R]) -> list[R]:
    """Records of one type by identity."""
    made = list(records)
    if made:
        made.sort(key=order_of(type(made[0])))
    return made


# -- one record, one text for each field --------------------------------------------------------------------------------------------
_NOT_COMPARED: dict[type[Any], frozenset[str]] = {
    Relation: frozenset({"rules"}),  # the majors print them in too many ways; that there are some counts, see `rewritten`
    Extension: frozenset({"version", "owner", "default_version", "relocatable", "comment", "update_path"}),
    ForeignServer: frozenset({"options", "user_mappings"}),
}
"""Fields that say nothing about the owners' schema, or not the same on every server."""


def _as_it_is(record: type[Any], records: Sequence[Any]) -> Group:
    return records, _texts(record, records)


def _texts(record: type[Any], records: Sequence[Any], **canonical: Iterable[Any]) -> Iterator[Iterable[str]]:
    """Field by field the text of each record. `canonical` replaces the values of a field."""
    for name, write in _WRITERS[record]:
        if write is None:
            yield canonical.get(name) or map(attrgetter(name), records)
            continue
        values = list(canonical[name] if name in canonical else map(attrgetter(name), records))
        if values and values.count(values[0]) == len(values):
            [text] = write(values[:1])
            yield _Alike(text, len(values))
        else:
            yield write(values)


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
