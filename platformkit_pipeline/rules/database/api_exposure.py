"""What the Data API serves that policies cannot protect, or that nobody meant to publish: clauses 1.1 and 2.1."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.managed_schemas import is_managed
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.model.snapshot import (
    PUBLIC,
    CatalogKind,
    DefaultPrivilege,
    Policy,
    Relation,
    RelationKind,
)
from platformkit_pipeline.rules.database.catalog import ANY_COMMAND, Catalog, exposure_unknown, identity_of
from platformkit_pipeline.rules.database.server_roles import PLATFORM_ROLES
from platformkit_pipeline.rules.registry import PASSED, Family, Verdict, Verdicts, failed, rule, unknown
from platformkit_pipeline.sqltext.expression_facts import facts_of
from platformkit_pipeline.sqltext.parser import SqlSyntaxError
from platformkit_pipeline.sqltext.substitution import is_true_where

GRANT_KINDS = (CatalogKind.RELATIONS, CatalogKind.COLUMNS, CatalogKind.ROLES, CatalogKind.ROLE_MEMBERSHIPS, CatalogKind.SCHEMAS)

READING = frozenset({"SELECT"})


def reached(catalog: Catalog, relations: tuple[Relation, ...], privileges: frozenset[str]) -> Iterator[tuple[Relation, tuple[str, ...]]]:
    """Relations in schemas that are exposed, or may be, with the client roles that hold one of `privileges` (often none)."""
    for relation in relations:
        if catalog.is_exposed(relation.schema) is not False:
            yield relation, catalog.clients_holding(relation, privileges)


def exposed_verdict(catalog: Catalog, relation: Relation, message: str, **evidence: Any) -> Verdict:
    """FAIL where the schema is known to be exposed, UNKNOWN where that is not known."""
    if catalog.is_exposed(relation.schema) is None:
        return unknown(identity_of(relation), f"{message}; {exposure_unknown(relation.schema)}", **evidence)
    return failed(identity_of(relation), message, **evidence)


def _who_may(reach: dict[str, list[str]]) -> str:
    return "; ".join(f"{role} may {', '.join(commands)}" for role, commands in reach.items())


@rule(
    "RLS008",
    "materialized-view-exposed",
    clause="2.1",
    severity=Severity.HIGH,
    family=Family.ROW_LEVEL_SECURITY,
    title="A materialized view is readable through the Data API",
    why=(
        "A materialized view is a copy made with its owner's rights. It cannot have row level security, so whoever may read it reads "
        "every row, those of other tenants included."
    ),
    how_to_fix=(
        "Move it to a schema that is not exposed. Serve it through an invoker view that filters by the caller's tenant, and keep the grant "
        "on the materialized view there, because an invoker view reads with the caller's rights; or revoke the grant and serve it through "
        "a SECURITY DEFINER function that filters."
    ),
    references=("splinter:materialized_view_in_api", "cwe:863"),
    patch=PatchKind.SQL,
    requires=GRANT_KINDS,
    violating="""
create materialized view public.monthly_totals as
  select tenant_id, date_trunc('month', created_at) as month, sum(total) as total from public.orders group by 1, 2;
grant select on public.monthly_totals to authenticated;
""",
    clean="""
create materialized view public.monthly_totals as
  select tenant_id, date_trunc('month', created_at) as month, sum(total) as total from public.orders group by 1, 2;
revoke all on public.monthly_totals from public, anon, authenticated;
""",
)
def materialized_view_exposed(catalog: Catalog) -> Verdicts:
    for view, clients in reached(catalog, catalog.relations_of_kind(RelationKind.MATERIALIZED_VIEW), READING):
        if not clients:
            yield PASSED
            continue
        message = f"{identity_of(view)} is a materialized view, which has no row level security: {', '.join(clients)} may SELECT every row"
        columns = {client: [c.name for c in catalog.readable_columns(client, view)] for client in clients}
        yield exposed_verdict(catalog, view, message, reachable_by=catalog.reach(view), columns=columns, definition=view.definition)


@rule(
    "RLS009",
    "foreign-table-exposed",
    clause="2.1",
    severity=Severity.HIGH,
    family=Family.ROW_LEVEL_SECURITY,
    title="A foreign table is reachable through the Data API",
    why=(
        "A foreign table cannot have row level security, and the other server sees the user of the mapping, not the caller. "
        "Whoever holds a privilege on it has it for every row there."
    ),
    how_to_fix="Keep foreign tables in a schema that is not exposed, revoke them from client roles, and serve them through a function.",
    references=("splinter:foreign_table_in_api", "cwe:863"),
    patch=PatchKind.SQL,
    requires=GRANT_KINDS,
    violating="""
