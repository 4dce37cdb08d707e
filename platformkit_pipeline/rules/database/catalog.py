"""An indexed, privilege-aware view of one snapshot: the questions that rules ask, answered once.

Privileges are *effective*: grants to PUBLIC, to the role, to roles it inherits from, by column, and by ownership.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from enum import StrEnum
from functools import cache, cached_property
from typing import NamedTuple, TypeVar

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
    Schema,
    Snapshot,
    Trigger,
)
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.rules.database.called_functions import CalledFunctions
from platformkit_pipeline.rules.database.directives import Directive, directive_in
from platformkit_pipeline.rules.database.view_columns import ViewColumns
from platformkit_pipeline.rules.database.view_rights import ViewRights
from platformkit_pipeline.sqltext.expression_facts import ExpressionFacts, Path, facts_of
from platformkit_pipeline.sqltext.parser import SqlSyntaxError

CLIENT_ROLES = ("anon", "authenticated")
"""Roles that the Data API takes on for a caller; whoever holds a project's publishable key is `anon`."""

COMMANDS = ("SELECT", "INSERT", "UPDATE", "DELETE")

ANY_COMMAND = frozenset(COMMANDS)

TABLE_PRIVILEGES = frozenset({*COMMANDS, "TRUNCATE", "REFERENCES", "TRIGGER"})
"""What an owner may do with a table, and what GRANT ALL gives away."""

POLICY_BEARING_SCHEMAS = frozenset({"storage", "realtime"})
"""Managed schemas whose tables are meant to carry the project's own policies (files, channels)."""

_PREDEFINED = {"pg_read_all_data": ("SELECT",), "pg_write_all_data": ("INSERT", "UPDATE", "DELETE")}
"""Roles of PostgreSQL whose members may do this in every relation of every schema."""

_IDENTITY_KIND = {RelationKind.PARTITIONED_TABLE: "table"}
_TABLE_KINDS = frozenset({RelationKind.TABLE, RelationKind.PARTITIONED_TABLE})

Name = tuple[str, str]
"""(schema, relation)."""

AUTH_USERS: Name = ("auth", "users")
"""The accounts of the project. What shows them is API001's business."""

_DECLARED = re.compile(r'(?P<schema>[^."\s]+|"(?:[^"]|"")+")\.(?P<name>[^."\s]+|"(?:[^"]|"")+")')

_NOTHING: frozenset[str] = frozenset()
_NO_COLUMNS: dict[str, Column] = {}

_Member = TypeVar("_Member", Column, Constraint, Index, Policy, Trigger)


def identity_of(relation: Relation) -> ObjectIdentity:
    """A partitioned table is a table to the people who read findings."""
    return relation_identity(_IDENTITY_KIND.get(relation.kind, relation.kind.value), relation.schema, relation.name)


def exposure_unknown(schema: str) -> str:
    """Why a rule cannot say whether callers get at something in `schema`, and what to do about it."""
    return (
        f"whether schema {schema} is served by the Data API is not known: "
        "declare exposed_schemas, or let the scanning role see the configuration of role authenticator"
    )


class Doors(NamedTuple):
    """What the permissive policies of one table let client roles do, rows aside."""

    open: dict[str, frozenset[str]]
    """Client role → commands for which some policy applies to it."""
    crowded: bool
    """Several policies apply to one role and command."""


