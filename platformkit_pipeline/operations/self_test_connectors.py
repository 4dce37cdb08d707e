"""Put the rules about connectors to the test: their examples name a sample connector, which is really run and observed.

An example is an entry of the settings without its name, in YAML: `class`, `options`, `limits`; and `waiting`, the number of events
that wait in its outbox when it is looked at. Its service and its database are those of the bench.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import yaml
from psycopg import sql

from platformkit_pipeline.connectors.acceptance.workbench import open_workbench
from platformkit_pipeline.connectors.delivery.outbox import Outbox
from platformkit_pipeline.connectors.delivery.tables import create_delivery_tables
from platformkit_pipeline.model.connector import ConnectorSnapshot
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.event import Event
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.model.settings import Connector, connector_limits_of
from platformkit_pipeline.operations.observe_connector import bench_server, observed
from platformkit_pipeline.rules.evaluate_connector import evaluate_connector
from platformkit_pipeline.rules.registry import Rule, rules_about_connectors
from platformkit_pipeline.sandbox.databases import connect

DATABASE_VARIABLE = "EXAMPLE_DATABASE_URL"
"""Where the sample connectors look for their database."""
SERVICE = "{service}"
"""Stands in examples for the address of the other side."""
_SCHEMA = "ops"


@dataclass(frozen=True, slots=True)
class Example:
    """What the text of an example says."""

    connector: Connector
    waiting: int

    @classmethod
    def read(cls, text: str, service: str) -> Example:
        """`service` is the address of the other side. Raises ValueError for a text that is no example."""
        document = yaml.safe_load(text.replace(SERVICE, service))
        if not isinstance(document, dict):
            raise ValueError("an example is a mapping with `class`")
        waiting = int(document.pop("waiting", 0))
        return cls(Connector.model_validate({"name": "sample", **document}), waiting)


@dataclass(frozen=True, slots=True)
class ConnectorBench:
    """A database of the sample connectors, and a service that takes what they send."""

    database: Dsn
    service: str
    _seen: dict[tuple[str, str], ConnectorSnapshot] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def set_up(cls, server: Dsn | None = None) -> Iterator[ConnectorBench]:
        """On `server`, else on that of the environment or one that is started for it. Raises SandboxError, TargetUnreachable."""
        with open_workbench(server or bench_server()) as workbench, _variable(DATABASE_VARIABLE, workbench.dsn.reveal()):
            yield cls(workbench.dsn, workbench.wire.url)

    def judged(self, text: str) -> tuple[Result, ...]:
        """What the whole book of rules about connectors says about an example."""
        example = Example.read(text, self.service)
        return evaluate_connector(self._observed(example), rules_about_connectors(), connector_limits_of(example.connector))

    def _observed(self, example: Example) -> ConnectorSnapshot:
        """Connectors that differ in nothing but what they are held to are looked at once."""
        key = (example.connector.class_path, f"{sorted(example.connector.options.items())} {example.waiting}")
        if key not in self._seen:
            self._fill(example.waiting)
            self._seen[key] = observed(example.connector, self.database)
        return self._seen[key]

    def _fill(self, waiting: int) -> None:
        """Delivery tables with so many events that nobody has delivered."""
        events = [Event(str(uuid.uuid4()), "order", str(number), "order.placed") for number in range(waiting)]
        with connect(self.database, autocommit=False) as connection:
            connection.execute(sql.SQL("drop schema if exists {0} cascade; create schema {0}").format(sql.Identifier(_SCHEMA)))
            create_delivery_tables(connection, _SCHEMA)
            Outbox(_SCHEMA).publish(connection, events)


def complaints_about_connector_rule(rule: Rule, bench: ConnectorBench) -> Iterator[str]:
    """What is wrong with a rule's examples; nothing when the violating one breaks it, and only it, and the clean one nothing."""
    violating = bench.judged(rule.violating)
    if not any(r.rule == rule.code and r.outcome is Outcome.FAIL for r in violating):
        yield f"violating: {rule.code} does not fail anything"
    firing = {r.rule for r in violating if r.is_finding}
    yield from (f"violating: {code} does not fire, though also_fires names it" for code in rule.also_fires if code not in firing)
    yield from (f"violating: {_told(r)}" for r in violating if r.is_finding and r.rule not in (rule.code, *rule.also_fires))
    yield from (f"clean: {_told(r)}" for r in bench.judged(rule.clean) if r.is_finding)


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    """An environment variable for as long as the block lasts: connectors read theirs when they are asked something."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name)
        if before is not None:
            os.environ[name] = before


def _told(result: Result) -> str:
    return f"{result.rule} {result.outcome.value} {result.object.canonical}: {result.message}"