create foreign data wrapper elsewhere;
create server warehouse foreign data wrapper elsewhere;
create foreign table public.shipments (id uuid, tenant_id uuid) server warehouse;
grant select on public.shipments to authenticated;
""",
    clean="""
create foreign data wrapper elsewhere;
create server warehouse foreign data wrapper elsewhere;
create foreign table public.shipments (id uuid, tenant_id uuid) server warehouse;
revoke all on public.shipments from anon, authenticated;
""",
    example_role="supabase_admin",
)
def foreign_table_exposed(catalog: Catalog) -> Verdicts:
    for table, clients in reached(catalog, catalog.relations_of_kind(RelationKind.FOREIGN_TABLE), ANY_COMMAND):
        if not clients:
            yield PASSED
            continue
        reach = catalog.reach(table)
        message = f"{identity_of(table)} is a foreign table, which has no row level security: {_who_may(reach)} every row"
        yield exposed_verdict(catalog, table, message, reachable_by=reach, definition=table.definition)


@rule(
    "API003",
    "public-bucket-listing",
    clause="1.1",
    severity=Severity.MEDIUM,
    family=Family.API_EXPOSURE,
    title="Everybody can list the files of a public bucket",
    why=(
        "A public bucket serves a file to whoever knows its address, without any policy. A SELECT policy that is true for the whole "
        "bucket adds nothing to that but the list of all addresses: the files are found without being told of."
    ),
    how_to_fix=(
        "Drop the SELECT policy, or tie it to the caller: `owner_id = (select auth.uid())::text`, or a folder that names the tenant."
    ),
    references=("splinter:public_bucket_allows_listing", "cwe:548"),
    requires=(CatalogKind.POLICIES, *GRANT_KINDS),
    violating="""
insert into storage.buckets (id, name, public) values ('avatars', 'avatars', true);
create policy avatars_are_public on storage.objects for select to anon using (bucket_id = 'avatars');
""",
    clean="""
insert into storage.buckets (id, name, public) values ('avatars', 'avatars', true);
create policy own_avatars on storage.objects for select to authenticated
  using (bucket_id = 'avatars' and owner_id = (select auth.uid())::text);
