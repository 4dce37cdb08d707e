"""Between a snapshot and its inventory, without loss: every record becomes one `InventoryObject`, and back.

A payload holds every field of its record; names, orders and identities are fixed here because stored inventory depends
on them. Adding a field with a default to a record is safe (old payloads decode to the default), renaming one is not.
`Server`, `RelationStatistics` and `Unobserved` describe a scan rather than the schema; a scan stores their JSON forms.
Nothing here reads a database or decides what is worth storing.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any, get_type_hints

from platformkit_pipeline.model.identity import (
    ObjectIdentity,
    database_identity,
    extension_identity,
    function_identity,
    member_identity,
    relation_identity,
    schema_identity,
)
from platformkit_pipeline.model.inventory import InventoryObject, inventory_object
from platformkit_pipeline.model.snapshot import (
    Column,
    Constraint,
    ConstraintType,
    CronJob,
    DatabaseSettings,
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
    RelationStatistics,
    Role,
    RoleMembership,
    Schema,
    Server,
    Snapshot,
    StorageBucket,
    Trigger,
    Type,
    Unobserved,
    UserMapping,
    ViewDependency,
)

Identify = Callable[[Any], ObjectIdentity]


@dataclass(frozen=True, slots=True)
class _Noun:
    """How one kind of record is stored. `field` is its place in the snapshot; `order` the fields it is sorted by there."""

    field: str
    record: type[Any]
    kinds: tuple[str, ...]
    identify: Identify
    order: tuple[str, ...]


def _default_privilege_identity(record: DefaultPrivilege) -> ObjectIdentity:
    return ObjectIdentity("default_privilege", record.schema, record.role, (("objects", record.object_type),))


def _view_dependency_identity(record: ViewDependency) -> ObjectIdentity:
    return ObjectIdentity("view_dependency", record.view_schema, record.view, (("schema", record.schema), ("relation", record.relation)))


def _member(kind: str) -> Identify:
    return lambda record: member_identity(kind, record.schema, record.relation, record.name)


def _named(kind: str) -> Identify:
    return lambda record: ObjectIdentity(kind, None, record.name)


_NOUNS: tuple[_Noun, ...] = (
    _Noun("schemas", Schema, ("schema",), lambda r: schema_identity(r.name), ("name",)),
    _Noun("roles", Role, ("role",), _named("role"), ("name",)),
    _Noun(
        "role_memberships",
        RoleMembership,
        ("role_membership",),
        lambda r: ObjectIdentity("role_membership", None, r.role, (("member", r.member),)),
        ("role", "member"),
    ),
    _Noun(
        "relations",
        Relation,
        tuple(kind.value for kind in RelationKind),
        lambda r: relation_identity(r.kind.value, r.schema, r.name),
        ("schema", "name"),
    ),
    _Noun("columns", Column, ("column",), _member("column"), ("schema", "relation", "position")),
    _Noun("constraints", Constraint, ("constraint",), _member("constraint"), ("schema", "relation", "name")),
    _Noun("indexes", Index, ("index",), _member("index"), ("schema", "relation", "name")),
    _Noun("policies", Policy, ("policy",), _member("policy"), ("schema", "relation", "name")),
    _Noun(
        "functions",
        Function,
        ("function",),
        lambda r: function_identity(r.schema, r.name, r.arguments),
        ("schema", "name", "arguments"),
    ),
    _Noun("triggers", Trigger, ("trigger",), _member("trigger"), ("schema", "relation", "name")),
    _Noun("extensions", Extension, ("extension",), lambda r: extension_identity(r.name), ("name",)),
    _Noun("types", Type, ("type",), lambda r: ObjectIdentity("type", r.schema, r.name), ("schema", "name")),
    _Noun("default_privileges", DefaultPrivilege, ("default_privilege",), _default_privilege_identity, ("role", "schema", "object_type")),
    _Noun(
        "view_dependencies",
        ViewDependency,
        ("view_dependency",),
        _view_dependency_identity,
        ("view_schema", "view", "schema", "relation"),
    ),
    _Noun("event_triggers", EventTrigger, ("event_trigger",), _named("event_trigger"), ("name",)),
    _Noun("publications", Publication, ("publication",), _named("publication"), ("name",)),
    _Noun("storage_buckets", StorageBucket, ("storage_bucket",), lambda r: ObjectIdentity("storage_bucket", None, r.id), ("id",)),
    _Noun("foreign_servers", ForeignServer, ("foreign_server",), _named("foreign_server"), ("name",)),
    _Noun(
        "cron_jobs",
        CronJob,
        ("cron_job",),
        lambda r: ObjectIdentity("cron_job", None, r.name, (("user", r.username),)),
        ("name", "username"),
    ),
    _Noun("database_settings", DatabaseSettings, ("database",), lambda r: database_identity(r.name), ("name",)),
)
_NOUN_OF_RECORD = {noun.record: noun for noun in _NOUNS}
_NOUN_OF_KIND = {kind: noun for noun in _NOUNS for kind in noun.kinds}


def identity_of(record: Any) -> ObjectIdentity:
    """Identity of one record of a snapshot's list."""
    return _NOUN_OF_RECORD[type(record)].identify(record)


def order_of(record: type[Any]) -> Callable[[Any], Any]:
    """Sort key of a record in a snapshot; an absent schema comes first."""
    names = _NOUN_OF_RECORD[record].order
    if record is DefaultPrivilege:
        return lambda made: tuple("" if (value := getattr(made, name)) is None else value for name in names)
    return attrgetter(*names)


