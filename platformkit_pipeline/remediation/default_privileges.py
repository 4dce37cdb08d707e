"""Patches for API007: what is created next is granted to nobody by itself."""

from __future__ import annotations

from collections import defaultdict

from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import DefaultPrivilege
from platformkit_pipeline.remediation.authority import may_change, out_of_reach
from platformkit_pipeline.remediation.grants import role, roles
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.remediation.scope import object_of, roles_in_sight
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.sqltext.identifiers import identifier


def stop_granting(catalog: Catalog, finding: Result) -> Proposal:
    """API007: revoke from the grantees that the finding names, which are client roles and what they inherit from (clause 1.1)."""
    entry = next(e for e in catalog.snapshot.default_privileges if _is_about(finding.object, e))
    granted: dict[str, list[str]] = finding.evidence["granted"]
    head = f"alter default privileges for role {identifier(entry.role)}"
    head += f" in schema {identifier(entry.schema)}" if entry.schema is not None else ""
    up = tuple(
        f"{head} revoke {', '.join(p.lower() for p in privileges)} on {entry.object_type} from {role(grantee)}"
        for grantee, privileges in sorted(granted.items())
    )
    if not may_change(catalog, entry.role):
        return out_of_reach(entry.role, f"what {entry.role} grants on new {entry.object_type}", *up)
    if other := sorted(set(granted) - {"PUBLIC", *catalog.client_roles}):
        return ByHand(
            reason=f"client roles get it through {', '.join(other)}, which others may be members of as well",
            steps=(
                f"Decide whether client roles are meant to act as {', '.join(other)}.",
                *(f"Else run: {statement};" for statement in up),
            ),
        )
    identity = object_of(entry)
    return Change(
        f"Grant nothing on new {entry.object_type} of {entry.role} to client roles by itself",
        up,
        tuple(_given_back(entry, head, set(granted))),
        notes=(
            f"From now on each new object needs its own GRANT to {roles(sorted(granted))}. What exists already keeps its grants.",
            "A migration that relied on the default has to grant explicitly, as on projects of the platform made since 2026.",
        ),
        objects=(identity, *roles_in_sight(catalog, (entry.role, *granted, *(p.grantee for p in entry.privileges)), (identity,))),
    )


def _is_about(identity: ObjectIdentity, entry: DefaultPrivilege) -> bool:
    return (identity.name, identity.schema, dict(identity.detail)["objects"]) == (entry.role, entry.schema, entry.object_type)


def _given_back(entry: DefaultPrivilege, head: str, grantees: set[str]) -> list[str]:
    grouped: dict[tuple[str, bool], list[str]] = defaultdict(list)
    for p in entry.privileges:
        if p.grantee in grantees:
            grouped[(p.grantee, p.grantable)].append(p.privilege.lower())
    return [
        f"{head} grant {', '.join(privileges)} on {entry.object_type} to {role(grantee)}{' with grant option' if grantable else ''}"
        for (grantee, grantable), privileges in sorted(grouped.items())
    ]
