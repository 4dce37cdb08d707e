"""Hold a data contract, written as a mapping or as text, against a real database."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.contract import CheckResult, Dimension
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.model.target import Declarations, Target, TargetKind
from platformkit_pipeline.parity.contract_files import Contract, read_contracts
from platformkit_pipeline.parity.data.run import run
from platformkit_pipeline.parity.surroundings import Surroundings

Read = Callable[[str], Contract]
Hold = Callable[..., dict[str, CheckResult]]

HEAD: dict[str, Any] = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "urn:test", "version": "1.0.0", "status": "active"}


def of_table(physical_name: str, **more: Any) -> dict[str, Any]:
    """A contract about one table."""
    return {**HEAD, "schema": [{"name": "subject", "physicalName": physical_name, **more}]}


def ours(**value: Any) -> list[dict[str, Any]]:
    """`customProperties` with what the standard has no words for."""
    return [{"property": "platformkit", "value": value}]


def surroundings(dsn: Dsn | None, look: Callable[[], Snapshot], seconds: float = 10) -> Surroundings:
    def nothing(name: str) -> Any:
        raise AssertionError(f"a data contract has no business with {name}")

    return Surroundings(
        target=Target(TargetKind.SUPABASE_PROJECT, "tested"),
        dsn=dsn,
        declarations=Declarations(),
        observe=look,
        other_environment=nothing,
        connector=nothing,
        connector_options=nothing,
        statement_timeout_seconds=seconds,
    )


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """The contract `tested` with this text."""

    def read_text(text: str) -> Contract:
        folder = tmp_path / "contracts" / Dimension.DATA.value
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tested.yaml").write_text(text, encoding="utf-8")
        (contract,) = read_contracts(tmp_path / "contracts").contracts
        return contract

    return read_text


@pytest.fixture
def hold(read: Read) -> Hold:
    """Results by the name of their check, without the name of the table that all of them begin with."""

    def held(dsn: Dsn, document: Mapping[str, Any], *, seconds: float = 10) -> dict[str, CheckResult]:
        contract = read(json.dumps(document))
        table = document["schema"][0]["physicalName"]
        results = list(run(contract, surroundings(dsn, lambda: observe(dsn, counters=False), seconds)))
        named = {result.check.removeprefix(table).lstrip("/."): result for result in results}
        assert len(named) == len(results)
        return named

    return held
