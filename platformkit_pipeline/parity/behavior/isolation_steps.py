"""The trial of tenant isolation as a step: one check for each table (clause 5.1)."""

from __future__ import annotations

from collections.abc import Iterator

from platformkit_pipeline.introspection.postgres.isolation_probe import ProbeLimits, probe_isolation
from platformkit_pipeline.model.isolation import Answer, IsolationProbe, ProbeLevel, TableIsolation
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.snapshot import Relation
from platformkit_pipeline.parity.behavior.document import IsolationStep
from platformkit_pipeline.parity.behavior.verdicts import Verdict, passed, undecided
from platformkit_pipeline.parity.surroundings import Surroundings
from platformkit_pipeline.rules.database.catalog import Catalog, identity_of


def verdicts_of_isolation(step: IsolationStep, surroundings: Surroundings) -> Iterator[tuple[str, Verdict]]:
    """(name of the check, verdict). Without tables in the contract, one check named as the step stands for the trial as a whole.

    Raises ObservationError where the target cannot be observed.
    """
    declared = step.isolation.tables
    reason = _why_not(step, surroundings)
    if reason is not None or surroundings.dsn is None:
        why = reason or "the target has no database"
        yield from ((name, undecided(why)) for name in names_of(step))
        return
    catalog = Catalog(surroundings.observe(), surroundings.declarations)
    tables = None if declared is None else [catalog.declared(name) for name in declared]
    limits = ProbeLimits(statement=surroundings.statement_timeout_seconds)
    probe = probe_isolation(
        surroundings.dsn, catalog.snapshot, surroundings.declarations, level=step.isolation.level, limits=limits, tables=tables
    )
    if declared is None:
        yield step.name, _of_all(probe)
        yield from ((f"{step.name}: {_qualified(catalog, t)}", _of_table(t)) for t in probe.tables)
        return
    found = {(t.schema, t.relation): t for t in probe.tables}
    for name in declared:
        table = found.get(catalog.declared(name))
        yield f"{step.name}: {name}", _of_table(table) if table else _untried(catalog, name)


def names_of(step: IsolationStep) -> tuple[str, ...]:
    """Checks that are declared, whatever the database holds."""
    return (step.name,) if step.isolation.tables is None else tuple(f"{step.name}: {name}" for name in step.isolation.tables)


def _why_not(step: IsolationStep, surroundings: Surroundings) -> str | None:
    if surroundings.dsn is None:
        return "the target has no database"
    if step.isolation.level is ProbeLevel.WRITE and not surroundings.writes_allowed:
        return "level write is not tried: rows of this target may not be changed; level read asks the policies instead"
    return None


def _of_all(probe: IsolationProbe) -> Verdict:
    if not probe.tables:
        return undecided("no table with a tenant column is open to anon or authenticated; name the tables if there should be some")
    return passed()


def _of_table(table: TableIsolation) -> Verdict:
    trials = {f"{t.role} {t.command}": t.answer.value for t in table.trials}
    weak = {f"{t.role} {t.command}": t.weakness.value for t in table.trials if t.weakness is not None}
    evidence = {"trials": trials, **({"weakness": weak} if weak else {})}
    outcome = {Answer.BLOCKED: Outcome.PASS, Answer.LEAK: Outcome.FAIL, Answer.INCONCLUSIVE: Outcome.UNKNOWN}[table.answer]
    told = "" if outcome is Outcome.PASS else table.reasons_for(table.answer)
    return Verdict(outcome, told, evidence)


def _untried(catalog: Catalog, name: str) -> Verdict:
    """A declared table that the probe found no way into, or none to try."""
    relation = catalog.relations.get(catalog.declared(name))
    if relation is None:
        return Verdict(Outcome.FAIL, "there is no such table")
    if catalog.column(relation, catalog.declarations.tenancy.column) is None:
        return undecided(f"it has no column {catalog.declarations.tenancy.column}: nothing tells its tenants apart")
    reason = catalog.why_not_tenant_scoped(relation)
    if reason is not None:
        return undecided(reason)
    return passed() if _is_shut(catalog, relation) else undecided("what client roles may do with it is declared public")


def _is_shut(catalog: Catalog, relation: Relation) -> bool:
    return not any(catalog.commands_open_to(role, relation) for role in catalog.client_roles)


def _qualified(catalog: Catalog, table: TableIsolation) -> str:
    relation = catalog.relations.get((table.schema, table.relation))
    return str(identity_of(relation)) if relation else f"{table.schema}.{table.relation}"
