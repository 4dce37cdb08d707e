"""One immutable observation of a PostgreSQL database, in the terms of its system catalogues.

Records are plain values: names instead of oids, privileges exploded from ACLs (defaults filled in), texts as the
server's deparse functions print them under `search_path = pg_catalog`, with secrets masked. What the observing role could not read is
listed in `Snapshot.unobserved`, so that a rule can answer UNKNOWN instead of guessing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from platformkit_pipeline.model.activity import Activity
from platformkit_pipeline.model.catalog_kind import CatalogKind as CatalogKind  # noqa: PLC0414 - told here as well
from platformkit_pipeline.model.isolation import IsolationProbe

PUBLIC = "PUBLIC"
"""The grantee or policy role that stands for every role."""


class RelationKind(StrEnum):
    TABLE = "table"
    PARTITIONED_TABLE = "partitioned_table"
    VIEW = "view"
    MATERIALIZED_VIEW = "materialized_view"
    FOREIGN_TABLE = "foreign_table"
    SEQUENCE = "sequence"


class ConstraintType(StrEnum):
    PRIMARY_KEY = "primary_key"
    UNIQUE = "unique"
    FOREIGN_KEY = "foreign_key"
    CHECK = "check"
    EXCLUSION = "exclusion"


@dataclass(frozen=True, slots=True, order=True)
class Privilege:
    """One entry of an exploded ACL. `grantee` is a role name or `PUBLIC`; MAINTAIN (17+) is left out."""

    grantee: str
    privilege: str
    grantable: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    version: str
    """As the server reports it, e.g. `15.18`."""
    version_num: int
    database: str
    current_user: str
    current_user_superuser: bool
    in_recovery: bool = False
    system_identifier: str | None = None


@dataclass(frozen=True, slots=True)
class Schema:
    name: str
    owner: str
    privileges: tuple[Privilege, ...] = ()
    comment: str | None = None
    extension: str | None = None


@dataclass(frozen=True, slots=True)
class Role:
    """Predefined `pg_*` roles are included in the snapshot and left out of the fingerprint (they differ per major)."""

    name: str
    superuser: bool = False
    inherit: bool = True
    create_role: bool = False
    create_db: bool = False
    login: bool = False
    replication: bool = False
    bypass_rls: bool = False
    settings: tuple[tuple[str, str], ...] = ()
    """Configuration parameters in force in this database: ALTER ROLE ... IN DATABASE wins over ALTER ROLE."""


@dataclass(frozen=True, slots=True, order=True)
class RoleMembership:
    """`member` is a member of `role`. Before PostgreSQL 16 `inherit_option` is the member's INHERIT attribute."""

    role: str
    member: str
    inherit_option: bool = True
    set_option: bool = True
    admin_option: bool = False


@dataclass(frozen=True, slots=True)
class Relation:
    schema: str
    name: str
    kind: RelationKind
    owner: str
    row_security: bool = False
    force_row_security: bool = False
    options: tuple[str, ...] = ()
    """reloptions, sorted, e.g. `security_invoker=true`."""
    privileges: tuple[Privilege, ...] = ()
    comment: str | None = None
    extension: str | None = None
    is_partition: bool = False
    parents: tuple[tuple[str, str], ...] = ()
    """(schema, name) of the partitioned table or the inheritance parents."""
    partition_key: str | None = None
    partition_bound: str | None = None
    definition: str | None = None
    """View and materialized view text from `pg_get_viewdef`; parameters of a sequence; server of a foreign table."""
    persistence: str = "permanent"
    """permanent, unlogged or temporary."""
    rewritten: tuple[str, ...] = ()
    """Commands for which there is a rule (CREATE RULE), sorted; the query of a view is none."""
    rules: tuple[str, ...] = ()
    """Texts of these rules from `pg_get_ruledef`, by name."""


@dataclass(frozen=True, slots=True)
class RelationStatistics:
    """Planner estimates; kept apart from `Relation` because they change without the schema changing."""

    schema: str
    name: str
    estimated_rows: int | None
    """None when the relation was never analyzed."""
    total_bytes: int | None


