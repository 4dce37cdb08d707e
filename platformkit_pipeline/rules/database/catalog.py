"""An indexed, privilege-aware view of one snapshot: the questions that rules ask, answered once.

Privileges are *effective*: grants to PUBLIC, to the role, to roles it inherits from, by column, and by ownership.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from typing import TypeVar

from platformkit_pipeline.model.identity import ObjectIdentity, relation_identity
from platformkit_pipeline.model.managed_schemas import is_managed
from platformkit_pipeline.model.snapshot import (
    PUBLIC,
    CatalogKind,
    Column,
    Constraint,
    ConstraintType,
    Function,
    Index,
    Policy,
    Privilege,
    Relation,
    RelationKind,
    RelationStatistics,
    Role,
    Snapshot,
)
from platformkit_pipeline.model.target import Declarations

CLIENT_ROLES = ("anon", "authenticated")
"""Roles that the Data API takes on for a caller; whoever holds a project's publishable key is `anon`."""

COMMANDS = ("SELECT", "INSERT", "UPDATE", "DELETE")

_PREDEFINED = {"pg_read_all_data": ("SELECT",), "pg_write_all_data": ("INSERT", "UPDATE", "DELETE")}
"""Roles of PostgreSQL whose members may do this in every relation of every schema."""

_IDENTITY_KIND = {RelationKind.PARTITIONED_TABLE: "table"}

Name = tuple[str, str]
"""(schema, relation)."""

_Member = TypeVar("_Member", Column, Constraint, Index, Policy)


def identity_of(relation: Relation) -> ObjectIdentity:
    """A partitioned table is a table to the people who read findings."""
    return relation_identity(_IDENTITY_KIND.get(relation.kind, relation.kind.value), relation.schema, relation.name)


