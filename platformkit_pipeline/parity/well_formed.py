"""Whether contract files are what they must be, before any of them is run: all faults of all files at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from platformkit_pipeline.model.contract import Dimension
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.parity.contract_files import ContractSet
from platformkit_pipeline.parity.contract_schemas import document_of

_EVERY = tuple(Dimension)


def refuse_malformed(contracts: ContractSet, dimensions: Collection[Dimension] = _EVERY) -> None:
    """Raises ConfigurationError, one line `file:line: path: what is expected` per fault. Nothing that a contract names is looked up."""
    faults = tuple(_faults(contracts, dimensions))
    if faults:
        raise ConfigurationError("\n".join(faults))


def _faults(contracts: ContractSet, dimensions: Collection[Dimension]) -> Iterator[str]:
    for unreadable in contracts.unreadable:
        if unreadable.dimension in dimensions:
            yield unreadable.reason
    for contract in contracts.contracts:
        model = document_of(contract.dimension)
        if contract.dimension in dimensions and model is not None:
            try:
                contract.read_as(model)
            except ConfigurationError as malformed:
                yield str(malformed)
