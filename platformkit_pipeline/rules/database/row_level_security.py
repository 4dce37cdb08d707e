"""Row level security: clauses 1.1 and 2.1."""

from __future__ import annotations

from typing import Any

from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.model.snapshot import CatalogKind, Policy, Relation
from platformkit_pipeline.rules.database.catalog import POLICY_BEARING_SCHEMAS, Catalog, identity_of
from platformkit_pipeline.rules.database.directives import Directive, directive_in
from platformkit_pipeline.rules.database.policy_expressions import escaping_updates, lets_rows_in, narrowed, policy_identity
from platformkit_pipeline.rules.registry import PASSED, Family, Verdict, Verdicts, failed, not_applicable, rule, unknown
from platformkit_pipeline.sqltext.parser import SqlSyntaxError
from platformkit_pipeline.sqltext.truth import is_tautology

PRIVILEGE_KINDS = (CatalogKind.ROLES, CatalogKind.ROLE_MEMBERSHIPS, CatalogKind.SCHEMAS, CatalogKind.COLUMNS)

FILES = ("storage", "objects")
"""The files of all buckets, private ones as well."""


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
    violating="""
drop policy orders_of_tenant on public.orders;
alter table public.orders disable row level security;
""",
    clean="""
alter table public.orders enable row level security;
alter policy orders_of_tenant on public.orders
  using (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid);
""",
)
def rls_disabled(catalog: Catalog) -> Verdicts:
    for table in catalog.tables:
        exposed = catalog.is_exposed(table.schema)
        if table.schema != "public" and exposed is False:
            continue
        if table.row_security:
            yield PASSED
            continue
        identity = identity_of(table)
        if table.schema != "public" and exposed is None:
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
    patch=PatchKind.SQL,
    requires=(CatalogKind.RELATIONS, CatalogKind.POLICIES),
    violating="alter table public.orders disable row level security;",
    clean="alter table public.orders enable row level security;",
    also_fires=("RLS001",),
)
def policies_without_rls(catalog: Catalog) -> Verdicts:
    for table in catalog.tables:
        policies = catalog.policies_of(table)
        if not policies:
            continue
        if table.row_security:
            yield PASSED
        else:
            identity = identity_of(table)
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
    violating="""
revoke all on public.orders from authenticated;
drop policy orders_of_tenant on public.orders;
""",
    clean="""
drop policy orders_of_tenant on public.orders;
create policy orders_of_tenant on public.orders to authenticated
  using (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid);
""",
)
def rls_without_policy(catalog: Catalog) -> Verdicts:
    for table in catalog.root_tables:  # a partition is reached through its parent, and closed on its own is right
        if not table.row_security:
            continue
        if catalog.policies_of(table):
            yield PASSED
        else:
            identity = identity_of(table)
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
    patch=PatchKind.SQL,
    requires=(CatalogKind.RELATIONS, CatalogKind.POLICIES, *PRIVILEGE_KINDS),
    violating="""
grant insert on public.tenants to authenticated;
create policy founders on public.tenants for insert to authenticated with check (true);
""",
    clean="""
grant insert on public.tenants to authenticated;
create policy founders on public.tenants for insert to authenticated
  with check (id = ((select auth.jwt()) ->> 'tenant_id')::uuid);
""",
    revision=4,
)
def allow_all_write(catalog: Catalog) -> Verdicts:
    for table, policy in catalog.project_policies:
        if not policy.permissive or policy.command == "SELECT" or not catalog.clients_of(policy):
            continue
        yield _tautology_verdict(catalog, table, policy)


