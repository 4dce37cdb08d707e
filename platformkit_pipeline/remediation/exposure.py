"""Patches that take privileges from client roles where no policy can protect: RLS008, RLS009, RLS013, API001, API002 and AUD006.

They close a door that somebody may be using. That is what the rules demand, it is undone by one GRANT, and the notes say who loses
what; whether the data should be served in another way is left to the reader.
"""

from __future__ import annotations

from platformkit_pipeline.model.patch import AccessChange
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import Relation, RelationKind
from platformkit_pipeline.remediation.authority import may_change, out_of_reach
from platformkit_pipeline.remediation.grants import Revocation, clients, revocation, roles
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.remediation.row_level_security import enable_row_level_security
from platformkit_pipeline.remediation.scope import object_of
from platformkit_pipeline.remediation.served_through import served_through
from platformkit_pipeline.rules.database.catalog import TABLE_PRIVILEGES, Catalog
from platformkit_pipeline.sqltext.identifiers import qualified

_TABLES = frozenset({RelationKind.TABLE, RelationKind.PARTITIONED_TABLE})
_PAST_POLICIES = ("TRUNCATE", "REFERENCES", "TRIGGER")
_CHANGES = ("UPDATE", "DELETE", "TRUNCATE")
_SERVICE_ROLE = "service_role"
_LISTED = 5
_INSTEAD = {
    RelationKind.VIEW: "Serve what the application shows of its users from a table of its own, with policies.",
    RelationKind.MATERIALIZED_VIEW: "Serve it through an invoker view, or a function that filters by the caller's tenant.",
    RelationKind.FOREIGN_TABLE: "Serve it through a function that filters by the caller's tenant, from another schema.",
}


def close_to_clients(catalog: Catalog, finding: Result) -> Proposal:
    """RLS008, RLS009 and API001: client roles and PUBLIC lose the view or foreign table (clauses 1.1 and 2.1)."""
    relation = _found(catalog, finding)
    taken = revocation(catalog, relation, TABLE_PRIVILEGES, clients(catalog))
    if (refused := _refused(catalog, relation, taken)) is not None:
        return refused
    if readers := served_through(catalog, relation):
        return _meant_for(relation, readers, taken)
    held = {role: catalog.granted_to(role, relation) for role in catalog.client_roles}
    losing = tuple(role for role in catalog.client_roles if held[role])
    operations = tuple(sorted(frozenset().union(*held.values())))
    notes = (f"{' and '.join(losing)} can no longer use {_name(relation)}: check that no page reads it.", _INSTEAD[relation.kind])
    return Change(
        f"Close {relation.kind.value.replace('_', ' ')} {_name(relation)} to client roles",
        taken.up,
        taken.down,
        notes=(*notes, *_lost_with_public(catalog, relation, set(operations))),
        objects=taken.objects,
        access=(AccessChange(object_of(relation), (*losing, *_service_role(catalog, relation)), operations),),
    )


def protect_sensitive_columns(catalog: Catalog, finding: Result) -> Proposal:
    """API002: as RLS001 for a table; what cannot have row level security is closed."""
    is_table = _found(catalog, finding).kind in _TABLES
    return enable_row_level_security(catalog, finding) if is_table else close_to_clients(catalog, finding)


def revoke_what_no_policy_holds_back(catalog: Catalog, finding: Result) -> Proposal:
    """RLS013: TRUNCATE, REFERENCES and TRIGGER go; the Data API sends none of them (clause 2.1)."""
    table = _found(catalog, finding)
    taken = revocation(catalog, table, _PAST_POLICIES, clients(catalog))
    if (refused := _refused(catalog, table, taken)) is not None:
        return refused
    return Change(
        f"Revoke TRUNCATE, REFERENCES and TRIGGER on {_name(table)} from client roles",
        taken.up,
        taken.down,
        notes=("The Data API never uses these privileges.", *_lost_with_public(catalog, table, set(_PAST_POLICIES))),
        objects=taken.objects,
        access=(AccessChange(object_of(table), (*catalog.client_roles, *_service_role(catalog, table)), _PAST_POLICIES),),
    )