def inventory_of(snapshot: Snapshot) -> tuple[InventoryObject, ...]:
    """One object per record, in the snapshot's order. Identities are unique within their kind."""
    return tuple(_encoded(noun, record) for noun in _NOUNS for record in getattr(snapshot, noun.field))


def snapshot_of(
    server: Server,
    objects: Iterable[InventoryObject],
    relation_statistics: Iterable[RelationStatistics] = (),
    unobserved: Iterable[Unobserved] = (),
) -> Snapshot:
    """The snapshot that `objects` (in any order) came from: `snapshot_of(s.server, inventory_of(s), ...) == s`.

    Raises ValueError for a kind or a field that this version does not know.
    """
    collected: dict[str, list[Any]] = {noun.field: [] for noun in _NOUNS}
    for stored in objects:
        noun = _NOUN_OF_KIND.get(stored.kind)
        if noun is None:
            raise ValueError(f"inventory holds an object of the unknown kind {stored.kind!r} ({stored.identity})")
        collected[noun.field].append(_decoded(noun.record, json.loads(stored.payload)))
    for noun in _NOUNS:
        collected[noun.field].sort(key=order_of(noun.record))
    records_by_field: dict[str, Any] = {field: tuple(records) for field, records in collected.items()}
    return Snapshot(
        server=server,
        relation_statistics=tuple(sorted(relation_statistics, key=attrgetter("schema", "name"))),
        unobserved=tuple(sorted(unobserved)),
        **records_by_field,
    )


def server_to_json(server: Server) -> dict[str, Any]:
    """JSON object of a `Server`, one key per field."""
    return dataclasses.asdict(server)


def server_from_json(value: Mapping[str, Any]) -> Server:
    """Stored objects outlive versions of the record: a field that it no longer has is dropped, a new one takes its default."""
    return Server(**{field.name: value[field.name] for field in dataclasses.fields(Server) if field.name in value})


def relation_statistics_to_json(statistics: Iterable[RelationStatistics]) -> list[dict[str, Any]]:
    """JSON list of objects, one key per field."""
    return [dataclasses.asdict(s) for s in statistics]


def relation_statistics_from_json(value: Iterable[Mapping[str, Any]]) -> tuple[RelationStatistics, ...]:
    return tuple(RelationStatistics(**entry) for entry in value)


def unobserved_to_json(unobserved: Iterable[Unobserved]) -> list[dict[str, str]]:
    """JSON list of {"what": ..., "why": ...}, the form that reports print."""
    return [{"what": u.what, "why": u.why} for u in unobserved]


def unobserved_from_json(value: Iterable[Mapping[str, str]]) -> tuple[Unobserved, ...]:
    return tuple(Unobserved(entry["what"], entry["why"]) for entry in value)


def _encoded(noun: _Noun, record: Any) -> InventoryObject:
    plan = _PLANS[noun.record]
    payload = dict(zip(plan.names, plan.values_of(record), strict=True))
    privileges = payload.get("privileges")
    if privileges:
        payload["privileges"] = _privilege_lists(privileges)
    mappings = payload.get("user_mappings")
    if mappings:
        payload["user_mappings"] = [[m.user, m.options, m.options_visible] for m in mappings]
    identity = noun.identify(record)
    return inventory_object(identity.kind, str(identity), payload)


def _decoded(record: type[Any], payload: dict[str, Any]) -> Any:
    plan = _PLANS[record]
    unknown = payload.keys() - set(plan.names)
    if unknown:
        raise ValueError(f"inventory holds fields of {record.__name__} that this version does not know: {', '.join(sorted(unknown))}")
    for name, convert in plan.converters:
        if name in payload:
            payload[name] = convert(payload[name])
    return record(**payload)


@lru_cache(maxsize=4096)
def _privilege_lists(privileges: tuple[Privilege, ...]) -> list[list[Any]]:
    """Cached because many objects share one ACL; callers only serialise it."""
    return [[p.grantee, p.privilege, p.grantable] for p in privileges]


def _privileges(value: Any) -> tuple[Privilege, ...]:
    return tuple(Privilege(*entry) for entry in value)


def _pairs(value: Any) -> tuple[tuple[str, str], ...]:
    return tuple((first, second) for first, second in value)


def _user_mappings(value: Any) -> tuple[UserMapping, ...]:
    return tuple(UserMapping(user, _pairs(options), visible) for user, options, visible in value)


_CONVERTERS: dict[Any, Callable[[Any], Any]] = {
    tuple[Privilege, ...]: _privileges,
    tuple[tuple[str, str], ...]: _pairs,
    tuple[UserMapping, ...]: _user_mappings,
    tuple[str, ...]: tuple,
    tuple[str | None, ...]: tuple,
    RelationKind: RelationKind,
    ConstraintType: ConstraintType,
}


@dataclass(frozen=True, slots=True)
class _Plan:
    """How one type of record is written and read."""

    names: tuple[str, ...]
    values_of: Callable[[Any], tuple[Any, ...]]
    converters: tuple[tuple[str, Callable[[Any], Any]], ...]
    """Fields whose JSON form differs, with the way back."""


def _plan(record: type[Any]) -> _Plan:
    hints = get_type_hints(record)
    names = tuple(field.name for field in dataclasses.fields(record))
    return _Plan(names, attrgetter(*names), tuple((name, _CONVERTERS[hints[name]]) for name in names if hints[name] in _CONVERTERS))


_PLANS = {noun.record: _plan(noun.record) for noun in _NOUNS}