""",
    example_role="supabase_admin",
)
def public_bucket_listing(catalog: Catalog) -> Verdicts:
    objects = catalog.relations.get(("storage", "objects"))
    if objects is None:
        return
    readers = [_Reader(catalog, role, objects) for role in catalog.clients_holding(objects, READING)]
    unread = catalog.unobserved_among((CatalogKind.STORAGE_BUCKETS,))
    unparsed = sorted({name for reader in readers for name in reader.unread})
    if unparsed and objects.row_security:
        yield unknown(identity_of(objects), f"who may list files is not known: policy {', '.join(unparsed)} does not parse")
        return
    if unread:
        yield from _without_buckets(objects, readers, unread)
        return
    for bucket in catalog.snapshot.storage_buckets:
        if not bucket.public:
            continue
        identity = _bucket_identity(bucket.id)
        opened = _opened_to(readers, bucket.id)
        if not opened:
            yield PASSED
            continue
        policies = {p.name: p.using for opening in opened.values() for p in opening}
        how = f"by policy {', '.join(policies)}" if policies else "because storage.objects has no row level security"
        message = f"{', '.join(opened)} may list every file of public bucket {identity}, {how}"
        yield failed(identity, message, policies=policies, roles=list(opened))


_ANY_BUCKET = "a bucket that no policy names"
_MOST_NAMES = 50
"""Strings in policies that are tried as names of buckets; most are none, and no policy opens a bucket of that name."""


def _without_buckets(objects: Relation, readers: list[_Reader], unread: str) -> Verdicts:
    """The policies say which buckets callers may list; whether one of them is public is all that is left to be seen."""
    named = sorted({name for reader in readers for name in reader.naming})
    if _opened_to(readers, _ANY_BUCKET) or len(named) > _MOST_NAMES:
        yield unknown(identity_of(objects), f"policies may let callers list the files of public buckets: {unread}")
        return
    for name in named:
        opened = _opened_to(readers, name)
        if opened:
            identity = _bucket_identity(name)
            message = f"{', '.join(opened)} may list every file of bucket {identity}; whether it is public is not known: {unread}"
            yield unknown(identity, message, policies={p.name: p.using for opening in opened.values() for p in opening}, roles=list(opened))


def _opened_to(readers: list[_Reader], bucket: str) -> dict[str, list[Policy]]:
    """Client role → the policies by which it lists the whole bucket; no policy where none is needed."""
    found = {reader.role: reader.opening(bucket) for reader in readers}
    return {role: opening for role, opening in found.items() if opening is not None}


def _bucket_identity(name: str) -> ObjectIdentity:
    return ObjectIdentity("storage_bucket", None, name)


class _Reader:
    """What one client role meets when it lists files. Buckets and policies may both be many, so policies are found by what they name."""

    def __init__(self, catalog: Catalog, role: str, objects: Relation) -> None:
        self.role = role
        self.naming: dict[str, list[Policy]] = defaultdict(list)
        """String → policies in which it stands. For a bucket that a policy does not name, its answer is that for any other such bucket."""
        self.unread: list[str] = []
        """Policies that do not parse: they may open or narrow anything."""
        self._protected = objects.row_security
        self._opening_others: list[Policy] = []
        self._narrowing_others: list[Policy] = []
        for policy in catalog.policies_of(objects):
            if policy.command not in ("ALL", "SELECT") or policy.using is None or role not in catalog.clients_of(policy):
                continue
            try:
                elsewhere = _is_true_in(_ANY_BUCKET, policy)
            except SqlSyntaxError:
                self.unread.append(policy.name)
                continue
            for name in _strings_in(policy):
                self.naming[name].append(policy)
            if policy.permissive and elsewhere:
                self._opening_others.append(policy)
            elif not policy.permissive and not elsewhere:
                self._narrowing_others.append(policy)

    def opening(self, bucket: str) -> list[Policy] | None:
        """Permissive policies that are true for the whole bucket; None where there are none, or a restrictive one narrows them."""
        if not self._protected:
            return []
        naming = self.naming.get(bucket, [])
        opening = [p for p in naming if p.permissive and _is_true_in(bucket, p)]
        opening += [p for p in self._opening_others if bucket not in _strings_in(p)]
        narrowed = any(not p.permissive and not _is_true_in(bucket, p) for p in naming)
        narrowed = narrowed or any(bucket not in _strings_in(p) for p in self._narrowing_others)
        return opening if opening and not narrowed else None


def _strings_in(policy: Policy) -> frozenset[str]:
    return facts_of(policy.using or "").strings


def _is_true_in(bucket: str, policy: Policy) -> bool:
    """The policy lets every file of the bucket through. Raises SqlSyntaxError."""
    return is_true_where(policy.using or "", "bucket_id", bucket)


_GRAPHQL = """
-- What `create extension pg_graphql` leaves in the catalogue, for servers that have not got its files:
insert into pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
select (max(oid)::bigint + 1)::oid, 'pg_graphql', 'supabase_admin'::regrole, 'graphql'::regnamespace, false, '1.5.11' from pg_extension;
""".rstrip()
_FOR_ANON_ONLY = """
drop table public.orders;
alter policy own_tenant on public.tenants to anon;
revoke select on public.tenants from authenticated;
grant select on public.tenants to anon;
"""
_GRAPHQL_WHY = (
    "With the extension pg_graphql every table with a primary key that the role may read is part of the GraphQL schema, "
    "which lists names, columns and relationships even where policies show no row."
)
_GRAPHQL_FIX = (
    "Drop the extension if the project does not use GraphQL: `drop extension pg_graphql`. Otherwise revoke SELECT from the role where it "
    "has no business; a view, materialized view or foreign table leaves the schema with its `primary_key_columns` directive."
)


@rule(
    "API004",
    "graphql-anon-exposed",
    clause="1.1",
    severity=Severity.LOW,
    family=Family.API_EXPOSURE,
    title="Visible through GraphQL without signing in",
    why=_GRAPHQL_WHY,
    how_to_fix=_GRAPHQL_FIX,
    references=("splinter:pg_graphql_anon_table_exposed", "cwe:200"),
    requires=(CatalogKind.EXTENSIONS, CatalogKind.CONSTRAINTS, *GRANT_KINDS),
    violating=_GRAPHQL + _FOR_ANON_ONLY,
    clean="drop extension if exists pg_graphql;",
    example_role="supabase_admin",
    also_fires=("EXT002",),
)
def graphql_anon_exposed(catalog: Catalog) -> Verdicts:
    return _graphql_verdicts(catalog, "anon")


@rule(
    "API005",
    "graphql-authenticated-exposed",
    clause="1.1",
    severity=Severity.LOW,
    family=Family.API_EXPOSURE,
    title="Visible through GraphQL to every signed-in user",
    why=_GRAPHQL_WHY,
    how_to_fix=_GRAPHQL_FIX,
    references=("splinter:pg_graphql_authenticated_table_exposed", "cwe:200"),
    requires=(CatalogKind.EXTENSIONS, CatalogKind.CONSTRAINTS, *GRANT_KINDS),
    violating=_GRAPHQL,
    clean="drop extension if exists pg_graphql;",
    example_role="supabase_admin",
    also_fires=("EXT002",),
)
def graphql_authenticated_exposed(catalog: Catalog) -> Verdicts:
    return _graphql_verdicts(catalog, "authenticated")


def _graphql_verdicts(catalog: Catalog, role: str) -> Verdicts:
    if role not in catalog.client_roles or all(e.name != "pg_graphql" for e in catalog.snapshot.extensions):
        return
    kinds = (RelationKind.VIEW, RelationKind.MATERIALIZED_VIEW, RelationKind.FOREIGN_TABLE)
    for relation in (*catalog.tables, *(r for kind in kinds for r in catalog.relations_of_kind(kind))):
        exposed = True if relation.schema == "public" else catalog.is_exposed(relation.schema)
        if exposed is False:
            continue
        if "SELECT" not in catalog.privileges_of(role, relation) or not _has_graphql_key(catalog, relation):
            yield PASSED
            continue
        message = f"{identity_of(relation)} is part of the GraphQL schema of {role}, who may SELECT from it"
        evidence = {"columns": [c.name for c in catalog.readable_columns(role, relation)], "row_level_security": relation.row_security}
        if exposed is None:
            yield unknown(identity_of(relation), f"{message}; {exposure_unknown(relation.schema)}", **evidence)
        else:
            yield failed(identity_of(relation), message, **evidence)


def _has_graphql_key(catalog: Catalog, relation: Relation) -> bool:
    """pg_graphql shows only what has a primary key: a declared one, or one named in the directive `@graphql({...})`."""
    return catalog.primary_key_of(relation.schema, relation.name) is not None or "primary_key_columns" in (relation.comment or "")


@rule(
    "API006",
    "queue-exposed",
    clause="1.1",
    severity=Severity.CRITICAL,
    family=Family.API_EXPOSURE,
    title="A message queue is open to callers of the Data API",
    why=(
        "Queues of pgmq are tables (`pgmq.q_<name>`, archive `pgmq.a_<name>`). Where client roles hold privileges on them and the schema "
        "with the queue functions is exposed, whoever has the publishable key reads, forges and deletes messages, unless row level "
        "security says otherwise."
    ),
    how_to_fix=(
        "`alter table pgmq.q_<name> enable row level security` (and the archive) with policies for the callers that are meant, or revoke "
        "the tables from client roles and let only the server side use the queue."
    ),
    references=("splinter:insecure_queue_exposed_in_api", "cwe:862"),
    requires=GRANT_KINDS,
    violating="""
