"""Patches for RLS013, RLS008, RLS009 and API001: privileges that client roles should not hold, because no policy stands in between."""

from __future__ import annotations

from collections.abc import Sequence

from platformkit_pipeline.model.patch import AccessChange
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import Function, Policy, Privilege, Relation
from platformkit_pipeline.model.snapshot_inventory import identity_of
from platformkit_pipeline.remediation.grants import (
    TABLE_PRIVILEGES,
    Revocation,
    client_grantees,
    handed_on,
    listed,
    other_sources,
    revoke_on_relation,
    role_objects,
)
from platformkit_pipeline.remediation.mentions import mentions_of
from platformkit_pipeline.remediation.ownership import left_to_the_owner, may_alter
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.sqltext.identifiers import qualified

_PAST_POLICIES = ("TRUNCATE", "REFERENCES", "TRIGGER")
_NAMED = 5
_ACCOUNTS = "view of auth.users"


def revoke_past_policies(catalog: Catalog, finding: Result) -> Proposal:
    """RLS013: what no policy holds back goes from client roles and PUBLIC, by column as well."""
    table = _relation(catalog, finding)
    name = qualified(table.schema, table.name)
    notes = (
        "Rows are read and written as before. A migration that runs as a client role, if there is one, may no longer refer to the table "
        "in a foreign key.",
    )
    return _revoke(catalog, table, _PAST_POLICIES, f"Take TRUNCATE, REFERENCES and TRIGGER on {name} from client roles", notes)


def close_materialized_view(catalog: Catalog, finding: Result) -> Proposal:
    """RLS008: no client role reads the copy any more, unless something shows that clients are served through it."""
    return _close(catalog, finding, "materialized view", "Serve them through a view or function that filters by the caller's tenant.")


def close_foreign_table(catalog: Catalog, finding: Result) -> Proposal:
    """RLS009: no client role reaches the other server any more, unless something shows that clients are served through it."""
    return _close(catalog, finding, "foreign table", "Serve them through a function that filters by the caller's tenant.")


def close_accounts(catalog: Catalog, finding: Result) -> Proposal:
    """API001: no client role reads the accounts through the view."""
    return _close(catalog, finding, _ACCOUNTS, "Keep what the application shows of its users in a table with policies.")


def _close(catalog: Catalog, finding: Result, what: str, instead: str) -> Proposal:
    relation = _relation(catalog, finding)
    name = qualified(relation.schema, relation.name)
    if doubt := _served_through(catalog, relation, name, what):
        return doubt
    notes = (
        f"Client roles lose every privilege on {name}: a page that reads it stops working. That clients were meant to read all rows of a "
        f"{what} was taken to be a mistake, because nothing filters them. {instead}",
    )
    return _revoke(catalog, relation, TABLE_PRIVILEGES, f"Take {what} {name} from client roles", notes)


def _revoke(catalog: Catalog, relation: Relation, privileges: Sequence[str], title: str, notes: tuple[str, ...]) -> Proposal:
    losing = client_grantees(catalog)
    taken = revoke_on_relation(catalog, relation, privileges, losing)
    if doubt := doubt_about(catalog, relation, privileges, losing, taken):
        return doubt
    kept = (f"{', '.join(taken.kept_by_name)} had some of it through PUBLIC only, and get it by name.",) if taken.kept_by_name else ()
    return Change(
        title, taken.up, taken.down, notes=(*notes, *kept), objects=objects_of(catalog, relation, taken), access=access_of(relation, taken)
    )


def doubt_about(catalog: Catalog, relation: Relation, privileges: Sequence[str], losing: Sequence[str], taken: Revocation) -> ByHand | None:
    """Why a revoke by name does not do: the relation is somebody else's, or roles have the privilege in another way."""
    name = qualified(relation.schema, relation.name)
    statements = tuple(f"{s};" for s in taken.up)
    if not may_alter(catalog, relation.owner):
        return left_to_the_owner(name, relation.owner, taken.up)
    granted = granted_on(catalog, relation)
    if why := other_sources(catalog, relation.owner, granted, privileges, [r for r in losing if catalog.has_role(r)]):
        return ByHand(
            reason=f"a revoke from {listed(losing)} does not take {' and '.join(privileges)} on {name} away: {why}",
            steps=("Take the membership away, or revoke from that role as well, after looking at who else is a member; then:", *statements),
        )
    if able := handed_on(granted, relation.owner, privileges, losing):
        return ByHand(
            reason=f"{', '.join(able)} may have granted privileges on {name} to others, which would have to go as well",
            steps=(
                f"See who granted what: \\dp {name}",
                f"{taken.up[0]} cascade;",
                *statements[1:],
            ),
        )
    return None


def granted_on(catalog: Catalog, relation: Relation) -> tuple[Privilege, ...]:
    """On the relation and on its columns."""
    return (*relation.privileges, *(p for c in catalog.columns_of(relation) for p in c.privileges))


def objects_of(catalog: Catalog, relation: Relation, taken: Revocation) -> tuple[str, ...]:
    """What changes: the relation, columns with privileges of their own, and whether a role counts that has no other privilege."""
    columns = (identity_of(c).canonical for c in taken.columns)
    return (identity_of(relation).canonical, *columns, *role_objects(catalog, (*taken.losing, *taken.kept_by_name)))


def access_of(relation: Relation, taken: Revocation) -> tuple[AccessChange, ...]:
    return tuple(AccessChange(identity_of(relation).canonical, (role,), lost) for role, lost in taken.lost.items())


def _relation(catalog: Catalog, finding: Result) -> Relation:
    return catalog.relations[(finding.object.schema or "", finding.object.name)]


def _served_through(catalog: Catalog, relation: Relation, name: str, what: str) -> ByHand | None:
    """Policies, invoker views and invoker functions read with the caller's rights: they need the grant, so somebody may have meant it."""
    found = [m for m in mentions_of(catalog, relation.name) if _reads_as_the_caller(catalog, m.record, relation)]
    if what == _ACCOUNTS:
        found = [m for m in found if not isinstance(m.record, Relation)]  # an invoker view over it shows the accounts as well
    if not found:
        return None
    names = [m.identity.canonical for m in found]
    told = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    return ByHand(
        reason=f"{told} may read {name} with the caller's rights and would fail without the grant",
        steps=(
            f"Take the {what} out of the API and leave the grant: create schema if not exists private; "
            f"grant usage on schema private to {listed(catalog.client_roles)}; then `alter ... {name} set schema private`, and name it "
            "anew in functions.",
            "Or let what reads it do so as its owner and filter by the caller's tenant (SECURITY DEFINER with a fixed search_path), then:",
            f"revoke all on {name} from {listed(client_grantees(catalog))};",
        ),
    )


def _reads_as_the_caller(catalog: Catalog, record: object, relation: Relation) -> bool:
    if isinstance(record, Policy):
        return True
    if isinstance(record, Function):
        return not record.security_definer and any(catalog.may_execute(role, record) for role in catalog.client_roles)
    if not isinstance(record, Relation) or record is relation:
        return False
    reads = catalog.view_rights.reads.get((record.schema, record.name), ())
    reading = (relation.schema, relation.name) in reads and catalog.view_rights.is_invoker(record)
    return reading and bool(catalog.clients_holding(record, frozenset(TABLE_PRIVILEGES[:4])))
