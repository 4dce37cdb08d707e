"""What a patch gives or takes by grants and policies, read as records: of every role, column and future object, where trials can only
ask for the roles of the platform and for rows that somebody made up. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from platformkit_pipeline.model.snapshot import PUBLIC, Policy, Privilege, Snapshot
from platformkit_pipeline.model.snapshot_inventory import identity_of
from platformkit_pipeline.remediation.proving.access import ROLES, Cell
from platformkit_pipeline.rules.database.catalog import Catalog, Name
from platformkit_pipeline.sqltext.once import same_but_for_wrapping
from platformkit_pipeline.sqltext.parser import SqlSyntaxError


@dataclass(frozen=True, slots=True)
class Opening:
    """A role that gained, or one that nobody asks for in trials and that lost; `why` fits into a sentence."""

    cell: Cell
    gained: bool
    why: str


@dataclass(frozen=True, slots=True)
class _Acl:
    privileges: tuple[Privilege, ...]
    owner: str | None = None
    table: str | None = None
    """Of a column: what is granted on its table is granted on it."""


def openings(before: Catalog, after: Catalog) -> Iterator[Opening]:
    """In no order. Objects that only one of both has are left to the scope of the patch."""
    old, new = _acls(before.snapshot), _acls(after.snapshot)
    for name, acl in new.items():
        known = name in old or acl.table in old
        if not known or (name in old and old[name].privileges == acl.privileges):
            continue
        for p in acl.privileges:
            if not _held(before, old, name if name in old else acl.table, p, as_owner=True):
                yield Opening(Cell(name, p.grantee, p.privilege), True, f"granted to {p.grantee}{' with grant option' * p.grantable}")
    for name, acl in old.items():
        if name in new and new[name].privileges == acl.privileges:
            continue
        for p in acl.privileges if name in new or acl.table in new else ():
            if p.grantee not in (PUBLIC, *ROLES) and not _held(after, new, name if name in new else acl.table, p, as_owner=False):
                yield Opening(Cell(name, p.grantee, p.privilege), False, f"taken from {p.grantee}")
    yield from _policies(before.snapshot, after.snapshot)


def _acls(snapshot: Snapshot) -> dict[str, _Acl]:
    found = {identity_of(r).canonical: _Acl(r.privileges, r.owner) for r in snapshot.relations}
    tables = {(r.schema, r.name): identity_of(r).canonical for r in snapshot.relations}
    for c in snapshot.columns:
        if c.privileges:
            found[identity_of(c).canonical] = _Acl(c.privileges, table=tables.get((c.schema, c.relation)))
    found.update((identity_of(f).canonical, _Acl(f.privileges, f.owner)) for f in snapshot.functions)
    found.update((identity_of(s).canonical, _Acl(s.privileges, s.owner)) for s in snapshot.schemas)
    found.update((identity_of(d).canonical, _Acl(d.privileges)) for d in snapshot.default_privileges)
    return found


def _held(catalog: Catalog, acls: Mapping[str, _Acl], name: str | None, asked: Privilege, *, as_owner: bool) -> bool:
    """Whether the grantee held it, by any grant to a role that it acts as."""
    acl = acls.get(name or "")
    if acl is None:
        return False
    roles = catalog.acts_as(asked.grantee)
    if catalog.is_superuser(asked.grantee) or (as_owner and acl.owner in roles):
        return True
    if any(p.privilege == asked.privilege and p.grantee in roles and p.grantable >= asked.grantable for p in acl.privileges):
        return True
    return acl.table is not None and _held(catalog, acls, acl.table, asked, as_owner=as_owner)


# -- policies -------------------------------------------------------------------------------------------------------
def _policies(before: Snapshot, after: Snapshot) -> Iterator[Opening]:
    """Of tables whose policies were in force."""
    protected = _protected(before)
    old, new = ({identity_of(p).canonical: p for p in s.policies if (p.schema, p.relation) in protected} for s in (before, after))
    for name, policy in new.items():
        if policy.permissive:
            yield from _more_roles(protected, policy, old.get(name), f"{name} lets {{}} in")
    for name, policy in old.items():
        if not policy.permissive:
            yield from _more_roles(protected, policy, new.get(name), f"{name} no longer confines {{}}")


def _more_roles(tables: Mapping[Name, str], policy: Policy, other: Policy | None, why: str) -> Iterator[Opening]:
    """Roles of `policy` that `other`, of the same kind, does not apply to."""
    alike = other is not None and (other.command, other.permissive) == (policy.command, policy.permissive)
    covered = set(other.roles) if other is not None and alike else set()
    for role in policy.roles if PUBLIC not in covered else ():
        if role not in covered:
            yield Opening(Cell(tables[policy.schema, policy.relation], role, policy.command), True, why.format(role))


def rewritten(before: Snapshot, after: Snapshot) -> Iterator[tuple[str, str]]:
    """(table, policy) where a condition in force became another one, by more than where it asks for the caller."""
    protected = _protected(before)
    old = {identity_of(p).canonical: p for p in before.policies if (p.schema, p.relation) in protected}
    for policy in after.policies:
        name = identity_of(policy).canonical
        was = old.get(name)
        if was is not None and not (_alike(was.using, policy.using) and _alike(was.with_check, policy.with_check)):
            yield protected[policy.schema, policy.relation], name


def untriable(before: Catalog, after: Catalog) -> list[str]:
    """Relations whose rows are protected otherwise than before, where no role of the platform is there to try it; sorted."""
    if any(before.has_role(role) for role in ROLES):
        return []
    old, new = (
        {identity_of(r).canonical: (r.row_security, r.force_row_security, r.options) for r in c.snapshot.relations} for c in (before, after)
    )
    changed = {name for name in old.keys() & new.keys() if old[name] != new[name]}
    tables = {(r.schema, r.name): identity_of(r).canonical for r in before.snapshot.relations}
    policies = [{(p.schema, p.relation, p.name, p.permissive, p.roles) for p in c.snapshot.policies} for c in (before, after)]
    changed |= {tables[p[0], p[1]] for p in policies[0] ^ policies[1] if (p[0], p[1]) in tables}
    return sorted(changed | {table for table, _ in rewritten(before.snapshot, after.snapshot)})


def _alike(one: str | None, other: str | None) -> bool:
    if one is None or other is None or one == other:
        return one == other
    try:
        return same_but_for_wrapping(one, other)
    except SqlSyntaxError:
        return False


def _protected(before: Snapshot) -> dict[Name, str]:
    """Tables with row level security, to their canonical identities."""
    return {(r.schema, r.name): identity_of(r).canonical for r in before.relations if r.row_security}
