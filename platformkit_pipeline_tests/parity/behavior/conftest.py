"""The sample shop with its journeys, honoured and violated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.contract import CheckResult, Dimension
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.target import Declarations, Target, TargetKind
from platformkit_pipeline.parity.behavior.run import run
from platformkit_pipeline.parity.contract_files import read_contracts
from platformkit_pipeline.parity.surroundings import DataApiAccess, Surroundings
from platformkit_pipeline.sandbox.databases import create_database, drop_database, with_user

SAMPLES = Path(__file__).parents[3] / "platformkit_pipeline" / "sandbox" / "sample_contracts"
Shop = Callable[[str], Dsn]


def _nothing(_: str) -> Any:
    raise AssertionError("a journey needs no other target and no connector")


@dataclass(frozen=True)
class Bench:
    """Runs contracts of a folder against one database, as a login that may act as the client roles."""

    folder: Path

    def results(
        self, name: str, dsn: Dsn | None, *, writes: bool = False, data_api: DataApiAccess | None = None, timeout: float = 10
    ) -> list[CheckResult]:
        surroundings = Surroundings(
            target=Target(TargetKind.SUPABASE_PROJECT, "shop"),
            dsn=dsn,
            declarations=Declarations(),
            observe=partial(observe, dsn) if dsn else lambda: _nothing(""),
            other_environment=_nothing,
            connector=_nothing,
            connector_options=_options,
            data_api=data_api,
            writes_allowed=writes,
            statement_timeout_seconds=timeout,
        )
        [contract] = [c for c in read_contracts(self.folder).contracts if (c.dimension, c.name) == (Dimension.BEHAVIOR, name)]
        return list(run(contract, surroundings))

    def write(self, text: str, name: str = "journey") -> str:
        """One more contract; returns its name."""
        (self.folder / "behavior").mkdir(exist_ok=True)
        (self.folder / "behavior" / f"{name}.yaml").write_text(text)
        return name


def _options(_: str) -> Mapping[str, Any]:
    return {}


@pytest.fixture
def samples() -> Bench:
    return Bench(SAMPLES)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture(scope="module")
def shop(sample_platform: dict[str, Dsn]) -> Dsn:
    """The sample shop as its administrator, who may act as the client roles. Shared: journeys take everything back."""
    return with_user(sample_platform["shop-production"], "postgres")


@pytest.fixture
def broken_shop(sample_platform: dict[str, Dsn], admin_dsn: Dsn) -> Any:
    """A copy of the shop that SQL of the test breaks."""
    assert "shop-production" in sample_platform
    made: list[str] = []

    def break_by(change: str) -> Dsn:
        made.append(f"broken_shop_{len(made)}")
        dsn = with_user(create_database(admin_dsn, made[-1], template="sample_shop", copy_files=True), "postgres")
        with psycopg.connect(dsn.reveal(), autocommit=True) as connection:
            connection.execute(change.encode())
        return dsn

    yield break_by
    for name in made:
        drop_database(admin_dsn, name)