def make_append_only(catalog: Catalog, finding: Result) -> Proposal:
    """AUD006: nobody but the owner may change what was logged, service_role included (clause 5.3)."""
    table = _found(catalog, finding)
    if through := finding.evidence.get("through_views"):
        views = sorted({view for ways in through.values() for view in ways})
        return ByHand(
            reason=f"{_name(table)} is changed through {', '.join(views)}, with the rights of the owner of the view",
            steps=(
                *(f"`alter view {view} set (security_invoker = on)`, or revoke update and delete on it." for view in views),
                f"`revoke update, delete, truncate on table {_name(table)} from public, anon, authenticated, service_role`",
            ),
        )
    holders = tuple(finding.evidence["roles"])
    taken = revocation(catalog, table, _CHANGES, holders)
    by_column = (p for c in catalog.columns_of(table) for p in c.privileges)
    granted = {p.grantee for p in (*table.privileges, *by_column)}
    if other := sorted(set(holders) - granted):
        return ByHand(
            reason=f"{', '.join(other)} may change {_name(table)} without a grant on it: by membership or as its owner",
            steps=(f"Take the membership away, or give {_name(table)} to a role without login that nobody is a member of.",),
        )
    if (refused := _refused(catalog, table, None, *taken.up)) is not None:
        return refused
    return Change(
        f"Let nobody but its owner change audit log {_name(table)}",
        taken.up,
        taken.down,
        notes=(f"{roles(holders)} can no longer change or remove entries: a job that prunes the log has to run as its owner.",),
        objects=taken.objects,
        access=(AccessChange(object_of(table), (*catalog.client_roles, _SERVICE_ROLE), _CHANGES),),
        successors=("RLS018",) if catalog.policies_of(table) else (),
    )


# -- what all of them ask --------------------------------------------------------------------------------------------
def _refused(catalog: Catalog, relation: Relation, taken: Revocation | None, *statements: str) -> ByHand | None:
    if not may_change(catalog, relation.owner):
        return out_of_reach(relation.owner, _name(relation), *(taken.up if taken else statements))
    if taken and taken.others:
        return ByHand(
            reason=f"client roles hold {_name(relation)} through {', '.join(taken.others)}, which others may be members of as well",
            steps=(
                *(f"`revoke {name} from {roles(catalog.client_roles)}`, if they are not meant to act as {name}" for name in taken.others),
                f"or give {_name(relation)} another owner, or take its grants from {', '.join(taken.others)}.",
            ),
        )
    return None


def _meant_for(relation: Relation, readers: tuple[str, ...], taken: Revocation) -> ByHand:
    shown = ", ".join(readers[:_LISTED]) + (f" and {len(readers) - _LISTED} more" if len(readers) > _LISTED else "")
    return ByHand(
        reason=f"{shown} may read {_name(relation)} with the caller's rights, and would fail without the grant",
        steps=(
            "Take it out of the Data API and leave the grant: `create schema if not exists private; grant usage on schema private to "
            f"authenticated`, then `set schema private` for {_name(relation)}; functions have to name it anew.",
            "Or let what reads it do so as its owner and filter by the caller's tenant, then:",
            *(f"{statement};" for statement in taken.up),
        ),
    )


def _service_role(catalog: Catalog, relation: Relation) -> tuple[str, ...]:
    """The server's own key, where it holds something through PUBLIC only."""
    granted = {p.grantee for p in relation.privileges}
    return (_SERVICE_ROLE,) if "PUBLIC" in granted and catalog.has_role(_SERVICE_ROLE) else ()


def _lost_with_public(catalog: Catalog, relation: Relation, privileges: set[str]) -> tuple[str, ...]:
    public = sorted(p.privilege for p in relation.privileges if p.grantee == "PUBLIC" and p.privilege in privileges)
    return (f"{', '.join(public)} was granted to PUBLIC: every other role loses it too, unless it is granted by name.",) if public else ()


def _found(catalog: Catalog, finding: Result) -> Relation:
    return catalog.relations[(finding.object.schema or "", finding.object.name)]


def _name(relation: Relation) -> str:
    return qualified(relation.schema, relation.name)