@dataclass(frozen=True, slots=True)
class Column:
    schema: str
    relation: str
    name: str
    position: int
    type: str
    """`format_type(atttypid, atttypmod)`, e.g. `uuid`, `timestamp with time zone`, `character varying(8)`."""
    not_null: bool = False
    default: str | None = None
    """Default or generation expression."""
    identity: str | None = None
    """always, by_default or None."""
    generated: str | None = None
    """stored, virtual or None."""
    privileges: tuple[Privilege, ...] = ()
    """Column-level grants only; relation-level ones are on the relation."""
    comment: str | None = None
    collation: str | None = None
    """Qualified collation where it differs from that of the type."""


@dataclass(frozen=True, slots=True)
class Constraint:
    schema: str
    relation: str
    name: str
    type: ConstraintType
    columns: tuple[str, ...]
    definition: str
    referenced_schema: str | None = None
    referenced_relation: str | None = None
    referenced_columns: tuple[str, ...] = ()
    on_update: str | None = None
    on_delete: str | None = None
    """NO ACTION, RESTRICT, CASCADE, SET NULL or SET DEFAULT; None for other constraint types."""
    deferrable: bool = False
    initially_deferred: bool = False
    validated: bool = True
    enforced: bool = True
    inherited: bool = False
    """True for the copy that a partition carries of its parent's constraint."""
    index: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Index:
    schema: str
    relation: str
    name: str
    method: str
    key_columns: tuple[str | None, ...]
    """In key order; None stands for an expression."""
    included_columns: tuple[str, ...]
    definition: str
    unique: bool = False
    primary: bool = False
    valid: bool = True
    predicate: str | None = None
    constraint: str | None = None
    """Name of the constraint that this index implements."""
    inherited: bool = False
    nulls_not_distinct: bool = False
    comment: str | None = None
    replica_identity: bool = False
    """Logical replication tells the rows of the table apart by this index."""


@dataclass(frozen=True, slots=True)
class Policy:
    schema: str
    relation: str
    name: str
    command: str
    """ALL, SELECT, INSERT, UPDATE or DELETE."""
    permissive: bool
    roles: tuple[str, ...]
    """Sorted role names; `PUBLIC` for every role."""
    using: str | None = None
    with_check: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Function:
    schema: str
    name: str
    arguments: str
    """`pg_get_function_identity_arguments`; with schema and name it identifies the function."""
    kind: str
    """function, procedure, aggregate or window."""
    owner: str
    language: str
    result: str | None = None
    security_definer: bool = False
    volatility: str = "volatile"
    strict: bool = False
    leakproof: bool = False
    parallel: str = "unsafe"
    settings: tuple[tuple[str, str], ...] = ()
    """`SET parameter = value` clauses, e.g. (("search_path", "pg_catalog, public"),)."""
    privileges: tuple[Privilege, ...] = ()
    body: str | None = None
    """`prosrc` of SQL, PL/pgSQL and other interpreted languages; None for C, internal and BEGIN ATOMIC."""
    sql_body: str | None = None
    """Deparsed body of a BEGIN ATOMIC or RETURN function."""
    definition: str | None = None
    """`pg_get_functiondef`; CREATE AGGREGATE for aggregates, None for those of extensions."""
    returns_trigger: bool = False
    extension: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Trigger:
    schema: str
    relation: str
    name: str
    function_schema: str
    function_name: str
    definition: str
    enabled: str = "origin"
    """origin, disabled, replica or always."""
    events: tuple[str, ...] = ()
    timing: str = "AFTER"
    for_each_row: bool = True
    inherited: bool = False
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Extension:
    name: str
    schema: str
    version: str
    owner: str
    relocatable: bool
    default_version: str | None = None
    comment: str | None = None
    update_path: bool = True
    """False when the server's files do not lead from `version` to `default_version`."""


