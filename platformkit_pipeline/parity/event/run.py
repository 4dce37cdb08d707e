"""Run one event contract; one result per check that it declares."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from platformkit_pipeline.model.contract import CheckResult, Dimension
from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.errors import ObservationError
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.parity.contract_files import Contract
from platformkit_pipeline.parity.event.document import LIMIT_CHECKS, SEVERITIES, TRIAL_CHECKS, EventContract, OutboxContract
from platformkit_pipeline.parity.event.queue import limits_of, session, twice
from platformkit_pipeline.parity.event.shape import shape_of
from platformkit_pipeline.parity.event.verdict import Verdict, unknown
from platformkit_pipeline.parity.surroundings import Surroundings
from platformkit_pipeline.rules.database.catalog import Catalog

_NO_WRITES = "a trial writes, and the settings allow none here (probe_writes, never in production)"


def run(contract: Contract, surroundings: Surroundings) -> Iterator[CheckResult]:
    """Raises ConfigurationError for a file that is none, and for a connector that the settings do not know."""
    declared = contract.read_as(EventContract)
    if declared.outbox is not None:
        severities: Mapping[str, Severity] = {**SEVERITIES, **declared.severity}
        yield from _told(contract, severities, declared.outbox.checks, _outbox(declared.outbox, surroundings))
    elif declared.connector is not None:
        from platformkit_pipeline.parity.event.acceptance import (  # the suite is large, and outboxes need none of it
            NAMES,
            acceptance_of,
            known,
        )

        known(declared.severity)
        severities = {**dict.fromkeys(NAMES, Severity.HIGH), **declared.severity}
        verdicts = acceptance_of(declared.connector, declared.checks, surroundings)
        yield from _told(contract, severities, declared.checks or NAMES, verdicts)


def _told(
    contract: Contract, severities: Mapping[str, Severity], checks: tuple[str, ...], verdicts: Iterator[tuple[str, Verdict]]
) -> Iterator[CheckResult]:
    """One result per name in `checks`, with the time that its verdict took."""
    open_checks = dict.fromkeys(checks)
    before = time.monotonic()
    for check, verdict in verdicts:
        now = time.monotonic()
        del open_checks[check]
        yield _result(contract, check, severities[check], verdict, now - before)
        before = now
    for check in open_checks:
        yield _result(contract, check, severities[check], unknown("was not reached"), 0.0)


def _result(contract: Contract, check: str, severity: Severity, verdict: Verdict, lasted: float) -> CheckResult:
    return CheckResult(
        Dimension.EVENT, contract.name, check, severity, verdict.outcome, redact(verdict.message), verdict.evidence, duration_seconds=lasted
    )


def _outbox(contract: OutboxContract, surroundings: Surroundings) -> Iterator[tuple[str, Verdict]]:
    """Every check of the contract once; what does not answer leaves what it was needed for UNKNOWN."""
    try:
        catalog = Catalog(surroundings.observe(), surroundings.declarations)
    except ObservationError as error:
        yield from ((check, unknown(str(error))) for check in contract.checks)
        return
    yield from shape_of(contract, catalog).items()
    yield from _queue(contract, catalog, surroundings, LIMIT_CHECKS)
    if surroundings.writes_allowed:
        yield from _queue(contract, catalog, surroundings, TRIAL_CHECKS)
    else:
        yield from ((check, unknown(_NO_WRITES)) for check in TRIAL_CHECKS if check in contract.checks)


def _queue(
    contract: OutboxContract, catalog: Catalog, surroundings: Surroundings, checks: tuple[str, ...]
) -> Iterator[tuple[str, Verdict]]:
    """The limits, or the trial; in a session of its own."""
    declared = [check for check in checks if check in contract.checks]
    if not declared:
        return
    if surroundings.dsn is None:
        yield from ((check, unknown("there is no connection to the database")) for check in declared)
        return
    trial = checks is TRIAL_CHECKS
    try:
        with session(surroundings.dsn, timeout_seconds=surroundings.statement_timeout_seconds, writes=trial) as connection:
            verdicts = dict((twice if trial else limits_of)(contract, catalog, connection))
    except ObservationError as error:
        verdicts = {check: unknown(str(error)) for check in declared}
    yield from verdicts.items()
