"""Patches for the texts of policies: RLS004, RLS005, RLS010, RLS012 and TEN003.

Each side of a policy (USING, WITH CHECK) has one mended text, whichever rule asks for it, so that patches for several rules on
one policy agree. What a patch writes is never wider than what stood there.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from platformkit_pipeline.model.patch import AccessChange
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import Policy, Relation
from platformkit_pipeline.remediation.authority import may_change, out_of_reach
from platformkit_pipeline.remediation.grants import roles
from platformkit_pipeline.remediation.object_names import object_name
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.remediation.scope import member, object_of, roles_in_sight, tables_asking
from platformkit_pipeline.remediation.tenant_model import tenant_condition, why_not
from platformkit_pipeline.rules.database.catalog import COMMANDS, Catalog
from platformkit_pipeline.rules.database.policy_expressions import CallsPerRow
from platformkit_pipeline.rules.database.tenancy import confine
from platformkit_pipeline.sqltext.expression_facts import CALLER_FUNCTIONS, Path
from platformkit_pipeline.sqltext.identifiers import identifier, qualified
from platformkit_pipeline.sqltext.once import evaluated_once
from platformkit_pipeline.sqltext.parser import SqlSyntaxError
from platformkit_pipeline.sqltext.truth import is_tautology

_CLAIM_NOTE = "Callers without the claim see no row and write none. Roles that bypass row level security (service_role) are not affected."
_SELF_MANAGED = "the table belongs to the platform: what its policies should say is not in the tenant model"


# -- what a side should say -----------------------------------------------------------------------------------------
def mended(catalog: Catalog, table: Relation, policy: Policy) -> Policy | None:
    """The policy with conditions in the place of what is always true; None where the tenant model gives no condition.

    A check that is always true beside a USING that is not takes that one over, as if it had been left away.
    Raises SqlSyntaxError.
    """
    condition = tenant_condition(catalog, table)
    using, check = policy.using, policy.with_check
    if check is not None and is_tautology(check):
        check = once(catalog, using) if using is not None and not is_tautology(using) else condition
        if check is None:
            return None
    if using is not None and is_tautology(using):
        if condition is None:
            return None
        using = condition
    return replace(policy, using=using, with_check=check)


def once(catalog: Catalog, text: str) -> str:
    """The same condition, asking for the caller once per statement where that can be written. Raises SqlSyntaxError."""
    names = _per_row(catalog).names_in(text)
    if any(_may_be_volatile(catalog, name) for name in names):
        return text
    rewritten = evaluated_once(text, names) if names else text
    return text if _per_row(catalog).names_in(rewritten) else rewritten


@lru_cache(maxsize=1)
def _per_row(catalog: Catalog) -> CallsPerRow:
    return CallsPerRow(catalog)


def _may_be_volatile(catalog: Catalog, name: Path) -> bool:
    """Called once, a volatile function of the project may do something else than called for each row."""
    if name in CALLER_FUNCTIONS:
        return False
    functions = catalog.functions_named(name[-1], name[-2] if len(name) > 1 else None)
    return any(f.volatility == "volatile" for f in functions if f.schema != "pg_catalog")


# -- RLS004, RLS005, RLS012 -----------------------------------------------------------------------------------------
def tie_to_tenant(catalog: Catalog, finding: Result) -> Proposal:
    """RLS004 and RLS005: the tenant condition in the place of what is always true (clauses 2.1 and 5.1)."""
    table, policy = _found(catalog, finding)
    if (refused := _refused(catalog, table)) is not None:
        return refused
    new = mended(catalog, table, policy)
    if new is None:
        return _no_condition(catalog, table, policy)
    if "authenticated" not in catalog.clients_of(policy) and tenant_condition(catalog, table) in (new.using, new.with_check):
        return ByHand(
            reason=f"policy {policy.name} is for callers who are not signed in and have no claim: the tenant condition would shut it",
            steps=_choices(table, policy),
        )
    lost = [role for role in catalog.clients_of(policy) if role != "authenticated"]
    notes = [_CLAIM_NOTE, *([f"{', '.join(lost)} has no claim and loses what the policy gave it."] if lost else [])]
    return _altered(catalog, table, policy, new, f"Tie policy {policy.name} on {_name(table)} to the caller's tenant", tuple(notes))


def repeat_using_as_check(catalog: Catalog, finding: Result) -> Proposal:
    """RLS012: the new row has to meet what the old one met (clause 2.1)."""
    table, policy = _found(catalog, finding)
    if (refused := _refused(catalog, table)) is not None:
        return refused
    new = mended(catalog, table, policy)
    if new is None:
        return ByHand(
            reason=f"policy {policy.name} has no USING that its check could repeat; other policies decide which rows may be updated",
            steps=_choices(table, policy),
        )
    notes = ("An UPDATE that moves a row to another tenant or owner fails from now on.",)
    return _altered(catalog, table, policy, new, f"Let policy {policy.name} on {_name(table)} check what it lets rows become", notes)


def _altered(catalog: Catalog, table: Relation, policy: Policy, new: Policy, title: str, notes: tuple[str, ...]) -> Change:
    commands = COMMANDS if policy.command == "ALL" else (policy.command,)
    return Change(
        title,
        (_alter(table, policy, new),),
        (_alter(table, new, policy),),
        notes=notes,
        objects=(object_of(policy),),
        access=narrower(catalog, table, catalog.clients_of(policy), commands),
        successors=("IDX001",),
    )


def _alter(table: Relation, before: Policy, after: Policy) -> str:
    """Only the sides that differ. ALTER POLICY can replace a side, never take it away."""
    sides = [f"using ({after.using})"] if after.using != before.using else []
    sides += [f"with check ({after.with_check})"] if after.with_check != before.with_check else []
    return f"alter policy {identifier(before.name)} on {_name(table)}\n  " + "\n  ".join(sides)


def narrower(catalog: Catalog, table: Relation, roles: tuple[str, ...], commands: tuple[str, ...]) -> tuple[AccessChange, ...]:
    """Fewer rows of the table, and of those tables whose policies look rows up in it."""
    own = AccessChange(object_of(table), roles, commands)
    return (own, *(AccessChange(object_of(asking), catalog.client_roles, COMMANDS) for asking in tables_asking(catalog, table)))


def _no_condition(catalog: Catalog, table: Relation, policy: Policy) -> ByHand:
    return ByHand(
        reason=f"the tenant model gives no condition for policy {policy.name} on {_name(table)}, because {why_not(catalog, table)}",
        steps=_choices(table, policy),
    )


def _choices(table: Relation, policy: Policy) -> tuple[str, ...]:
    on = f"policy {identifier(policy.name)} on {_name(table)}"
    side = "with check" if policy.command == "INSERT" else "using"
    return (
        f"Decide who is meant: policy {policy.name} is for {policy.command}, to {', '.join(policy.roles)}.",
        f"If the row says whose it is: `alter {on} {side} (<owner column> = (select auth.uid()))`.",
        f"If nobody needs it: `drop {on}`.",
        "If everybody is meant to read it: a policy FOR SELECT only, and `comment on table ... is 'platformkit:public-read <reason>'`.",
    )


# -- RLS010 ---------------------------------------------------------------------------------------------------------
def ask_once(catalog: Catalog, finding: Result) -> Proposal:
    """RLS010: `(select auth.uid())` for `auth.uid()`, in each condition that is not always true anyway (clause 6.1)."""
    table, policy = _found(catalog, finding)
    if (refused := _refused(catalog, table)) is not None:
        return refused
    using, check = (text if text is None or is_tautology(text) else once(catalog, text) for text in (policy.using, policy.with_check))
    new = replace(policy, using=using, with_check=check)
    left = {name for text in (new.using, new.with_check) if text is not None for name in _per_row(catalog).names_in(text)}
    if left:
        calls = ", ".join(f"{'.'.join(name)}()" for name in sorted(left))
        return ByHand(
            reason=f"wrapping {calls} may change what policy {policy.name} on {_name(table)} means: it is volatile, or part of something "
            "that is always true",
            steps=(
                f"Declare {calls} `stable` if it reads only, then plan again.",
                f"Otherwise rewrite the policy by hand: `alter policy {identifier(policy.name)} on {_name(table)} using (...)`, with "
                "`(select ...)` around what asks for the caller.",
            ),
        )
    return Change(
        f"Ask for the caller once per statement in policy {policy.name} on {_name(table)}",
        (_alter(table, policy, new),),
        (_alter(table, new, policy),),
        notes=("The condition stays the same; what asks for the caller is evaluated once per statement instead of once per row.",),
        objects=(object_of(policy),),
    )


# -- TEN003 ---------------------------------------------------------------------------------------------------------
def confine_to_tenant(catalog: Catalog, finding: Result) -> Proposal:
    """TEN003: mend what is always true if that is all, else add a restrictive policy; whichever the rule itself accepts."""
    table = catalog.relations[(finding.object.schema or "", finding.object.name)]
    if (refused := _refused(catalog, table)) is not None:
        return refused
    if owner := finding.evidence.get("owner"):
        return _owned_by_clients(table, owner)
    policies = catalog.policies_of(table)
    condition = tenant_condition(catalog, table)
    if condition is None:
        return ByHand(
            reason=f"the tenant model gives no condition for {_name(table)}, because {why_not(catalog, table)}",
            steps=(
                "Let every permissive policy for client roles compare the tenant column with the caller's claim, or declare the tables "
                "that map users to tenants under tenancy.membership_tables.",
                "If its rows belong to no tenant: `comment on table ... is 'platformkit:not-tenant-scoped <reason>'`.",
            ),
        )
    new = {p: _mended_or_same(catalog, table, p) for p in policies if p.permissive and "authenticated" in catalog.clients_of(p)}
    changed = {p: n for p, n in new.items() if n != p}
    clients = tuple(role for role in catalog.client_roles if any(role in catalog.clients_of(p) for p in policies if p.permissive))
    access = narrower(catalog, table, clients, COMMANDS)
    if changed and confine(catalog, table, tuple(new.get(p, p) for p in policies)):
        return Change(
            f"Tie the policies of {_name(table)} to the caller's tenant: {', '.join(p.name for p in changed)}",
            tuple(_alter(table, p, n) for p, n in changed.items()),
            tuple(_alter(table, n, p) for p, n in reversed(changed.items())),
            notes=(_CLAIM_NOTE,),
            objects=tuple(object_of(p) for p in changed),
            access=access,
            successors=("IDX001",),
        )
    return _restricted(catalog, table, condition, clients, access)


def _owned_by_clients(table: Relation, owner: str) -> ByHand:
    return ByHand(
        reason=f"{_name(table)} belongs to {owner}, whose rights client roles have: no policy binds the owner",
        steps=(f"`alter table {_name(table)} owner to postgres`, then scan again.", "Take the membership from the client roles."),
    )


def _mended_or_same(catalog: Catalog, table: Relation, policy: Policy) -> Policy:
    try:
        return mended(catalog, table, policy) or policy
    except SqlSyntaxError:
        return policy


def _restricted(catalog: Catalog, table: Relation, condition: str, clients: tuple[str, ...], access: tuple[AccessChange, ...]) -> Proposal:
    """A policy that every other one is joined with by AND."""
    policies = catalog.policies_of(table)
    name = _free_name({p.name for p in policies}, table)
    wall = Policy(table.schema, table.name, name, "ALL", permissive=False, roles=clients, using=condition, with_check=condition)
    if not confine(catalog, table, (*policies, wall)):
        return ByHand(
            reason=f"not even a restrictive policy for client roles confines {_name(table)} for certain",
            steps=("Read the evidence of the finding, and rewrite the policies so that each compares the tenant column with the claim.",),
        )
    drop = f"drop policy if exists {identifier(name)} on {_name(table)}"
    create = (
        f"create policy {identifier(name)} on {_name(table)} as restrictive for all to {roles(clients)}\n"
        f"  using ({condition})\n  with check ({condition})"
    )
    identity = member("policy", table, name)
    return Change(
        f"Confine {_name(table)} to the caller's tenant by a restrictive policy",
        (drop, create),
        (drop,),
        notes=(_CLAIM_NOTE, "The policies that are there stay as they are; a row has to meet this one as well."),
        objects=(identity, *roles_in_sight(catalog, clients, (identity,))),
        access=access,
        successors=("IDX001",),
    )


def _free_name(taken: set[str], table: Relation) -> str:
    name, number = object_name(table.name, suffix="tenant_isolation"), 1
    while name in taken:
        number += 1
        name = object_name(table.name, suffix=f"tenant_isolation{number}")
    return name


# -- which policy ---------------------------------------------------------------------------------------------------
def _found(catalog: Catalog, finding: Result) -> tuple[Relation, Policy]:
    table = catalog.relations[(finding.object.schema or "", finding.object.name)]
    name = dict(finding.object.detail)["policy"]
    return table, next(p for p in catalog.policies_of(table) if p.name == name)


def _refused(catalog: Catalog, table: Relation) -> ByHand | None:
    if (table.schema, table.name) not in catalog.table_names:
        return ByHand(
            _SELF_MANAGED, ("Rewrite the policy in the dashboard: tie the row to the caller, by owner_id or by a folder's name.",)
        )
    if not may_change(catalog, table.owner):
        return out_of_reach(table.owner, _name(table), f"alter policy ... on {_name(table)} ...")
    return None


def _name(table: Relation) -> str:
    return qualified(table.schema, table.name)