class Catalog:
    """See the module docstring. Every index is made on first use and then kept."""

    def __init__(self, snapshot: Snapshot, declarations: Declarations) -> None:
        self.snapshot = snapshot
        self.declarations = declarations

    def unobserved_among(self, kinds: Iterable[CatalogKind]) -> str:
        """Which of `kinds` could not be read, and why; empty when all were."""
        needed = {kind.value for kind in kinds}
        return "; ".join(f"{u.what}: {u.why}" for u in self.snapshot.unobserved if u.what in needed)

    # -- relations ------------------------------------------------------------------------------------------------
    @cached_property
    def relations(self) -> dict[Name, Relation]:
        return {(r.schema, r.name): r for r in self.snapshot.relations}

    @cached_property
    def tables(self) -> tuple[Relation, ...]:
        """Tables, partitioned tables and partitions that belong to the project's users, in name order."""
        return tuple(
            r
            for r in self.snapshot.relations
            if r.kind in (RelationKind.TABLE, RelationKind.PARTITIONED_TABLE)
            and r.extension is None
            and r.persistence != "temporary"
            and not is_managed(r.schema)
        )

    @cached_property
    def table_names(self) -> frozenset[Name]:
        return frozenset((t.schema, t.name) for t in self.tables)

    @cached_property
    def root_tables(self) -> tuple[Relation, ...]:
        """Tables without partitions: what holds for the partitioned table holds for them."""
        return tuple(t for t in self.tables if not t.is_partition)

    @cached_property
    def statistics(self) -> dict[Name, RelationStatistics]:
        return {(s.schema, s.name): s for s in self.snapshot.relation_statistics}

    @cached_property
    def _columns(self) -> dict[Name, tuple[Column, ...]]:
        return _grouped(self.snapshot.columns)

    def columns_of(self, relation: Relation) -> tuple[Column, ...]:
        return self._columns.get((relation.schema, relation.name), ())

    def column(self, relation: Relation, name: str) -> Column | None:
        return next((c for c in self.columns_of(relation) if c.name == name), None)

    @cached_property
    def _column_names(self) -> dict[Name, frozenset[str]]:
        found: dict[Name, set[str]] = defaultdict(set)
        for (schema, relation), columns in self._columns.items():
            for key in ((schema, relation), ("", relation)):
                found[key].update(c.name for c in columns)
        return {key: frozenset(names) for key, names in found.items()}

    def column_names(self, schema: str, relation: str) -> frozenset[str] | None:
        """Names of a relation's columns; those of every relation of that name when no schema is given. None when there is none."""
        return self._column_names.get((schema, relation))

    @cached_property
    def _constraints(self) -> dict[Name, tuple[Constraint, ...]]:
        return _grouped(self.snapshot.constraints)

    def constraints_of(self, relation: Relation) -> tuple[Constraint, ...]:
        return self._constraints.get((relation.schema, relation.name), ())

    def foreign_keys_of(self, relation: Relation) -> tuple[Constraint, ...]:
        """Foreign keys declared on the relation itself; copies that partitions inherit are left out."""
        return tuple(c for c in self.constraints_of(relation) if c.type is ConstraintType.FOREIGN_KEY and not c.inherited)

    @cached_property
    def _indexes(self) -> dict[Name, tuple[Index, ...]]:
        return _grouped(self.snapshot.indexes)

    def indexes_of(self, relation: Relation) -> tuple[Index, ...]:
        return self._indexes.get((relation.schema, relation.name), ())

    @cached_property
    def _policies(self) -> dict[Name, tuple[Policy, ...]]:
        return _grouped(self.snapshot.policies)

    def policies_of(self, relation: Relation) -> tuple[Policy, ...]:
        return self._policies.get((relation.schema, relation.name), ())

    # -- functions ------------------------------------------------------------------------------------------------
    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """Functions and procedures that belong to the project's users."""
        return tuple(f for f in self.snapshot.functions if f.extension is None and not is_managed(f.schema))

    @cached_property
    def _functions_by_name(self) -> dict[str, tuple[Function, ...]]:
        found: dict[str, list[Function]] = defaultdict(list)
        for function in self.snapshot.functions:
            found[function.name].append(function)
        return {name: tuple(functions) for name, functions in found.items()}

    def functions_named(self, name: str, schema: str | None) -> tuple[Function, ...]:
        """All overloads; any schema when none is given."""
        return tuple(f for f in self._functions_by_name.get(name, ()) if schema in (None, f.schema))

    # -- the Data API ---------------------------------------------------------------------------------------------
    @cached_property
    def exposed_schemas(self) -> frozenset[str] | None:
        """Schemas served by the Data API: observed on role authenticator, else declared, else None (not known).

        The empty set means that nothing is exposed; that is not the same as not known.
        """
        observed = self._observed_exposed_schemas()
        if observed is not None:
            return observed
        declared = self.declarations.exposed_schemas
        return None if declared is None else frozenset(declared)

    def _observed_exposed_schemas(self) -> frozenset[str] | None:
        if not self.snapshot.observed(CatalogKind.ROLES):
            return None
        authenticator = self._roles.get("authenticator")
        setting = dict(authenticator.settings).get("pgrst.db_schemas") if authenticator else None
        if setting is None:
            return None
        return frozenset(name.strip().strip('"') for name in setting.split(",") if name.strip())

    def is_exposed(self, schema: str) -> bool | None:
        """None when the exposed schemas are not known."""
        return None if self.exposed_schemas is None else schema in self.exposed_schemas

    # -- roles and privileges --------------------------------------------------------------------------------------
    @cached_property
    def _roles(self) -> dict[str, Role]:
        return {r.name: r for r in self.snapshot.roles}

    @cached_property
    def client_roles(self) -> tuple[str, ...]:
        """`anon` and `authenticated` where they exist; on a database that is no Supabase project, whoever is PUBLIC."""
        present = tuple(name for name in CLIENT_ROLES if name in self._roles)
        return present or (PUBLIC,)

    @cached_property
    def _inherited(self) -> dict[str, frozenset[str]]:
        parents: dict[str, set[str]] = defaultdict(set)
        for membership in self.snapshot.role_memberships:
            if membership.inherit_option:
                parents[membership.member].add(membership.role)
        return {role: frozenset(_reachable(role, parents)) for role in (*self._roles, PUBLIC)}

    def acts_as(self, role: str) -> frozenset[str]:
        """The role, every role whose privileges it inherits, and PUBLIC."""
        return self._inherited.get(role, frozenset({role})) | {PUBLIC}

    def clients_of(self, policy: Policy) -> tuple[str, ...]:
        """Client roles that the policy applies to."""
        return tuple(role for role in self.client_roles if not self._client_names[role].isdisjoint(policy.roles))

    @cached_property
    def _client_names(self) -> dict[str, frozenset[str]]:
        return {role: self.acts_as(role) for role in self.client_roles}

    def holds(self, role: str, privilege: str, granted: Iterable[Privilege]) -> bool:
        names = self.acts_as(role)
        return any(p.privilege == privilege and p.grantee in names for p in granted)

    @cached_property
    def _usable_schemas(self) -> dict[str, frozenset[str]]:
        return {
            role: frozenset(
                s.name for s in self.snapshot.schemas if s.owner in self.acts_as(role) or self.holds(role, "USAGE", s.privileges)
            )
            for role in self.client_roles
        }

    def commands_open_to(self, role: str, relation: Relation) -> tuple[str, ...]:
        """Commands that `role` may run on the relation as far as grants go: table-wide, or on at least one column."""
        names = self.acts_as(role)
        everywhere = {c for predefined, commands in _PREDEFINED.items() if predefined in names for c in commands}
        if role in self._roles and self._roles[role].superuser:
            return COMMANDS
        if not everywhere and relation.schema not in self._usable_schemas.get(role, frozenset()):
            return ()
        if relation.owner in names:
            return COMMANDS
        by_column = [p for column in self.columns_of(relation) for p in column.privileges]
        return tuple(c for c in COMMANDS if c in everywhere or self.holds(role, c, relation.privileges) or self.holds(role, c, by_column))

    def reach(self, relation: Relation) -> dict[str, list[str]]:
        """Evidence: client role → commands its grants allow. Empty when no client role holds any."""
        return {role: list(commands) for role in self.client_roles if (commands := self.commands_open_to(role, relation))}


def _grouped(records: Iterable[_Member]) -> dict[Name, tuple[_Member, ...]]:
    found: dict[Name, list[_Member]] = defaultdict(list)
    for record in records:
        found[(record.schema, record.relation)].append(record)
    return {name: tuple(group) for name, group in found.items()}


def _reachable(start: str, edges: dict[str, set[str]]) -> set[str]:
    seen, waiting = {start}, [start]
    while waiting:
        for parent in edges.get(waiting.pop(), ()):
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return seen
