"""Row level security: clauses 1.1 and 2.1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from platformkit_pipeline.model.identity import member_identity
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.model.snapshot import CatalogKind, Policy, Relation
from platformkit_pipeline.rules.database.catalog import Catalog, identity_of
from platformkit_pipeline.rules.database.directives import Directive, directive_in
from platformkit_pipeline.rules.registry import PASSED, Family, Verdict, Verdicts, failed, not_applicable, rule, unknown
from platformkit_pipeline.sqltext.parser import SqlSyntaxError
from platformkit_pipeline.sqltext.truth import is_tautology

PRIVILEGE_KINDS = (CatalogKind.ROLES, CatalogKind.ROLE_MEMBERSHIPS, CatalogKind.SCHEMAS, CatalogKind.COLUMNS)

POLICY_BEARING_MANAGED_SCHEMAS = frozenset({"storage", "realtime"})
"""Managed schemas whose tables are meant to carry the project's own policies (files, channels)."""


@rule(
    "RLS001",
    "rls-disabled",
    clause="2.1",
    severity=Severity.CRITICAL,
    family=Family.ROW_LEVEL_SECURITY,
    title="Row level security is disabled on a table",
    why=(
        "A table in `public` or in another schema of the Data API answers whoever holds the project's publishable key. "
        "Without row level security every grant opens every row."
    ),
    how_to_fix=(
        "Enable row level security together with the policies that the application needs: enabling it alone locks the application out. "
        "Under the tenant model the policy compares the tenant column with the caller's claim."
    ),
    references=("splinter:rls_disabled_in_public", "cwe:862"),
    patch=PatchKind.SQL,
    requires=(CatalogKind.RELATIONS, CatalogKind.POLICIES, *PRIVILEGE_KINDS),
    violating="create table public.orders (id uuid primary key);",
    clean="""
create table public.orders (id uuid primary key, tenant_id uuid not null);
alter table public.orders enable row level security;
create policy orders_of_tenant on public.orders to authenticated
  using (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid);
""",
)
def rls_disabled(catalog: Catalog) -> Verdicts:
    for table in catalog.tables:
        exposed = catalog.is_exposed(table.schema)
        if table.schema != "public" and exposed is False:
            continue
        identity = identity_of(table)
        if table.row_security:
            yield PASSED
        elif table.schema != "public" and exposed is None:
            yield unknown(
                identity,
                f"{identity} has no row level security, and whether schema {table.schema} is served by the Data API is not known: "
                "declare exposed_schemas, or let the scanning role see the configuration of role authenticator",
                **_exposure(catalog, table),
            )
        else:
            yield failed(identity, f"{identity} has no row level security; {_who_gets_in(catalog, table)}", **_exposure(catalog, table))


def _exposure(catalog: Catalog, table: Relation) -> dict[str, Any]:
    statistics = catalog.statistics.get((table.schema, table.name))
    return {
        "schema_exposed": catalog.is_exposed(table.schema),
        "reachable_by": catalog.reach(table),
        "estimated_rows": statistics.estimated_rows if statistics else None,
        "policies": len(catalog.policies_of(table)),
    }


def _who_gets_in(catalog: Catalog, table: Relation) -> str:
    reach = catalog.reach(table)
    if not reach:
        return "no client role holds a privilege on it yet, so one GRANT opens every row"
    return "; ".join(f"{role} may {', '.join(commands)} every row" for role, commands in reach.items())


@rule(
    "RLS002",
    "policies-without-rls",
    clause="2.1",
    severity=Severity.CRITICAL,
    family=Family.ROW_LEVEL_SECURITY,
    title="Policies exist, but row level security is off",
    why="The policies look like protection and have no effect: PostgreSQL ignores them until row level security is enabled on the table.",
    how_to_fix="`alter table ... enable row level security;` after checking that the policies let the application through.",
    references=("splinter:policy_exists_rls_disabled", "cwe:863"),
    requires=(CatalogKind.RELATIONS, CatalogKind.POLICIES),
    violating="""
create table public.orders (id uuid primary key, tenant_id uuid not null);
create policy orders_of_tenant on public.orders using (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid);
""",
    clean="alter table public.orders enable row level security;",
)
def policies_without_rls(catalog: Catalog) -> Verdicts:
    for table in catalog.tables:
        policies = catalog.policies_of(table)
        if not policies:
            continue
        identity = identity_of(table)
        if table.row_security:
            yield PASSED
        else:
            names = [p.name for p in policies]
            yield failed(
                identity,
                f"policies of {identity} are without effect, because row level security is off: {', '.join(names)}",
                policies=names,
            )


@rule(
    "RLS003",
    "rls-without-policy",
    clause="2.1",
    severity=Severity.LOW,
    family=Family.ROW_LEVEL_SECURITY,
    title="Row level security without a policy",
    why="Nobody but the owner and roles that bypass row level security gets in. That is safe, but seldom what was meant.",
    how_to_fix="Add the policies that the table needs, or drop the grants of client roles if it is for the server side only.",
    references=("splinter:rls_enabled_no_policy",),
    requires=(CatalogKind.RELATIONS, CatalogKind.POLICIES),
    violating="create table public.orders (id uuid primary key);\nalter table public.orders enable row level security;",
    clean="create policy orders_of_owner on public.orders to authenticated using (owner_id = (select auth.uid()));",
)
def rls_without_policy(catalog: Catalog) -> Verdicts:
    for table in catalog.root_tables:  # a partition is reached through its parent, and closed on its own is right
        if not table.row_security:
            continue
        identity = identity_of(table)
        if catalog.policies_of(table):
            yield PASSED
        else:
            yield failed(identity, f"{identity} has row level security and no policy: client roles see no row and write none")