@rule(
    "RLS005",
    "allow-all-read",
    clause="2.1",
    severity=Severity.HIGH,
    family=Family.ROW_LEVEL_SECURITY,
    title="A policy lets client roles read every row",
    why="The condition of the policy is always true. If the table is meant to be public, say so where everybody can see it.",
    how_to_fix=(
        "Tie the row to the caller (a file to its bucket and owner), or declare the table public: "
        "`comment on table ... is 'platformkit:public-read <reason>'`. A directive without a reason does not count."
    ),
    references=("cwe:863",),
    patch=PatchKind.SQL,
    requires=(CatalogKind.RELATIONS, CatalogKind.POLICIES, *PRIVILEGE_KINDS),
    violating="alter policy own_tenant on public.tenants using (true);",
    clean="""
alter policy own_tenant on public.tenants using (true);
comment on table public.tenants is
  'platformkit:not-tenant-scoped the tenants themselves platformkit:public-read a directory that everybody may see';
""",
    revision=3,
)
def allow_all_read(catalog: Catalog) -> Verdicts:
    for table, policy in catalog.project_policies:
        if policy.command != "SELECT" or not policy.permissive or not catalog.clients_of(policy):
            continue
        if table.schema in POLICY_BEARING_SCHEMAS and (table.schema, table.name) != FILES:
            continue  # the platform's own: channels, and the list of buckets
        use = directive_in(table.comment, Directive.PUBLIC_READ) if table.comment else None
        if use and use.reason:
            yield not_applicable(policy_identity(policy), f"declared public: {use.reason}")
        else:
            yield _tautology_verdict(catalog, table, policy)


_ROWS = {"ALL": ("SELECT", "UPDATE", "DELETE"), "SELECT": ("SELECT",), "INSERT": (), "UPDATE": ("UPDATE",), "DELETE": ("DELETE",)}
"""Commands for which USING decides. What an UPDATE may make of a row is RLS012's business."""


def _tautology_verdict(catalog: Catalog, table: Relation, policy: Policy) -> Verdict | None:
    """FAIL when one of the policy's conditions is always true and no restrictive policy narrows it.

    A missing condition lets no row through, so it is no fault.
    """
    try:
        open_commands = _open_commands(catalog, table, policy)
    except SqlSyntaxError as error:
        message = f"the expression of policy {policy.name} on {policy.schema}.{policy.relation} does not parse: {error}"
        return unknown(policy_identity(policy), message)
    if not open_commands:
        return PASSED
    clients = catalog.clients_of(policy)
    reach = catalog.reach(table)
    granted = {role: [c for c in reach.get(role, []) if c in open_commands] for role in clients}
    effective = {role: commands for role, commands in granted.items() if commands}
    return failed(
        policy_identity(policy),
        f"policy {policy.name} on {policy.schema}.{policy.relation} lets {_opened(clients, open_commands, effective)}",
        command=policy.command,
        roles=list(policy.roles),
        using=policy.using,
        with_check=policy.with_check,
        open_commands=open_commands,
        reachable_by=effective,
    )


def _opened(clients: tuple[str, ...], open_commands: list[str], effective: dict[str, list[str]]) -> str:
    """Who may do what now, and what the next GRANT would add."""
    now = "; ".join(f"{role} {', '.join(commands)} every row" for role, commands in effective.items())
    granted = {command for commands in effective.values() for command in commands}
    later = ", ".join(command for command in open_commands if command not in granted)
    if not now:
        return f"{', '.join(clients)} {later} every row as soon as the privilege is granted"
    return f"{now}; {later} as soon as the privilege is granted" if later else now


def _open_commands(catalog: Catalog, table: Relation, policy: Policy) -> list[str]:
    """Raises SqlSyntaxError."""
    using, check = policy.using, policy.with_check or policy.using
    commands = list(_ROWS[policy.command]) if using is not None and is_tautology(using) else []
    if policy.command in ("ALL", "INSERT") and check is not None and is_tautology(check):
        if (
            policy.command == "ALL"
            and not commands
            and escaping_updates(catalog, table, policy)
            and not lets_rows_in(catalog, table, policy)
        ):
            return []  # without the privilege to INSERT the open check is one of UPDATE: RLS012 says it
        commands.append("INSERT")
    return [command for command in commands if not narrowed(catalog, table, policy, command)]
