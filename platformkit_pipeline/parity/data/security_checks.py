"""Checks of who gets at a table: row level security, tenant confinement, privileges. All of them read the catalogue only."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.model.snapshot import CatalogKind, Relation, RelationKind
from platformkit_pipeline.parity.data.checks import HELD, Check, Verdict, broken, undecided
from platformkit_pipeline.parity.data.document import Table
from platformkit_pipeline.parity.data.document_invariants import RolePrivileges
from platformkit_pipeline.parity.data.document_parts import severity_named
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.database.tenancy import unconfined_commands
from platformkit_pipeline.sqltext.confinement import Confinement

_PRIVILEGES = (
    CatalogKind.RELATIONS,
    CatalogKind.COLUMNS,
    CatalogKind.ROLES,
    CatalogKind.ROLE_MEMBERSHIPS,
    CatalogKind.SCHEMAS,
)
_POLICIES = (*_PRIVILEGES, CatalogKind.POLICIES, CatalogKind.FUNCTIONS)
_TABLES = (RelationKind.TABLE, RelationKind.PARTITIONED_TABLE)
_Judge = Callable[[Catalog, Relation], Verdict]


def security_checks(table: Table) -> Iterator[Check]:
    """The checks that `table` declares about row level security and privileges."""
    wanted = table.invariants.rowLevelSecurity
    if wanted is not None:
        severity = severity_named(wanted.severity, Severity.CRITICAL)
        if wanted.enabled:
            yield Check(f"{table.physical}/row-level-security", severity, _enabled)
        if wanted.forced:
            yield Check(f"{table.physical}/row-level-security-forced", severity, _forced)
        if wanted.tenantConfined:
            yield Check(f"{table.physical}/tenant-confined", severity, _confined, _POLICIES)
        if wanted.noAnonAccess:
            yield Check(f"{table.physical}/no-anon-access", severity, _closed_to_anon, _PRIVILEGES)
    otherwise = severity_named(table.invariants.severity, Severity.HIGH)
    for role in table.invariants.privileges:
        severity = severity_named(role.severity, otherwise)
        for privilege in role.holds:
            yield Check(f"{table.physical}/{role.role} holds {privilege}", severity, _held(role, privilege), _PRIVILEGES)
        for privilege in role.lacks:
            yield Check(f"{table.physical}/{role.role} lacks {privilege}", severity, _lacked(role, privilege), _PRIVILEGES)


def _enabled(catalog: Catalog, relation: Relation) -> Verdict:
    if relation.kind not in _TABLES:
        return broken(f"is a {relation.kind.value}, which has no row level security of its own: declare it of the tables behind it")
    return HELD if relation.row_security else broken("row level security is off", reachable_by=catalog.reach(relation))


def _forced(catalog: Catalog, relation: Relation) -> Verdict:
    on = relation.row_security and relation.force_row_security
    return HELD if on else broken(f"its policies do not bind {relation.owner}, who owns it", owner=relation.owner)


def _confined(catalog: Catalog, relation: Relation) -> Verdict:
    """The table itself and every partition of it: whoever may name a partition is bound by its policies alone."""
    verdicts = [_confined_alone(catalog, each) for each in (relation, *_partitions(catalog, relation))]
    return next((v for v in verdicts if v.outcome is Outcome.FAIL), next((v for v in verdicts if v is not HELD), HELD))


def _confined_alone(catalog: Catalog, relation: Relation) -> Verdict:
    name = f"{relation.schema}.{relation.name}"
    column = catalog.declarations.tenancy.column
    if relation.kind not in _TABLES:
        return undecided(f"{name} is a {relation.kind.value}, which has no policies: declare it of the tables behind it")
    if catalog.column(relation, column) is None:
        return broken(f"{name} has no column {column} to confine its rows by")
    if not relation.row_security:
        return broken(f"row level security of {name} is off", reachable_by=catalog.reach(relation))
    unbound = [role for role in catalog.client_roles if catalog.bypasses_policies_of(role, relation)]
    if unbound:
        return broken(f"the policies of {name} do not bind {', '.join(unbound)}", roles=unbound)
    judged = unconfined_commands(catalog, relation)
    if not judged:
        return HELD
    if leaking := [c for c, j in judged.items() if j.confinement is Confinement.OPEN]:
        policies = {p.name: {"command": p.command, "using": p.using, "with_check": p.with_check} for p in catalog.policies_of(relation)}
        return broken(f"the policies of {name} do not confine {', '.join(leaking)} to the caller's tenant", policies=policies)
    reasons = "; ".join(sorted({j.reason for j in judged.values()}))
    return undecided(f"whether {name} confines {', '.join(judged)} cannot be told: {reasons}")


def _partitions(catalog: Catalog, relation: Relation) -> Iterator[Relation]:
    """Partitions that client roles may name, of all levels."""
    for each in catalog.tables:
        if each.is_partition and (relation.schema, relation.name) in each.parents:
            if catalog.reach(each):
                yield each
            yield from _partitions(catalog, each)


def _closed_to_anon(catalog: Catalog, relation: Relation) -> Verdict:
    held = sorted(catalog.privileges_of("anon", relation))
    return broken(f"anon holds {', '.join(held)}", privileges=held) if held else HELD


def _held(wanted: RolePrivileges, privilege: str) -> _Judge:
    def judge(catalog: Catalog, relation: Relation) -> Verdict:
        if not catalog.has_role(wanted.role):
            return broken(f"there is no role {wanted.role}")
        if privilege in catalog.table_wide(wanted.role, relation) and privilege in catalog.privileges_of(wanted.role, relation):
            return HELD
        return broken(f"{wanted.role} does not hold {privilege} on the whole table")

    return judge


def _lacked(wanted: RolePrivileges, privilege: str) -> _Judge:
    def judge(catalog: Catalog, relation: Relation) -> Verdict:
        holds = privilege in catalog.privileges_of(wanted.role, relation)
        return broken(f"{wanted.role} holds {privilege}, on the table or on a column of it") if holds else HELD

    return judge
