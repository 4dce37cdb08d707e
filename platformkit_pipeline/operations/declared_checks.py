"""Which checks the data contracts of all projects declare, as far as their files can be read. No target is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.contract import Dimension
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.settings import Settings
from platformkit_pipeline.operations.parity_subject import contracts_folder
from platformkit_pipeline.parity.contract_files import Contract, read_contracts
from platformkit_pipeline.parity.data.run import declared_checks

_log = get_logger("operations.declared_checks")


def declared_data_checks(settings_file: Path, settings: Settings) -> Iterator[tuple[str, str]]:
    """(contract, check) of every data contract, project by project. What is malformed is left out: its run says why."""
    for project in settings.projects:
        try:
            contracts = read_contracts(contracts_folder(settings_file, settings, project)).contracts
        except ConfigurationError as error:
            _log.warning("contracts cannot be listed", target=project.name, reason=str(error))
            continue
        for contract in contracts:
            if contract.dimension is Dimension.DATA:
                yield from ((contract.name, check) for check in _names(contract))


def _names(contract: Contract) -> tuple[str, ...]:
    try:
        return declared_checks(contract)
    except ConfigurationError:
        return ()
