"""Run the contracts of one target; every declared check gets a result."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Collection, Iterator
from types import MappingProxyType

from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.contract import WHOLE_CONTRACT, CheckResult, Dimension
from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.errors import PlatformkitError
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.parity.contract_files import Contract, ContractSet, UnreadableContract
from platformkit_pipeline.parity.surroundings import Surroundings

Run = Callable[[Contract, Surroundings], Iterator[CheckResult]]

_RUNNERS = MappingProxyType({dimension: f"platformkit_pipeline.parity.{dimension.value}.run" for dimension in Dimension})

LONGEST_SECONDS = 3600.0
"""For all contracts of one run: a file may hold thousands of steps, each of which keeps within its own time."""

_log = get_logger("parity.run_contracts")


def run_contracts(
    contracts: ContractSet, surroundings: Surroundings, dimensions: Collection[Dimension] = tuple(Dimension)
) -> Iterator[CheckResult]:
    """One result per check of every contract of `dimensions`, contract by contract. Raises nothing that is about one contract only.

    Contracts that are not done when the time for all of them is used up are UNKNOWN as a whole.
    """
    until = time.monotonic() + LONGEST_SECONDS
    for unreadable in contracts.unreadable:
        if unreadable.dimension in dimensions:
            yield _unreadable(unreadable)
    for contract in contracts.contracts:
        if contract.dimension in dimensions:
            surroundings.progress(f"{contract.dimension.value}: {contract.name}")
            yield from _results(contract, surroundings, until)


def _results(contract: Contract, surroundings: Surroundings, until: float) -> Iterator[CheckResult]:
    run: Run = importlib.import_module(_RUNNERS[contract.dimension]).run
    try:
        for result in run(contract, surroundings):
            yield result
            if time.monotonic() > until:
                yield _unknown(contract, f"all contracts together took longer than {LONGEST_SECONDS / 60:g} minutes")
                return
    except PlatformkitError as error:
        yield _unknown(contract, str(error))
    except Exception as error:  # a fault of ours in one contract must not hide the others
        _log.error("contract could not be run", contract=contract.name, dimension=contract.dimension.value, reason=type(error).__name__)
        yield _unknown(contract, f"could not be run: {type(error).__name__}")


def _unknown(contract: Contract, reason: str) -> CheckResult:
    return CheckResult(contract.dimension, contract.name, WHOLE_CONTRACT, Severity.CRITICAL, Outcome.UNKNOWN, redact(reason))


def _unreadable(contract: UnreadableContract) -> CheckResult:
    return CheckResult(contract.dimension, contract.name, WHOLE_CONTRACT, Severity.CRITICAL, Outcome.UNKNOWN, redact(contract.reason))
