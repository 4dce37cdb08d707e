"""Patches for RLS001, RLS002 and RLS017: enable row level security with the tenant policy, never alone where that locks people out."""

from __future__ import annotations

from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import PUBLIC, Relation
from platformkit_pipeline.remediation.authority import may_change, out_of_reach
from platformkit_pipeline.remediation.object_names import object_name
from platformkit_pipeline.remediation.policies import narrower
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.remediation.scope import member, object_of, roles_in_sight
from platformkit_pipeline.remediation.tenant_model import tenant_condition, why_not
from platformkit_pipeline.rules.database.catalog import COMMANDS, Catalog
from platformkit_pipeline.sqltext.identifiers import identifier, qualified


def enable_row_level_security(catalog: Catalog, finding: Result) -> Proposal:
    """With the tenant policy where the tenant model gives one (clauses 2.1 and 5.1); by hand otherwise.

    RLS001, RLS002, RLS017 and API002 may all speak about one table. They get the same patch, so that each mends its finding
    alone, and together the later ones change nothing.
    """
    table = catalog.relations[(finding.object.schema or "", finding.object.name)]
    name = qualified(table.schema, table.name)
    enable, disable = f"alter table {name} enable row level security", f"alter table {name} disable row level security"
    if table.row_security:
        return _parent_of_protected(name)
    if not may_change(catalog, table.owner):
        return out_of_reach(table.owner, name, enable)
    if catalog.policies_of(table):
        return _with_its_policies(catalog, table, enable, disable)
    if table.is_partition:
        notes = ("Client roles reach the rows through the partitioned table, whose policies apply; reading the partition directly ends.",)
        return _enabled(catalog, table, f"Enable row level security on partition {name}", (enable,), (disable,), notes)
    if tenant_condition(catalog, table) is not None:
        return _with_tenant_policy(catalog, table, enable, disable)
    if not _affected_roles(catalog, table):
        notes = ("No role but the owner and roles that bypass row level security holds a privilege, so nobody is locked out.",)
        return _enabled(catalog, table, f"Enable row level security on {name}", (enable,), (disable,), notes, ("RLS003",))
    return _by_hand(catalog, table, name)


def _enabled(
    catalog: Catalog,
    table: Relation,
    title: str,
    up: tuple[str, ...],
    down: tuple[str, ...],
    notes: tuple[str, ...],
    successors: tuple[str, ...] = (),
    objects: tuple[str, ...] = (),
) -> Change:
    family = ("RLS017",) if table.parents or _has_children(catalog, table) else ()
    clients = tuple(role for role in catalog.client_roles if catalog.granted_to(role, table))
    return Change(
        title,
        up,
        down,
        notes=notes,
        objects=(object_of(table), *objects),
        access=narrower(catalog, table, clients, COMMANDS) if clients else (),
        successors=(*successors, *family),
    )


def _has_children(catalog: Catalog, table: Relation) -> bool:
    return any((table.schema, table.name) in r.parents for r in catalog.tables)


def _with_its_policies(catalog: Catalog, table: Relation, enable: str, disable: str) -> Change:
    policies = catalog.policies_of(table)
    covered = {role for policy in policies for role in policy.roles}
    notes = (f"The existing policies come into force: {', '.join(p.name for p in policies)}.", *_locked_out(catalog, table, covered))
    title = f"Enable row level security on {qualified(table.schema, table.name)}"
    # what rules say about policies they say once these are in force
    return _enabled(
        catalog, table, title, (enable,), (disable,), notes, ("RLS010", "RLS011", "RLS015", "RLS018", "RLS019", "TEN003", "IDX001")
    )


def _parent_of_protected(name: str) -> ByHand:
    """RLS017 about a parent: what its own policies should say is for a person."""
    return ByHand(
        reason=f"{name} lets callers at rows of tables below it that have a protection of their own",
        steps=(
            f"Give {name} policies that are no wider than those of the tables below it,",
            f"or take it from client roles: `revoke select, insert, update, delete on table {name} from public, anon, authenticated`.",
        ),
    )


def _with_tenant_policy(catalog: Catalog, table: Relation, enable: str, disable: str) -> Change:
    name = qualified(table.schema, table.name)
    policy = object_name(table.name, suffix="tenant_isolation")
    condition = tenant_condition(catalog, table)
    drop = f"drop policy if exists {identifier(policy)} on {name}"
    create = f"create policy {identifier(policy)} on {name} for all to authenticated\n  using ({condition})\n  with check ({condition})"
    notes = ["Callers without the claim see no row. Roles that bypass row level security (service_role) are not affected."]
    successors = ["IDX001", "RLS015"]
    if "anon" in catalog.reach(table):
        notes.append(
            "anon keeps its grants and loses every row: check that no page reads this table without a signed-in user, "
            "then revoke them; until then RLS018 reports grants without a policy."
        )
        successors.append("RLS018")
    notes.extend(_locked_out(catalog, table, {"authenticated", "anon"}))
    if not catalog.commands_open_to("authenticated", table):
        # What was closed stays closed: whether client roles are meant to use the table is not in the catalogue.
        notes.append(
            "authenticated holds no privilege on the table, and this patch grants none; the policy takes effect once one is granted. "
            "Until then RLS018 reports a policy without a grant."
        )
        successors.append("RLS018")
    created = member("policy", table, policy)
    return _enabled(
        catalog,
        table,
        f"Enable row level security on {name} with the tenant policy",
        (enable, drop, create),
        (drop, disable),
        tuple(notes),
        tuple(dict.fromkeys(successors)),
        (created, *roles_in_sight(catalog, ("authenticated",), (created,))),
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
    return ByHand(
        reason=f"the tenant model gives no policy for {name}, because {why_not(catalog, table)}; "
        f"enabling row level security alone would lock out {roles}",
        steps=(
            f"Decide who may read and write {name}, and write a policy per command that says so.",
            "If nobody but the server side needs it: revoke the privileges of client roles, then enable row level security.",
            "If it is public reference data: enable row level security, add a SELECT policy, and declare it with "
            "`comment on table ... is 'platformkit:public-read <reason>'`.",
            f"Ship `alter table {name} enable row level security` in the same migration as the policies.",
        ),
    )
