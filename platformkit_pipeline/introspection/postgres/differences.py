"""What migrations declare against what is live, object by object (MIG051). Pure: two snapshots in, differences out.

Objects are equal exactly when their texts in the catalogue fingerprint are, so grants, column grants, default privileges,
policies on storage, `security_invoker`, `search_path`, owners and comments all count. Beyond the fingerprint, buckets are
compared; what the platform makes by itself is left out (see `platform_made`), and so are roles that serve one side only
and exist on both. Positions of columns count by their order among the columns that both sides have.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from platformkit_pipeline.introspection.postgres.difference_texts import aspects_of, summary
from platformkit_pipeline.introspection.postgres.fingerprint import compared_fields, object_texts
from platformkit_pipeline.introspection.postgres.platform_made import made_by_platform
from platformkit_pipeline.model.drift import Aspect, Difference, DifferenceKind
from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.snapshot import (
    CatalogKind,
    Column,
    Constraint,
    DefaultPrivilege,
    EventTrigger,
    Extension,
    ForeignServer,
    Function,
    Index,
    Policy,
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

_KINDS: dict[type[Any], CatalogKind] = {
    Schema: CatalogKind.SCHEMAS,
    Role: CatalogKind.ROLES,
    RoleMembership: CatalogKind.ROLE_MEMBERSHIPS,
    Relation: CatalogKind.RELATIONS,
    Column: CatalogKind.COLUMNS,
    Constraint: CatalogKind.CONSTRAINTS,
    Index: CatalogKind.INDEXES,
    Policy: CatalogKind.POLICIES,
    Function: CatalogKind.FUNCTIONS,
    Trigger: CatalogKind.TRIGGERS,
    Extension: CatalogKind.EXTENSIONS,
    Type: CatalogKind.TYPES,
    DefaultPrivilege: CatalogKind.DEFAULT_PRIVILEGES,
    EventTrigger: CatalogKind.EVENT_TRIGGERS,
    Publication: CatalogKind.PUBLICATIONS,
    ForeignServer: CatalogKind.FOREIGN_SERVERS,
}
_PARTITIONS_INHERIT_IDENTITY = 17_00_00
_BUCKETS = CatalogKind.STORAGE_BUCKETS
_SEQUENCE = re.compile(r"nextval\('((?:[^']|'')+)'::regclass\)")


@dataclass(frozen=True, slots=True)
class _Object:
    """One object of one side: its record, and the canonical texts of the fields that are compared."""

    identity: ObjectIdentity
    record: Any
    texts: tuple[str, ...]


_Objects = Mapping[str, _Object]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs, by identity, and how many objects there are on either side."""

    differences: tuple[Difference, ...]
    compared: int


def compare(declared: Snapshot, live: Snapshot) -> tuple[Difference, ...]:
    """Every difference, by identity. A kind that either side could not observe is one difference that is UNKNOWN."""
    return compare_schemas(declared, live).differences


def compare_schemas(declared: Snapshot, live: Snapshot, *, sides: tuple[str, str] = ("the replay", "live")) -> Comparison:
    """As `compare`, with the number of objects. `sides` are what reasons call the two."""
    unobserved = dict(_unobserved(declared, live, sides))
    ours, theirs = _objects(declared, unobserved.keys()), _objects(live, unobserved.keys())
    found = [
        *_missing(ours, theirs, live, DifferenceKind.ONLY_DECLARED),
        *_missing(theirs, ours, declared, DifferenceKind.ONLY_LIVE),
        *_different(ours, theirs, _changed_by_version(declared, live)),
        *(Difference(DifferenceKind.UNKNOWN, ObjectIdentity("catalog", None, k.value), reason=why) for k, why in unobserved.items()),
    ]
    return Comparison(tuple(sorted(found, key=lambda d: (d.object.canonical, d.kind.value))), len(ours.keys() | theirs.keys()))


def _unobserved(declared: Snapshot, live: Snapshot, sides: tuple[str, str]) -> Iterator[tuple[CatalogKind, str]]:
    for kind in (*_KINDS.values(), _BUCKETS):
        for side, snapshot in ((sides[1], live), (sides[0], declared)):
            reasons = [u.why for u in snapshot.unobserved if u.what == kind.value]
            if reasons:
                yield kind, f"{side}: {reasons[0]}"
                break


def _objects(snapshot: Snapshot, unobserved: Iterable[CatalogKind]) -> _Objects:
    left_out = frozenset(unobserved)
    found = {}
    for record, texts in object_texts(snapshot):
        if _KINDS[type(record)] not in left_out and not made_by_platform(record):
            identity = identity_of(record)
            found[identity.canonical] = _Object(identity, record, texts)
    named = _named_roles(made.record for made in found.values())
    found = {name: made for name, made in found.items() if not isinstance(made.record, Role) or made.record.name in named}
    if _BUCKETS not in left_out:
        for bucket in snapshot.storage_buckets:
            identity = identity_of(bucket)
            found[identity.canonical] = _Object(identity, bucket, (bucket.id, bucket.name, str(bucket.public)))
    return found


def _named_roles(records: Iterable[Any]) -> set[str]:
    """Who owns or may do something here, or is a member of such a role; the server may hold roles for other databases."""
    named: set[str] = set()
    for record in records:
        match record:
            case RoleMembership():
                named |= {record.role, record.member}
            case DefaultPrivilege():
                named.add(record.role)
            case Policy():
                named.update(record.roles)
        named.update(p.grantee for p in getattr(record, "privileges", ()))
        if owner := getattr(record, "owner", None):
            named.add(owner)
    return named


