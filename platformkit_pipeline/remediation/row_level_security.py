"""Patches for RLS001: enable row level security together with the tenant policy, never alone where that locks people out."""

from __future__ import annotations

from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import PUBLIC, Relation
from platformkit_pipeline.remediation.object_names import object_name
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.database.directives import Directive, directive_in
from platformkit_pipeline.sqltext.identifiers import identifier, literal, qualified


def enable_row_level_security(catalog: Catalog, finding: Result) -> Proposal:
    """With the tenant policy where the tenant model gives one (clauses 2.1 and 5.1); by hand otherwise."""
    table = catalog.relations[(finding.object.schema or "", finding.object.name)]
    name = qualified(table.schema, table.name)
    enable, disable = f"alter table {name} enable row level security", f"alter table {name} disable row level security"

    if catalog.policies_of(table):
        policies = ", ".join(p.name for p in catalog.policies_of(table))
        covered = {role for policy in catalog.policies_of(table) for role in policy.roles}
        return Change(
            f"Enable row level security on {name}",
            (enable,),
            (disable,),
            notes=(f"The existing policies come into force: {policies}.", *_locked_out(catalog, table, covered)),
        )
    if table.is_partition:
        return Change(
            f"Enable row level security on partition {name}",
            (enable,),
            (disable,),
            notes=(
                "Client roles reach the rows through the partitioned table, whose policies apply; reading the partition directly ends.",
            ),
        )
    if _tenant_policy_is_possible(catalog, table):
        return _with_tenant_policy(catalog, table, enable, disable)
    if not _affected_roles(catalog, table):
        return Change(
            f"Enable row level security on {name}",
            (enable,),
            (disable,),
            notes=("No role but the owner and roles that bypass row level security holds a privilege, so nobody is locked out.",),
        )
    return _by_hand(catalog, table, name)


def _tenant_policy_is_possible(catalog: Catalog, table: Relation) -> bool:
    tenancy = catalog.declarations.tenancy
    column = catalog.column(table, tenancy.column)
    declared_out = directive_in(table.comment, Directive.NOT_TENANT_SCOPED)
    return (
        tenancy.not_applicable_reason is None
        and declared_out is None
        and directive_in(table.comment, Directive.PUBLIC_READ) is None
        and column is not None
        and column.type == "uuid"
        and "authenticated" in catalog.client_roles
        and bool(catalog.functions_named("jwt", "auth"))
    )


def _with_tenant_policy(catalog: Catalog, table: Relation, enable: str, disable: str) -> Change:
    tenancy = catalog.declarations.tenancy
    name = qualified(table.schema, table.name)
    policy = identifier(object_name(table.name, suffix="tenant_isolation"))
    condition = f"{identifier(tenancy.column)} = ((select auth.jwt()) ->> {literal(tenancy.claim)})::uuid"
    drop = f"drop policy if exists {policy} on {name}"
    create = f"create policy {policy} on {name} for all to authenticated\n  using ({condition})\n  with check ({condition})"
    notes = ["Callers without the claim see no row. Roles that bypass row level security (service_role) are not affected."]
    if "anon" in catalog.reach(table):
        notes.append(
            "anon keeps its grants and loses every row: check that no page reads this table without a signed-in user, "
            "then revoke them; until then RLS018 reports grants without a policy."
        )
    notes.extend(_locked_out(catalog, table, {"authenticated", "anon"}))
    if not catalog.commands_open_to("authenticated", table):
        # What was closed stays closed: whether client roles are meant to use the table is not in the catalogue.
        notes.append(
            "authenticated holds no privilege on the table, and this patch grants none; the policy takes effect once one is granted. "
            "Until then RLS018 reports a policy without a grant."
        )
    return Change(
        f"Enable row level security on {name} with the tenant policy", (enable, drop, create), (drop, disable), notes=tuple(notes)
    )


def _affected_roles(catalog: Catalog, table: Relation) -> tuple[str, ...]:
    """Roles with a privilege on the table that row level security would stop."""
    bypassing = {r.name for r in catalog.snapshot.roles if r.superuser or r.bypass_rls} | {table.owner}
    by_column = (p.grantee for c in catalog.columns_of(table) for p in c.privileges)
    grantees = {p.grantee for p in table.privileges} | set(by_column)
    return tuple(sorted(grantees - bypassing))


def _locked_out(catalog: Catalog, table: Relation, covered: set[str]) -> tuple[str, ...]:
    """A note that names the roles which hold a privilege, bypass nothing, and to which none of the policies applies."""
    if PUBLIC in covered:
        return ()
    lost = [role for role in _affected_roles(catalog, table) if role not in covered and not catalog.acts_as(role) & covered]
    names = ", ".join("every other role (PUBLIC)" if role == PUBLIC else role for role in lost)
    return (f"No policy applies to {names}: what was granted there shows no row any more.",) if lost else ()


def _by_hand(catalog: Catalog, table: Relation, name: str) -> ByHand:
    column = catalog.declarations.tenancy.column
    roles = ", ".join("every role" if r == PUBLIC else r for r in _affected_roles(catalog, table))
    if catalog.declarations.tenancy.not_applicable_reason or directive_in(table.comment, Directive.NOT_TENANT_SCOPED):
        why = "the table is declared to be outside the tenant model"
    elif directive_in(table.comment, Directive.PUBLIC_READ):
        why = "the table is declared to be readable by everybody"
    elif catalog.column(table, column) is None:
        why = f"it has no column {column}"
    elif (found := catalog.column(table, column)) is not None and found.type != "uuid":
        why = f"its column {column} is {found.type}, not uuid"
    else:
        why = "the database has no auth.jwt() to read the claim from"
    return ByHand(
        reason=f"the tenant model gives no policy for {name}, because {why}; enabling row level security alone would lock out {roles}",
        steps=(
            f"Decide who may read and write {name}, and write a policy per command that says so.",
            "If nobody but the server side needs it: revoke the privileges of client roles, then enable row level security.",
            "If it is public reference data: enable row level security, add a SELECT policy, and declare it with "
            "`comment on table ... is 'platformkit:public-read <reason>'`.",
            f"Ship `alter table {name} enable row level security` in the same migration as the policies.",
        ),
    )
