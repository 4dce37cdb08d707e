"""Contracts about a connector: put to the test on a bench, never against its real other side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from platformkit_pipeline.connectors.examples.broken_publishers import PublishesNothing
from platformkit_pipeline.connectors.examples.well_kept import WellKeptConnector
from platformkit_pipeline.connectors.interface import Connector
from platformkit_pipeline.model.contract import CheckResult, Dimension
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.model.snapshot import Server, Snapshot
from platformkit_pipeline_tests.parity.held_against import contract_at, results_of, surroundings_of

CONTRACT = """
connector: warehouse
checks: [interface.complete, publish.delivers, schema.valid]
severity: {publish.delivers: critical}
"""


def held(folder: Path, connector: type[Connector]) -> dict[str, CheckResult]:
    nothing = Snapshot(Server("18.0", 18_00_00, "postgres", "postgres", False))
    surroundings = replace(surroundings_of(nothing), connector=lambda _: connector())
    return results_of(contract_at(folder, Dimension.EVENT, CONTRACT), surroundings)


def test_a_connector_that_keeps_its_word_passes_and_a_capability_that_it_does_not_declare_fails(tmp_path: Path) -> None:
    results = held(tmp_path, WellKeptConnector)
    assert {name: r.outcome for name, r in results.items()} == {
        "interface.complete": Outcome.PASS,
        "publish.delivers": Outcome.PASS,
        "schema.valid": Outcome.FAIL,
    }
    assert results["schema.valid"].message.startswith("the contract relies on it, and ")


def test_a_connector_that_loses_events_breaks_its_contract(tmp_path: Path) -> None:
    result = held(tmp_path, PublishesNothing)["publish.delivers"]
    assert (result.outcome, result.severity) == (Outcome.FAIL, Severity.CRITICAL)