@dataclass(frozen=True, slots=True)
class Type:
    schema: str
    name: str
    kind: str
    """enum, domain, composite, range or base."""
    owner: str
    labels: tuple[str, ...] = ()
    definition: str | None = None
    """Base type, default, NOT NULL and checks of a domain; attributes of a composite type; subtype of a range."""
    extension: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class DefaultPrivilege:
    """`pg_default_acl`: what `role` grants on future objects, in `schema` or (None) everywhere."""

    role: str
    schema: str | None
    object_type: str
    """tables, sequences, functions, types, schemas or (18+) large_objects."""
    privileges: tuple[Privilege, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class ViewDependency:
    """The view's rewrite rule reads `schema.relation` (one level, as in `pg_depend`)."""

    view_schema: str
    view: str
    schema: str
    relation: str


@dataclass(frozen=True, slots=True)
class EventTrigger:
    name: str
    event: str
    function_schema: str
    function_name: str
    enabled: str
    owner: str
    tags: tuple[str, ...] = ()
    extension: str | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    name: str
    owner: str
    all_tables: bool
    operations: tuple[str, ...] = ()
    tables: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class StorageBucket:
    id: str
    name: str
    public: bool


@dataclass(frozen=True, slots=True)
class UserMapping:
    """The account of a foreign server that a role is mapped to."""

    user: str
    """Role name, or `PUBLIC`."""
    options: tuple[tuple[str, str], ...] = ()
    """Sorted; secrets are masked."""
    options_visible: bool = True
    """False when the observing role may not see the options: there may be some."""


@dataclass(frozen=True, slots=True)
class ForeignServer:
    name: str
    owner: str
    wrapper: str
    options: tuple[tuple[str, str], ...] = ()
    """Sorted; secrets are masked."""
    user_mappings: tuple[UserMapping, ...] = ()


@dataclass(frozen=True, slots=True)
class CronJob:
    """A job of pg_cron. Its number is left out: it differs wherever the same job is scheduled again."""

    name: str
    """The job's own name, unique for its user; `unnamed <digest of schedule and command>` where it has none."""
    schedule: str
    command: str
    """Secrets are masked."""
    database: str
    username: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """What ALTER DATABASE ... SET and ALTER ROLE ALL SET give to every session; never part of the fingerprint, as no dump carries it."""

    name: str
    """Of the database."""
    settings: tuple[tuple[str, str], ...] = ()
    """The database's own win over those of all. Secrets are masked."""


@dataclass(frozen=True, slots=True, order=True)
class Unobserved:
    """Something that could not be seen. `what` is a CatalogKind value or a phrase; `why` is for a person."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything observed of one database in one REPEATABLE READ transaction. All tuples are sorted."""

    server: Server
    schemas: tuple[Schema, ...] = ()
    roles: tuple[Role, ...] = ()
    role_memberships: tuple[RoleMembership, ...] = ()
    relations: tuple[Relation, ...] = ()
    relation_statistics: tuple[RelationStatistics, ...] = ()
    columns: tuple[Column, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    indexes: tuple[Index, ...] = ()
    policies: tuple[Policy, ...] = ()
    functions: tuple[Function, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    extensions: tuple[Extension, ...] = ()
    types: tuple[Type, ...] = ()
    default_privileges: tuple[DefaultPrivilege, ...] = ()
    view_dependencies: tuple[ViewDependency, ...] = ()
    event_triggers: tuple[EventTrigger, ...] = ()
    publications: tuple[Publication, ...] = ()
    storage_buckets: tuple[StorageBucket, ...] = ()
    foreign_servers: tuple[ForeignServer, ...] = ()
    cron_jobs: tuple[CronJob, ...] = ()
    database_settings: tuple[DatabaseSettings, ...] = ()
    """One, or none where nobody set anything for the whole database."""
    unobserved: tuple[Unobserved, ...] = field(default=())
    activity: Activity | None = None
    """Counters and plans; never part of the inventory, because they change without the schema changing."""
    isolation: IsolationProbe | None = None
    """What a trial with the rights of callers showed; None when nobody asked for one. Never part of the inventory either."""

    def observed(self, kind: CatalogKind) -> bool:
        """False when the observing role could not read that catalogue kind."""
        return all(u.what != kind.value for u in self.unobserved)
