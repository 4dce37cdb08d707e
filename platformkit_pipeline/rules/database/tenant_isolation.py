"""Tenant isolation as a live trial showed it: clauses 5.1 and 4.1. The trial itself is made by the introspection, when somebody asks."""

from __future__ import annotations

from platformkit_pipeline.model.isolation import Answer, TableIsolation
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.snapshot import CatalogKind
from platformkit_pipeline.rules.database.catalog import Catalog, identity_of
from platformkit_pipeline.rules.registry import PASSED, Family, Source, Verdicts, failed, rule, unknown


@rule(
    "TEN005",
    "cross-tenant-access",
    clause="5.1",
    severity=Severity.CRITICAL,
    family=Family.TENANCY,
    title="A caller of one tenant gets at rows of another",
    why="No suspicion: the database was asked with the rights and the claims of a caller, and it gave or took rows of somebody else.",
    how_to_fix=(
        "Confine the policies of the table to the caller's tenant, command by command (see TEN003), then probe again: "
        "`platformkit scan --probe read`."
    ),
    references=("cwe:639", "cwe:863"),
    requires=(CatalogKind.RELATIONS, CatalogKind.COLUMNS, CatalogKind.POLICIES, CatalogKind.ROLES, CatalogKind.ROLE_MEMBERSHIPS),
    source=Source.PROBE,
    violating="""
insert into public.tenants (id, name) values
  ('00000000-0000-4000-8000-00000000000a', 'first'), ('00000000-0000-4000-8000-00000000000b', 'second');
insert into public.orders (tenant_id, total) select id, 1 from public.tenants;

alter policy orders_of_tenant on public.orders using ((select auth.uid()) is not null);
""",
    clean="""
insert into public.tenants (id, name) values
  ('00000000-0000-4000-8000-00000000000a', 'first'), ('00000000-0000-4000-8000-00000000000b', 'second');
insert into public.orders (tenant_id, total) select id, 1 from public.tenants;
""",
    also_fires=("TEN003",),
)
def cross_tenant_access(catalog: Catalog) -> Verdicts:
    probe = catalog.snapshot.isolation
    if probe is None:
        return
    for table in probe.tables:
        relation = catalog.relations.get((table.schema, table.relation))
        if relation is None:
            continue
        if table.answer is Answer.BLOCKED:
            yield PASSED
            continue
        identity = identity_of(relation)
        if table.answer is Answer.LEAK:
            yield failed(
                identity,
                f"{identity} is open across tenants: {table.reasons_for(Answer.LEAK)}",
                leaks=_commands_by_role(table, Answer.LEAK),
                inconclusive=_commands_by_role(table, Answer.INCONCLUSIVE),
                policies={
                    p.name: {"command": p.command, "roles": list(p.roles), "using": p.using, "with_check": p.with_check}
                    for p in catalog.policies_of(relation)
                },
                row_security=relation.row_security,
                level=probe.level.value,
                weakness=_weaknesses(table),
            )
        else:
            yield unknown(
                identity,
                f"whether {identity} keeps tenants apart was not shown: {table.reasons_for(Answer.INCONCLUSIVE)}",
                inconclusive=_commands_by_role(table, Answer.INCONCLUSIVE),
                level=probe.level.value,
            )


def _commands_by_role(table: TableIsolation, answer: Answer) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for trial in table.trials:
        if trial.answer is answer:
            found.setdefault(trial.role, []).append(trial.command)
    return found


def _weaknesses(table: TableIsolation) -> dict[str, list[str]]:
    """What leaks depend on, where they do: `authenticated UPDATE` only by a statement without a condition."""
    found: dict[str, list[str]] = {}
    for trial in table.trials:
        if trial.weakness is not None:
            found.setdefault(trial.weakness.value, []).append(f"{trial.role} {trial.command}")
    return found
