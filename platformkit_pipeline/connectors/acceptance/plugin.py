"""The acceptance suite as a pytest plugin: one test per check.

    # test_contract.py
    from platformkit_pipeline.connectors.acceptance.plugin import ConnectorAcceptance

    pytest_plugins = ["platformkit_pipeline.connectors.acceptance.plugin"]

    class TestMyConnector(ConnectorAcceptance):
        connector = MyConnector
        options = {"url": "https://example.com"}

PASS is a test that passes, FAIL and UNKNOWN are failures, and what the connector does not declare is skipped.

PYTEST_DONT_REWRITE: there are no assertions here, and the module is imported before pytest is told that it is a plugin.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest

from platformkit_pipeline.connectors.acceptance.suite import CHECKS, Acceptance, bench_of
from platformkit_pipeline.connectors.acceptance.trial import Limits
from platformkit_pipeline.connectors.acceptance.workbench import BENCH_VARIABLE, server_of_its_own
from platformkit_pipeline.connectors.interface import Connector
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.result import Outcome


class ConnectorAcceptance:
    """Derive a class whose name begins with `Test`, and name the connector and its options."""

    connector: ClassVar[type[Connector]]
    options: ClassVar[Mapping[str, Any]] = {}
    limits: ClassVar[Limits] = Limits()

    @pytest.mark.parametrize("check", [check.name for check in CHECKS])
    def test_acceptance(self, acceptance_of_connector: Acceptance, check: str) -> None:
        """One check of the suite; what each demands, and why, is in `docs/connectors.md`."""
        result = acceptance_of_connector.result(check)
        match result.outcome:
            case Outcome.NOT_APPLICABLE:
                pytest.skip(result.message)
            case Outcome.FAIL:
                pytest.fail(f"{check}: {result.message}", pytrace=False)
            case Outcome.UNKNOWN:
                pytest.fail(f"{check}: cannot tell: {result.message}", pytrace=False)


@pytest.fixture(scope="session")
def connector_bench_server() -> Iterator[Dsn]:
    """Where benches are made: PLATFORMKIT_BENCH_DATABASE_URL, else a server for this session. Override it to bring another."""
    given = os.environ.get(BENCH_VARIABLE, "").strip()
    with server_of_its_own(Dsn(given, f"environment variable {BENCH_VARIABLE}") if given else None) as server:
        yield server


@pytest.fixture(scope="class")
def acceptance_of_connector(request: pytest.FixtureRequest, connector_bench_server: Dsn) -> Iterator[Acceptance]:
    """The suite at the connector of the class, each check made when its test asks for it."""
    wanted: type[ConnectorAcceptance] = request.cls
    with bench_of(wanted.connector, connector_bench_server) as bench:
        yield Acceptance(wanted.connector, wanted.options, bench, limits=wanted.limits)
