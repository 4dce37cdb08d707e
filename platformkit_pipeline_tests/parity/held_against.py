"""One contract, held against snapshots that are at hand or against a real database."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from platformkit_pipeline.connectors.interface import Connector
from platformkit_pipeline.model.contract import CheckResult, Dimension
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError, UnknownTarget
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.model.target import Declarations, Environment, Target, TargetKind
from platformkit_pipeline.parity.contract_files import ContractSet, read_contracts
from platformkit_pipeline.parity.run_contracts import run_contracts
from platformkit_pipeline.parity.surroundings import Surroundings


def contract_at(folder: Path, dimension: Dimension, text: str, name: str = "agreed") -> ContractSet:
    """The set of this one file."""
    path = folder / dimension.value / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return read_contracts(folder)


def surroundings_of(
    here: Snapshot, others: Mapping[str, Snapshot | Exception] | None = None, *, dsn: Dsn | None = None, writes_allowed: bool = False
) -> Surroundings:
    """A staging project whose snapshot is `here`."""

    def other(name: str) -> Snapshot:
        match (others or {}).get(name):
            case Snapshot() as snapshot:
                return snapshot
            case Exception() as error:
                raise error
        raise UnknownTarget(f"{name} is no project of the settings")

    def connector(name: str) -> Connector:
        raise ConfigurationError(f"{name} is no connector of the settings")

    return Surroundings(
        target=Target(TargetKind.SUPABASE_PROJECT, "shop-staging", Environment.STAGING, ()),
        dsn=dsn,
        declarations=Declarations(),
        observe=lambda: here,
        other_environment=other,
        connector=connector,
        connector_options=lambda _: {},
        writes_allowed=writes_allowed,
    )


def results_of(contracts: ContractSet, surroundings: Surroundings) -> dict[str, CheckResult]:
    """By name of the check; each name once."""
    results = list(run_contracts(contracts, surroundings))
    by_name = {r.check: r for r in results}
    assert len(by_name) == len(results)
    return by_name
