"""Whether contract files are what they must be, before any of them is run: all faults of all files at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from importlib import import_module

from pydantic import BaseModel

from platformkit_pipeline.model.contract import Dimension
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.parity.contract_files import ContractSet

_EVERY = tuple(Dimension)


def refuse_malformed(contracts: ContractSet, dimensions: Collection[Dimension] = _EVERY) -> None:
    """Raises ConfigurationError, one line `file:line: path: what is expected` per fault. Nothing that a contract names is looked up."""
    faults = tuple(_faults(contracts, dimensions))
    if faults:
        raise ConfigurationError("\n".join(faults))


def document_model(dimension: Dimension) -> type[BaseModel]:
    """The shape of a contract file of that dimension: `DOCUMENT` in `parity.data.document`, or `DataContract` there, and so on."""
    module = import_module(f"platformkit_pipeline.parity.{dimension.value}.document")
    found: type[BaseModel] = getattr(module, "DOCUMENT", None) or getattr(module, f"{dimension.value.capitalize()}Contract")
    return found


def _faults(contracts: ContractSet, dimensions: Collection[Dimension]) -> Iterator[str]:
    for unreadable in contracts.unreadable:
        if unreadable.dimension in dimensions:
            yield unreadable.reason
    for contract in contracts.contracts:
        if contract.dimension in dimensions:
            try:
                contract.read_as(document_model(contract.dimension))
            except ConfigurationError as malformed:
                yield str(malformed)
