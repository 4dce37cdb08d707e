"""Patches for RLS001, RLS002 and RLS017: enable row level security with the tenant policy, never alone where that locks people out."""

from __future__ import annotations

from platformkit_pipeline.model.identity import member_identity
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import PUBLIC, Relation
from platformkit_pipeline.remediation.access import fewer_rows, owners_may_change
from platformkit_pipeline.remediation.object_names import object_name
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.rules.database.catalog import Catalog, identity_of
from platformkit_pipeline.rules.database.directives import Directive, directive_in
from platformkit_pipeline.sqltext.identifiers import identifier, literal, qualified

_COME_TO_LIGHT = ("RLS004", "RLS005", "RLS006", "RLS010", "RLS011", "RLS012", "RLS016", "RLS018", "RLS019", "TEN003", "IDX001")
"""Rules that judge policies once they have an effect: what is wrong with them was so before, and less bad than no policy at all."""


def enable_row_level_security(catalog: Catalog, finding: Result) -> Proposal:
    """RLS001, RLS002 and RLS017: with the tenant policy where the tenant model gives one (clauses 2.1 and 5.1); by hand otherwise."""
    table = catalog.relations[(finding.object.schema or "", finding.object.name)]
    name = qualified(table.schema, table.name)
    if table.row_security:
        return ByHand(
            "it has row level security; what its policies open is wider than what those of its children do",
            (f"Let the policies of {name} be no wider than those of the tables below it, or revoke it from client roles.",),
        )
    if not owners_may_change(catalog, table.owner):
        return ByHand(
            f"{name} belongs to {table.owner}, whom the project's own login may not act as",
            (f"As {table.owner} or a superuser: alter table {name} enable row level security; with policies in the same migration.",),
        )
    if catalog.policies_of(table):
        policies = ", ".join(p.name for p in catalog.policies_of(table))
        covered = {role for policy in catalog.policies_of(table) for role in policy.roles}
        notes = (f"The existing policies come into force: {policies}.", *_locked_out(catalog, table, covered))
        return _enabling(table, f"Enable row level security on {name}", notes, _COME_TO_LIGHT)
    if table.is_partition:
        note = "Client roles reach the rows through the partitioned table, whose policies apply; reading the partition directly ends."
        return _enabling(table, f"Enable row level security on partition {name}", (note,), ("RLS018",))
    if _is_protected_child(catalog, table):
        note = "Client roles reach the rows through the table that it inherits from, whose policies apply; reading it directly ends."
        return _enabling(table, f"Enable row level security on {name}", (note,), ("RLS003", "RLS018"))
    if why_no_tenant_policy(catalog, table) is None:
        return _with_tenant_policy(catalog, table)
    if not _affected_roles(catalog, table):
        note = "No role but the owner and roles that bypass row level security holds a privilege, so nobody is locked out."
        return _enabling(table, f"Enable row level security on {name}", (note,), ("RLS003",))
    return _by_hand(catalog, table, name)


def tenant_condition(catalog: Catalog) -> str:
    """The row belongs to the caller's tenant; false for callers without the claim, and the claim is read once per statement."""
    tenancy = catalog.declarations.tenancy
    return f"{identifier(tenancy.column)} = ((select auth.jwt()) ->> {literal(tenancy.claim)})::uuid"


def why_no_tenant_policy(catalog: Catalog, table: Relation) -> str | None:
    """Why the tenant model gives no policy for the table; None when it does."""
    tenancy = catalog.declarations.tenancy
    column = catalog.column(table, tenancy.column)
    if tenancy.not_applicable_reason or directive_in(table.comment, Directive.NOT_TENANT_SCOPED):
        return "the table is declared to be outside the tenant model"
    if directive_in(table.comment, Directive.PUBLIC_READ):
        return "the table is declared to be readable by everybody"
    if column is None:
        return f"it has no column {tenancy.column}"
    if column.type != "uuid":
        return f"its column {tenancy.column} is {column.type}, not uuid"
    if "authenticated" not in catalog.client_roles or not catalog.functions_named("jwt", "auth"):
        return "the database has no auth.jwt() to read the claim from"
    return None


def _enabling(table: Relation, title: str, notes: tuple[str, ...], successors: tuple[str, ...]) -> Change:
    name = qualified(table.schema, table.name)
    return Change(
        title,
        (f"alter table {name} enable row level security",),
        (f"alter table {name} disable row level security",),
        notes=notes,
        objects=(identity_of(table).canonical,),
        access=(fewer_rows(table),),
        successors=successors,
    )


def _is_protected_child(catalog: Catalog, table: Relation) -> bool:
    parents = [catalog.relations.get(name) for name in table.parents]
    return any(parent is not None and parent.row_security for parent in parents)


def _with_tenant_policy(catalog: Catalog, table: Relation) -> Change:
    name = qualified(table.schema, table.name)
    policy = object_name(table.name, suffix="tenant_isolation")
    condition = tenant_condition(catalog)
    enable, disable = f"alter table {name} enable row level security", f"alter table {name} disable row level security"
    drop = f"drop policy if exists {identifier(policy)} on {name}"
    create = f"create policy {identifier(policy)} on {name} for all to authenticated\n  using ({condition})\n  with check ({condition})"
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
        f"Enable row level security on {name} with the tenant policy",
        (enable, drop, create),
        (drop, disable),
        notes=tuple(notes),
        objects=(identity_of(table).canonical, member_identity("policy", table.schema, table.name, policy).canonical),
        access=(fewer_rows(table),),
        successors=("RLS018", "IDX001"),
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
    roles = ", ".join("every role" if r == PUBLIC else r for r in _affected_roles(catalog, table))
    why = why_no_tenant_policy(catalog, table)
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