-- What pgmq makes for a queue:
create schema if not exists pgmq;
create table pgmq.q_mails (msg_id bigint generated always as identity primary key, message jsonb);
grant usage on schema pgmq to authenticated;
grant select, insert, update, delete on pgmq.q_mails to authenticated;
do $$ begin
  execute format('alter role authenticator in database %I set pgrst.db_schemas = %L', current_database(), 'public, pgmq_public');
end $$;
""",
    clean="""
create schema if not exists pgmq;
create table pgmq.q_mails (msg_id bigint generated always as identity primary key, message jsonb);
do $$ begin
  execute format('alter role authenticator in database %I set pgrst.db_schemas = %L', current_database(), 'public, pgmq_public');
end $$;
""",
    example_role="supabase_admin",
)
def queue_exposed(catalog: Catalog) -> Verdicts:
    exposed = None if catalog.exposed_schemas is None else not catalog.exposed_schemas.isdisjoint(("pgmq", "pgmq_public"))
    if exposed is False:
        return
    for table in catalog.snapshot.relations:  # the tables belong to the extension on many servers, so not `catalog.tables`
        if table.schema != "pgmq" or not table.name.startswith(("q_", "a_")):
            continue
        if table.kind not in (RelationKind.TABLE, RelationKind.PARTITIONED_TABLE):
            continue
        reach = catalog.reach(table)
        if table.row_security or not reach:
            yield PASSED
            continue
        message = f"queue table {identity_of(table)} has no row level security: {_who_may(reach)} every message"
        if exposed is None:
            yield unknown(identity_of(table), f"{message}; {exposure_unknown('pgmq_public')}", reachable_by=reach)
        else:
            yield failed(identity_of(table), message, reachable_by=reach)


_FUTURE = {"tables": "table", "sequences": "sequence", "functions": "function"}
"""Types of objects that are judged, and what one of them is called."""


@rule(
    "API007",
    "default-privileges-open",
    clause="1.1",
    severity=Severity.MEDIUM,
    family=Family.API_EXPOSURE,
    title="What is created next will be granted to client roles by itself",
    why=(
        "Default privileges give `anon` and `authenticated` rights on every table, sequence or function that a role creates from now on. "
        "A table is then open from its first second, before anybody thinks of a policy. Newer projects of the platform give fewer rights, "
        "but TRUNCATE, REFERENCES and TRIGGER, which no policy holds back, are still among them."
    ),
    how_to_fix=(
        "For each role that creates objects: `alter default privileges for role postgres in schema public revoke all on tables from anon, "
        "authenticated`, the same for sequences and functions; then grant what each object needs. While at it, and without a schema: "
        "`alter default privileges for role postgres revoke execute on functions from public`, which is built into the server and not "
        "judged here. Neither are entries of the platform's own roles, which a project cannot change."
    ),
    references=("cwe:276",),
    patch=PatchKind.SQL,
    requires=(CatalogKind.DEFAULT_PRIVILEGES, CatalogKind.ROLES, CatalogKind.ROLE_MEMBERSHIPS),
    violating="alter default privileges for role postgres in schema public grant select on tables to anon;",
    clean="alter default privileges for role postgres in schema public grant select on tables to service_role;",
)
def default_privileges_open(catalog: Catalog) -> Verdicts:
    circumstances = {"grant_regime": grant_regime(catalog), "public_executes_new_functions": _functions_are_born_public(catalog)}
    for entry in catalog.snapshot.default_privileges:
        if entry.role in PLATFORM_ROLES or entry.object_type not in _FUTURE:
            continue
        if entry.schema is None or entry.schema == "public":
            exposed: bool | None = True
        else:
            exposed = False if is_managed(entry.schema) else catalog.is_exposed(entry.schema)
        if exposed is False:
            continue
        opened = _opened(catalog, entry)
        if not opened:
            yield PASSED
            continue
        identity = _default_identity(entry.role, entry.schema, entry.object_type)
        where = "in every schema" if entry.schema is None else f"in schema {entry.schema}"
        listed = "; ".join(f"{grantee} may {', '.join(privileges)}" for grantee, privileges in opened.items())
        message = f"every new {_FUTURE[entry.object_type]} that {entry.role} creates {where} is granted to client roles: {listed}"
        if exposed is None:
            yield unknown(identity, f"{message}; {exposure_unknown(entry.schema or '')}", granted=opened, **circumstances)
        else:
            yield failed(identity, message, granted=opened, **circumstances)


def _opened(catalog: Catalog, entry: DefaultPrivilege) -> dict[str, list[str]]:
    """Grantee → privileges, for client roles and all that they inherit from.

    An entry without a schema repeats what is built in: PUBLIC may execute a function and use a type. Nobody chose that, and
    the functions for which it matters are judged one by one.
    """
    names = frozenset[str]().union(*(catalog.acts_as(role) for role in catalog.client_roles))
    built_in = {PUBLIC} if entry.schema is None and entry.object_type == "functions" else set()
    found: dict[str, list[str]] = {}
    for p in sorted(entry.privileges):
        if p.grantee in names and p.grantee not in built_in:
            found.setdefault(p.grantee, []).append(p.privilege)
    return found


def _functions_are_born_public(catalog: Catalog) -> bool:
    """PUBLIC may execute what `postgres` creates: built in, until an entry without a schema takes it away."""
    entries = [d for d in catalog.snapshot.default_privileges if (d.role, d.schema, d.object_type) == ("postgres", None, "functions")]
    return not entries or any(p.grantee == PUBLIC for p in entries[0].privileges)


def grant_regime(catalog: Catalog) -> str:
    """What client roles get on a new table of `postgres` in `public`.

    `automatic`: rows, as in all projects before 2026. `explicit`: no row, but other rights. `closed`: nothing.
    """
    given = {
        privilege
        for entry in catalog.snapshot.default_privileges
        if entry.role == "postgres" and entry.object_type == "tables" and entry.schema in (None, "public")
        for privileges in _opened(catalog, entry).values()
        for privilege in privileges
    }
    if not given:
        return "closed"
    return "explicit" if given.isdisjoint(ANY_COMMAND) else "automatic"


def _default_identity(role: str, schema: str | None, object_type: str) -> ObjectIdentity:
    return ObjectIdentity("default_privilege", schema, role, (("objects", object_type),))
