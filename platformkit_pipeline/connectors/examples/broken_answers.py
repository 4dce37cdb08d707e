"""Connectors whose answers to the four questions are wrong, each in one way."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from platformkit_pipeline.connectors.examples.well_kept import WellKeptConnector
from platformkit_pipeline.connectors.interface import Bench, Connector
from platformkit_pipeline.model.connector import Capability, ConnectorObject, ContractTestResult, Health, HealthStatus
from platformkit_pipeline.model.result import Outcome

_serial = itertools.count()


class Incomplete(Connector):
    """Two of the four questions are not there, one takes an argument that nobody gives, and consuming is only declared."""

    def inventory(self) -> Iterable[ConnectorObject]:
        return []

    def health(self, depth: int) -> Health:  # type: ignore[override]  # what registration has to notice
        return Health(HealthStatus.UP, 0.0)


class UnstableInventory(WellKeptConnector):
    """Objects get another name at every look."""

    def inventory(self) -> Iterable[ConnectorObject]:
        return [ConnectorObject("webhook", f"events-{next(_serial)}")]


class RepeatedObjects(WellKeptConnector):
    """The same object stands there twice."""

    def inventory(self) -> Iterable[ConnectorObject]:
        return [*super().inventory(), ConnectorObject("webhook", "events")]


class SlowHealth(WellKeptConnector):
    """Health is a long story."""

    def health(self) -> Health:
        time.sleep(2.1)
        return super().health()


class AlwaysUp(WellKeptConnector):
    """UP is a constant."""

    def health(self) -> Health:
        return Health(HealthStatus.UP, 0.001)


class RaisingHealth(WellKeptConnector):
    """A side that is down is an exception instead of an answer."""

    def health(self) -> Health:
        health = super().health()
        if health.status is HealthStatus.DOWN:
            raise ConnectionError(health.message)
        return health


class FailingContractTests(WellKeptConnector):
    """Its own validation says no, and nobody listened."""

    def contract_tests(self) -> Sequence[ContractTestResult]:
        return [ContractTestResult("signature is checked", Outcome.FAIL, "the webhook takes unsigned events")]


class ContractTestsOfNothing(WellKeptConnector):
    """Its own validation says yes without asking anybody."""

    def contract_tests(self) -> Sequence[ContractTestResult]:
        return [ContractTestResult("signature is checked", Outcome.PASS)]


class UpUnlessTheBenchIsDown(WellKeptConnector):
    """Tells which bench it is on by its name, and knows by that what it is to say."""

    def health(self) -> Health:
        status = HealthStatus.DOWN if self.tables == "bench_down" else HealthStatus.UP
        return Health(status, 0.001, "down" if status is HealthStatus.DOWN else "")


class SentInItsPlace(WellKeptConnector):
    """Sends another to the bench, which does what it does not."""

    @classmethod
    def on_bench(cls, bench: Bench, options: Mapping[str, Any]) -> Self:
        connector = super().on_bench(bench, options)
        connector.__class__ = type("Sent", (cls,), {})
        return connector


class ChangedForTheBench(WellKeptConnector):
    """Gets another method when it is put to the test."""

    def use_bench(self, bench: Bench) -> None:
        super().use_bench(bench)
        self.health = lambda: Health(HealthStatus.UP, 0.001)  # type: ignore[method-assign]  # that is what is wrong with it


class CapabilityLie(WellKeptConnector):
    """Replay is declared, and does nothing."""

    def replay_dead_letters(self) -> int:
        return 0


class EmptySchema(WellKeptConnector):
    """The description of the interface describes nothing."""

    def capabilities(self) -> frozenset[Capability]:
        return super().capabilities() | {Capability.SCHEMA}

    def schema(self) -> dict[str, Any]:
        return {"title": "events"}
