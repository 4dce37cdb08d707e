"""Patches for API007: what is created next is granted to client roles by itself."""

from __future__ import annotations

from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import PUBLIC, DefaultPrivilege
from platformkit_pipeline.model.snapshot_inventory import identity_of
from platformkit_pipeline.remediation.grants import client_grantees, listed, restored, role_objects
from platformkit_pipeline.remediation.ownership import left_to_the_owner, may_alter
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.sqltext.identifiers import identifier

_SERVER_SIDE = "service_role"


def close_default_privileges(catalog: Catalog, finding: Result) -> Proposal:
    """One entry of default privileges, for the role that has it; objects that are there keep their grants."""
    canonical = finding.object.canonical
    entry = next(d for d in catalog.snapshot.default_privileges if identity_of(d).canonical == canonical)
    losing = _losing(catalog, entry)
    privileges = sorted({p.privilege for p in entry.privileges if p.grantee in losing})
    head = f"alter default privileges for role {identifier(entry.role)}" + (
        f" in schema {identifier(entry.schema)}" if entry.schema else ""
    )
    on = f"on {entry.object_type}"
    revoke = f"{head} revoke {_words(privileges)} {on} from {listed(losing)}"
    kept = _kept(catalog, entry, losing)
    up = (revoke, *((f"{head} grant {_words(kept)} {on} to {_SERVER_SIDE}",) if kept else ()))
    if not may_alter(catalog, entry.role):
        return left_to_the_owner(f"what is created by {entry.role}", entry.role, up)
    groups = sorted({p.grantee for p in entry.privileges} & _inherited(catalog) - set(losing))
    if groups:
        return ByHand(
            reason=f"client roles get it as members of {', '.join(groups)}, and a revoke from there meets its other members as well",
            steps=(
                "Take client roles out of that role, or revoke from it and grant to its other members by name; then:",
                *(f"{s};" for s in up),
                f"{head} revoke all {on} from {listed(groups)};",
            ),
        )
    back = tuple(f"{head} {grant}" for grant in restored(entry.privileges, privileges, losing, on))
    return Change(
        f"Grant nothing to client roles on {entry.object_type} that {entry.role} creates" + (f" in {entry.schema}" if entry.schema else ""),
        up,
        (*((f"{head} revoke {_words(kept)} {on} from {_SERVER_SIDE}",) if kept else ()), *back),
        objects=(canonical, *role_objects(catalog, (*losing, *((_SERVER_SIDE,) if kept else ())))),
        notes=(
            f"Objects that exist keep their grants. Every migration that creates {entry.object_type} for client roles has to grant what "
            "they need, by name.",
        ),
    )


def _losing(catalog: Catalog, entry: DefaultPrivilege) -> tuple[str, ...]:
    """Client roles, and PUBLIC unless it stands there because it is built in."""
    built_in = entry.schema is None and entry.object_type == "functions"
    held = {p.grantee for p in entry.privileges}
    return tuple(role for role in client_grantees(catalog) if role in held and not (role == PUBLIC and built_in))


def _inherited(catalog: Catalog) -> frozenset[str]:
    return frozenset[str]().union(*(catalog.acts_as(role) for role in catalog.client_roles)) - {PUBLIC}


def _kept(catalog: Catalog, entry: DefaultPrivilege, losing: tuple[str, ...]) -> list[str]:
    """What the server side would have got through PUBLIC alone."""
    if PUBLIC not in losing or not catalog.has_role(_SERVER_SIDE):
        return []
    names = catalog.acts_as(_SERVER_SIDE) - {PUBLIC}
    by_name = {p.privilege for p in entry.privileges if p.grantee in names}
    return sorted({p.privilege for p in entry.privileges if p.grantee == PUBLIC} - by_name)


def _words(privileges: list[str]) -> str:
    return ", ".join(p.lower() for p in privileges)
