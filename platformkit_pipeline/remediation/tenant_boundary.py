"""Patches for RLS016 on a tenant's table: one restrictive policy that confines all others to the caller's tenant.

A restrictive policy only ever takes rows away, whatever the permissive ones say, and it leaves them as they are for their authors to mend.
"""

from __future__ import annotations

from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import Relation
from platformkit_pipeline.remediation.authority import may_change
from platformkit_pipeline.remediation.object_names import object_name
from platformkit_pipeline.remediation.policies import narrower
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.remediation.scope import member
from platformkit_pipeline.remediation.tenant_model import tenant_condition, why_not
from platformkit_pipeline.rules.database.catalog import CLIENT_ROLES, COMMANDS, Catalog
from platformkit_pipeline.sqltext.identifiers import identifier, qualified

SUCCESSORS = ("IDX001",)
"""A policy asks for the tenant column; whether it has an index has not mattered before."""


def draw_tenant_boundary(catalog: Catalog, finding: Result) -> Proposal:
    """RLS016 on a tenant's table (clauses 2.1 and 5.1); by hand where the tenant model gives no boundary."""
    table = catalog.relations[(finding.object.schema or "", finding.object.name)]
    if (why := _why_not(catalog, table)) is not None:
        return ByHand(f"no boundary can be drawn around {qualified(table.schema, table.name)}: {why}", _steps(table, finding))
    name = qualified(table.schema, table.name)
    boundary = object_name(table.name, suffix="tenant_boundary")
    condition = tenant_condition(catalog, table)
    roles = ", ".join(r for r in CLIENT_ROLES if r in catalog.client_roles)
    drop = f"drop policy if exists {identifier(boundary)} on {name}"
    who = f"create policy {identifier(boundary)} on {name} as restrictive for all to {roles}"
    create = f"{who}\n  using ({condition})\n  with check ({condition})"
    return Change(
        f"Confine the policies of {name} to the caller's tenant",
        (drop, create),
        (drop,),
        objects=(member("policy", table, boundary),),
        access=narrower(catalog, table, CLIENT_ROLES, COMMANDS),
        successors=SUCCESSORS,
        notes=(
            "The policies that are too wide stay as they are; one restrictive policy takes away what they give beyond the tenant.",
            "Callers without the claim, anon among them, reach no row of the table any more; service_role is not affected.",
        ),
    )


def _why_not(catalog: Catalog, table: Relation) -> str | None:
    if not table.row_security:
        return "row level security is off there"
    if not may_change(catalog, table.owner):
        return f"it belongs to {table.owner}, whom the project's own login may not act as"
    if any(p.name == object_name(table.name, suffix="tenant_boundary") for p in catalog.policies_of(table)):
        return "there is a policy of that name already, and it was not enough"
    return why_not(catalog, table)


def _steps(table: Relation, finding: Result) -> tuple[str, ...]:
    about = dict(finding.object.detail).get("policy")
    policy = f"policy {identifier(about)}" if about else "the policies"
    return (
        f"Decide who may read and write {qualified(table.schema, table.name)}, row by row.",
        f"Let {policy} compare a column of the row with the caller, `owner_id = (select auth.uid())` for instance; false without a claim.",
        "If everybody may read it: `comment on table ... is 'platformkit:public-read <reason>'`, and leave writing to the server side.",
    )