# -- only on one side -------------------------------------------------------------------------------------------------


def _missing(here: _Objects, there: _Objects, other: Snapshot, kind: DifferenceKind) -> Iterator[Difference]:
    """What is `here` and not `there`, each with what is missing along with it. `other` is the whole snapshot of there."""
    exists = {identity_of(r).canonical for r in (*other.roles, *other.role_memberships)}
    absent = {name: made for name, made in here.items() if name not in there and name not in exists}
    folded_into = {name: _whole(made, absent) for name, made in absent.items()}
    children: dict[str, list[str]] = defaultdict(list)
    for name, above in folded_into.items():
        if above is not None:
            children[_topmost(above, folded_into)].append(name)
    for name, made in absent.items():
        if folded_into[name] is None:
            inside = tuple(sorted(children[name]))
            text = summary(made.record, _columns(here, inside, made.identity))
            aspect = Aspect("object", None, text) if kind is DifferenceKind.ONLY_LIVE else Aspect("object", text, None)
            yield Difference(kind, made.identity, (aspect,), inside)


def _topmost(name: str, folded_into: Mapping[str, str | None]) -> str:
    above = folded_into[name]
    return name if above is None else _topmost(above, folded_into)


def _whole(made: _Object, absent: _Objects) -> str | None:
    """Canonical identity of what this object is missing with: its relation, its schema, its constraint, its column."""
    record, identity = made.record, made.identity
    if hasattr(record, "relation"):
        for kind in RelationKind:
            if (name := ObjectIdentity(kind.value, record.schema, record.relation).canonical) in absent:
                return name
    if isinstance(record, Index) and record.constraint is not None:
        name = ObjectIdentity("constraint", record.schema, record.relation, (("constraint", record.constraint),)).canonical
        return name if name in absent else None
    if isinstance(record, Relation) and record.kind is RelationKind.SEQUENCE:
        owner = _column_of_sequence(identity, absent)
        if owner is not None:
            return owner
    if isinstance(record, DefaultPrivilege | Relation | Function | Type) and record.schema is not None:
        name = ObjectIdentity("schema", None, record.schema).canonical
        return name if name in absent else None
    return None


def _column_of_sequence(sequence: ObjectIdentity, absent: _Objects) -> str | None:
    """The missing column that takes its values from the sequence, as serial and identity columns do."""
    for name, made in absent.items():
        column = made.record
        if not isinstance(column, Column) or column.schema != sequence.schema:
            continue
        used = _SEQUENCE.search(column.default or "")
        if (used and used[1] in (str(sequence), sequence.name)) or (
            column.identity is not None and sequence.name == f"{column.relation}_{column.name}_seq"
        ):
            return name
    return None


def _columns(here: _Objects, inside: Iterable[str], relation: ObjectIdentity) -> list[Column]:
    columns = (here[name].record for name in inside if isinstance(here[name].record, Column))
    return sorted((c for c in columns if (c.schema, c.relation) == (relation.schema, relation.name)), key=attrgetter("position"))


# -- on both sides ----------------------------------------------------------------------------------------------------


def _changed_by_version(declared: Snapshot, live: Snapshot) -> frozenset[tuple[str, str]]:
    """Partitions, where one server gives them the identity columns of their parents and the other, older than 17, does not."""
    if (declared.server.version_num < _PARTITIONS_INHERIT_IDENTITY) == (live.server.version_num < _PARTITIONS_INHERIT_IDENTITY):
        return frozenset()
    return frozenset((r.schema, r.name) for r in declared.relations if r.is_partition)


def _different(ours: _Objects, theirs: _Objects, partitions: frozenset[tuple[str, str]]) -> Iterator[Difference]:
    reordered = dict(_reordered(ours, theirs))
    for name, declared in ours.items():
        live = theirs.get(name)
        if live is None:
            continue
        aspects: tuple[Aspect, ...] = ()
        if declared.texts != live.texts:
            names = ("id", "name", "public") if declared.identity.kind == "storage_bucket" else compared_fields(type(declared.record))
            pairs = zip(names, declared.texts, live.texts, strict=True)
            differing = [field for field, a, b in pairs if a != b and field != "position"]
            if isinstance(declared.record, Column) and (declared.record.schema, declared.record.relation) in partitions:
                differing = [field for field in differing if field != "identity"]
            aspects = tuple(aspects_of(declared.record, live.record, differing))
        if name in reordered:
            aspects = (*aspects, reordered[name])
        if aspects:
            yield Difference(DifferenceKind.DIFFERENT, declared.identity, tuple(sorted(aspects, key=lambda a: a.name)))


def _reordered(ours: _Objects, theirs: _Objects) -> Iterator[tuple[str, Aspect]]:
    """Tables whose common columns stand in another order, as in a dump and in `select *`."""
    orders: dict[tuple[str, str], list[tuple[int, int, str]]] = defaultdict(list)
    for name, declared in ours.items():
        if isinstance(declared.record, Column) and name in theirs:
            column = declared.record
            orders[column.schema, column.relation].append((column.position, theirs[name].record.position, column.name))
    for (schema, relation), columns in orders.items():
        declared_order = [name for _, _, name in sorted(columns)]
        live_order = [name for _, _, name in sorted(columns, key=lambda c: c[1])]
        if declared_order != live_order:
            for kind in RelationKind:
                if (table := ObjectIdentity(kind.value, schema, relation).canonical) in ours:
                    yield table, Aspect("column order", ", ".join(declared_order), ", ".join(live_order))