@rule(
    "RLS004",
    "allow-all-write",
    clause="2.1",
    severity=Severity.CRITICAL,
    family=Family.ROW_LEVEL_SECURITY,
    title="A policy lets client roles write every row",
    why="The condition of the policy is always true, so row level security is on and protects nothing that it covers.",
    how_to_fix="Replace the condition by one that ties the row to the caller: the tenant claim, or the user's id.",
    references=("splinter:rls_policy_always_true", "cwe:863"),
    requires=(CatalogKind.RELATIONS, CatalogKind.POLICIES, *PRIVILEGE_KINDS),
    violating='create policy "allow all" on public.orders for all to authenticated using (true);',
    clean="""
create policy orders_of_tenant on public.orders for all to authenticated
  using (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid);
""",
    revision=2,
)
def allow_all_write(catalog: Catalog) -> Verdicts:
    for table, policy in _client_policies(catalog, ("ALL", "INSERT", "UPDATE", "DELETE")):
        check = policy.with_check or policy.using
        tested = {
            "ALL": (("SELECT", "UPDATE", "DELETE"), policy.using, ("INSERT",), check),
            "INSERT": ((), None, ("INSERT",), policy.with_check),
            "UPDATE": (("UPDATE",), policy.using, (), None),
            "DELETE": (("DELETE",), policy.using, (), None),
        }[policy.command]
        rows, using, new_rows, with_check = tested
        yield _tautology_verdict(catalog, table, policy, ((rows, using), (new_rows, with_check)))


@rule(
    "RLS005",
    "allow-all-read",
    clause="2.1",
    severity=Severity.HIGH,
    family=Family.ROW_LEVEL_SECURITY,
    title="A policy lets client roles read every row",
    why="The condition of the policy is always true. If the table is meant to be public, say so where everybody can see it.",
    how_to_fix=(
        "Tie the row to the caller, or declare the table public: "
        "`comment on table ... is 'platformkit:public-read <reason>'`. A directive without a reason does not count."
    ),
    references=("cwe:863",),
    requires=(CatalogKind.RELATIONS, CatalogKind.POLICIES, *PRIVILEGE_KINDS),
    violating='create policy "read all" on public.orders for select to anon using (true);',
    clean="comment on table public.countries is 'platformkit:public-read reference data, the same for everybody';",
    revision=2,
)
def allow_all_read(catalog: Catalog) -> Verdicts:
    for table, policy in _client_policies(catalog, ("SELECT",)):
        if table.schema in POLICY_BEARING_MANAGED_SCHEMAS:
            continue  # listing of buckets has rules of its own
        use = directive_in(table.comment, Directive.PUBLIC_READ)
        if use and use.reason:
            yield not_applicable(_policy_identity(policy), f"declared public: {use.reason}")
        else:
            yield _tautology_verdict(catalog, table, policy, ((("SELECT",), policy.using),))


def _client_policies(catalog: Catalog, commands: tuple[str, ...]) -> Iterator[tuple[Relation, Policy]]:
    """Permissive policies for client roles on the project's tables, and on managed tables that carry project policies."""
    for policy in catalog.snapshot.policies:
        table = catalog.relations.get((policy.schema, policy.relation))
        if table is None or table.extension or not policy.permissive or policy.command not in commands:
            continue
        mine = (table.schema, table.name) in catalog.table_names or policy.schema in POLICY_BEARING_MANAGED_SCHEMAS
        if mine and catalog.clients_of(policy):
            yield table, policy


def _policy_identity(policy: Policy) -> Any:
    return member_identity("policy", policy.schema, policy.relation, policy.name)


def _tautology_verdict(
    catalog: Catalog, table: Relation, policy: Policy, tested: tuple[tuple[tuple[str, ...], str | None], ...]
) -> Verdict | None:
    """FAIL when one of the (commands, expression) pairs is always true and no restrictive policy narrows it.

    A missing expression lets no row through, so it is no fault.
    """
    identity = _policy_identity(policy)
    try:
        open_commands = [
            command
            for commands, expression in tested
            if expression is not None and is_tautology(expression)
            for command in commands
            if not _narrowed(catalog, table, policy, command)
        ]
    except SqlSyntaxError as error:
        return unknown(identity, f"the expression of policy {policy.name} on {policy.schema}.{policy.relation} does not parse: {error}")
    if not open_commands:
        return PASSED
    clients = catalog.clients_of(policy)
    reach = catalog.reach(table)
    granted = {role: [c for c in reach.get(role, []) if c in open_commands] for role in clients}
    effective = {role: commands for role, commands in granted.items() if commands}
    return failed(
        identity,
        f"policy {policy.name} on {policy.schema}.{policy.relation} lets {', '.join(clients)} {', '.join(open_commands)} every row"
        + ("" if effective else " as soon as the privilege is granted"),
        command=policy.command,
        roles=list(policy.roles),
        using=policy.using,
        with_check=policy.with_check,
        open_commands=open_commands,
        reachable_by=effective,
    )


def _narrowed(catalog: Catalog, table: Relation, policy: Policy, command: str) -> bool:
    """A restrictive policy with a real condition applies to every client role of `policy` for `command`."""
    clients = set(catalog.clients_of(policy))
    for other in catalog.policies_of(table):
        if other.permissive or other.command not in ("ALL", command):
            continue
        condition = (other.with_check or other.using) if command == "INSERT" else other.using
        if condition is None or is_tautology(condition):
            continue
        clients -= set(catalog.clients_of(other))
    return not clients
