"""Try patches on a real database as a customer would, and hold them to what they declare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint, object_fingerprints
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.patch import AccessDirection, Patch, Plan
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.target import Declarations, Target, TargetKind
from platformkit_pipeline.remediation.plan import build_plan
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import Source, all_rules
from platformkit_pipeline.sandbox.databases import with_user
from platformkit_pipeline.sqltext.statement_kinds import statement_kinds

TARGET = Target(TargetKind.SUPABASE_PROJECT, "shop")
RULES = tuple(r for r in all_rules() if r.source is Source.CATALOG)
_SEVERITY = {r.code: r.severity for r in all_rules()}
_TIMEOUTS = "set lock_timeout = '2s'; set statement_timeout = '20s'"

_CELLS = """
with role (name) as (values ('anon'), ('authenticated'), ('service_role'))
select case c.relkind when 'r' then 'table' when 'p' then 'partitioned_table' when 'v' then 'view' when 'm' then 'materialized_view'
         else 'foreign_table' end || ' ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname), role.name, p.name,
       has_table_privilege(role.name, c.oid, p.name)
         or (p.name in ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') and has_any_column_privilege(role.name, c.oid, p.name))
from role, pg_class as c join pg_namespace as n on n.oid = relnamespace,
     (values ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE'), ('REFERENCES'), ('TRIGGER')) as p (name)
where relkind in ('r', 'p', 'v', 'm', 'f') and nspname !~ '^pg_' and nspname <> 'information_schema'
union all
select 'function ' || quote_ident(n.nspname) || '.' || quote_ident(f.proname) || '(' || pg_get_function_identity_arguments(f.oid) || ')',
       role.name, 'EXECUTE', has_function_privilege(role.name, f.oid, 'EXECUTE')
from role, pg_proc as f join pg_namespace as n on n.oid = pronamespace where nspname !~ '^pg_' and nspname <> 'information_schema'
union all
select 'schema ' || quote_ident(nspname), role.name, p.name, has_schema_privilege(role.name, n.oid, p.name)
from role, pg_namespace as n, (values ('USAGE'), ('CREATE')) as p (name) where nspname !~ '^pg_'
"""

Findings = dict[tuple[str, str], Severity]
Cells = dict[tuple[str, str, str], bool]


@dataclass(frozen=True)
class State:
    """What can be seen of a database at one moment."""

    findings: Findings
    objects: dict[str, str]
    fingerprint: str
    cells: Cells


def state_of(dsn: Dsn, declarations: Declarations) -> State:
    snapshot = observe(dsn)
    results = [r for r in evaluate(snapshot, declarations, RULES) if r.is_finding]
    with psycopg.connect(dsn.reveal()) as connection:
        rows = connection.execute(_CELLS).fetchall()
    cells = {(name, role, operation): held for name, role, operation, held in rows}
    findings = {(r.rule, r.object.canonical): r.severity for r in results}
    return State(findings, object_fingerprints(snapshot), catalog_fingerprint(snapshot), cells)


def plan_for(dsn: Dsn, declarations: Declarations | None = None) -> Plan:
    declared = declarations or Declarations()
    snapshot = observe(dsn)
    return build_plan(TARGET, "scan", catalog_fingerprint(snapshot), evaluate(snapshot, declared, RULES), snapshot, declared)


def apply(dsn: Dsn, statements: Sequence[str], *, transactional: bool = True) -> None:
    """As `postgres`, who is no superuser, in one transaction where that is possible."""
    with psycopg.connect(with_user(dsn, "postgres").reveal(), autocommit=True) as connection:
        connection.execute(_TIMEOUTS)
        if transactional:
            with connection.transaction():
                for statement in statements:
                    connection.execute(statement.encode())
        else:
            for statement in statements:
                connection.execute(statement.encode())


def try_alone(dsn: Dsn, patch: Patch, before: State, declarations: Declarations) -> None:
    """Up, up again, down: the finding goes, nothing else but what is declared, and everything comes back."""
    rule, mended = patch.rule, (patch.rule, patch.object.canonical)
    assert mended in before.findings
    kinds = {kind for statement in (*patch.up, *patch.down) for kind in statement_kinds(statement)}
    assert kinds <= set(patch.effects.statements), patch
    apply(dsn, patch.up, transactional=patch.transactional)
    after = state_of(dsn, declarations)
    assert mended not in after.findings, patch
    new = {found: severity for found, severity in after.findings.items() if found not in before.findings}
    assert {found for found, _ in new} <= set(patch.effects.successors), (patch, new)
    assert all(not severity.at_least(_SEVERITY[rule]) or severity is _SEVERITY[rule] for severity in new.values()), (patch, new)
    assert changed(before, after) <= set(patch.effects.objects), patch
    _only_declared_cells(patch, before, after)
    apply(dsn, patch.up, transactional=patch.transactional)
    assert state_of(dsn, declarations).fingerprint == after.fingerprint, patch
    if patch.down:
        apply(dsn, patch.down, transactional=patch.transactional)
        restored = state_of(dsn, declarations)
        assert restored.objects == before.objects, patch
        assert restored.cells == before.cells, patch


def changed(before: State, after: State) -> set[str]:
    """Objects that came, went or are others."""
    return {name for name in before.objects.keys() | after.objects.keys() if before.objects.get(name) != after.objects.get(name)}


def _only_declared_cells(patch: Patch, before: State, after: State) -> None:
    for cell in before.cells.keys() | after.cells.keys():
        held, holds = before.cells.get(cell, False), after.cells.get(cell, False)
        if held == holds:
            continue
        name, role, operation = cell
        declared = [a for a in patch.effects.access if a.object == name and role in a.roles and operation in a.operations]
        assert declared, (patch, cell)
        assert held or any(a.direction is AccessDirection.EITHER for a in declared), (patch, cell)


def try_plan(dsn: Dsn, declarations: Declarations | None = None) -> Plan:
    """Each patch of the plan alone, then all in order, and back. An irreversible patch is left out: it has a test of its own."""
    declared = declarations or Declarations()
    plan = plan_for(dsn, declared)
    before = state_of(dsn, declared)
    reversible = [p for p in plan.patches if p.down]
    for patch in reversible:
        try_alone(dsn, patch, before, declared)
    for patch in reversible:
        apply(dsn, patch.up, transactional=patch.transactional)
    after = state_of(dsn, declared)
    left = [p for p in reversible if (p.rule, p.object.canonical) in after.findings]
    assert not left, left
    new = after.findings.keys() - before.findings.keys()
    assert {rule for rule, _ in new} <= {code for p in reversible for code in p.effects.successors}, new
    assert changed(before, after) <= {name for p in reversible for name in p.effects.objects}
    again = {(p.rule, p.object.canonical) for p in plan_for(dsn, declared).patches} - new
    assert again <= {(p.rule, p.object.canonical) for p in plan.patches if not p.down}, again
    for patch in reversed(reversible):
        apply(dsn, patch.down, transactional=patch.transactional)
    assert state_of(dsn, declared).objects == before.objects
    return plan
