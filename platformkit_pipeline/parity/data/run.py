"""Hold a data contract against a live database: one result per declared check, whatever happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from platformkit_pipeline.model.contract import CheckResult, Dimension
from platformkit_pipeline.model.document_faults import sentence_of_fault
from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.errors import ConfigurationError, ObservationError
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.yaml_document import Fault, Path
from platformkit_pipeline.parity.contract_files import Contract
from platformkit_pipeline.parity.data.checks import Check, Verdict, undecided, verdict_of
from platformkit_pipeline.parity.data.column_checks import column_checks
from platformkit_pipeline.parity.data.document import DataContract
from platformkit_pipeline.parity.data.expectations import Rows, faults_of_expectations, rows_of
from platformkit_pipeline.parity.data.row_checks import RowCheck, row_checks
from platformkit_pipeline.parity.data.row_results import verdict_of_rows
from platformkit_pipeline.parity.data.security_checks import security_checks
from platformkit_pipeline.parity.data.table_checks import table_checks
from platformkit_pipeline.parity.surroundings import Surroundings
from platformkit_pipeline.rules.database.catalog import Catalog


def run(contract: Contract, surroundings: Surroundings) -> Iterator[CheckResult]:
    """One result per check. Raises ConfigurationError, before anything is asked, for a file that is no data contract."""
    document = contract.read_as(DataContract)
    checks = [
        (table.physical, check)
        for table in document.tables
        for check in (*table_checks(table), *column_checks(table), *security_checks(table))
    ]
    rules = list(row_checks(document))
    _refuse_faults(contract, checks, rules)
    catalog, blind = _catalog(surroundings)
    for name, check in checks:
        yield _result(
            contract, check.name, check.severity, lambda c=check, n=name: verdict_of(c, catalog, n) if catalog else undecided(blind)
        )
    yield from _results_of_rows(contract, rules, surroundings, catalog, blind)


def _catalog(surroundings: Surroundings) -> tuple[Catalog | None, str]:
    """What the database holds, or why that is not known."""
    try:
        return Catalog(surroundings.observe(), surroundings.declarations), ""
    except ObservationError as error:
        return None, redact(str(error))


def _results_of_rows(
    contract: Contract, rules: Sequence[RowCheck], surroundings: Surroundings, catalog: Catalog | None, blind: str
) -> Iterator[CheckResult]:
    if not rules:
        return
    rows: Rows | None = None
    with ExitStack() as open_connection:
        if catalog is not None and surroundings.dsn is None:
            blind = "the target has no database to read rows from"
        elif catalog is not None and surroundings.dsn is not None:
            try:
                rows = open_connection.enter_context(rows_of(surroundings.dsn, surroundings.statement_timeout_seconds))
            except ObservationError as error:
                blind = redact(str(error))
        for rule in rules:
            surroundings.progress(rule.name)
            yield _result(
                contract,
                rule.name,
                rule.severity,
                lambda r=rule: verdict_of_rows(r, catalog, rows) if catalog and rows else undecided(blind),
            )


def _result(contract: Contract, name: str, severity: Severity, judge: Callable[[], Verdict]) -> CheckResult:
    started = time.perf_counter()
    verdict = judge()
    return CheckResult(
        Dimension.DATA,
        contract.name,
        name,
        severity,
        verdict.outcome,
        redact(verdict.message),
        verdict.evidence,
        duration_seconds=time.perf_counter() - started,
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
