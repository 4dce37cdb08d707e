"""Patches for AUD006: nobody but its owner changes an audit log."""

from __future__ import annotations

from collections.abc import Sequence

from platformkit_pipeline.model.patch import AccessChange
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import PUBLIC, Policy, Relation, RelationKind
from platformkit_pipeline.remediation.client_grants import access_of, doubt_about, granted_on, objects_of
from platformkit_pipeline.remediation.grants import Revocation, keepers, listed, revoke_on_relation
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.rules.database.catalog import Catalog, identity_of
from platformkit_pipeline.sqltext.identifiers import identifier, qualified

_ROWS = ("UPDATE", "DELETE")
_CHANGES = (*_ROWS, "TRUNCATE")


def close_audit_log(catalog: Catalog, finding: Result) -> Proposal:
    """UPDATE, DELETE and TRUNCATE go from everybody but the owner, and UPDATE and DELETE on views that lead to the log."""
    table = catalog.relations[(finding.object.schema or "", finding.object.name)]
    name = qualified(table.schema, table.name)
    relations = [(table, _CHANGES), *((view, _ROWS) for view in _views_named(catalog, finding))]
    taken: list[tuple[Relation, Revocation]] = []
    for relation, privileges in relations:
        losing = _losing(catalog, relation, privileges)
        if not losing:
            continue
        revocation = revoke_on_relation(catalog, relation, privileges, losing, others_keep=False)
        if doubt := doubt_about(catalog, relation, privileges, losing, revocation):
            return doubt
        taken.append((relation, revocation))
    if doubt := _beyond_grants(catalog, table, finding) or _idle_policies(catalog, table, [s for _, t in taken for s in t.up]):
        return doubt
    access: list[AccessChange] = [change for relation, revocation in taken for change in access_of(relation, revocation)]
    return Change(
        f"Let nobody but its owner change audit log {name}",
        tuple(s for _, revocation in taken for s in revocation.up),
        tuple(s for _, revocation in reversed(taken) for s in revocation.down),
        objects=tuple(dict.fromkeys(o for relation, revocation in taken for o in objects_of(catalog, relation, revocation))),
        access=tuple(access),
        notes=(
            "Jobs that prune the log have to run as its owner. The owner can still change it; a trigger before update, delete and truncate "
            "that raises an exception holds the owner as well.",
        ),
    )


def _losing(catalog: Catalog, relation: Relation, privileges: Sequence[str]) -> tuple[str, ...]:
    """Everybody who holds one of `privileges`, and whoever another patch may give it by name because PUBLIC had it."""
    granted = granted_on(catalog, relation)
    held = {p.grantee for p in granted if p.privilege in privileges}
    clients = [PUBLIC, *catalog.client_roles]
    held |= {role for privilege in privileges for role in keepers(catalog, relation.owner, granted, privilege, clients)}
    named = tuple(sorted(held - {relation.owner, PUBLIC}))
    return (PUBLIC, *named) if PUBLIC in held else named


def _views_named(catalog: Catalog, finding: Result) -> list[Relation]:
    """Views through which, as the finding says, others than the owner change the log."""
    through = finding.evidence.get("through_views", {})
    wanted = {view for views in through.values() for view in views}
    return [v for v in catalog.relations_of_kind(RelationKind.VIEW) if str(identity_of(v)) in wanted]


def _beyond_grants(catalog: Catalog, table: Relation, finding: Result) -> ByHand | None:
    """Roles whose right to change the log is no grant."""
    name = qualified(table.schema, table.name)
    granted = {p.grantee for p in granted_on(catalog, table) if p.privilege in _CHANGES}
    others = [r for r in finding.evidence.get("roles", {}) if r not in granted]
    if not others:
        return None
    ways = [
        f"revoke {identifier(table.owner)} from {identifier(role)};"
        if table.owner in catalog.acts_as(role)
        else f"revoke pg_write_all_data from {identifier(role)};"
        for role in others
    ]
    return ByHand(
        reason=f"{', '.join(others)} may change {name} by membership, not by a grant on it, and a membership gives more than that",
        steps=(
            "Take the membership away after looking at what else it is for, or give the log an owner of its own:",
            *ways,
            f"revoke update, delete, truncate on {name} from {listed(sorted(granted - {table.owner}) or others)};",
        ),
    )


def _idle_policies(catalog: Catalog, table: Relation, statements: Sequence[str]) -> ByHand | None:
    """Policies that let somebody change the log would be left over without a grant: somebody wrote them, so somebody has to decide."""
    name = qualified(table.schema, table.name)
    idle = [p for p in catalog.policies_of(table) if p.permissive and (p.command in _ROWS or _for_nothing_else(catalog, table, p))]
    if not idle:
        return None
    return ByHand(
        reason=f"policy {', '.join(p.name for p in idle)} lets its roles change {name}, which somebody must have wanted",
        steps=(
            "Find out who corrects or prunes the log that way, and let the owner do it; then:",
            *(f"drop policy if exists {identifier(p.name)} on {name};" for p in idle),
            *(f"{s};" for s in statements),
        ),
    )


def _for_nothing_else(catalog: Catalog, table: Relation, policy: Policy) -> bool:
    """A policy FOR ALL whose roles may neither read nor add rows: only changing them is left."""
    if policy.command != "ALL":
        return False
    roles = catalog.clients_of(policy)
    return bool(roles) and not any(catalog.privileges_of(role, table) & {"SELECT", "INSERT"} for role in roles)
