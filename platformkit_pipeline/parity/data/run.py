"""Hold a data contract against a live database: one result per declared check, whatever happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial

from platformkit_pipeline.model.contract import CheckResult, Dimension
from platformkit_pipeline.model.document_faults import sentence_of_fault
from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.errors import ConfigurationError, ObservationError
from platformkit_pipeline.model.yaml_document import Fault, Path
from platformkit_pipeline.parity.contract_files import Contract
from platformkit_pipeline.parity.data.checks import Check, Verdict, undecided, verdict_of
from platformkit_pipeline.parity.data.column_checks import column_checks
from platformkit_pipeline.parity.data.document import DataContract, Table
from platformkit_pipeline.parity.data.expectations import Rows, faults_of_expectations, rows_of
from platformkit_pipeline.parity.data.row_checks import RowCheck, row_checks
from platformkit_pipeline.parity.data.row_results import verdict_of_rows
from platformkit_pipeline.parity.data.security_checks import security_checks
from platformkit_pipeline.parity.data.table_checks import table_checks
from platformkit_pipeline.parity.surroundings import Surroundings
from platformkit_pipeline.rules.database.catalog import Catalog


def run(contract: Contract, surroundings: Surroundings) -> Iterator[CheckResult]:
    """One result per check. Raises ConfigurationError, before anything is asked, for a file that is no data contract."""
    checks, rules = refused_unless_sound(contract)
    catalog, blind = _catalog(surroundings)
    for name, check in checks:
        yield _timed(contract, check, partial(verdict_of, check, catalog, name) if catalog else partial(undecided, blind))
    yield from _results_of_rows(contract, rules, surroundings, catalog, blind)


def declared_checks(contract: Contract) -> tuple[str, ...]:
    """Names of all checks of a contract, without asking anybody. Raises ConfigurationError for a file that is no data contract."""
    document = contract.read_as(DataContract)
    return (*(check.name for _, check in _catalogue_checks(document)), *(rule.name for rule in row_checks(document)))


def refused_unless_sound(contract: Contract) -> tuple[list[tuple[str, Check]], list[RowCheck]]:
    """The checks of the catalogue, each with the name of its table, and the rules about rows. Asks nobody.

    Raises ConfigurationError, one line per fault, for what is no data contract or names expectations that there are not.
    """
    document = contract.read_as(DataContract)
    checks, rules = list(_catalogue_checks(document)), list(row_checks(document))
    _refuse_faults(contract, checks, rules)
    return checks, rules


def _catalogue_checks(document: DataContract) -> Iterator[tuple[str, Check]]:
    """Each with the name of its table."""
    for table in document.tables:
        yield from ((table.physical, check) for check in _checks_of(table))


def _checks_of(table: Table) -> Iterator[Check]:
    yield from table_checks(table)
    yield from column_checks(table)
    yield from security_checks(table)


def _catalog(surroundings: Surroundings) -> tuple[Catalog | None, str]:
    """What the database holds, or why that is not known."""
    try:
        return Catalog(surroundings.observe(), surroundings.declarations), ""
    except ObservationError as error:
        return None, str(error)


def _results_of_rows(
    contract: Contract, rules: Sequence[RowCheck], surroundings: Surroundings, catalog: Catalog | None, blind: str
) -> Iterator[CheckResult]:
    with ExitStack() as connection:
        rows: Rows | None = None
        if rules and catalog is not None:
            rows, blind = _rows(surroundings, connection)
        for rule in rules:
            surroundings.progress(rule.name)
            judge = partial(verdict_of_rows, rule, catalog, rows) if catalog and rows else partial(undecided, blind)
            yield _timed(contract, rule, judge)


def _rows(surroundings: Surroundings, connection: ExitStack) -> tuple[Rows | None, str]:
    """The rows of the target, or why they cannot be read."""
    if surroundings.dsn is None:
        return None, "the target has no database to read rows from"
    try:
        return connection.enter_context(rows_of(surroundings.dsn, surroundings.statement_timeout_seconds)), ""
    except ObservationError as error:
        return None, str(error)


def _timed(contract: Contract, check: Check | RowCheck, judge: Callable[[], Verdict]) -> CheckResult:
    started = time.perf_counter()
    verdict = judge()
    seconds = time.perf_counter() - started
    return CheckResult(
        Dimension.DATA,
        contract.name,
        check.name,
        check.severity,
        verdict.outcome,
        redact(verdict.message),
        verdict.evidence,
        duration_seconds=seconds,
    )


def _refuse_faults(contract: Contract, checks: Sequence[tuple[str, Check]], rules: Sequence[RowCheck]) -> None:
    """Raises ConfigurationError, one line per fault."""
    faults: list[tuple[Path, str]] = []
    seen = set()
    for _, check in checks:
        if check.name in seen:
            faults.append((("schema",), f"{check.name} is declared twice"))
        seen.add(check.name)
    for rule in rules:
        if rule.name in seen:
            faults.append((rule.path, f"another rule is called {rule.name!r} as well: give each a name"))
        seen.add(rule.name)
    faults += faults_of_expectations(rules)
    if faults:
        told = (Fault(contract.document.line_of(path), path, message) for path, message in faults)
        raise ConfigurationError("\n".join(sentence_of_fault(str(contract.path), fault) for fault in told))