class Catalog:
    """See the module docstring. Every index is made on first use and then kept."""

    def __init__(self, snapshot: Snapshot, declarations: Declarations) -> None:
        self.snapshot = snapshot
        self.declarations = declarations
        # Kept for the life of the snapshot, which shares one tuple among all objects of equal ACL: its id stands for it.
        self._held: dict[tuple[str, str, int], frozenset[str]] = {}
        self._executable: dict[tuple[str, str, int], bool] = {}
        self._usable: dict[tuple[str, str], bool] = {}
        self._clients: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._doors: dict[tuple[tuple[str, bool, tuple[str, ...]], ...], Doors] = {}
        self._holding: dict[tuple[str, str, int, frozenset[str]], tuple[str, ...]] = {}

    def unobserved_among(self, kinds: Iterable[StrEnum]) -> str:
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
            if r.kind in _TABLE_KINDS and r.extension is None and r.persistence != "temporary" and not is_managed(r.schema)
        )

    @cached_property
    def _other_relations(self) -> dict[RelationKind, tuple[Relation, ...]]:
        found: dict[RelationKind, list[Relation]] = defaultdict(list)
        for r in self.snapshot.relations:
            if r.kind not in _TABLE_KINDS and r.extension is None and r.persistence != "temporary" and not is_managed(r.schema):
                found[r.kind].append(r)
        return {kind: tuple(group) for kind, group in found.items()}

    def relations_of_kind(self, kind: RelationKind) -> tuple[Relation, ...]:
        """Views, materialized views, foreign tables or sequences that belong to the project's users, in name order."""
        return self._other_relations.get(kind, ())

    @cached_property
    def view_rights(self) -> ViewRights:
        """Whose rights apply behind each view."""
        return ViewRights(self)

    @cached_property
    def view_columns(self) -> ViewColumns:
        """What the columns of each view show."""
        return ViewColumns(self)

    @cached_property
    def table_names(self) -> frozenset[Name]:
        return frozenset((t.schema, t.name) for t in self.tables)

    @cached_property
    def root_tables(self) -> tuple[Relation, ...]:
        """Tables without partitions: what holds for the partitioned table holds for them."""
        return tuple(t for t in self.tables if not t.is_partition)

    def why_not_tenant_scoped(self, table: Relation) -> str | None:
        """Why the table is declared to be outside the tenant model; None when it is inside. A partition is what its parent is."""
        if self.declarations.tenancy.not_applicable_reason:
            return f"the project is declared to have a single tenant: {self.declarations.tenancy.not_applicable_reason}"
        use = directive_in(table.comment, Directive.NOT_TENANT_SCOPED) if table.comment else None
        if use and use.reason:
            return f"declared not tenant-scoped: {use.reason}"
        parent = self.relations.get(table.parents[0]) if table.is_partition and table.parents else None
        return self.why_not_tenant_scoped(parent) if parent else None

    def is_tenant_scoped(self, table: Relation) -> bool:
        """The table has the tenant column, and nobody declared that it means something else there."""
        return self.column(table, self.declarations.tenancy.column) is not None and self.why_not_tenant_scoped(table) is None

    def declared(self, name: str) -> Name:
        """(schema, relation) of a qualified name in the declarations: written as in SQL, or as the catalogue has it."""
        parts = _DECLARED.fullmatch(name)
        if parts is None:
            return ("public", name)
        exact = (_unquoted(parts["schema"]), _unquoted(parts["name"]))
        if exact in self.relations:
            return exact
        schema, relation = (part if part.startswith('"') else part.lower() for part in parts.groups())
        return (_unquoted(schema), _unquoted(relation))

    @cached_property
    def critical_tables(self) -> tuple[Name, ...]:
        """Tables that somebody declared critical, in the settings or in their comment; they need not exist."""
        of_settings = {self.declared(name) for name in self.declarations.critical_tables}
        of_comments = {(t.schema, t.name) for t in self.root_tables if t.comment and directive_in(t.comment, Directive.CRITICAL)}
        return tuple(sorted(of_settings | of_comments))

    @cached_property
    def statistics(self) -> dict[Name, RelationStatistics]:
        return {(s.schema, s.name): s for s in self.snapshot.relation_statistics}

    @cached_property
    def _columns(self) -> dict[Name, tuple[Column, ...]]:
        return _grouped(self.snapshot.columns)

    def columns_of(self, relation: Relation) -> tuple[Column, ...]:
        return self._columns.get((relation.schema, relation.name), ())

    @cached_property
    def _columns_by_name(self) -> dict[Name, dict[str, Column]]:
        return {name: {c.name: c for c in columns} for name, columns in self._columns.items()}

    @cached_property
    def names_of_columns(self) -> frozenset[str]:
        """Every name that some column has: far fewer than there are columns."""
        return frozenset({c.name for c in self.snapshot.columns})

    def columns_by_name(self, relation: Relation) -> dict[str, Column]:
        return self._columns_by_name.get((relation.schema, relation.name), _NO_COLUMNS)

    def column(self, relation: Relation, name: str) -> Column | None:
        return self.columns_by_name(relation).get(name)

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
    def foreign_keys(self) -> tuple[Constraint, ...]:
        """Foreign keys that the project's tables declare; copies that partitions inherit are left out."""
        names = self.table_names
        return tuple(
            c
            for c in self.snapshot.constraints
            if c.type is ConstraintType.FOREIGN_KEY and not c.inherited and (c.schema, c.relation) in names
        )

    @cached_property
    def _primary_keys(self) -> dict[Name, Constraint]:
        return {(c.schema, c.relation): c for c in self.snapshot.constraints if c.type is ConstraintType.PRIMARY_KEY}

    def primary_key_of(self, schema: str, relation: str) -> Constraint | None:
        return self._primary_keys.get((schema, relation))

    @cached_property
    def _triggers(self) -> dict[Name, tuple[Trigger, ...]]:
        return _grouped(self.snapshot.triggers)

    def triggers_of(self, relation: Relation) -> tuple[Trigger, ...]:
        return self._triggers.get((relation.schema, relation.name), ())

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

    @cached_property
    def project_policies(self) -> tuple[tuple[Relation, Policy], ...]:
        """Policies that the project's users wrote, with their tables, of which a few managed ones are meant to carry such policies."""
        found = []
        for policy in self.snapshot.policies:
            name = (policy.schema, policy.relation)
            table = self.relations.get(name)
            if table is not None and table.extension is None and (name in self.table_names or policy.schema in POLICY_BEARING_SCHEMAS):
                found.append((table, policy))
        return tuple(found)

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

    @cached_property
    def definers(self) -> tuple[Function, ...]:
        """SECURITY DEFINER functions and procedures of the project's users."""
        return tuple(f for f in self.functions if f.security_definer)

    @cached_property
    def _enums(self) -> frozenset[str]:
        return frozenset(name for t in self.snapshot.types if t.kind == "enum" for name in (t.name, f"{t.schema}.{t.name}"))

    def is_enum(self, type_name: str) -> bool:
        """By its name, with or without schema and without quotes."""
        return type_name in self._enums

    def may_execute(self, role: str, function: Function) -> bool:
        """`role` may call the function: EXECUTE (which PUBLIC has unless it was revoked) and USAGE of its schema."""
        key = (role, function.owner, id(function.privileges))
        held = self._executable.get(key)
        if held is None:
            held = self.is_superuser(role) or function.owner in self.acts_as(role) or self.holds(role, "EXECUTE", function.privileges)
            self._executable[key] = held
        return held and self.may_use(role, function.schema)

    @cached_property
    def called_functions(self) -> CalledFunctions:
        """Which functions a call may mean."""
        return CalledFunctions(self)

    @cached_property
    def policies_calling(self) -> dict[int, tuple[tuple[Policy, bool], ...]]:
        """id of a definer → policies whose expressions call it, as far as they parse, and whether the call can mean nothing else."""
        definers: frozenset[Path] = frozenset((f.schema, f.name) for f in self.definers)
        texts = dict.fromkeys(t for p in self.snapshot.policies for t in (p.using, p.with_check) if t is not None) if definers else {}
        calling = {text: facts for text in texts if (facts := _facts_calling(text, definers)) is not None}
        found: dict[int, dict[Policy, bool]] = defaultdict(dict)
        for policy in self.snapshot.policies if calling else ():
            table = self.relations.get((policy.schema, policy.relation))
            for text in (policy.using, policy.with_check):
                if text is None or text not in calling:
                    continue
                types = self.called_functions.types_for(table, text) if table is not None else ()
                for call in calling[text].calls:
                    functions = self.called_functions.called(call.shape, None, types) if call.name in definers else ()
                    for function in functions:
                        found[id(function)][policy] = found[id(function)].get(policy, False) or len(functions) == 1
        return {function: tuple(policies.items()) for function, policies in found.items()}

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
        return {role: frozenset({*_reachable(role, parents), PUBLIC}) for role in (*self._roles, PUBLIC)}

    def acts_as(self, role: str) -> frozenset[str]:
        """The role, every role whose privileges it inherits, and PUBLIC."""
        return self._inherited.get(role) or frozenset({role, PUBLIC})

    def clients_of(self, policy: Policy) -> tuple[str, ...]:
        """Client roles that the policy applies to."""
        clients = self._clients.get(policy.roles)
        if clients is None:
            clients = tuple(role for role in self.client_roles if not self._client_names[role].isdisjoint(policy.roles))
            self._clients[policy.roles] = clients
        return clients

    def doors_of(self, policies: tuple[Policy, ...]) -> Doors:
        """One answer for all tables whose policies have the same commands and roles."""
        shape = tuple([(p.command, p.permissive, p.roles) for p in policies])
        doors = self._doors.get(shape)
        if doors is None:
            seen = Counter(
                (role, command)
                for p in policies
                if p.permissive
                for role in self.clients_of(p)
                for command in (COMMANDS if p.command == "ALL" else (p.command,))
            )
            opened = {role: frozenset(c for r, c in seen if r == role) for role in self.client_roles}
            doors = self._doors[shape] = Doors(opened, crowded=any(count > 1 for count in seen.values()))
        return doors

    @cached_property
    def _client_names(self) -> dict[str, frozenset[str]]:
        return {role: self.acts_as(role) for role in self.client_roles}

    def has_role(self, role: str) -> bool:
        return role in self._roles

    def members_of(self, role: str) -> tuple[str, ...]:
        """Roles that somebody made and that act with the privileges of `role`, in name order."""
        return tuple(n for n in sorted(self._roles) if n != role and role in self.acts_as(n) and not n.startswith("pg_"))

    def is_superuser(self, role: str) -> bool:
        return role in self._roles and self._roles[role].superuser

    def bypasses_every_policy(self, role: str) -> bool:
        """By an attribute of the role itself: neither SUPERUSER nor BYPASSRLS is inherited."""
        found = self._roles.get(role)
        return found is not None and (found.superuser or found.bypass_rls)

    def bypasses_policies_of(self, role: str, table: Relation) -> bool:
        """`role` sees all rows: by attribute, or because it acts as the owner of a table that does not force its policies on them."""
        if self.bypasses_every_policy(role):
            return True
        return not table.force_row_security and table.owner in self.acts_as(role)

    @cached_property
    def clients_becoming(self) -> dict[str, tuple[str, ...]]:
        """Role → client roles that are it or a member of it, directly or not: by SET ROLE, by inheritance, or by granting itself either."""
        parents: dict[str, set[str]] = defaultdict(set)
        for membership in self.snapshot.role_memberships:
            parents[membership.member].add(membership.role)
        found: dict[str, list[str]] = defaultdict(list)
        for client in self.client_roles:
            for role in _reachable(client, parents):
                found[role].append(client)
        return {role: tuple(clients) for role, clients in found.items()}

    def holds(self, role: str, privilege: str, granted: Iterable[Privilege]) -> bool:
        names = self.acts_as(role)
        return any(p.privilege == privilege and p.grantee in names for p in granted)

    def may_use(self, role: str, schema: str) -> bool:
        """`role` may name what is in `schema`: USAGE, by grant, membership or ownership."""
        key = (role, schema)
        usable = self._usable.get(key)
        if usable is None:
            names = self.acts_as(role)
            record = self._schemas.get(schema)
            usable = self._usable[key] = (
                self.is_superuser(role)
                or not names.isdisjoint(_PREDEFINED)  # they come with USAGE of every schema
                or (record is not None and (record.owner in names or self.holds(role, "USAGE", record.privileges)))
            )
        return usable

    @cached_property
    def _schemas(self) -> dict[str, Schema]:
        return {s.name: s for s in self.snapshot.schemas}

    @cached_property
    def schemas_open_to_create(self) -> dict[str, tuple[str, ...]]:
        """Schema → client roles that may create objects in it; schemas where none may are left out."""
        found = {
            schema.name: tuple(
                role
                for role in self.client_roles
                if self.is_superuser(role) or schema.owner in self.acts_as(role) or self.holds(role, "CREATE", schema.privileges)
            )
            for schema in self.snapshot.schemas
        }
        return {name: roles for name, roles in found.items() if roles}

    @cached_property
    def _granted_columns(self) -> dict[Name, tuple[Column, ...]]:
        return _grouped(c for c in self.snapshot.columns if c.privileges)

    def granted_to(self, role: str, relation: Relation) -> frozenset[str]:
        """Privileges of `role` by grant, membership and ownership: on the whole relation, or on at least one column.

        They are all that is asked of whoever a view reads for. A caller who names the relation needs its schema as well:
        that is `privileges_of`.
        """
        key = (role, relation.owner, id(relation.privileges))
        held = self._held.get(key)
        if held is None:
            held = self._held[key] = self.table_wide(role, relation)
        if self._granted_columns:
            columns = self._granted_columns.get((relation.schema, relation.name))
            if columns is not None:
                names = self.acts_as(role)
                held |= {p.privilege for c in columns for p in c.privileges if p.grantee in names}
        return held

    def table_wide(self, role: str, relation: Relation) -> frozenset[str]:
        """The same without what is held on single columns only."""
        names = self.acts_as(role)
        if relation.owner in names or self.is_superuser(role):
            return TABLE_PRIVILEGES
        everywhere = {c for predefined, commands in _PREDEFINED.items() if predefined in names for c in commands}
        return frozenset(everywhere | {p.privilege for p in relation.privileges if p.grantee in names})

    def privileges_of(self, role: str, relation: Relation) -> frozenset[str]:
        """What `role` may do with the relation as far as grants go, TRUNCATE and the like included: table-wide, or on a column."""
        return self.granted_to(role, relation) if self.may_use(role, relation.schema) else _NOTHING

    def clients_holding(self, relation: Relation, privileges: frozenset[str]) -> tuple[str, ...]:
        """Client roles that hold at least one of `privileges` on the relation."""
        if self._granted_columns and (relation.schema, relation.name) in self._granted_columns:
            return self._clients_holding(relation, privileges)
        key = (relation.schema, relation.owner, id(relation.privileges), privileges)
        holding = self._holding.get(key)
        if holding is None:
            holding = self._holding[key] = self._clients_holding(relation, privileges)
        return holding

    def _clients_holding(self, relation: Relation, privileges: frozenset[str]) -> tuple[str, ...]:
        return tuple(role for role in self.client_roles if not privileges.isdisjoint(self.privileges_of(role, relation)))

    def readable_columns(self, role: str, relation: Relation) -> tuple[Column, ...]:
        """Columns that `role` may SELECT."""
        names = self.acts_as(role)
        if not self.may_use(role, relation.schema):
            return ()
        if "SELECT" in self.table_wide(role, relation):
            return self.columns_of(relation)
        granted = self._granted_columns.get((relation.schema, relation.name), ())
        return tuple(c for c in granted if any(p.privilege == "SELECT" and p.grantee in names for p in c.privileges))

    def commands_open_to(self, role: str, relation: Relation) -> tuple[str, ...]:
        """Commands that `role` may run on the relation as far as grants go: table-wide, or on at least one column."""
        return _commands_among(self.privileges_of(role, relation))

    def reach(self, relation: Relation) -> dict[str, list[str]]:
        """Evidence: client role → commands its grants allow. Empty when no client role holds any."""
        return {role: list(commands) for role in self.client_roles if (commands := self.commands_open_to(role, relation))}


def _facts_calling(expression: str, functions: frozenset[Path]) -> ExpressionFacts | None:
    """Facts of an expression that calls one of `functions`; None of any other, and of text that does not parse."""
    try:
        facts = facts_of(expression)
    except SqlSyntaxError:
        return None
    return facts if any(call.name in functions for call in facts.calls) else None


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


@cache
def _commands_among(privileges: frozenset[str]) -> tuple[str, ...]:
    return tuple(c for c in COMMANDS if c in privileges)


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
